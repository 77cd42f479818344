package password_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/operate"
)

const newPassword = "another-canary-wave"

func changeRequest(current, next string) deployment.Request {
	return deployment.JSON("POST /password", `{"current_password":"`+current+`","new_password":"`+next+`"}`)
}

func login(d *deployment.Deployment, password string) deployment.Answer {
	return d.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"ada","password":"`+password+`"}`))
}

func refreshRequest(who deployment.Answer) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+who.RefreshToken+`"}`)
}

// caller is the session of a login, as an authorizer hands it on.
func caller(who deployment.Answer) map[string]any {
	return map[string]any{"sub": deployment.AccountID.String(), "sid": who.SessionID().String(), "client_id": "app", "scope": "account"}
}

// The caller's own session ends too: somebody may hold a copy of its refresh token.
func TestChangeEndsEverySessionAndBeginsANewOne(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, other := d.Login("app"), d.Login("app")
	d.Clock.Advance(5 * time.Minute)
	got := d.As(own.AccessToken, changeRequest(deployment.Password, newPassword))
	d.Want("change", got, 200, "")

	d.Want("login with the old password", login(d, deployment.Password), 401, "invalid_credentials")
	d.Want("login with the new one", login(d, newPassword), 200, "")
	for name, who := range map[string]deployment.Answer{"the other session": other, "a copy of the caller's": own} {
		refused := d.Do(refreshRequest(who))
		d.Want(name, refused, 400, "invalid_grant")
		if !strings.Contains(refused.Body, `"reason":"password_changed"`) {
			t.Errorf("%s: %s, want the reason", name, refused.Body)
		}
		d.Want(name+": access token", d.As(who.AccessToken, deployment.Request{Route: "GET /sessions"}), 403, "")
	}
	if got.SessionID() == own.SessionID() || got.RefreshToken == "" {
		t.Errorf("session %s and refresh token %q, want new ones", got.SessionID(), got.RefreshToken)
	}
	s, _ := d.Store.GetSession(got.SessionID())
	if !s.AuthTime.Equal(d.Clock.Now()) || !s.Expiry.Equal(d.Clock.Now().Add(client.DefaultAbsoluteLife)) {
		t.Errorf("the session was begun by a login at %s and ends at %s, want now and a whole life", s.AuthTime, s.Expiry)
	}
	d.Want("the new access token", d.As(got.AccessToken, deployment.Request{Route: "GET /sessions"}), 200, "")
	d.Want("the new refresh token", d.Do(refreshRequest(got)), 200, "")

	trail := d.Trail()
	if n := strings.Count(trail, `"event":"password_changed"`); n != 1 || !strings.Contains(trail, `"by_sid":"`+own.SessionID().String()) {
		t.Errorf("%d events password_changed, want 1 that names the caller's session:\n%s", n, trail)
	}
	if both := trail + d.Log(); strings.Contains(both, deployment.Password) || strings.Contains(both, newPassword) {
		t.Errorf("a password is in the log:\n%s", both)
	}
}

// The new session is like the one before: remembered, and its refresh token travels in the cookie.
func TestChangeAnswersByTheClientsTransport(t *testing.T) {
	for _, remember := range []string{"true", "false"} {
		d := deployment.New(t, browser.Jar{})
		own := d.Do(deployment.JSON("POST /login", `{"client_id":"web","username":"ada","password":"`+deployment.Password+`","device_name":"laptop","remember":`+remember+`}`).From(deployment.Origin))
		d.Want("login", own, 200, "")
		got := d.As(own.AccessToken, changeRequest(deployment.Password, newPassword))
		d.Want("change", got, 200, "")
		if got.RefreshToken != "" || got.AccessToken == "" || len(got.Cookies) == 0 {
			t.Fatalf("refresh token %q and cookies %q, want it in a cookie", got.RefreshToken, got.Cookies)
		}
		if before, after := strings.Contains(strings.Join(own.Cookies, "\n"), "Max-Age=2592000"), strings.Contains(strings.Join(got.Cookies, "\n"), "Max-Age=2592000"); before != after {
			t.Errorf("remember %s: the cookie was kept %t and is kept %t", remember, before, after)
		}
		s, _ := d.Store.GetSession(got.SessionID())
		if s.Device != "laptop" || s.ClientID != "web" {
			t.Errorf("session of %q at %q, want laptop and web", s.Device, s.ClientID)
		}
		refresh := func(who deployment.Answer) deployment.Request {
			return deployment.JSON("POST /refresh", `{"client_id":"web"}`).From(deployment.Origin).Cookie(who.CookiePair())
		}
		d.Want("a copy of the old cookie", d.Do(refresh(own)), 400, "invalid_grant")
		d.Want("the new cookie", d.Do(refresh(got)), 200, "")
	}
}

func TestWrongCurrentPasswordChangesNothingAndIsCounted(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own, other := d.Login("app"), d.Login("app")
	for range account.DefaultLimits.Account.Count {
		got := d.As(own.AccessToken, changeRequest("wrong-canary-wave", newPassword))
		d.Want("wrong", got, 401, "invalid_credentials")
		deployment.CheckShape(t, got)
	}
	limited := d.As(own.AccessToken, changeRequest(deployment.Password, newPassword))
	d.Want("one too many", limited, 429, "too_many_attempts")
	if limited.Headers["Retry-After"] == "" {
		t.Error("429 does not say when to come back")
	}
	// Guesses here are guesses at the login, and the reverse.
	d.Want("login", login(d, deployment.Password), 429, "too_many_attempts")
	d.Clock.Advance(account.DefaultLimits.Account.Window)
	d.Want("login, later", login(d, deployment.Password), 200, "")
	for _, who := range []deployment.Answer{own, other} {
		d.Want("refresh", d.Do(refreshRequest(who)), 200, "")
	}
	for event, want := range map[string]int{"password_failed": account.DefaultLimits.Account.Count, "password_limited": 1, "password_changed": 0} {
		if got := strings.Count(d.Trail(), `"event":"`+event+`"`); got != want {
			t.Errorf("%d events %s, want %d", got, event, want)
		}
	}
}

func TestSuccessGivesTheAttemptBack(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	d.Want("wrong", d.As(own.AccessToken, changeRequest("wrong-canary-wave", newPassword)), 401, "invalid_credentials")
	d.Want("right", d.As(own.AccessToken, changeRequest(deployment.Password, newPassword)), 200, "")
	if a, n := d.Store.Attempts("account"), d.Store.Attempts("network"); a != 0 || n != 1 {
		t.Errorf("%d attempts of the account and %d of the network are counted, want 0 and the failed one", a, n)
	}
}

func TestRequestThatCannotBeMeantCostsNoAttempt(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for name, r := range map[string]deployment.Request{
		"no current":        deployment.JSON("POST /password", `{"new_password":"`+newPassword+`"}`),
		"no new":            deployment.JSON("POST /password", `{"current_password":"`+deployment.Password+`"}`),
		"empty":             changeRequest("", ""),
		"7 characters":      changeRequest(deployment.Password, "1234567"),
		"257 characters":    changeRequest(deployment.Password, strings.Repeat("x", 257)),
		"control character": changeRequest(deployment.Password, `canary\u0000canary`),
		"twice":             deployment.JSON("POST /password", `{"current_password":"a","new_password":"b","new_password":"c"}`),
		"wrong type":        deployment.JSON("POST /password", `{"current_password":"a","new_password":["b"]}`),
		"not JSON":          deployment.JSON("POST /password", `current_password=a`),
		"too long":          changeRequest(deployment.Password, strings.Repeat("x", 16<<10)),
	} {
		got := d.As(own.AccessToken, r)
		d.Want(name, got, 400, "invalid_request")
		deployment.CheckShape(t, got)
	}
	d.Want("form", d.As(own.AccessToken, deployment.Form("POST /password", "current_password=a&new_password=b")), 415, "invalid_request")
	if n := d.Store.Attempts("account"); n != 0 || len(d.Store.Log()) > 0 {
		t.Errorf("%d attempts are counted, log %v; want nothing", n, d.Store.Log())
	}
	d.Want("login", login(d, deployment.Password), 200, "")
}

func TestWhoHasNoLivingSessionChangesNothing(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	r := changeRequest(deployment.Password, newPassword)
	d.Want("without an authorizer", d.Do(r), 401, "invalid_token")
	r.Caller = map[string]any{"sub": "partner", "client_id": "partner"}
	d.Want("a client", d.Do(r), 403, "access_denied")
	stored, _ := d.Store.GetSession(own.SessionID())
	stored.RevokedAt = deployment.Start
	d.Store.SetSession(stored)
	d.Want("an ended session", d.As(own.AccessToken, r), 401, "invalid_token")
	if n := d.Store.Attempts("account"); n != 0 {
		t.Errorf("%d attempts are counted, want none", n)
	}
	d.Want("login", login(d, deployment.Password), 200, "")
}

// The name of a deleted account may have been registered again by the time that its last token expires.
func TestNameOfADeletedAccountLeadsNobodyToItsSuccessor(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	a, _ := d.Store.Account(d.Context(), deployment.AccountID)
	successor := a
	successor.ID[15]++
	l, _ := d.Store.LoginName(d.Context(), a.Username)
	d.Store.SetAccount(successor, l.Hash)
	before := d.Store.Log()
	r := changeRequest(deployment.Password, newPassword)
	r.Caller = caller(own)
	d.Want("change", d.Do(r), 401, "invalid_token")
	if diff := cmp.Diff(before, d.Store.Log()); diff != "" {
		t.Errorf("log (-before +after)\n%s", diff)
	}
	d.Want("login to the successor", login(d, deployment.Password), 200, "")
}

// addressed gives ada an address.
func addressed(d *deployment.Deployment) {
	a, _ := d.Store.Account(d.Context(), deployment.AccountID)
	l, _ := d.Store.LoginName(d.Context(), a.Username)
	a.Email = account.Email{Address: "ada@example.com", VerifiedAt: deployment.Start}
	d.Store.SetAccount(a, l.Hash)
}

func TestOwnerIsToldByMailOfAChange(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	d.Want("change without an address", d.As(d.Login("app").AccessToken, changeRequest(deployment.Password, newPassword)), 200, "")
	if placed := d.Store.OrdersPlaced(); len(placed) > 0 {
		t.Errorf("%+v is ordered for nobody", placed)
	}
	addressed(d)
	d.Clock.Advance(5 * time.Minute)
	own := login(d, newPassword)
	d.Want("wrong", d.As(own.AccessToken, changeRequest("wrong-canary-wave", newPassword)), 401, "invalid_credentials")
	d.Want("a long language", d.As(own.AccessToken, deployment.JSON("POST /password",
		`{"current_password":"`+newPassword+`","new_password":"`+newPassword+`","language":"`+strings.Repeat("x", 36)+`"}`)), 400, "invalid_request")
	if placed := d.Store.OrdersPlaced(); len(placed) > 0 {
		t.Errorf("%+v is ordered though nothing has changed", placed)
	}
	d.Want("change", d.As(own.AccessToken, changeRequest(newPassword, deployment.Password).With("accept-language", "de-AT,de;q=0.9")), 200, "")
	want := mail.Order{Purpose: mail.PasswordChanged, Account: deployment.AccountID, Address: "ada@example.com", Language: "de-AT", Client: "app", At: d.Clock.Now()}
	placed := d.Store.OrdersPlaced()
	if len(placed) != 1 {
		t.Fatalf("orders %+v, want one", placed)
	}
	want.ID = placed[0].ID
	if diff := cmp.Diff(want, placed[0]); diff != "" {
		t.Errorf("order (-want +got)\n%s", diff)
	}
	d.Clock.Advance(5 * time.Minute)
	again := deployment.JSON("POST /password", `{"current_password":"`+deployment.Password+`","new_password":"`+newPassword+`","language":"en"}`)
	d.Want("change, long header", d.As(login(d, deployment.Password).AccessToken, again.With("accept-language", strings.Repeat("x", 99))), 200, "")
	if placed = d.Store.OrdersPlaced(); len(placed) != 2 || placed[1].Language != "en" {
		t.Errorf("orders %+v, want another in English", placed)
	}
}

func TestNameOfAnAccountThatIsDeletedMeanwhileIsHashedInTheEvent(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	d.Store.Before = func(ctx context.Context, called string) error {
		if called == "LoginName" {
			d.Store.Before = nil
			return operate.New(d.Store, audit.NewTrail(io.Discard, d.Clock.Now), d.Clock.Now).Delete(ctx, deployment.AccountID)
		}
		return nil
	}
	r := changeRequest(deployment.Password, newPassword)
	r.Caller = caller(own)
	d.Want("change", d.Do(r), 401, "invalid_credentials")
	if !strings.Contains(d.Trail(), `"event":"password_failed"`) || !strings.Contains(d.Trail(), `"name_hash":"mac:`) {
		t.Errorf("events %s", d.Trail())
	}
}

// TestChangeMayBeRepeated: a client that does not learn that the password was changed sends the same again. When it was
// changed, the caller's session has ended by then: the person logs in with the new one.
func TestChangeMayBeRepeated(t *testing.T) {
	for _, method := range []string{"Session", "Account", "LoginName", "AccountAndLogin", "Take", "Client", "ReadPart", "CountMail", "PutOrder", "CreateAfter"} {
		for _, when := range []string{"before", "after"} {
			d := deployment.New(t, browser.Jar{})
			addressed(d)
			own, other := d.Login("app"), d.Login("app")
			if when == "before" {
				d.Store.Before = hooks.Fail(method)
			} else {
				d.Store.After = hooks.Fail(method)
			}
			name := "fault " + when + " " + method
			d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer }) // it holds no keys and no client
			r := changeRequest(deployment.Password, newPassword)
			r.Caller = caller(own)
			got := d.Do(r)
			d.Want(name, got, 503, "temporarily_unavailable")
			d.Store.Before, d.Store.After = nil, nil
			changes := len(d.Store.Log())
			if changes == 0 {
				d.Want(name+", again", d.Do(r), 200, "")
			} else {
				d.Want(name+", again", d.Do(r), 401, "invalid_token")
			}
			if len(d.Store.Log()) != 1 {
				t.Errorf("%s: a change that was made is made again: %v", name, d.Store.Log())
			}
			d.Want(name+": old password", login(d, deployment.Password), 401, "invalid_credentials")
			d.Want(name+": new password", login(d, newPassword), 200, "")
			d.Want(name+": the caller", d.Do(refreshRequest(own)), 400, "invalid_grant")
			d.Want(name+": the other", d.Do(refreshRequest(other)), 400, "invalid_grant")
		}
	}
}

func TestRoundTrips(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	addressed(d)
	own := d.Login("app")
	d.Want("a first one", d.As(own.AccessToken, changeRequest("wrong-canary-wave", newPassword)), 401, "invalid_credentials") // reads keys and client
	d.Store.ForgetCalls()
	stages := [][]string{{"Session", "Account"}, {"Take", "Take", "LoginName"}, {"CreateAfter", "Clear", "Clear", "Refund"}}
	meet := hooks.Meet(10*time.Second, stages[0]...)
	second, third := hooks.Meet(10*time.Second, stages[1]...), hooks.Meet(10*time.Second, stages[2]...)
	d.Store.Before = chain(meet, second, third)
	r := changeRequest(deployment.Password, newPassword)
	r.Caller = caller(own)
	d.Want("change", d.Do(r), 200, "")
	want := append(slices.Concat(stages...), "AccountAndLogin", "Take", "CountMail", "PutOrder") // beside the hashes
	slices.Sort(want)
	if got := d.Store.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

// chain runs one hook after the other.
func chain(hooks ...func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, method string) error {
		for _, hook := range hooks {
			if err := hook(ctx, method); err != nil {
				return err
			}
		}
		return nil
	}
}

// The service is at id.example.com in these tests, and the person is ada.
func TestGuessableNewPasswordIsRefusedWithAdvice(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	own := d.Login("app")
	for next, says := range map[string]string{
		"short":            "fewer than 8 characters",
		"iloveyou1":        "many people use it",
		"123456789123":     "many people use it",
		"wave-wave-wave-":  "repeats",
		"ada-2026":         "a name of yours",
		"example auth 77!": "a name of yours",
	} {
		got := d.As(own.AccessToken, changeRequest(deployment.Password, next))
		d.Want(next, got, 400, "invalid_request")
		if !strings.Contains(got.Body, says) || strings.Contains(got.Body, next) {
			t.Errorf("%q: %s, want advice that says %q", next, got.Body, says)
		}
	}
	d.Want("the old password", login(d, deployment.Password), 200, "")
	d.Want("the caller", d.Do(refreshRequest(own)), 200, "")
}
