package oauth_test

import (
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestOriginIsWrittenAsBrowsersWriteIt(t *testing.T) {
	for _, good := range []string{
		"https://app.example.com", "http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:3000", "https://xn--mnchen-3ya.example", "http://a_b.test",
	} {
		if err := oauth.CheckOrigin(good); err != nil {
			t.Errorf("%s: %v, want no error", good, err)
		}
	}
	for bad, write := range map[string]string{
		"https://app.example.com/":     "write https://app.example.com",
		"HTTPS://App.Example.com":      "write https://app.example.com",
		"https://app.example.com/path": "write https://app.example.com",
		"https://app.example.com?":     "write https://app.example.com",
		"https://app.example.com#":     "write https://app.example.com",
		"https://ada@app.example.com":  "write https://app.example.com",
		"https://app.example.com:443":  "write https://app.example.com",
		"http://app.example.com:80":    "write http://app.example.com",
		"https://app.example.com:":     "write https://app.example.com",
		"app.example.com":              "like https://app.example.com",
		"localhost:5173":               "like https://app.example.com",
		"//app.example.com":            "like https://app.example.com",
		"ftp://app.example.com":        "like https://app.example.com",
		"null":                         "like https://app.example.com",
		"":                             "like https://app.example.com",
		" https://app.example.com":     "like https://app.example.com",
		"https://app.example.com ":     "like https://app.example.com",
		"https://*.example.com":        "no wildcards",
		"https://*":                    "no wildcards",
		"https://münchen.example":      "xn-- form",
		"https://-.example":            "like https://app.example.com",
	} {
		if err := oauth.CheckOrigin(bad); err == nil || !strings.Contains(err.Error(), write) {
			t.Errorf("%q: error %v, want one that says %q", bad, err, write)
		}
	}
}
