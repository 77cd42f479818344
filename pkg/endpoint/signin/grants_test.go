package signin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/session"
)

var listGrants = deployment.Request{Route: "GET /grants"}

func takeBack(clientID string) deployment.Request {
	return deployment.Request{Route: "DELETE /grants/{client}", Path: map[string]string{"client": clientID}}
}

// allowing returns a browser at which ada has allowed the client "third" something, and the answer to the form.
func (w world) allowing() (*deployment.Visitor, deployment.Page) {
	w.t.Helper()
	v := w.Visitor()
	form := v.SignIn(thirdParty("prompt", "consent")).Form()
	form.Set("decision", "allow")
	return v, v.Post("/consent", form)
}

func (w world) exchangeThird(code string) deployment.Answer {
	return w.Do(deployment.Exchange("third", partnerCallback, code))
}

func refreshThird(a deployment.Answer) deployment.Request {
	return deployment.Form("POST /token", "grant_type=refresh_token&client_id=third&refresh_token="+a.RefreshToken)
}

// events counts the events of a name in the trail.
func (w world) events(name string) int { return strings.Count(w.Trail(), `"event":"`+name+`"`) }

func TestWhatIsTakenBackEndsAndIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	wantList := func(what, grants string) {
		t.Helper()
		got := w.As(own.AccessToken, listGrants)
		if w.Want(what, got, 200, ""); got.Body != `{"grants":[`+grants+`]}` {
			t.Errorf("%s: %s, want %s", what, got.Body, grants)
		}
	}
	wantList("before", "")
	v, page := w.allowing()
	tokens := w.exchangeThird(deployment.CodeOf(page.To()))
	w.Want("exchange", tokens, 200, "")
	waiting := deployment.CodeOf(v.Open("/authorize", thirdParty()).To())
	wantList("after", fmt.Sprintf(`{"id":"third","client_id":"third","scopes":["openid","profile"],"given_at":%d}`, w.Clock.Now().Unix()))

	w.Want("take back", w.As(own.AccessToken, takeBack("third")), 200, "")
	wantList("taken back", "")
	w.Want("its refresh token", w.Do(refreshThird(tokens)), 400, "invalid_grant")
	if got := w.As(tokens.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 403 {
		t.Errorf("its access token: %d, want 403", got.StatusCode)
	}
	w.Want("its code", w.exchangeThird(waiting), 400, "invalid_grant")
	w.wantError("without a page", v.Open("/authorize", thirdParty("prompt", "none")), partnerCallback, "consent_required")
	w.want("with one", v.Open("/authorize", thirdParty()), 200, "third asks for access")
	w.Want("the person's own application", w.As(own.AccessToken, deployment.Request{Route: "GET /userinfo"}), 200, "")
	want := fmt.Sprintf(`"actor":"person","sub":"%s","sid":"%s","client_id":"third"`, deployment.AccountID, own.SessionID())
	if !strings.Contains(w.Trail(), want) || !strings.Contains(w.Trail(), `"count":2`) || w.events("consent_taken") != 1 {
		t.Errorf("no event consent_taken of two sessions with %s:\n%s", want, w.Trail())
	}
	w.Want("again", w.As(own.AccessToken, takeBack("third")), 200, "")

	_, page = w.allowing()
	w.Want("allowed anew", w.exchangeThird(deployment.CodeOf(page.To())), 200, "")
}

// What a request does not name exactly, and what is another person's, stays as it is.
func TestTakingBackHarmsNothingElse(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	_, page := w.allowing()
	tokens := w.exchangeThird(deployment.CodeOf(page.To()))
	other := consent.Consent{AccountID: uuid.New(), ClientID: "third", Scopes: []string{"openid"}, Given: deployment.Start}
	if err := w.Store.PutConsent(t.Context(), consent.Consent{}, other); err != nil {
		t.Fatal(err)
	}
	before := w.Store.Sessions()
	for _, id := range []string{"", "Third", "third ", "third/", "third,app", "%74hird", "*", "app", "wavepass", "nobody", "third\x00", "CONSENT#third", strings.Repeat("t", 3000), "\xff"} {
		w.Store.ForgetCalls()
		w.Want(fmt.Sprintf("%.40q", id), w.As(own.AccessToken, takeBack(id)), 404, "not_found")
		if asked := slices.Contains(w.Store.Calls(), "Consent"); asked != client.ValidID(id) {
			t.Errorf("%.40q: the table was asked: %v; a key has its limits", id, asked)
		}
	}
	for what, got := range map[string]deployment.Answer{
		"by the third party":        w.As(tokens.AccessToken, takeBack("third")),
		"its list":                  w.As(tokens.AccessToken, listGrants),
		"a body in place of a path": w.As(own.AccessToken, deployment.Request{Route: "DELETE /grants/{client}", Path: map[string]string{"client": "nobody"}, Body: `{"client":"third"}`}),
	} {
		if got.StatusCode < 400 || got.StatusCode >= 500 {
			t.Errorf("%s: %d %s", what, got.StatusCode, got.Body)
		}
	}
	if diff := cmp.Diff(before, w.Store.Sessions()); diff != "" || len(w.Store.Log()) > 0 || w.events("consent_taken") > 0 {
		t.Errorf("something has ended: log %v\n%s", w.Store.Log(), diff)
	}
	w.Want("the right one", w.As(own.AccessToken, takeBack("third")), 200, "")
	if _, err := w.Store.Consent(t.Context(), other.AccountID, "third"); err != nil {
		t.Errorf("another person's consent: %v", err)
	}
}

// A code that is offered while the consent is taken back is not among the sessions that end.
func TestCodeThatIsOfferedWhileConsentIsTakenBackIsNotGood(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	v, _ := w.allowing()
	offered := false
	// The request has read the consent, and stores its session when all others have been ended.
	w.Store.Before = func(ctx context.Context, method string) error {
		if method == "Create" && !offered {
			offered = true
			w.Want("take back", w.As(own.AccessToken, takeBack("third")), 200, "")
		}
		return nil
	}
	code := deployment.CodeOf(v.Open("/authorize", thirdParty("prompt", "none")).To())
	w.Store.Before = nil
	if code == "" || !offered {
		t.Fatal("no code was offered")
	}
	got := w.exchangeThird(code)
	w.Want("the code", got, 400, "invalid_grant")
	if !strings.Contains(got.Description, "taken back") || got.RefreshToken != "" {
		t.Errorf("the answer is %s", got.Body)
	}
	for _, s := range w.Store.Sessions() {
		if s.ClientID == "third" && s.RevokedAt.IsZero() {
			t.Errorf("session %s of the third party lives on", s.ID)
		}
	}
}

// While it cannot be read what is allowed, a code is kept for the next try.
func TestConsentThatCannotBeReadCostsNoCode(t *testing.T) {
	w := newWorld(t)
	_, page := w.allowing()
	code := deployment.CodeOf(page.To())
	w.Store.Before = hooks.Fail("Consent")
	w.Want("exchange", w.exchangeThird(code), 503, "temporarily_unavailable")
	w.Store.Before = nil
	w.Want("again", w.exchangeThird(code), 200, "")
}

// A consent to less does not make a code good that was offered for more.
func TestCodeIsHeldToWhatIsAllowedNow(t *testing.T) {
	w := newWorld(t)
	_, page := w.allowing()
	less := consent.Consent{AccountID: deployment.AccountID, ClientID: "third", Scopes: []string{"openid"}, Given: w.Clock.Now()}
	given, err := w.Store.Consent(t.Context(), less.AccountID, less.ClientID)
	if err := errors.Join(err, w.Store.PutConsent(t.Context(), given, less)); err != nil {
		t.Fatal(err)
	}
	w.Want("the code", w.exchangeThird(deployment.CodeOf(page.To())), 400, "invalid_grant")
}

// A refresh that is on its way when everything is taken back leaves nothing that is good, whichever of both is first.
func TestRefreshInFlightDoesNotOutliveTheConsent(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		w := newWorld(t)
		own := w.Login("app")
		_, page := w.allowing()
		tokens := w.exchangeThird(deployment.CodeOf(page.To()))
		taken := hooks.Once("Rotate", func(context.Context) error {
			w.Want("take back", w.As(own.AccessToken, takeBack("third")), 200, "")
			return nil
		})
		if when == "before" {
			w.Store.Before = taken
		} else {
			w.Store.After = taken
		}
		got := w.Do(refreshThird(tokens))
		w.Store.Before, w.Store.After = nil, nil
		if when == "before" {
			w.Want("the refresh", got, 400, "invalid_grant")
			continue
		}
		w.Want("the refresh that was first", got, 200, "")
		w.Want("its token", w.Do(refreshThird(got)), 400, "invalid_grant")
		if got := w.As(got.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 403 {
			t.Errorf("its access token: %d, want 403", got.StatusCode)
		}
	}
}

// Many requests at once end each session once.
func TestTakingBackAtOnce(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	_, page := w.allowing()
	first, _ := w.Store.GetSession(w.exchangeThird(deployment.CodeOf(page.To())).SessionID())
	for range 250 { // three pages
		s := first
		s.ID = uuid.Must(uuid.NewV7())
		w.Store.SetSession(s)
	}
	answers := make([]deployment.Answer, 5)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.As(own.AccessToken, takeBack("third")) })
	}
	wg.Wait()
	for _, got := range answers {
		w.Want("take back", got, 200, "")
	}
	for _, s := range w.Store.Sessions() {
		if s.ClientID == "third" && (s.RevokedAt.IsZero() || s.Reason != session.ReasonEnded) {
			t.Fatalf("a session lives on, or ended because of %q", s.Reason)
		}
	}
	if n := len(w.Store.Log()); n != 251 {
		t.Errorf("%d entries in the log, want one for each of 251 sessions", n)
	}
}

func TestGrantsInAnOutage(t *testing.T) {
	for _, tc := range []struct {
		what    string
		r       deployment.Request
		methods []string
	}{
		{"list", listGrants, []string{"Session", "Account", "Client", "Consents"}},
		{"take back", takeBack("third"), []string{"Session", "Account", "Client", "Consent", "TakeBackConsent", "SessionsOf", "Revoke"}},
	} {
		for _, method := range tc.methods {
			for _, when := range []string{"before", "after"} {
				w := newWorld(t)
				own := w.Login("app")
				_, page := w.allowing()
				tokens := w.exchangeThird(deployment.CodeOf(page.To()))
				r := tc.r
				r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app", "scope": "account"}
				w.restart()
				if w.Store.Before = hooks.Fail(method); when == "after" {
					w.Store.Before, w.Store.After = nil, hooks.Fail(method)
				}
				name := fmt.Sprintf("%s, fault %s %s", tc.what, when, method)
				got := w.Do(r)
				if w.Want(name, got, 503, "temporarily_unavailable"); got.Headers["Retry-After"] == "" {
					t.Errorf("%s: no Retry-After", name)
				}
				w.Store.Before, w.Store.After = nil, nil
				w.Want(name+", again", w.Do(r), 200, "")
				if tc.what == "take back" {
					w.Want(name+": its session", w.Do(refreshThird(tokens)), 400, "invalid_grant")
				}
			}
		}
	}
}

// A consent to a client of before, or to one that is gone, is none; it can still be taken back.
func TestGrantsOfClientsThatAreGone(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	for _, id := range []string{"third", "gone"} {
		c := consent.Consent{AccountID: deployment.AccountID, ClientID: id, Scopes: []string{"openid"}, Given: w.Clock.Now()}
		if err := w.Store.PutConsent(t.Context(), consent.Consent{}, c); err != nil {
			t.Fatal(err)
		}
	}
	w.register("third", func(c *client.Client) {
		c.Redirects, c.FirstParty, c.Since, c.Revision = []string{partnerCallback}, false, w.Clock.Now().Add(time.Minute), 1
	})
	w.restart()
	if got := w.As(own.AccessToken, listGrants); got.Body != `{"grants":[]}` {
		t.Errorf("list: %s", got.Body)
	}
	w.Want("take back", w.As(own.AccessToken, takeBack("gone")), 200, "")
	if left, err := w.Store.Consents(t.Context(), deployment.AccountID); err != nil || len(left) != 1 {
		t.Errorf("%v, %v are left, want the other one", left, err)
	}
}

// Session, account and list are read side by side; then the consent goes, and only then is it seen what ends.
func TestRoundTripsOfGrants(t *testing.T) {
	w := newWorld(t)
	own := w.Login("app")
	_, page := w.allowing()
	w.exchangeThird(deployment.CodeOf(page.To()))
	w.Want("warm", w.As(own.AccessToken, listGrants), 200, "")
	for _, tc := range []struct {
		r       deployment.Request
		at, all []string
	}{
		{listGrants, []string{"Account", "Consents", "Session"}, []string{"Account", "Consents", "Session"}},
		{takeBack("third"), []string{"Account", "Consent", "Session"}, []string{"Account", "Consent", "Revoke", "Session", "SessionsOf", "TakeBackConsent"}},
	} {
		w.Store.ForgetCalls()
		w.Store.Before = hooks.Meet(10*time.Second, tc.at...)
		r := tc.r
		r.Caller = map[string]any{"sub": deployment.AccountID.String(), "sid": own.SessionID().String(), "client_id": "app", "scope": "account"}
		w.Want(r.Route, w.Do(r), 200, "")
		w.Store.Before = nil
		if got := w.Store.Calls(); !slices.Equal(got, tc.all) {
			t.Errorf("%s: calls %q, want %q", r.Route, got, tc.all)
		}
	}
}

// TestConsentUndoesNothingThatIsDecidedMeanwhile: in another tab, between reading what is allowed and storing what is allowed now.
func TestConsentUndoesNothingThatIsDecidedMeanwhile(t *testing.T) {
	w := newWorld(t)
	v := w.Visitor()
	v.SignIn(thirdParty("scope", "openid"))
	old := v.Open("/authorize", thirdParty("scope", "openid profile")).Form()
	old.Set("decision", "allow")
	between := func() {
		more := consent.Consent{AccountID: deployment.AccountID, ClientID: "third", Scopes: []string{"openid", "orders:read"}, Given: w.Clock.Now()}
		if err := w.Store.PutConsent(t.Context(), consent.Consent{}, more); err != nil {
			t.Error(err)
		}
	}
	w.Store.Before = func(_ context.Context, method string) error {
		if method == "PutConsent" && between != nil {
			decide := between
			between = nil
			decide()
		}
		return nil
	}
	page := v.Post("/consent", old)
	w.Store.Before = nil
	if got, err := w.Store.Consent(t.Context(), deployment.AccountID, "third"); err != nil || !slices.Equal(got.Scopes, []string{"openid", "orders:read"}) {
		t.Errorf("%+v, %v: the other tab's decision was undone", got, err)
	}
	w.want("asked again", v.Follow(page), 200, `action="/consent"`)
}
