package metadata_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/metadata"
)

// with returns a good document in which a text is replaced.
func with(old, new string) string { return strings.Replace(good, old, new, 1) }

func TestHostileDocuments(t *testing.T) {
	redirects := func(list string) string { return with(`"`+callback+`"`, list) }
	for name, document := range map[string]string{
		"nothing":                     "",
		"null":                        "null",
		"a text":                      `"text"`,
		"a number":                    "1",
		"a list":                      "[" + good + "]",
		"an empty object":             "{}",
		"HTML":                        "<html>",
		"two objects":                 good + good,
		"text after the object":       good + "x",
		"a comment":                   "/**/" + good,
		"not UTF-8":                   with("Agent", "\xff\xfe"),
		"a lone surrogate":            with("Agent", `\ud800`),
		"a byte order mark":           "\ufeff" + good,
		"deep":                        with(`"Agent"`, strings.Repeat("[", 2000)+strings.Repeat("]", 2000)),
		"deep in another member":      with("{", `{"x":`+strings.Repeat(`{"x":`, 1000)+"1"+strings.Repeat("}", 1000)+"x,"),
		"client_id twice":             with("{", `{"client_id":"https://evil.example/c",`),
		"redirect_uris twice":         with("{", `{"redirect_uris":["https://evil.example/cb"],`),
		"an unknown member twice":     with("{", `{"x":1,"x":2,`),
		"no client_id":                with(`"client_id"`, `"id"`),
		"client_id in capitals":       with(`"client_id"`, `"CLIENT_ID"`),
		"another client_id":           with(id, "https://evil.example/client.json"),
		"client_id with a slash":      with(id, id+"/"),
		"client_id with a port":       with("example.com", "example.com:443"),
		"client_id in other capitals": with("example.com", "EXAMPLE.com"),
		"client_id with a query":      with(id, id+"?"),
		"client_id that is no text":   with(`"`+id+`"`, "1"),
		"a secret":                    with("{", `{"client_secret":"s",`),
		"an empty secret":             with("{", `{"client_secret":"",`),
		"authentication by a secret":  with("{", `{"token_endpoint_auth_method":"client_secret_basic",`),
		"authentication by a key":     with("{", `{"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[]},`),
		"authentication by nothing":   with("{", `{"token_endpoint_auth_method":"",`),
		"no authorization_code":       with("{", `{"grant_types":["client_credentials"],`),
		"no response_type code":       with("{", `{"response_types":["token"],`),
		"no redirect_uris":            with(`"redirect_uris"`, `"redirects"`),
		"an empty list":               redirects(""),
		"redirects that are a text":   with(`["`+callback+`"]`, `"`+callback+`"`),
		"an empty redirect":           redirects(`""`),
		"a redirect twice":            redirects(`"https://a.example/cb","https://a.example/cb"`),
		"101 redirects":               redirects(many(101)),
		"http":                        redirects(`"http://app.example/cb"`),
		"javascript":                  redirects(`"javascript:alert(1)"`),
		"data":                        redirects(`"data:text/html,x"`),
		"file":                        redirects(`"file:///etc/passwd"`),
		"a wildcard":                  redirects(`"https://*.example.com/cb"`),
		"a fragment":                  redirects(`"https://app.example/cb#x"`),
		"a user name":                 redirects(`"https://ada@app.example/cb"`),
		"a relative redirect":         redirects(`"/cb"`),
		"a dot segment":               redirects(`"https://app.example/../cb"`),
		"a scheme without a dot":      redirects(`"myapp:/cb"`),
		"a scheme with _":             redirects(`"com.example_app:/cb"`),
		"a redirect of 513 bytes":     redirects(`"https://app.example/` + strings.Repeat("a", 493) + `"`),
		"a name of 65 characters":     with("Agent", strings.Repeat("ä", 65)),
		"a name with a line break":    with("Agent", `A\nB`),
		"a name from right to left":   with("Agent", `A\u202eB`),
		"a name with a zero width":    with("Agent", `A\u200bB`),
		"a name with an isolate":      with("Agent", `A\u2066B`),
		"a name with blanks behind":   with("Agent", "Agent  "),
		"a name with a tag":           with("Agent", `A\udb40\udc41`),
		"a name that is no text":      with(`"Agent"`, `{"en":"Agent"}`),
	} {
		var refused *metadata.Error
		if d, err := metadata.Parse(id, []byte(document)); !errors.As(err, &refused) || refused.Says == "" || refused.Unreachable {
			t.Errorf("%s: %+v, %v, want it refused", name, d, err)
		}
	}
}

func many(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"https://a%d.example/"`, i))
	}
	return strings.Join(list, ",")
}

func TestDocumentsThatAreTaken(t *testing.T) {
	for name, document := range map[string]string{
		"without a name":        with(`"client_name":"Agent",`, ""),
		"with what may be said": with("{", `{"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"admin","client_uri":"https://example.com","logo_uri":"http://169.254.169.254/","x":{"y":[1]},`),
		"white space":           " \n\t" + with(",", " ,\r\n") + " \n",
		"100 redirects":         with(`"`+callback+`"`, many(100)),
		"every kind":            with(`"`+callback+`"`, `"https://app.example/cb","http://127.0.0.1:33418/","http://localhost/cb","http://[::1]/cb","com.example.app:/cb"`),
		"a name of 64":          with("Agent", strings.Repeat("ä", 64)),
	} {
		if _, err := metadata.Parse(id, []byte(document)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientOfADocument(t *testing.T) {
	d, err := metadata.Parse(id, []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC)
	first := d.Client(client.Client{}, metadata.Times{Fetched: now, FreshUntil: now.Add(time.Hour), KeptUntil: now.Add(24 * time.Hour)})
	if first.Check() != nil || first.Revision != 1 || !first.Since.Equal(now.Truncate(time.Second)) || !first.AsksConsent() || first.Roles != client.RolesLookup || first.SharedStore {
		t.Errorf("first: %+v, %v", first, first.Check())
	}
	first.Document.KeptUntil, first.Since = now.Add(720*time.Hour), now.Add(-time.Hour)
	second := d.Client(first, metadata.Times{Fetched: now.Add(time.Hour), KeptUntil: now.Add(25 * time.Hour)})
	if second.Revision != 2 || !second.Since.Equal(first.Since) || !second.Document.KeptUntil.Equal(first.Document.KeptUntil) {
		t.Errorf("second: %+v", second)
	}
}

func TestHowLongADocumentIsFresh(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": time.Hour, "max-age=600": 10 * time.Minute, "public, max-age=7200": 2 * time.Hour, "MAX-AGE=\"600\"": 10 * time.Minute,
		"max-age=0": 5 * time.Minute, "max-age=299": 5 * time.Minute, "max-age=86400": 24 * time.Hour, "max-age=86401": 24 * time.Hour, "max-age=31536000, immutable": 24 * time.Hour,
		"no-store": 5 * time.Minute, "max-age=7200, no-cache": 5 * time.Minute, "max-age=-1": 5 * time.Minute, "max-age=x": 5 * time.Minute,
		"max-age=99999999999999999999": 5 * time.Minute, "private": time.Hour, "s-maxage=5": time.Hour,
	} {
		w := serve(t, func(w http.ResponseWriter, r *http.Request) { says(good, "Cache-Control: "+value)(w, r) })
		if _, got, err := metadata.NewFetcher(w).Read(t.Context(), id); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", value, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"client_id":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := metadata.Parse(id, body)
		if err == nil && (d.ID != id || d.Client(client.Client{}, metadata.Times{Fetched: time.Unix(1, 0)}).Check() != nil) {
			t.Errorf("%q was taken", body)
		}
	})
}
