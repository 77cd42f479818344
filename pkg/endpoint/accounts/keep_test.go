package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// closes has bea close her account, and returns the link of the mail that tells her.
func (w *world) closes() (link string) {
	w.t.Helper()
	own := w.json("/login", map[string]string{"client_id": "app", "username": "bea", "password": deployment.Password})
	w.Want("login", own, 200, "")
	w.Want("close", w.As(own.AccessToken, deployment.JSON("DELETE /account", `{"current_password":"`+deployment.Password+`"}`)), 200, "")
	letter, link := w.mailed()
	if !letter.Until.Equal(w.Clock.Now().Add(account.Reopens).Truncate(time.Second)) || !strings.HasPrefix(letter.Link, deployment.Issuer+"/account/keep?link=") {
		w.t.Errorf("the letter is %+v", letter)
	}
	return link
}

func (w *world) logsIn(what string, status int) {
	w.t.Helper()
	code := ""
	if status != 200 {
		code = "invalid_credentials"
	}
	w.Want(what, w.json("/login", map[string]string{"client_id": "app", "username": "bea", "password": deployment.Password}), status, code)
}

func TestClosedAccountIsKeptByTheLinkOfTheMail(t *testing.T) {
	w := newWorld(t)
	link := w.closes()
	w.logsIn("while it is closed", 401)
	w.Clock.Advance(account.Reopens - time.Second)
	if page := w.Raw(deployment.Request{Route: "GET /account/keep", Query: map[string]string{"link": link}}); page.StatusCode != 200 || !strings.Contains(page.Body, link) {
		t.Errorf("the page: %d %s", page.StatusCode, page.Body)
	}
	w.logsIn("after its page was looked at", 401)
	w.Want("without a link", w.json("/account/keep", nil), 400, "invalid_request")
	w.Want("another link", w.json("/account/keep", map[string]string{"link": link[:len(link)-2] + "AA"}), 400, "invalid_grant")
	kept := w.json("/account/keep", map[string]string{"link": link})
	w.Want("keep", kept, 200, "")
	if !strings.Contains(kept.Body, `"username":"bea"`) || strings.Count(w.Trail(), `"event":"account_reopened"`) != 1 {
		t.Errorf("the answer is %s, the trail\n%s", kept.Body, w.Trail())
	}
	w.logsIn("once it is kept", 200)
	if again := w.json("/account/keep", map[string]string{"link": link}); again.StatusCode != 200 || again.Body != kept.Body {
		t.Errorf("the link again: %d %s, want the answer of before", again.StatusCode, again.Body)
	}

	// An earlier closing's link is none of a later one.
	w.Clock.Advance(-account.Reopens + time.Hour)
	second := w.closes()
	w.Want("the link of the first closing", w.json("/account/keep", map[string]string{"link": link}), 400, "invalid_grant")
	page := w.Raw(deployment.Form("POST /account/keep", "link="+second).From(deployment.Issuer))
	if page.StatusCode != 200 || !strings.Contains(page.Body, "Your account is kept") {
		t.Errorf("by the form: %d %s", page.StatusCode, page.Body)
	}
	w.logsIn("kept by the form", 200)
}

// After its time the link is of no use: the table may be removing the account already. Nor is it after an operator has disabled the account.
func TestLinkToKeepDiesWithTheTimeAndByAnOperator(t *testing.T) {
	for what, then := range map[string]func(*world){
		"at its time":       func(w *world) { w.Clock.Advance(account.Reopens) },
		"disabled since":    func(w *world) { _, _ = account.NewEditor(w.Store, w.Clock.Now).Disable(w.t.Context(), w.bea().ID) },
		"removed meanwhile": func(w *world) { w.Store.DropAccount(w.bea().ID) },
	} {
		w := newWorld(t)
		link := w.closes()
		then(w)
		w.Want(what, w.json("/account/keep", map[string]string{"link": link}), 400, "invalid_grant")
		if what == "disabled since" && (!w.bea().RemoveAt.IsZero() || !w.bea().Disabled) {
			t.Errorf("an account that an operator has disabled: %+v; want it disabled, and not removed", w.bea())
		}
	}
}

// People close their accounts also where nobody signs up by mail. A fault leaves the link good.
func TestAccountIsKeptWhereNobodySignsUp(t *testing.T) {
	w := newWorld(t)
	link := w.closes()
	other := &world{w.Beside(func(s *endpoint.Settings) { s.SelfService = endpoint.SelfService{} }), t, w.letters}
	w.Store.Before = hooks.Fail("ChangeAccount")
	w.Want("a fault", other.json("/account/keep", map[string]string{"link": link}), 503, "temporarily_unavailable")
	w.Store.Before = nil
	w.Want("keep", other.json("/account/keep", map[string]string{"link": link}), 200, "")
	w.logsIn("kept", 200)
}

// Two closings may follow each other so closely that the expiry of a link fits both.
func TestLinkThatHasKeptAnAccountKeepsItNoMore(t *testing.T) {
	w := newWorld(t)
	link := w.closes()
	w.Want("keep", w.json("/account/keep", map[string]string{"link": link}), 200, "")
	w.Clock.Advance(3 * time.Minute)
	second := w.closes()
	w.Want("the link of the first closing", w.json("/account/keep", map[string]string{"link": link}), 400, "invalid_grant")
	w.Want("that of the second", w.json("/account/keep", map[string]string{"link": second}), 200, "")
}
