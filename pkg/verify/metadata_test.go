package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/token"
	"github.com/wavepass/wavepass/pkg/verify"
)

const described = "https://api.example.com/.well-known/oauth-protected-resource/mcp"

func unread(c *token.Claims) { c.Scope = "profile" }

func ofResource(cfg *verify.Config) {
	cfg.ResourceMetadata, cfg.Scopes = described, []string{"profile"}
}

func TestChallengesNameTheMetadataOfTheResource(t *testing.T) {
	d := deploy()
	defer d.Close()
	v := newVerifier(t, d, ofResource)
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { v.InsufficientScope(w, "waves:read", "waves:write") })
	h = v.Middleware(h, "waves:read")
	for authorization, want := range map[string]string{
		"":                         `401 Bearer scope="profile waves:read", resource_metadata="` + described + `"`,
		"Basic x":                  `401 Bearer scope="profile waves:read", resource_metadata="` + described + `"`,
		"Bearer x":                 `401 Bearer error="invalid_token", scope="profile waves:read", resource_metadata="` + described + `"`,
		"Bearer " + d.sign(nil):    `403 Bearer error="insufficient_scope", scope="profile waves:read waves:write", resource_metadata="` + described + `"`,
		"Bearer " + d.sign(unread): `403 Bearer error="insufficient_scope", scope="profile waves:read", resource_metadata="` + described + `"`,
	} {
		r := httptest.NewRequest("POST", "/mcp", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("WWW-Authenticate")); got != want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%.10s, %v:\n got %s\nwant %s", authorization, w.Header(), got, want)
		}
	}
}

func TestMetadataIsServedToEverybody(t *testing.T) {
	d := deploy()
	defer d.Close()
	v := newVerifier(t, d, ofResource)
	h := v.MetadataHandler(verify.Resource{Scopes: []string{"waves:read"}, Name: "Waves", Documentation: "https://docs.example.com"})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource/mcp", nil))
	want := `{"resource":"https://api.example.com","authorization_servers":["` + d.URL + `"],"scopes_supported":["waves:read"],` +
		`"bearer_methods_supported":["header"],"resource_name":"Waves","resource_documentation":"https://docs.example.com"}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v\n got %s\nwant %s", w.Code, w.Header(), w.Body, want)
	}
	w = httptest.NewRecorder()
	v.MetadataHandler(verify.Resource{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if want := `{"resource":"https://api.example.com","authorization_servers":["` + d.URL + `"],"bearer_methods_supported":["header"]}`; w.Body.String() != want {
		t.Errorf("nothing said: %s, want %s", w.Body, want)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" || w.Body.Len() > 0 {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestAddressOfMetadataIsChecked(t *testing.T) {
	for _, address := range []string{"http://api.example.com/x", "/x", "https://api.example.com/\"x", "https://api.example.com/a b", `https://api.example.com/a\b`, "https://a@api.example.com/x"} {
		_, err := verify.New(verify.Config{Issuer: issuer, Audience: audience, ResourceMetadata: address})
		if err == nil || !strings.Contains(err.Error(), "ResourceMetadata") {
			t.Errorf("%s: %v, want an error that names the field", address, err)
		}
	}
	if _, err := verify.New(verify.Config{Issuer: "http://localhost:3000", Audience: "http://localhost:4000/mcp", ResourceMetadata: "http://localhost:4000/x", InsecureLoopbackHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestNamesThatAreNoScopesAreRefusedBeforeAnythingIsServed(t *testing.T) {
	v := newVerifier(t, deploy(), nil)
	for name, do := range map[string]func(){
		"InsufficientScope": func() { v.InsufficientScope(httptest.NewRecorder(), "a\r\nX: y") },
		"MetadataHandler":   func() { v.MetadataHandler(verify.Resource{Scopes: []string{`a"b`}}) },
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, name) {
					t.Errorf("%s: %q, want a panic that names it", name, said)
				}
			}()
			do()
		}()
	}
}
