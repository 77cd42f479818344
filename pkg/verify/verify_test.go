package verify_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
	"github.com/wavepass/wavepass/pkg/verify"
)

func newVerifier(t *testing.T, d *deployment, change func(*verify.Config)) *verify.Verifier {
	t.Helper()
	t.Cleanup(d.Close)
	cfg := verify.Config{Issuer: d.URL, Audience: audience, Client: d.Client()}
	if change != nil {
		change(&cfg)
	}
	v, err := verify.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestClaimsAreThoseOfTheToken(t *testing.T) {
	d := deploy()
	v := newVerifier(t, d, nil)
	got, err := v.Verify(t.Context(), d.sign(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != d.URL || got.Subject == "" || got.ClientID != "app" || got.SessionID == "" || got.AuthTime.IsZero() || !got.Expiry.After(got.IssuedAt) {
		t.Errorf("got %+v", got)
	}
	if !got.HasScope("waves:read") || got.HasScope("waves") || got.HasScope("") || !got.HasRole("member") || got.HasRole("admin") {
		t.Errorf("scopes %q, roles %q", got.Scopes, got.Roles)
	}
	subject, err := v.Verify(t.Context(), d.sign(func(c *token.Claims) { c.ExternalID = "shop/4711" }))
	if err != nil || subject.ExternalID != "shop/4711" || got.ExternalID != "" {
		t.Errorf("external id %q, of somebody with a password %q, %v", subject.ExternalID, got.ExternalID, err)
	}
	service, err := v.Verify(t.Context(), d.sign(func(c *token.Claims) { c.Login, c.Subject, c.Roles = nil, "app", nil }))
	if err != nil || service.SessionID != "" || !service.AuthTime.IsZero() {
		t.Errorf("a token of nobody's login: %+v, %v", service, err)
	}
}

func TestErrorsSayWhichStatusToAnswer(t *testing.T) {
	d := deploy()
	v := newVerifier(t, d, func(cfg *verify.Config) { cfg.Scopes = []string{"profile"} })
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"good":             {d.sign(nil), nil},
		"empty":            {"", verify.ErrInvalidToken},
		"changed":          {d.sign(nil) + "x", verify.ErrInvalidToken},
		"another audience": {d.sign(func(c *token.Claims) { c.Audience = []string{"https://other.example"} }), verify.ErrInvalidToken},
		"another issuer":   {d.sign(func(c *token.Claims) { c.Issuer = "https://evil.example" }), verify.ErrInvalidToken},
		"another's key":    {signers[keyring.EdDSA]().sign(d.URL, time.Now(), nil), verify.ErrInvalidToken},
		"from the future":  {d.sign(func(c *token.Claims) { c.IssuedAt = time.Now().Add(time.Hour) }), verify.ErrInvalidToken},
		"expired":          {d.sign(func(c *token.Claims) { c.Expiry = time.Now().Add(-time.Second) }), verify.ErrInvalidToken},
		"without a scope":  {d.sign(func(c *token.Claims) { c.Scope = "profiles email" }), verify.ErrInsufficientScope},
	} {
		_, err := v.Verify(t.Context(), tc.text)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if err != nil && len(tc.text) > 20 && strings.Contains(err.Error(), tc.text[len(tc.text)-20:]) {
			t.Errorf("%s: the error carries the token: %v", name, err)
		}
	}
}

func TestKeySetAtStartAsksNobody(t *testing.T) {
	d := deploy()
	at := time.Now()
	v := newVerifier(t, d, func(cfg *verify.Config) {
		cfg.KeySet = []byte(d.jwks)
		cfg.Now = func() time.Time { return at }
	})
	d.down.Store(true)
	text := d.sign(func(c *token.Claims) { c.Expiry = time.Now().Add(time.Hour) })
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {19 * time.Minute, nil}, {20*time.Minute + time.Second, verify.ErrUnavailable}} {
		at = time.Now().Add(step.after)
		if _, err := v.Verify(t.Context(), text); !errors.Is(err, step.want) {
			t.Errorf("%s after the start, with an issuer that is down: %v, want %v", step.after, err, step.want)
		}
	}
	d.down.Store(false)
	at = at.Add(3 * time.Second)
	if _, err := v.Verify(t.Context(), text); err != nil || d.fetches.Load() != 1 {
		t.Errorf("when the issuer is back: %v, %d fetches, want one", err, d.fetches.Load())
	}
}

func TestMiddlewareAnswersByRFC6750(t *testing.T) {
	d := deploy()
	v := newVerifier(t, d, func(cfg *verify.Config) { cfg.Scopes = []string{"profile"} })
	reached := 0
	h := v.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := verify.FromContext(r.Context()); ok {
			reached++
		}
	}), "waves:read")
	good := d.sign(nil)
	ask := func(authorization ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = authorization
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const lacking = `Bearer error="insufficient_scope", scope="profile waves:read"`
	for name, tc := range map[string]struct {
		authorization []string
		status        int
		challenge     string
	}{
		"good":              {[]string{"Bearer " + good}, 200, ""},
		"in small letters":  {[]string{"bearer " + good}, 200, ""},
		"none":              {nil, 401, "Bearer"},
		"Basic":             {[]string{"Basic YTpi"}, 401, "Bearer"},
		"only the scheme":   {[]string{"Bearer"}, 401, `Bearer error="invalid_token"`},
		"bad":               {[]string{"Bearer x"}, 401, `Bearer error="invalid_token"`},
		"two":               {[]string{"Bearer " + good, "Bearer " + good}, 400, `Bearer error="invalid_request"`},
		"the route's scope": {[]string{"Bearer " + d.sign(func(c *token.Claims) { c.Scope = "profile" })}, 403, lacking},
		"the Config's":      {[]string{"Bearer " + d.sign(func(c *token.Claims) { c.Scope = "waves:read" })}, 403, lacking},
	} {
		before := reached
		got := ask(tc.authorization...)
		if got.Code != tc.status || got.Header().Get("WWW-Authenticate") != tc.challenge || (reached > before) != (tc.status == 200) {
			t.Errorf("%s: %d %q, reached the handler: %v; want %d %q", name, got.Code, got.Header().Get("WWW-Authenticate"), reached > before, tc.status, tc.challenge)
		}
	}
	d.down.Store(true)
	v = newVerifier(t, d, nil)
	h = v.Middleware(http.NotFoundHandler())
	if got := ask("Bearer " + good); got.Code != 503 || got.Header().Get("Retry-After") == "" || got.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("an issuer that is down: %d %v, want a 503 that says when to come again", got.Code, got.Header())
	}
}

func TestMiddlewareRefusesWhatIsNoScope(t *testing.T) {
	v := newVerifier(t, deploy(), nil)
	for _, scope := range []string{"", "a b", `a"`, "a\r\nX: y", "ä"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is taken for a scope", scope)
				}
			}()
			v.Middleware(http.NotFoundHandler(), scope)
		}()
	}
}
