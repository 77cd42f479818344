package login_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func endOthers(password string) deployment.Request {
	return deployment.JSON("POST /login", `{"client_id":"app","username":"ada","password":"`+password+`","end_others":true}`)
}

func refresh(who deployment.Answer) deployment.Request {
	return deployment.JSON("POST /refresh", `{"client_id":"app","refresh_token":"`+who.RefreshToken+`"}`)
}

func TestLoginThatEndsTheOthersIsTheOnlySessionLeft(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	others := []deployment.Answer{d.Login("app"), d.Login("app")}
	got := d.Do(endOthers(deployment.Password))
	d.Want("login", got, 200, "")
	for _, other := range others {
		refused := d.Do(refresh(other))
		d.Want("another session", refused, 400, "invalid_grant")
		if !strings.Contains(refused.Body, `"reason":"ended_elsewhere"`) {
			t.Errorf("%s, want the reason", refused.Body)
		}
		d.Want("its access token", d.As(other.AccessToken, deployment.Request{Route: "GET /sessions"}), 403, "")
	}
	d.Want("the access token", d.As(got.AccessToken, deployment.Request{Route: "GET /sessions"}), 200, "")
	d.Want("the refresh token", d.Do(refresh(got)), 200, "")
	if trail := d.Trail(); strings.Count(trail, `"event":"other_sessions_ended"`) != 1 || strings.Count(trail, `"event":"login"`) != 3 {
		t.Errorf("want three logins and one event that the others ended:\n%s", trail)
	}
}

func TestWrongPasswordEndsNobody(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	other := d.Login("app")
	d.Want("login", d.Do(endOthers("wrong-canary-wave")), 401, "invalid_credentials")
	d.Want("another session", d.Do(refresh(other)), 200, "")
}

// The answer is lost before or after the write, and the person tries again: they are in, and the others are out.
func TestLoginThatEndsTheOthersMayBeRepeated(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		d := deployment.New(t, browser.Jar{})
		other := d.Login("app")
		if when == "before" {
			d.Store.Before = hooks.Fail("CreateAfter")
		} else {
			d.Store.After = hooks.Fail("CreateAfter")
		}
		d.Want("lost "+when, d.Do(endOthers(deployment.Password)), 503, "temporarily_unavailable")
		d.Store.Before, d.Store.After = nil, nil
		again := d.Do(endOthers(deployment.Password))
		d.Want("again", again, 200, "")
		d.Want("its refresh", d.Do(refresh(again)), 200, "")
		d.Want("the other", d.Do(refresh(other)), 400, "invalid_grant")
	}
}

func TestTwoLoginsThatEndTheOthersLeaveOne(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	var inner deployment.Answer
	d.Store.Before = hooks.Once("CreateAfter", func(context.Context) error {
		inner = d.Do(endOthers(deployment.Password))
		return nil
	})
	outer := d.Do(endOthers(deployment.Password))
	d.Want("the first to write", inner, 200, "")
	d.Want("the second", outer, 200, "")
	d.Want("the first to write is ended", d.Do(refresh(inner)), 400, "invalid_grant")
	d.Want("the second lives", d.Do(refresh(outer)), 200, "")
	if a, _ := d.Store.Account(d.Context(), deployment.AccountID); len(a.Endings) != 2 || a.Endings[1].Reason != account.ReasonEndedElsewhere {
		t.Errorf("endings %v, want two", a.Endings)
	}
}
