package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
)

const (
	clientAtIDP = "wavepass-at-idp"
	secretAtIDP = "secret-at-idp"

	demoAddress = "demo@example.com" // of the demo account, when a test gives it one
)

// peopleAtIDP are those that the foreign provider knows, and what it says about them.
var peopleAtIDP = map[string]map[string]any{
	"ada":        {"email": "ada@example.com", "email_verified": true, "name": "Ada"},
	"bob":        {"email": "bob@example.com", "email_verified": true, "name": "Bob"},
	"unverified": {"email": demoUsername, "email_verified": false, "name": "Demo"},
	"verified":   {"email": demoUsername, "email_verified": true, "name": "Demo"},
	"new-ada":    {"email": "ada@example.com", "email_verified": true, "name": "Ada"}, // to whom the provider gave another subject
	"demo":       {"email": demoAddress, "email_verified": true, "name": "Demo"},
	"not-demo":   {"email": demoAddress, "email_verified": false, "name": "Demo"},
	"next-demo":  {"email": demoAddress, "email_verified": true, "name": "Demo"},
}

// foreignIDP is oidc-provider, in a process of its own, and a proxy before it that can lie where a certified provider cannot.
type foreignIDP struct {
	t      *testing.T
	url    string // the proxy: the issuer
	behind string // oidc-provider

	mu  sync.Mutex
	lie lie
}

// lie is what the proxy changes; the zero lie is nothing.
type lie struct {
	asked    func(w http.ResponseWriter, r *http.Request) (answered bool)
	idToken  func(claims map[string]any) // which is signed again, with the key of the provider
	userinfo func(claims map[string]any)
}

// startForeignIDP starts one that knows the redirects of one relying party.
func startForeignIDP(t *testing.T, home string, redirects ...string) *foreignIDP {
	t.Helper()
	p := &foreignIDP{t: t}
	server := httptest.NewUnstartedServer(p)
	server.Start()
	t.Cleanup(server.Close)
	p.url = server.URL

	behind := startNodeProgram(t, home, "oidc-provider.mjs", map[string]any{
		"issuer": p.url, "client": clientAtIDP, "secret": secretAtIDP, "redirects": redirects, "people": peopleAtIDP,
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = behind
	return p
}

// tell makes the proxy lie from now on.
func (p *foreignIDP) tell(l lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

func (p *foreignIDP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	lie, behind := p.lie, p.behind
	p.mu.Unlock()
	if lie.asked != nil && lie.asked(w, r) {
		return
	}
	to, err := url.Parse(behind)
	if err != nil {
		p.t.Error(err)
	}
	proxy := httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // oidc-provider writes it into its addresses
		},
		ModifyResponse: func(answer *http.Response) error {
			switch {
			case answer.StatusCode != http.StatusOK:
			case r.URL.Path == "/token" && lie.idToken != nil:
				return p.changed(answer, func(members map[string]any) {
					members["id_token"] = p.forged(members["id_token"].(string), lie.idToken)
				})
			case r.URL.Path == "/me" && lie.userinfo != nil:
				return p.changed(answer, lie.userinfo)
			}
			return nil
		},
	}
	proxy.ServeHTTP(w, r)
}

// changed makes another JSON of an answer.
func (p *foreignIDP) changed(answer *http.Response, change func(map[string]any)) error {
	members := map[string]any{}
	if err := json.UnmarshalRead(answer.Body, &members); err != nil {
		return err
	}
	change(members)
	text, err := json.Marshal(members)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return err
}

// forged is an ID token with other claims that the provider itself has signed.
func (p *foreignIDP) forged(token string, change func(map[string]any)) string {
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		p.t.Errorf("ID token of oidc-provider: %v", err)
	}
	change(claims)
	text, err = json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	return p.test("/test/sign", text)
}

// rotate makes the provider sign with a new key. It forgets the old one, and who is signed in.
func (p *foreignIDP) rotate() { p.test("/test/rotate", nil) }

// test asks what only tests can ask.
func (p *foreignIDP) test(path string, body []byte) string {
	answer, err := http.Post(p.behind+path, "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Errorf("%s: %d %s, %v", path, answer.StatusCode, text, err)
	}
	return string(text)
}

// claim is a lie about one claim of the ID token; nil: it is missing.
func claim(name string, value any) lie {
	return lie{idToken: func(claims map[string]any) {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}}
}

// at is a lie of one endpoint.
func at(path string, answer http.HandlerFunc) lie {
	return lie{asked: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		answer(w, r)
		return true
	}}
}

// copyOf is another browser with the same cookies.
func (w *surfer) copyOf() *surfer {
	c := newSurfer(w.t)
	for host, cookies := range w.cookies {
		c.cookies[host] = maps.Clone(cookies)
	}
	return c
}
