package grant_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

func (w *world) check(response oauth.TokenResponse) error {
	w.t.Helper()
	checker := access.NewChecker(w.verify, revocation.NewSnapshot(w.store, 0, w.clock.Now))
	_, err := checker.Check(w.t.Context(), response.AccessToken, token.Expect{Issuer: here.Issuer, SkipAudience: true})
	return err
}

// wantDenied expects that the access token of the response is refused from now on.
func (w *world) wantDenied(response oauth.TokenResponse) {
	w.t.Helper()
	if err := w.check(response); !errors.Is(err, revocation.ErrRevoked) {
		w.t.Errorf("the access token: %v, want it revoked", err)
	}
}

func (w *world) wantAccepted(response oauth.TokenResponse) {
	w.t.Helper()
	if err := w.check(response); err != nil {
		w.t.Errorf("the access token: %v, want it accepted", err)
	}
}

// wantNothingRevoked expects an empty log, and no event but those named.
func (w *world) wantNothingRevoked(events ...string) {
	w.t.Helper()
	if log := w.store.Log(); len(log) > 0 {
		w.t.Errorf("revocation log %v, want it empty", log)
	}
	w.wantEvents(events...)
}

func TestRevokedRefreshTokenEndsTheSessionAndItsAccessTokens(t *testing.T) {
	for name, which := range map[string]func(login, newest oauth.TokenResponse) oauth.Secret{
		"newest": func(_, newest oauth.TokenResponse) oauth.Secret { return newest.RefreshToken },
		"old":    func(login, _ oauth.TokenResponse) oauth.Secret { return login.RefreshToken },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login, other := w.mustLogin(), w.mustLogin()
			newest := w.mustRefresh(login.RefreshToken)
			w.trail.Reset()
			if err := w.tryRevoke("native", which(login, newest)); err != nil {
				t.Fatal(err)
			}
			w.wantDenied(login)
			w.wantDenied(newest)
			w.wantAccepted(other)
			s := w.stored(newest)
			if s.Reason != session.ReasonClient || !s.RevokedAt.Equal(start) {
				t.Errorf("session revoked at %s because of %q, want %s, client", s.RevokedAt, s.Reason, start)
			}
			want := []audit.Event{{
				Name: audit.SessionRevoked, Time: start, Subject: w.ada.ID.String(), SessionID: s.ID.String(), ClientID: "native",
			}}
			if diff := cmp.Diff(want, w.events()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			response, err := w.tryRefresh("native", newest.RefreshToken)
			wantRefused(t, response, err)
			w.mustRefresh(other.RefreshToken)
		})
	}
}

func TestRevokedAccessTokenIsDeniedAlone(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	second := w.mustRefresh(login.RefreshToken)
	w.trail.Reset()
	if err := w.tryRevoke("native", login.AccessToken); err != nil {
		t.Fatal(err)
	}
	w.wantDenied(login)
	w.wantAccepted(second)
	wantLog := []revocation.Entry{{At: start, Kind: revocation.Token, ID: w.claims(login).ID}}
	if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
		t.Errorf("revocation log (-want +got):\n%s", diff)
	}
	want := []audit.Event{{
		Name: audit.TokenRevoked, Time: start, Subject: w.ada.ID.String(), SessionID: w.stored(login).ID.String(), ClientID: "native",
	}}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	w.mustRefresh(second.RefreshToken)
}

func TestTokenForAnyAudienceCanBeTakenBack(t *testing.T) {
	w := newWorld(t)
	c := w.clients["native"]
	c.Audiences = []string{"https://elsewhere.example"}
	w.clients["native"] = c
	login := w.mustLogin()
	if err := w.tryRevoke("native", login.AccessToken); err != nil {
		t.Fatal(err)
	}
	w.wantDenied(login)
}

func TestTokenOfAnotherClientStaysLive(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.trail.Reset()
	for _, id := range []string{"other", "browser", "service"} {
		for _, what := range []oauth.Secret{login.RefreshToken, login.AccessToken} {
			if err := w.tryRevoke(id, what); !errors.Is(err, session.ErrForeign) {
				t.Errorf("client %s: %v, want ErrForeign", id, err)
			}
		}
	}
	w.wantNothingRevoked()
	w.wantAccepted(login)
	w.mustRefresh(login.RefreshToken)
}

func TestUnknownAndDeadTokensAreNoError(t *testing.T) {
	elsewhere := here
	elsewhere.Issuer = "https://other.example"
	for name, test := range map[string]struct {
		token func(*world, oauth.TokenResponse) oauth.Secret
		at    grant.Place
	}{
		"empty":           {func(*world, oauth.TokenResponse) oauth.Secret { return oauth.Secret{} }, here},
		"text":            {func(*world, oauth.TokenResponse) oauth.Secret { return oauth.NewSecret("canary") }, here},
		"session handle":  {func(*world, oauth.TokenResponse) oauth.Secret { return oauth.NewSecret("wpss_canary") }, here},
		"garbled refresh": {func(*world, oauth.TokenResponse) oauth.Secret { return oauth.NewSecret("wprt_canary") }, here},
		"forged refresh": {func(_ *world, r oauth.TokenResponse) oauth.Secret {
			return oauth.NewSecret(r.RefreshToken.Reveal()[:70] + strings.Repeat("A", 34))
		}, here},
		"forged access": {func(_ *world, r oauth.TokenResponse) oauth.Secret {
			text := r.AccessToken.Reveal()
			return oauth.NewSecret(text[:strings.LastIndexByte(text, '.')+1] + strings.Repeat("A", 86))
		}, here},
		"another issuer's": {func(_ *world, r oauth.TokenResponse) oauth.Secret { return r.AccessToken }, elsewhere},
		"expired access": {func(w *world, r oauth.TokenResponse) oauth.Secret {
			w.clock.Advance(15 * time.Minute)
			return r.AccessToken
		}, here},
		"expired refresh": {func(w *world, r oauth.TokenResponse) oauth.Secret {
			w.clock.Advance(30 * 24 * time.Hour)
			return r.RefreshToken
		}, here},
		"session that is gone": {func(w *world, r oauth.TokenResponse) oauth.Secret {
			w.store.DropSession(w.stored(r).ID)
			return r.RefreshToken
		}, here},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			what := test.token(w, w.mustLogin())
			w.trail.Reset()
			err := w.revoke.Revoke(t.Context(), grant.RevokeRequest{At: test.at, Client: w.clients["native"], Token: what})
			if err != nil {
				t.Errorf("error %v, want none (RFC 7009 §2.2)", err)
			}
			w.wantNothingRevoked()
		})
	}
}

func TestRevocationThatIsNotConfirmedIsUnavailable(t *testing.T) {
	refreshToken := func(r oauth.TokenResponse) oauth.Secret { return r.RefreshToken }
	accessToken := func(r oauth.TokenResponse) oauth.Secret { return r.AccessToken }
	for name, test := range map[string]struct {
		which func(oauth.TokenResponse) oauth.Secret
		fail  func(*fakestore.Store)
	}{
		"session":          {refreshToken, func(s *fakestore.Store) { s.Before = hooks.Fail("Revoke") }},
		"session, lost":    {refreshToken, func(s *fakestore.Store) { s.After = hooks.Fail("Revoke") }},
		"session, no keys": {refreshToken, func(s *fakestore.Store) { s.Before = hooks.Fail("ReadPart") }},
		"token":            {accessToken, func(s *fakestore.Store) { s.Before = hooks.Fail("Append") }},
		"token, lost":      {accessToken, func(s *fakestore.Store) { s.After = hooks.Fail("Append") }},
		"token, no keys":   {accessToken, func(s *fakestore.Store) { s.Before = hooks.Fail("ReadPart") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			w.wire() // a new process, which holds no keys
			w.trail.Reset()
			test.fail(w.store)
			wantError(t, oauth.TokenResponse{}, w.tryRevoke("native", test.which(login)), oauth.ErrUnavailable)
			w.wantEvents()
			w.store.Before, w.store.After = nil, nil
			if err := w.tryRevoke("native", test.which(login)); err != nil {
				t.Errorf("second try: %v", err)
			}
			w.wantDenied(login)
		})
	}
}

func TestRevokeWithoutAKeyringIsUnavailableAndCreatesNone(t *testing.T) {
	w := newWorld(t)
	login := newWorld(t).mustLogin()
	for _, what := range []oauth.Secret{login.RefreshToken, login.AccessToken} {
		wantError(t, oauth.TokenResponse{}, w.tryRevoke("native", what), oauth.ErrUnavailable)
	}
	if n := w.store.Count("ReplaceParts"); n != 0 {
		t.Errorf("the keyring was written %d times", n)
	}
}

func TestRevokeTakesOneRoundTrip(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	_ = w.tryRevoke("other", login.RefreshToken) // reads the keys
	_ = w.tryRevoke("other", login.AccessToken)
	for method, what := range map[string]oauth.Secret{"Revoke": login.RefreshToken, "Append": login.AccessToken} {
		w.store.ForgetCalls()
		if err := w.tryRevoke("native", what); err != nil {
			t.Fatal(err)
		}
		w.wantCalls(method)
	}
}

func TestSlowRevocationOfAnAccessTokenIsStampedAgain(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	slow := true
	w.store.After = func(_ context.Context, method string) error {
		if method == "Append" && slow {
			slow = false
			w.clock.Advance(11 * time.Second)
		}
		return nil
	}
	if err := w.tryRevoke("native", login.AccessToken); err != nil {
		t.Fatal(err)
	}
	if log := w.store.Log(); len(log) != 2 || !log[1].At.Equal(start.Add(11*time.Second)) {
		t.Errorf("revocation log %v, want a second entry stamped after the slow write", log)
	}
}

// TestTokenRevokedAgainAndAgainIsOneEntry in ten seconds, whether its session lives or not.
func TestTokenRevokedAgainAndAgainIsOneEntry(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	if err := w.tryRevoke("native", login.RefreshToken); err != nil {
		t.Fatal(err)
	}
	w.trail.Reset()
	for i := range 200 {
		if err := w.tryRevoke("native", login.AccessToken); err != nil {
			t.Fatalf("revocation %d: %v", i, err)
		}
		w.clock.Advance(100 * time.Millisecond)
	}
	entries := 0
	for _, e := range w.store.Log() {
		if e.Kind == revocation.Token {
			entries++
		}
	}
	if events := len(w.events()); entries != 2 || events != 2 {
		t.Errorf("200 revocations in 20 s left %d entries and %d events, want 2 and 2", entries, events)
	}
}

func TestServiceTakesItsOwnTokenBack(t *testing.T) {
	w := newWorld(t)
	w.mustLogin() // creates the keys
	id := uuid.Must(uuid.NewV7()).String()
	key, err := w.keys.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := token.Sign(key, token.Claims{
		Issuer: here.Issuer, Subject: "service", Audience: []string{here.Audience}, ClientID: "service",
		ID: id, IssuedAt: start, Expiry: start.Add(time.Minute),
	})
	w.trail.Reset()
	if err := w.tryRevoke("service", text); err != nil {
		t.Fatal(err)
	}
	if log := w.store.Log(); len(log) != 1 || log[0].ID != id || log[0].Kind != revocation.Token {
		t.Errorf("revocation log %v, want the token %s", log, id)
	}
	want := []audit.Event{{Name: audit.TokenRevoked, Time: start, Subject: "service", ClientID: "service"}}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
