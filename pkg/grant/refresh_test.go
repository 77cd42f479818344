package grant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestRefreshIssuesBothTokensOfTheSameSession(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	before := w.claims(login)
	w.clock.Advance(10*time.Minute + 300*time.Millisecond)
	w.ada.Roles, w.ada.Scopes = []string{"viewer"}, []string{"read"} // as they are now, not as they were
	w.store.SetAccount(w.ada, "")

	issued, err := w.refresh.Grant(t.Context(), grant.RefreshRequest{
		At: here, Client: w.clients["native"], RefreshToken: login.RefreshToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.claims(issued.Tokens)
	want := before
	want.ID, want.Roles, want.Scope = got.ID, []string{"viewer"}, "read"
	want.IssuedAt, want.Expiry = start.Add(10*time.Minute), start.Add(25*time.Minute)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if got.ID == before.ID || issued.Tokens.AccessToken.Reveal() == login.AccessToken.Reveal() {
		t.Error("the access token is the old one")
	}
	if issued.Tokens.RefreshToken.Reveal() == login.RefreshToken.Reveal() {
		t.Error("the refresh token is the old one")
	}
	if issued.Tokens.ExpiresIn != 15*time.Minute-time.Second || issued.Tokens.Scope != "read" {
		t.Errorf("expires in %s with scope %q, want 14m59s and read", issued.Tokens.ExpiresIn, issued.Tokens.Scope)
	}
	if diff := cmp.Diff(w.stored(issued.Tokens), issued.Session); diff != "" || issued.Client.ID != "native" {
		t.Errorf("client %q and session of the answer (-stored +got):\n%s", issued.Client.ID, diff)
	}
	w.wantEvents(audit.Login, audit.Refresh)
}

func TestRetriedRefreshGetsTheSameRefreshTokenAndANewAccessToken(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	a, b := w.mustRefresh(login.RefreshToken), w.mustRefresh(login.RefreshToken)
	if a.RefreshToken.Reveal() != b.RefreshToken.Reveal() {
		t.Error("the retry got another refresh token")
	}
	if w.claims(a).ID == w.claims(b).ID {
		t.Error("the retry got the same access token")
	}
	w.wantEvents(audit.Login, audit.Refresh, audit.RaceReplay)
}

func TestRefreshChainGoesOnUntilTheAbsoluteExpiry(t *testing.T) {
	w := newWorld(t)
	w.change("native", func(c *client.Client) { c.Absolute = time.Hour })
	response := w.mustLogin()
	for range 5 {
		w.clock.Advance(10 * time.Minute)
		response = w.mustRefresh(response.RefreshToken)
	}
	w.clock.Advance(9*time.Minute + 59*time.Second)
	response = w.mustRefresh(response.RefreshToken)
	if response.ExpiresIn != time.Second {
		t.Errorf("the last access token lives %s, want the session's last second", response.ExpiresIn)
	}
	w.clock.Advance(time.Second)
	response, err := w.tryRefresh("native", response.RefreshToken)
	wantRefused(t, response, err)
}

func TestOnlyClientsThatHoldRefreshTokensRefresh(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.store.ForgetCalls()
	for _, id := range []string{"site", "service", "no such client"} {
		response, err := w.tryRefresh(id, login.RefreshToken)
		wantError(t, response, err, client.ErrWrongKind)
	}
	w.wantCalls()
	w.mustRefresh(login.RefreshToken)
}

func TestRefreshTokenOfAnotherClientIsRefusedAndUnharmed(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	for _, id := range []string{"other", "browser"} {
		response, err := w.tryRefresh(id, login.RefreshToken)
		wantRefused(t, response, err)
	}
	w.mustRefresh(login.RefreshToken)
}

func TestTextThatIsNoRefreshTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.store.ForgetCalls()
	text := login.RefreshToken.Reveal()
	for name, presented := range map[string]string{
		"empty": "", "text": "canary", "an access token": login.AccessToken.Reveal(), "prefix": "wprt_",
		"changed": strings.Replace(text, text[40:41], "~", 1), "padded": text + "=", "twice": text + text,
	} {
		t.Run(name, func(t *testing.T) {
			response, err := w.tryRefresh("native", oauth.NewSecret(presented))
			wantRefused(t, response, err)
		})
	}
	w.wantCalls()
}

func TestWarmRefreshTakesOneRoundTrip(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.store.ForgetCalls()
	w.store.Before = hooks.Meet(patience, "Rotate", "Account")
	w.mustRefresh(login.RefreshToken)
	w.wantCalls("Rotate", "Account")
}

func TestKeysThatAreDueAreReadBesideTheRotation(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.clock.Advance(time.Minute)
	w.store.ForgetCalls()
	w.store.Before = hooks.Meet(patience, "Rotate", "Account", "ReadPart", "ReadPart")
	w.mustRefresh(login.RefreshToken)
	w.wantCalls("Rotate", "Account", "ReadPart", "ReadPart")
}

func TestWithoutKeysNothingIsWritten(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"unreadable": func(w *world) { w.store.Before = hooks.Fail("ReadPart") },
		"signing":    func(w *world) { w.sealer.refuse(keyring.Signing) },
		"MAC":        func(w *world) { w.sealer.refuse(keyring.Refresh) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			w.wire() // a new process, which holds no keys
			w.trail.Reset()
			fail(w)
			response, err := w.tryRefresh("native", login.RefreshToken)
			wantError(t, response, err, oauth.ErrUnavailable)
			if n := w.store.Count("Rotate"); n != 0 {
				t.Errorf("%d rotations, want none", n)
			}
			w.wantEvents()
			w.store.Before = nil
			w.sealer.refuse("")
			w.mustRefresh(login.RefreshToken)
		})
	}
}

func TestRefreshThatFailsOnAFaultCanBeRetried(t *testing.T) {
	for _, method := range []string{"Rotate", "Account"} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			w.clock.Advance(2 * time.Minute) // keys are held, but due
			w.store.Before = hooks.Fail(method)
			response, err := w.tryRefresh("native", login.RefreshToken)
			wantError(t, response, err, oauth.ErrUnavailable)
			w.store.Before = nil
			w.clock.Advance(10 * time.Second)
			w.mustRefresh(w.mustRefresh(login.RefreshToken).RefreshToken)
		})
	}
}

// The rotation is written already when the keys turn out not to be readable: the next token must arrive.
func TestKeysThatFailBesideTheRotationCostNobodyHisSession(t *testing.T) {
	w := newWorld(t)
	first, second := w.mustLogin(), w.mustLogin()
	w.clock.Advance(2 * time.Minute) // keys are held, but due
	w.store.Before = hooks.Fail("ReadPart")
	fresh := w.mustRefresh(first.RefreshToken)
	// From now on nothing is written until the keys can be read.
	w.store.ForgetCalls()
	for range 3 {
		response, err := w.tryRefresh("native", second.RefreshToken)
		wantError(t, response, err, oauth.ErrUnavailable)
		w.clock.Advance(time.Hour)
	}
	if n := w.store.Count("Rotate"); n != 0 {
		t.Errorf("%d rotations during the outage, want none", n)
	}
	w.store.Before = nil
	w.mustRefresh(fresh.RefreshToken)
	w.mustRefresh(second.RefreshToken)
}

func TestReuseKillsTheSession(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	newest := w.mustRefresh(w.mustRefresh(login.RefreshToken).RefreshToken)
	response, err := w.tryRefresh("native", login.RefreshToken)
	wantRefused(t, response, err)
	response, err = w.tryRefresh("native", newest.RefreshToken)
	wantRefused(t, response, err)
	w.wantDenied(newest)
	w.wantEvents(audit.Login, audit.Refresh, audit.Refresh, audit.ReuseDetected, audit.RefreshRefused)
}

// Nothing that can fail comes after the rotation: roles that do not fit are left out, and the session goes on.
func TestRolesThatDoNotFitIntoATokenAreLeftOut(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	w.ada.Roles = []string{strings.Repeat("r", 2000)}
	w.store.SetAccount(w.ada, "")
	response := w.mustRefresh(login.RefreshToken)
	if claims := w.claims(response); !claims.RolesOmitted || len(claims.Roles) != 0 {
		t.Errorf("claims %+v, want roles_omitted in place of the roles", claims)
	}
	w.wantEvents(audit.Login, audit.Refresh, audit.RolesOmitted)
	w.ada.Roles = []string{"admin"}
	w.store.SetAccount(w.ada, "")
	if claims := w.claims(w.mustRefresh(response.RefreshToken)); claims.RolesOmitted || len(claims.Roles) != 1 {
		t.Errorf("claims %+v after the repair, want the role", claims)
	}
}
