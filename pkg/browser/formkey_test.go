package browser_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestFormKeyStaysWithItsBrowser(t *testing.T) {
	first, cookie := browser.FormKeyOf(visit())
	pair, flags, _ := strings.Cut(cookie, ";")
	if !strings.HasPrefix(pair, "__Host-Http-wpsi=") || flags != " Path=/; Secure; HttpOnly; SameSite=Lax" {
		t.Errorf("cookie %q", cookie)
	}
	again, none := browser.FormKeyOf(visit("x=y", pair))
	if none != "" || !again.Made(first.Token()) {
		t.Errorf("with the cookie: another key, and cookie %q", none)
	}
	other, otherCookie := browser.FormKeyOf(visit())
	if other.Made(first.Token()) || otherCookie == cookie || other.Made(oauth.Secret{}) {
		t.Error("two browsers have one key, or an empty token is taken")
	}
	if strings.Contains(pair, first.Token().Reveal()) {
		t.Error("the token is the key")
	}
	name, value, _ := strings.Cut(pair, "=")
	for _, cookies := range [][]string{nil, {name + "="}, {name + "=short"}, {pair, pair}, {"__Host-wpsi=" + value}} {
		if _, given := browser.PresentedFormKey(visit(cookies...)); given {
			t.Errorf("cookies %q are taken for a key", cookies)
		}
	}
}

func TestHandleOfOneClient(t *testing.T) {
	s, h := session.Session{}.GiveHandle(session.NewHandleSecret())
	v := visit()
	v.Client = client.OfPages()
	const name = "__Host-Http-wpss-wavepass="
	for what, tc := range map[string]struct {
		cookies []string
		err     error
	}{
		"ours":           {[]string{"a=b", name + h.Encode().Reveal()}, nil},
		"none":           {nil, browser.ErrNoHandle},
		"another site's": {[]string{"__Host-Http-wpss-shop=" + h.Encode().Reveal()}, browser.ErrNoHandle},
		"no handle":      {[]string{name + "x"}, browser.ErrNoHandle},
		"two":            {[]string{name + "x", name + h.Encode().Reveal()}, browser.ErrTwoCookies},
	} {
		v.Cookies = tc.cookies
		if got, err := (browser.Jar{}).HandleOf(v); !errors.Is(err, tc.err) || err == nil && !got.Opens(s) {
			t.Errorf("%s: %v, want %v", what, err, tc.err)
		}
	}
}
