package grant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

func TestLoginIssuesBothTokensAndStoresTheSession(t *testing.T) {
	w := newWorld(t)
	w.clock.Advance(678 * time.Millisecond)
	response := w.mustLogin()

	s := w.stored(response)
	got := w.claims(response)
	want := token.Claims{
		Issuer: "https://auth.example", Subject: w.ada.ID.String(), Audience: []string{"https://api.example"},
		Expiry: start.Add(15 * time.Minute), IssuedAt: start, ID: got.ID, ClientID: "native",
		Scope: "read write", Roles: []string{"admin", "editor"}, SigningID: got.SigningID,
		Login: &token.Login{SessionID: s.ID, Epoch: 42, AuthTime: start, AMR: []string{"pwd"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if id, err := uuid.Parse(got.ID); err != nil || id.Version() != 7 {
		t.Errorf("jti %q, want a UUIDv7", got.ID)
	}
	if response.ExpiresIn != 15*time.Minute-time.Second || response.Scope != "read write" {
		t.Errorf("expires in %s with scope %q, want 14m59s, because a part of a second is over, and read write", response.ExpiresIn, response.Scope)
	}
	if s.Device != "Ada's phone" || s.ClientID != "native" || s.AccountID != w.ada.ID || s.Epoch != 42 {
		t.Errorf("session %+v, want device, client, account and epoch of the login", s)
	}
	if !strings.HasPrefix(response.RefreshToken.Reveal(), "wprt_") {
		t.Error("no refresh token came")
	}
	w.mustRefresh(response.RefreshToken)
}

func TestLoginIsRecordedWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	response := w.mustLogin()
	want := []audit.Event{{
		Name: audit.Login, Time: start, Subject: w.ada.ID.String(), SessionID: w.stored(response).ID.String(), ClientID: "native",
	}}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, secret := range []string{password, response.AccessToken.Reveal(), response.RefreshToken.Reveal(), "wprt_", "eyJ"} {
		if strings.Contains(w.trail.String(), secret) {
			t.Errorf("the audit trail tells a secret: %s", w.trail.String())
		}
	}
}

func TestEveryLoginHasItsOwnSessionAndTokens(t *testing.T) {
	w := newWorld(t)
	a, b := w.mustLogin(), w.mustLogin()
	if a.RefreshToken.Reveal() == b.RefreshToken.Reveal() || w.claims(a).ID == w.claims(b).ID || w.stored(a).ID == w.stored(b).ID {
		t.Error("two logins share a token or a session")
	}
}

func TestScopeIsWhatClientAndAccountBothHave(t *testing.T) {
	for name, test := range map[string]struct {
		client, account []string
		want            string
	}{
		"some, in the client's order": {[]string{"b", "a", "x"}, []string{"a", "b", "y"}, "b a"},
		"all":                         {[]string{"a"}, []string{"a"}, "a"},
		"nothing in common":           {[]string{"x"}, []string{"y"}, ""},
		"the client has none":         {nil, []string{"a"}, ""},
		"the account has none":        {[]string{"a"}, nil, ""},
		"part of a name is none":      {[]string{"read"}, []string{"read:all", "rea"}, ""},
		"case counts":                 {[]string{"Read"}, []string{"read"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			scopes := slices.Clone(test.client)
			w.change("native", func(c *client.Client) { c.Scopes = scopes })
			w.ada.Scopes = test.account
			w.store.SetAccount(w.ada, "")
			login := w.mustLogin()
			for which, response := range map[string]oauth.TokenResponse{"login": login, "refresh": w.mustRefresh(login.RefreshToken)} {
				if got := w.claims(response).Scope; got != test.want || response.Scope != test.want {
					t.Errorf("%s: scope %q in the token and %q in the response, want %q", which, got, response.Scope, test.want)
				}
			}
			if !slices.Equal(scopes, test.client) {
				t.Errorf("the client's own scopes became %q", scopes)
			}
		})
	}
}

func TestRolesAreEmbeddedOnlyWhereTheClientWantsThem(t *testing.T) {
	for mode, want := range map[client.RolesMode][]string{
		client.RolesEmbed: {"admin", "editor"}, client.RolesLookup: nil, "": nil,
	} {
		w := newWorld(t)
		w.change("native", func(c *client.Client) { c.Roles = mode })
		login := w.mustLogin()
		for _, response := range []oauth.TokenResponse{login, w.mustRefresh(login.RefreshToken)} {
			claims := w.claims(response)
			if diff := cmp.Diff(want, claims.Roles); diff != "" {
				t.Errorf("mode %q: roles (-want +got):\n%s", mode, diff)
			}
			if claims.RolesOmitted != (want == nil) {
				t.Errorf("mode %q: roles_omitted %t", mode, claims.RolesOmitted)
			}
		}
	}
}

func TestAudienceIsTheClientsOrElseTheServices(t *testing.T) {
	for name, test := range map[string]struct{ client, want []string }{
		"none":    {nil, []string{"https://api.example"}},
		"one":     {[]string{"https://one.example"}, []string{"https://one.example"}},
		"several": {[]string{"https://one.example", "https://two.example"}, []string{"https://one.example", "https://two.example"}},
	} {
		w := newWorld(t)
		w.change("native", func(c *client.Client) { c.Audiences = test.client })
		if diff := cmp.Diff(test.want, w.claims(w.mustLogin()).Audience); diff != "" {
			t.Errorf("%s: audience (-want +got):\n%s", name, diff)
		}
	}
}

func TestNoAccessTokenOutlivesItsSession(t *testing.T) {
	w := newWorld(t)
	w.change("native", func(c *client.Client) { c.AccessLife, c.Absolute = 15*time.Minute, 20*time.Minute })
	login := w.mustLogin()
	if login.ExpiresIn != 15*time.Minute {
		t.Errorf("expires in %s, want 15m", login.ExpiresIn)
	}
	w.clock.Advance(12*time.Minute + 400*time.Millisecond)
	refreshed := w.mustRefresh(login.RefreshToken)
	end := start.Add(20 * time.Minute)
	if got := w.claims(refreshed).Expiry; !got.Equal(end) || refreshed.ExpiresIn != 8*time.Minute-time.Second {
		t.Errorf("expires at %s, in %s, want the session's end %s, in 7m59s", got, refreshed.ExpiresIn, end)
	}
}

// All sessions end while the password is checked. The login follows: it begins with the new epoch.
func TestSessionTakesTheEpochBesideTheHash(t *testing.T) {
	w := newWorld(t)
	w.mustLogin() // reads the keys
	w.store.Before = raiseEpochBefore(w, "AccountAndLogin", 43)
	login := w.mustLogin()
	if got := w.claims(login).Login.Epoch; got != 43 {
		t.Errorf("epoch %d, want 43, as it is beside the hash", got)
	}
	w.store.Before = nil
	w.mustRefresh(login.RefreshToken)
}

func TestOnlyClientsWithSessionsLogIn(t *testing.T) {
	for _, id := range []string{"service", "no such client"} {
		w := newWorld(t)
		response, err := w.tryLogin(id, password)
		wantError(t, response, err, client.ErrWrongKind)
		w.wantCalls() // not even an attempt is counted
		w.wantEvents()
	}
	for _, id := range []string{"native", "browser"} {
		w := newWorld(t)
		if response, err := w.tryLogin(id, password); err != nil || response.RefreshToken.IsZero() {
			t.Errorf("%s: %v, want both tokens", id, err)
		}
	}
}

func TestSiteIsGivenAHandleAndNoToken(t *testing.T) {
	w := newWorld(t)
	issued, err := w.login.Grant(t.Context(), grant.LoginRequest{
		At: here, Client: w.clients["site"], Username: "ada", Password: oauth.NewSecret(password), Network: network,
	})
	if err != nil || !issued.Tokens.AccessToken.IsZero() || !issued.Tokens.RefreshToken.IsZero() {
		t.Fatalf("error %v; a token came: %+v", err, issued.Tokens)
	}
	h, err := session.ParseHandle(issued.Handle)
	stored, found := w.store.GetSession(issued.Session.ID)
	if err != nil || !found || !h.Opens(stored) || h.CSRFToken().Reveal() != issued.Tokens.CSRFToken.Reveal() {
		t.Errorf("error %v; the handle opens the stored session: %t", err, h.Opens(stored))
	}
	if issued.Tokens.ExpiresIn != 24*time.Hour || issued.Tokens.Scope != "read write" {
		t.Errorf("expires in %v, scope %q", issued.Tokens.ExpiresIn, issued.Tokens.Scope)
	}
	w.wantEvents(audit.Login)
}

func TestLoginOfABrowserLastsLongerWhenItIsRemembered(t *testing.T) {
	for remember, want := range map[bool]time.Duration{false: 24 * time.Hour, true: 30 * 24 * time.Hour} {
		w := newWorld(t)
		issued, err := w.login.Grant(t.Context(), grant.LoginRequest{
			At: here, Client: w.clients["browser"], Username: "ada", Password: oauth.NewSecret(password), Network: network, Remember: remember,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := issued.Session.Expiry.Sub(start); got != want {
			t.Errorf("remembered %t: the session lasts %s, want %s", remember, got, want)
		}
		if diff := cmp.Diff(w.stored(issued.Tokens), issued.Session); diff != "" || issued.Client.ID != "browser" {
			t.Errorf("client %q and session of the answer (-stored +got):\n%s", issued.Client.ID, diff)
		}
	}
}

func TestWarmLoginTakesTwoRoundTrips(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	w.store.ForgetCalls()
	first := hooks.Meet(patience, "Take", "Take", "LoginName")
	second := hooks.Meet(patience, "Create", "Clear", "Clear", "Refund")
	w.store.Before = both(first, second)
	w.mustLogin()
	w.wantCalls("Take", "Take", "Take", "LoginName", "AccountAndLogin", "Create", "Clear", "Clear", "Refund")
}

func TestKeysThatAreDueAreReadBesideTheAttempts(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	w.clock.Advance(time.Minute)
	w.store.Before = hooks.Meet(patience, "Take", "Take", "LoginName", "ReadPart", "ReadPart")
	w.mustLogin()
}

func TestFirstLoginCreatesTheKeyring(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	item, err := w.store.ReadPart(t.Context(), keyring.Public)
	if err != nil || item.Version != 1 {
		t.Errorf("keyring version %d, error %v, want 1", item.Version, err)
	}
}

func TestLoginOfAnUnknownUsernameFailsLikeAWrongPassword(t *testing.T) {
	w := newWorld(t)
	w.failLogin("nobody")
	w.wantEvents(audit.LoginFailed)
}
