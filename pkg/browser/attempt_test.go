package browser_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestAttemptIsKeptForItsState(t *testing.T) {
	const state = "ABCDEFGHIJKLMNOP"
	cookies, ok := browser.KeepAttempt(browser.Visit{}, state, oauth.NewSecret("sealed"))
	if want := "__Host-Http-wpfa-ABCDEFGHIJ=sealed; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"; !ok || !slices.Equal(cookies, []string{want}) {
		t.Errorf("%q, %t, want %q", cookies, ok, want)
	}
	sent := func(cookies ...string) browser.Visit { return browser.Visit{Cookies: cookies} }
	const own, planted = " __Host-Http-wpfa-ABCDEFGHIJ=sealed", "__Host-Http-wpfa-ABCDEFGHIJ=planted"
	for what, tc := range map[string]struct {
		visit browser.Visit
		state string
		want  string
	}{
		"its own":         {sent("a=b", own), state, "sealed"},
		"another state":   {sent(own), "BBCDEFGHIJKLMNOP", ""},
		"two of one name": {sent(own, planted), state, ""},
		"none":            {sent("a=b"), state, ""},
		"a short state":   {sent(own), "ABC", ""},
		"no state":        {sent("__Host-Http-wpfa-=x"), "", ""},
		"not of ours":     {sent("__Host-Http-wpfa-abcdefghij=x"), "abcdefghij", ""},
	} {
		if got, given := browser.PresentedAttempt(tc.visit, tc.state); got.Reveal() != tc.want || given != (tc.want != "") {
			t.Errorf("%s: %q, %t, want %q", what, got.Reveal(), given, tc.want)
		}
	}
	want := []string{"__Host-Http-wpfa-ABCDEFGHIJ=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"}
	if got := browser.ForgetAttempt(state); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := browser.ForgetAttempt("A; Domain=evil"); got != nil {
		t.Errorf("a state of no form is written into a header: %q", got)
	}
}

func TestAttemptThatFitsIntoNoCookie(t *testing.T) {
	if _, ok := browser.KeepAttempt(browser.Visit{}, "ABCDEFGHIJ", oauth.NewSecret(strings.Repeat("x", 3900))); !ok {
		t.Error("3,900 bytes are refused")
	}
	if _, ok := browser.KeepAttempt(browser.Visit{}, "ABCDEFGHIJ", oauth.NewSecret(strings.Repeat("x", 3901))); ok {
		t.Error("3,901 bytes are kept, which a browser would not")
	}
}

func TestTooManyAttemptsAreForgotten(t *testing.T) {
	var v browser.Visit
	for _, state := range []string{"AAAAAAAAAA", "BBBBBBBBBB", "CCCCCCCCCC", "DDDDDDDDDD"} {
		v.Cookies = append(v.Cookies, "__Host-Http-wpfa-"+state+"=x")
	}
	if cookies, _ := browser.KeepAttempt(v, "EEEEEEEEEE", oauth.NewSecret("x")); len(cookies) != 1 {
		t.Errorf("the fifth costs another: %q", cookies)
	}
	v.Cookies = append(v.Cookies, "__Host-Http-wpfa-\"; Domain=evil=x") // planted
	cookies, _ := browser.KeepAttempt(v, "FFFFFFFFFF", oauth.NewSecret("x"))
	if len(cookies) != 5 || strings.Contains(strings.Join(cookies, "\n"), "evil") {
		t.Errorf("%q, want four deletions and one cookie", cookies)
	}
}
