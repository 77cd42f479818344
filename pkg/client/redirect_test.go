package client_test

import (
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
)

func TestRedirectIsComparedByteByByte(t *testing.T) {
	c := client.New("app", client.Native)
	c.Redirects = []string{
		"https://app.example.com/callback", "http://127.0.0.1/callback", "http://[::1]:4000/callback?a=b", "http://localhost/callback", "com.example.app:/callback",
	}
	for _, good := range append(c.Redirects,
		"http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://[::1]/callback?a=b", "http://[::1]:9/callback?a=b", "http://localhost:8080/callback",
	) {
		if !c.MayRedirectTo(good) {
			t.Errorf("%s: refused, want it taken", good)
		}
	}
	for _, bad := range []string{
		"", "https://app.example.com", "https://app.example.com/callback/", "https://app.example.com/callback?x=1", "https://app.example.com/callback#",
		"https://app.example.com:443/callback", "https://app.example.com:8443/callback", "https://APP.example.com/callback", "HTTPS://app.example.com/callback",
		"https://app.example.com/call%62ack", "https://app.example.com/x/../callback", "https://app.example.com//callback", "https://app.example.com\\/callback",
		"https://app.example.com@evil.example/callback", "https://app.example.com.evil.example/callback", "https://evil.example/https://app.example.com/callback",
		"http://app.example.com/callback", "//app.example.com/callback", "/callback", "https:app.example.com/callback", " https://app.example.com/callback",
		"http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback", "http://127.0.0.1:080/callback", "http://127.0.0.1:/callback", "http://127.0.0.1:a/callback",
		"http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1:80/callback?x", "http://127.0.0.1:80/other", "http://127.0.0.1:80/callback#x",
		"http://127.0.0.2:80/callback", "http://127.1/callback", "http://2130706433/callback", "http://0x7f000001/callback", "http://0.0.0.0/callback",
		"https://127.0.0.1:80/callback", "http://[::1]:9/callback", "http://[0:0:0:0:0:0:0:1]:9/callback?a=b", "http://[::ffff:127.0.0.1]/callback",
		"http://localhost.:80/callback", "http://localhost.evil.example/callback", "http://LOCALHOST/callback", "com.example.app:/callback/x", "com.example.app://callback",
		"com.example.app2:/callback", "com.example.app:callback", "javascript:alert(1)", "data:text/html,x",
	} {
		if c.MayRedirectTo(bad) {
			t.Errorf("%s: taken, want it refused", bad)
		}
	}
	browser := client.New("web", client.Browser)
	browser.Redirects = []string{"http://localhost:5173/callback"}
	if browser.MayRedirectTo("http://localhost:9999/callback") {
		t.Error("localhost with another port: taken for a client that is not native")
	}
}
