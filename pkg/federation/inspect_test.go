package federation_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/federation"
)

const keySet = `{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","use":"sig","alg":"ES256",
	"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

// provider is an identity provider as far as its metadata and keys go.
type provider struct {
	metadata map[string]any
	keys     string
	handle   func(w http.ResponseWriter, r *http.Request) bool // answers in place of it when it returns true
}

func (p *provider) start(t *testing.T) (issuer string) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(body func() []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if p.handle != nil && p.handle(w, r) {
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = w.Write(body())
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", answer(func() []byte { text, _ := json.Marshal(p.metadata); return text }))
	mux.HandleFunc("/keys", answer(func() []byte { return []byte(p.keys) }))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.keys = keySet
	p.metadata = map[string]any{
		"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token",
		"userinfo_endpoint": server.URL + "/me", "jwks_uri": server.URL + "/keys", "response_types_supported": []string{"code", "code id_token"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"PS256", "ES256"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	}
	return server.URL
}

func inspect(t *testing.T, issuer string) map[string]federation.Finding {
	t.Helper()
	found := map[string]federation.Finding{}
	for _, f := range federation.Inspect(t.Context(), federation.NewClient(), issuer) {
		found[f.What] = f
	}
	return found
}

func TestGoodProvider(t *testing.T) {
	var p provider
	found := inspect(t, p.start(t))
	if len(found) != 12 {
		t.Errorf("%d findings, want 12: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	for what, f := range found {
		if f.Grade != federation.Good {
			t.Errorf("%s: %s, %s", what, f.Grade, f.Says)
		}
	}
}

func TestWhatIsWrongWithAProvider(t *testing.T) {
	for name, tc := range map[string]struct {
		member string
		value  any // nil: the member is missing
		what   string
		grade  federation.Grade
		says   string
	}{
		"issuer with another slash":       {"issuer", "https://accounts.example/", "issuer", federation.Bad, "every slash"},
		"no authorization endpoint":       {"authorization_endpoint", nil, "authorization_endpoint", federation.Bad, "missing"},
		"authorization without https":     {"authorization_endpoint", "http://accounts.example/a", "authorization_endpoint", federation.Bad, "https"},
		"no token endpoint":               {"token_endpoint", nil, "token_endpoint", federation.Bad, "missing"},
		"a token endpoint that is a path": {"token_endpoint", "/token", "token_endpoint", federation.Bad, "no address"},
		"no userinfo":                     {"userinfo_endpoint", nil, "userinfo_endpoint", federation.Warning, "e-mail"},
		"no codes":                        {"response_types_supported", []string{"id_token"}, "response_types_supported", federation.Bad, "code"},
		"no query":                        {"response_modes_supported", []string{"form_post"}, "response_modes_supported", federation.Bad, "query"},
		"no PKCE":                         {"code_challenge_methods_supported", nil, "code_challenge_methods_supported", federation.Warning, "PKCE"},
		"plain PKCE":                      {"code_challenge_methods_supported", []string{"plain"}, "code_challenge_methods_supported", federation.Warning, "PKCE"},
		"no iss in answers":               {"authorization_response_iss_parameter_supported", nil, "authorization_response_iss_parameter_supported", federation.Warning, "callback"},
		"symmetric ID tokens":             {"id_token_signing_alg_values_supported", []string{"HS256", "none"}, "id_token_signing_alg_values_supported", federation.Bad, "ES256"},
		"no algorithms":                   {"id_token_signing_alg_values_supported", nil, "id_token_signing_alg_values_supported", federation.Bad, "ES256"},
		"no client secrets":               {"token_endpoint_auth_methods_supported", []string{"private_key_jwt"}, "token_endpoint_auth_methods_supported", federation.Bad, "client_secret"},
		"no keys":                         {"jwks_uri", nil, "jwks_uri", federation.Bad, "missing"},
		"metadata of another form":        {"response_types_supported", "code", "metadata", federation.Bad, "OpenID Connect Discovery"},
	} {
		var p provider
		issuer := p.start(t)
		if p.metadata[tc.member] = tc.value; tc.value == nil {
			delete(p.metadata, tc.member)
		}
		if f := inspect(t, issuer)[tc.what]; f.Grade != tc.grade || !strings.Contains(f.Says, tc.says) {
			t.Errorf("%s: %s %q, want %s and %q", name, f.Grade, f.Says, tc.grade, tc.says)
		}
	}
}

func TestKeysThatShouldNotBePublished(t *testing.T) {
	for keys, says := range map[string]string{
		`{"keys":[]}`: "no key", `[]`: "not a key set", strings.Replace(keySet, `"kid"`, `"d":"AA","kid"`, 1): "private member",
	} {
		var p provider
		issuer := p.start(t)
		p.keys = keys
		if f := inspect(t, issuer)["keys"]; f.Grade != federation.Bad || !strings.Contains(f.Says, says) {
			t.Errorf("%.60s: %s %q, want a failure that says %q", keys, f.Grade, f.Says, says)
		}
	}
}

func TestProviderThatAnswersBadly(t *testing.T) {
	silent := make(chan struct{})
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		says   string
	}{
		"10 MB": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(bytes.Repeat([]byte(" "), 10<<20))
		}, "more than 512 KB"},
		"a redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example/"); w.WriteHeader(302) }, "it redirects"},
		"a page": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>"))
		}, "text/html"},
		"an outage": {func(w http.ResponseWriter) { w.WriteHeader(503) }, "status 503"},
		"broken JSON": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{"))
		}, "unexpected end"},
		"a broken line": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "EOF"},
		"silence":       {func(http.ResponseWriter) { <-silent }, "no answer within"},
	} {
		p := provider{handle: func(w http.ResponseWriter, _ *http.Request) bool { tc.answer(w); return true }}
		issuer := p.start(t)
		client := federation.NewClient()
		if client.Timeout <= 0 || client.Timeout > 10*time.Second {
			t.Errorf("the client waits for %s", client.Timeout)
		}
		if name == "silence" {
			client.Timeout = 50 * time.Millisecond
			t.Cleanup(func() { close(silent) }) // before the server, which waits for its handlers, is closed
		}
		found := federation.Inspect(t.Context(), client, issuer)
		if len(found) != 1 || found[0].Grade != federation.Bad || !strings.Contains(strings.ToLower(found[0].Says), strings.ToLower(tc.says)) {
			t.Errorf("%s: %v, want one failure that says %q", name, found, tc.says)
		}
	}
}

func TestClientAsksNobodyByHTTP(t *testing.T) {
	if _, err := federation.NewClient().Get("http://accounts.example/"); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("http to another machine: %v, want that it is refused", err)
	}
}
