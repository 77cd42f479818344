package login_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// besiege fails in ada's own network until nobody is let in there.
func besiege(d *deployment.Deployment, clientID string) {
	for range account.DefaultLimits.Account.Count + 1 {
		d.Do(loginAs(clientID, "canary-wrong", "").From(deployment.Origin))
	}
}

func loginAs(clientID, password, deviceToken string) deployment.Request {
	return deployment.JSON("POST /login", fmt.Sprintf(`{"client_id":%q,"username":"ada","password":%q,"device_token":%q}`, clientID, password, deviceToken))
}

func pairOf(t *testing.T, got deployment.Answer) string {
	t.Helper()
	if len(got.DeviceCookies) != 1 {
		t.Fatalf("%d cookies for the device, want 1: %q", len(got.DeviceCookies), got.DeviceCookies)
	}
	pair, _, _ := strings.Cut(got.DeviceCookies[0], ";")
	return pair
}

func TestKnownDeviceLogsInWhereItsNetworkIsLimited(t *testing.T) {
	t.Run("native", func(t *testing.T) {
		d := deployment.New(t, browser.Jar{})
		first := d.Login("app")
		besiege(d, "app")
		d.Want("unknown", d.Do(loginAs("app", deployment.Password, "")), 429, "too_many_attempts")
		second := d.Do(loginAs("app", deployment.Password, first.DeviceToken))
		d.Want("known", second, 200, "")
		if second.DeviceToken == "" || len(second.DeviceCookies) != 0 {
			t.Errorf("device token %q and cookies %q, want a token and no cookie", second.DeviceToken, second.DeviceCookies)
		}
	})
	for _, kind := range []string{"web", "site"} {
		t.Run(kind, func(t *testing.T) {
			d := deployment.New(t, browser.Jar{})
			first := d.Do(loginAs(kind, deployment.Password, "").From(deployment.Origin))
			d.Want("first", first, 200, "")
			cookie := pairOf(t, first)
			if !strings.HasPrefix(cookie, "__Host-Http-wpdv-"+kind+"=") || !strings.HasSuffix(first.DeviceCookies[0], "; Path=/; Max-Age=15552000; Secure; HttpOnly; SameSite=Strict") || first.DeviceToken != "" {
				t.Errorf("cookie %q and device token %q, want a cookie for 180 days alone", first.DeviceCookies[0], first.DeviceToken)
			}
			besiege(d, kind)
			_, value, _ := strings.Cut(cookie, "=")
			d.Want("unknown", d.Do(loginAs(kind, deployment.Password, value).From(deployment.Origin)), 429, "too_many_attempts")
			d.Want("known", d.Do(loginAs(kind, deployment.Password, "").From(deployment.Origin).Cookie(cookie)), 200, "")
			d.Want("beside another's", d.Do(loginAs(kind, deployment.Password, "").From(deployment.Origin).Cookie(strings.Split(cookie, "=")[0]+"=x", cookie)), 200, "")
		})
	}
}

func TestDeviceIsUnknown(t *testing.T) {
	for name, change := range map[string]func(d *deployment.Deployment, token string) string{
		"after 180 days": func(d *deployment.Deployment, token string) string {
			d.Clock.Advance(180*24*time.Hour + time.Second)
			return token
		},
		"with another MAC":  func(_ *deployment.Deployment, token string) string { return token[:len(token)-4] + "AAAA" },
		"with another time": func(_ *deployment.Deployment, token string) string { return token[:24] + "AAAA" + token[28:] },
		"with another key":  func(_ *deployment.Deployment, token string) string { return "f" + token[1:] },
		"with half a token": func(_ *deployment.Deployment, token string) string { return token[:20] },
		"behind 20 others": func(_ *deployment.Deployment, token string) string {
			return strings.Repeat(token[:len(token)-4]+"AAAA.", 20) + token
		},
		"with nothing at all": func(*deployment.Deployment, string) string { return "" },
	} {
		d := deployment.New(t, browser.Jar{})
		token := d.Login("app").DeviceToken
		presented := change(d, token)
		besiege(d, "app")
		got := d.Do(loginAs("app", deployment.Password, presented))
		if d.Want(name, got, 429, "too_many_attempts"); got.Headers["Retry-After"] == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
}

// TestNewPasswordMakesOldDevicesUnknown: whoever had the device may have known the old password.
func TestNewPasswordMakesOldDevicesUnknown(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	old := d.Login("app")
	const newPassword = "another-canary-wave"
	changed := d.As(old.AccessToken, deployment.JSON("POST /password", `{"current_password":"`+deployment.Password+`","new_password":"`+newPassword+`"}`))
	d.Want("change", changed, 200, "")
	besiege(d, "app")
	d.Want("the old token", d.Do(loginAs("app", newPassword, old.DeviceToken)), 429, "too_many_attempts")
	d.Want("that of the change", d.Do(loginAs("app", newPassword, changed.DeviceToken)), 200, "")
}

// TestRefusalsAreAlike: a 429 says the same whether there is an account, and whatever device token came.
func TestRefusalsAreAlike(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	token := d.Login("app").DeviceToken
	besiege(d, "app")
	want := d.Do(loginAs("app", deployment.Password, ""))
	for range account.DefaultLimits.Account.Count {
		d.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"nobody","password":"canary-wrong"}`))
	}
	for name, r := range map[string]deployment.Request{
		"wrong password":     loginAs("app", "canary-wrong", ""),
		"stale device token": loginAs("app", deployment.Password, token[:len(token)-4]+"AAAA"),
		"nobody":             deployment.JSON("POST /login", `{"client_id":"app","username":"nobody","password":"canary-wrong"}`),
		"nobody's device":    deployment.JSON("POST /login", `{"client_id":"app","username":"nobody","password":"canary-wrong","device_token":"`+token+`"}`),
	} {
		got := d.Do(r)
		if got.StatusCode != 429 || got.Body != want.Body || fmt.Sprint(got.Headers) != fmt.Sprint(want.Headers) {
			t.Errorf("%s: %d %s %v\nwant %d %s %v", name, got.StatusCode, got.Body, got.Headers, want.StatusCode, want.Body, want.Headers)
		}
	}
}

// TestHeadersOfProxiesDoNotChangeTheNetwork: a guesser could send one with each guess.
func TestHeadersOfProxiesDoNotChangeTheNetwork(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	for n := range account.DefaultLimits.Account.Count {
		address := fmt.Sprintf("10.0.%d.1", n)
		r := loginAs("app", "canary-wrong", "").With("x-forwarded-for", address).With("forwarded", "for="+address).With("x-real-ip", address)
		d.Want(address, d.Do(r), 401, "invalid_credentials")
	}
	d.Want("from one network after all", d.Do(loginAs("app", deployment.Password, "").With("x-forwarded-for", "10.9.9.9")), 429, "too_many_attempts")
}

func TestDeviceIsKnownToTheClientItLoggedInWith(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	token := d.Login("app").DeviceToken
	other := client.New("app2", client.Native)
	if err := d.Store.PutClient(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	besiege(d, "app")
	d.Want("at another client", d.Do(loginAs("app2", deployment.Password, token)), 429, "too_many_attempts")
	d.Want("at its own", d.Do(loginAs("app", deployment.Password, token)), 200, "")
}

func TestDeviceKeepsTheFiveAccountsThatLoggedInLast(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	hash, err := d.Store.LoginName(t.Context(), deployment.Username)
	if err != nil {
		t.Fatal(err)
	}
	login := func(n int, token string) deployment.Answer {
		return d.Do(deployment.JSON("POST /login", fmt.Sprintf(`{"client_id":"app","username":"person%d","password":%q,"device_token":%q}`, n, deployment.Password, token)))
	}
	held := ""
	for n := range 6 {
		d.Store.SetAccount(account.Account{ID: uuid.New(), Username: fmt.Sprint("person", n), Epoch: deployment.Start.Unix()}, hash.Hash)
		d.Clock.Advance(time.Minute)
		got := login(n, held)
		d.Want("login", got, 200, "")
		held = got.DeviceToken
	}
	d.Clock.Advance(time.Minute)
	held = login(3, held).DeviceToken // again, which keeps one token for the account and no second one
	if n := strings.Count(held, ".") + 1; n != 5 || len(held) > 255 {
		t.Errorf("%d tokens in %d characters, want 5 in at most 255", n, len(held))
	}
	for n := range 6 {
		for range account.DefaultLimits.Account.Count + 1 {
			d.Do(deployment.JSON("POST /login", fmt.Sprintf(`{"client_id":"app","username":"person%d","password":"canary-wrong"}`, n)))
		}
		if got, want := login(n, held).StatusCode, map[bool]int{true: 429, false: 200}[n == 0]; got != want {
			t.Errorf("person %d: %d, want %d", n, got, want)
		}
	}
}
