package authorization_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// kept are pushed requests in memory, which nothing expires.
type kept map[authorization.PushedName]authorization.Pushed

func (k kept) PutPushed(_ context.Context, name authorization.PushedName, p authorization.Pushed) error {
	k[name] = p
	return nil
}

func (k kept) Pushed(_ context.Context, name authorization.PushedName) (authorization.Pushed, error) {
	p, ok := k[name]
	if !ok {
		return p, authorization.ErrNotPushed
	}
	return p, nil
}

var pushedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// push pushes a request of application, and returns the query that a browser comes with.
func push(t *testing.T, k kept, raw string) string {
	t.Helper()
	uri, err := authorization.Push(t.Context(), k, raw, application(), pushedAt)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"client_id": {"app"}, "request_uri": {uri.Reveal()}}.Encode()
}

func TestPushedRequestComesBackWithWhatItSaid(t *testing.T) {
	k := kept{}
	browser := push(t, k, good("client_secret=a+secret", "client_assertion=x.y.z", "colour=red", "login_hint=ada"))
	for range 2 { // as often as somebody reloads the page
		raw, err := authorization.Resolve(t.Context(), k, browser+"&state=other&redirect_uri=https://evil.example&scope=admin")
		if err != nil {
			t.Fatal(err)
		}
		got, err := authorization.Check(raw, application())
		want, wantErr := authorization.Check(good("login_hint=ada"), application())
		if err != nil || wantErr != nil || got.Redirect != want.Redirect || got.State != want.State || got.Challenge != want.Challenge || got.LoginHint != "ada" {
			t.Errorf("%+v, %v: want %+v", got, err, want)
		}
		for _, gone := range []string{"secret", "assertion", "colour"} {
			if strings.Contains(raw, gone) {
				t.Errorf("%s is kept: %s", gone, raw)
			}
		}
	}
	if len(k) != 1 {
		t.Fatalf("%d requests are kept, want 1", len(k))
	}
	for name, p := range k {
		if !p.Until.Equal(pushedAt.Add(90 * time.Second)) {
			t.Errorf("kept until %v, want 90 s after %v", p.Until, pushedAt)
		}
		if stored := append(name[:], p.Sealed...); bytes.Contains(stored, []byte("client")) || bytes.Contains(stored, []byte("ada")) || bytes.Contains(stored, []byte(challenge)) {
			t.Errorf("the table can read the request: %q", stored)
		}
	}
}

func TestNobodyElseOpensAPushedRequest(t *testing.T) {
	k := kept{}
	browser := push(t, k, good())
	values, err := url.ParseQuery(browser)
	if err != nil {
		t.Fatal(err)
	}
	uri := values.Get("request_uri")
	const prefix = "urn:ietf:params:oauth:request_uri:"
	if len(uri) != len(prefix)+43 || !strings.HasPrefix(uri, prefix) {
		t.Fatalf("request_uri %q", uri)
	}
	for name, raw := range map[string]string{
		"another client":           "client_id=other&request_uri=" + uri,
		"no client":                "request_uri=" + uri,
		"two clients":              "client_id=app&client_id=other&request_uri=" + uri,
		"two handles":              "client_id=app&request_uri=" + uri + "&request_uri=" + uri,
		"beside a request object":  "client_id=app&request=a.b.c&request_uri=" + uri,
		"a handle that is not":     "client_id=app&request_uri=" + prefix + strings.Repeat("A", 43),
		"another spelling":         "client_id=app&request_uri=" + uri + "%0A",
		"the last bits changed":    "client_id=app&request_uri=" + uri[:len(uri)-1] + "_",
		"a shorter handle":         "client_id=app&request_uri=" + uri[:len(uri)-4],
		"an empty handle":          "client_id=app&request_uri=" + prefix,
		"a name out of the table":  "client_id=app&request_uri=" + prefix + "../CLIENT",
		"64 KB":                    "client_id=app&request_uri=" + prefix + strings.Repeat("A", 64<<10),
		"a malformed query beside": "client_id=app&x=%zz&request_uri=" + uri,
	} {
		var wrong *authorization.PageError
		if raw, err := authorization.Resolve(t.Context(), k, raw); !errors.As(err, &wrong) {
			t.Errorf("%s: %q, %v, want a *PageError", name, raw, err)
		}
	}
	// What is none of ours is left to Check, which says so to the client.
	for _, uri := range []string{"https://evil.example/r", "urn:ietf:params:oauth:request_uri", "URN:ietf:params:oauth:request_uri:x"} {
		raw := good("request_uri=" + url.QueryEscape(uri))
		if got, err := authorization.Resolve(t.Context(), k, raw); got != raw || err != nil {
			t.Errorf("%s: %q, %v, want the request as it is", uri, got, err)
		}
	}
	// A table that somebody has written to opens nothing: what it says is not what was pushed.
	for name, p := range k {
		p.Sealed[len(p.Sealed)-1] ^= 1
		k[name] = p
	}
	var wrong *authorization.PageError
	if raw, err := authorization.Resolve(t.Context(), k, browser); !errors.As(err, &wrong) {
		t.Errorf("changed in the table: %q, %v, want a *PageError", raw, err)
	}
}

func TestPushChecksAsAuthorizeDoes(t *testing.T) {
	long := "&ui_locales=" + strings.Repeat("de+", authorization.MaxPushed/3)
	for name, tc := range map[string]struct{ raw, code string }{
		"another request_uri":   {good("request_uri=https://evil.example/r"), oauth.CodeInvalidRequest},
		"one of ours":           {good("request_uri=urn:ietf:params:oauth:request_uri:x"), oauth.CodeInvalidRequest},
		"a request object":      {good("request=a.b.c"), "request_not_supported"},
		"a token in the answer": {good("response_type=token"), "unsupported_response_type"},
		"without a challenge":   {good("code_challenge="), oauth.CodeInvalidRequest},
		"a scope":               {good("scope=none"), oauth.CodeInvalidScope},
		"too long":              {good() + long, oauth.CodeInvalidRequest},
		"another redirect":      {good("redirect_uri=https://evil.example/cb"), ""},
		"another client":        {good("client_id=other"), ""},
		"no client":             {good("client_id="), ""},
	} {
		k := kept{}
		_, err := authorization.Push(t.Context(), k, tc.raw, application(), pushedAt)
		var wrong *authorization.Error
		var page *authorization.PageError
		if tc.code == "" && !errors.As(err, &page) || tc.code != "" && (!errors.As(err, &wrong) || wrong.Code != tc.code) || len(k) != 0 {
			t.Errorf("%s: %v, %d kept, want the error %q and nothing kept", name, err, len(k), tc.code)
		}
	}
}
