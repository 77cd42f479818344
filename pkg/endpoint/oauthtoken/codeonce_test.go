package oauthtoken_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestCodeLivesForAMinute(t *testing.T) {
	w := newCodes(t)
	last, late := w.code("app"), w.code("app")
	w.Clock.Advance(time.Minute - time.Millisecond)
	w.Want("in its last millisecond", w.Do(exchange(last)), 200, "")
	w.Clock.Advance(time.Millisecond)
	got := w.Do(exchange(late))
	w.Want("after a minute", got, 400, "invalid_grant")
	if !strings.Contains(got.Description, "expired") || w.events("code_replayed") != 0 {
		t.Errorf("after a minute it says %q", got.Description)
	}
}

// TestHundredRightRequestsWithOneCode is RFC 6749 §4.1.2: one answer, and the others end its session.
func TestHundredRightRequestsWithOneCode(t *testing.T) {
	w := newCodes(t)
	code := w.code("app")
	answers := make([]deployment.Answer, 100)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.Do(exchange(code)) })
	}
	wg.Wait()
	var won []deployment.Answer
	for _, a := range answers {
		if a.StatusCode == 200 {
			won = append(won, a)
			continue
		}
		if w.Want("a second use", a, 400, "invalid_grant"); a.AccessToken != "" || a.RefreshToken != "" || a.IDToken != "" {
			t.Error("a second use was given a token")
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d answers with tokens, want one", len(won))
	}
	if log := w.Store.Log(); len(log) != 1 {
		t.Errorf("the log has %v, want the one session", log)
	}
	if w.events("code_replayed") != 99 || w.events("code_used") != 1 {
		t.Errorf("%d events code_replayed, %d code_used, want 99 and 1", w.events("code_replayed"), w.events("code_used"))
	}
	tokens := won[0]
	w.Want("a refresh of the ended session", w.Do(refreshOf(tokens.RefreshToken, "client_id", "app")), 400, "invalid_grant")
	if got := w.As(tokens.AccessToken, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 403 {
		t.Errorf("its access token: %d, want 403", got.StatusCode)
	}
	if stored, ok := w.Store.GetSession(tokens.SessionID()); !ok || stored.Reason != session.ReasonCode {
		t.Errorf("the session ended because of %q", stored.Reason)
	}
	w.Want("another code of the person", w.Do(exchange(w.code("app"))), 200, "")
}

// A code that comes back after its session has been in use for long is as much a second use.
func TestCodeThatComesBackLateEndsItsSession(t *testing.T) {
	w := newCodes(t)
	code := w.code("app")
	tokens := w.Do(exchange(code))
	w.Want("exchange", tokens, 200, "")
	w.Clock.Advance(24 * time.Hour)
	refreshed := w.Do(refreshOf(tokens.RefreshToken, "client_id", "app"))
	w.Want("refresh", refreshed, 200, "")
	w.Want("the code with another verifier", w.Do(exchange(code, "code_verifier", strings.Repeat("v", 43))), 400, "invalid_grant")
	w.Want("which harms nobody", w.Do(refreshOf(refreshed.RefreshToken, "client_id", "app")), 200, "")
	got := w.Do(exchange(code))
	if w.Want("the code again", got, 400, "invalid_grant"); !strings.Contains(got.Description, "used before") {
		t.Errorf("it says %q", got.Description)
	}
	w.Want("afterwards", w.Do(refreshOf(refreshed.RefreshToken, "client_id", "app")), 400, "invalid_grant")
	if w.events("code_replayed") != 1 {
		t.Errorf("%d events code_replayed, want 1", w.events("code_replayed"))
	}
}

// What ends a person's sessions ends their codes.
func TestCodeOfSomebodyWhoMayNotLogInAnyMore(t *testing.T) {
	for name, end := range map[string]func(codes){
		"disabled": func(w codes) {
			w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Disabled: true, Epoch: deployment.Start.Unix()}, "")
		},
		"logged out everywhere": func(w codes) {
			w.Store.SetAccount(account.Account{ID: deployment.AccountID, Username: deployment.Username, Epoch: w.Clock.Now().Unix() + 1}, "")
		},
		"another kind of client": func(w codes) {
			change(w.t, w.Deployment, "app", func(c *client.Client) { c.Since = w.Clock.Now().Add(time.Second) })
			w.restart()
		},
	} {
		w := newCodes(t)
		code := w.code("app")
		end(w)
		got := w.Do(exchange(code))
		w.Want(name, got, 400, "invalid_grant")
		if got.AccessToken != "" || got.RefreshToken != "" || got.IDToken != "" || w.events("code_used") > 0 {
			t.Errorf("%s: a token was issued: %s", name, got.Body)
		}
	}
}

// Keys are obtained before the code is used, and it is good again when the account cannot be read: such an outage costs nobody a login. When the answer of the table is lost the code may have been
// used, and whoever repeats it is a second user.
func TestOutageAtAnExchange(t *testing.T) {
	for _, method := range []string{"ReadPart", "Client", "Account"} {
		w := newCodes(t)
		code := w.code("app")
		w.restart()
		w.Store.Before = hooks.Fail(method)
		w.Want(method+" fails", w.Do(exchange(code)), 503, "temporarily_unavailable")
		w.Store.Before = nil
		w.Want("repeated after "+method, w.Do(exchange(code)), 200, "")
	}
	w := newCodes(t)
	code := w.code("app")
	w.Store.After = hooks.Once("UseCode", func(context.Context) error { return oauth.ErrUnavailable })
	lost := w.Do(exchange(code))
	w.Want("the answer is lost", lost, 503, "temporarily_unavailable")
	got := w.Do(exchange(code))
	w.Want("repeated", got, 400, "invalid_grant")
	if lost.AccessToken+got.AccessToken != "" || len(w.Store.Log()) != 1 {
		t.Errorf("tokens were issued, or the session has not ended: %s, %s, log %v", lost.Body, got.Body, w.Store.Log())
	}
	w.Want("another code", w.Do(exchange(w.code("app"))), 200, "")
}
