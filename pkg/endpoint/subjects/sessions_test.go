package subjects_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func endOne(subject string, sid any) deployment.Request {
	r := at(endOneRoute, subject, "")
	r.Path["sid"] = fmt.Sprint(sid)
	return r
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	w := newWorld(t)
	one := w.begin("u", `{"client_id":"app","amr":["pwd"],"device_name":"phone"}`)
	two := w.begin("u", `{"client_id":"web","amr":["pwd"]}`)
	other := w.begin("v", plain)
	first, second := w.claims(one.AccessToken)["sid"], w.claims(two.AccessToken)["sid"]
	if got := w.listed("shop", "u"); !slices.Equal(got, []string{second.(string), first.(string)}) {
		t.Errorf("listed %v, want %v and %v", got, second, first)
	}
	got := w.by("shop", at(listRoute, "u", ""))
	if !strings.Contains(got.Body, `"device":"phone"`) || !strings.Contains(got.Body, `"client_id":"web"`) || strings.Contains(got.Body, "current") {
		t.Errorf("list %s", got.Body)
	}
	for name, sid := range map[string]any{"another's": w.claims(other.AccessToken)["sid"], "nobody's": "0190b0e4-7e00-7000-8000-000000000009", "no id": "x", "empty": ""} {
		w.Want("end "+name, w.by("shop", endOne("u", sid)), 404, "not_found")
	}
	w.Want("end one", w.by("shop", endOne("u", first)), 200, "")
	w.Want("its refresh", w.refresh(one.RefreshToken), 400, "invalid_grant")
	if denied := w.As(one.AccessToken, deployment.Request{Route: "GET /userinfo"}); denied.StatusCode != 403 {
		t.Errorf("its access token: %d, want it denied", denied.StatusCode)
	}
	w.Clock.Advance(time.Second)
	w.Want("end it again", w.by("shop", endOne("u", first)), 200, "")
	if got := w.listed("shop", "u"); !slices.Equal(got, []string{second.(string)}) {
		t.Errorf("listed %v, want %v", got, second)
	}
	w.Want("end all", w.by("shop", at(endRoute, "u", "")), 200, "")
	if got := w.listed("shop", "u"); len(got) > 0 {
		t.Errorf("listed %v after all have ended", got)
	}
	w.Want("another subject's", w.refresh(other.RefreshToken), 200, "")
	w.Want("a new one", w.refresh(w.begin("u", plain).RefreshToken), 200, "")
	for _, event := range []string{`"event":"session_ended"`, `"event":"account_revoked"`} {
		if n := strings.Count(w.Trail(), event); n != 1 {
			t.Errorf("%d events %s, want 1:\n%s", n, event, w.Trail())
		}
	}
}

func TestUnknownSubjectIsNotFound(t *testing.T) {
	w := newWorld(t)
	for _, r := range []deployment.Request{
		at(listRoute, "u", ""), at(endRoute, "u", ""), endOne("u", "0190b0e4-7e00-7000-8000-000000000009"), at(changeRoute, "u", `{"disabled":true}`),
	} {
		w.Want(r.Route, w.by("shop", r), 404, "not_found")
	}
	if a := w.account("shop", "u"); a != nil {
		t.Errorf("an account was made: %+v", a)
	}
}

func TestSubjectIsChanged(t *testing.T) {
	w := newWorld(t)
	tokens := w.begin("u", `{"client_id":"app","amr":["pwd"],"scopes":["profile"]}`)
	owner := w.account("shop", "u")
	operators := account.Access{Roles: []string{"admin"}, Scopes: []string{"profile", "stock"}, Claims: `{"vip":true}`}
	if err := w.Store.SetAccess(t.Context(), owner.ID, owner.Access(), operators); err != nil {
		t.Fatal(err)
	}
	w.patch("u", `{"roles":["editor"],"scopes":[],"claims":{"plan":"gold","seats":5}}`)
	want := account.Access{Roles: []string{"admin", "editor"}, Scopes: []string{"stock"}, Claims: `{"plan":"gold","seats":5,"vip":true}`}
	if got := w.account("shop", "u").Access(); !got.Equal(want) {
		t.Errorf("access %+v, want %+v: what the service may not give stays", got, want)
	}
	claims := w.claims(w.refresh(tokens.RefreshToken).AccessToken)
	if fmt.Sprint(claims["roles"]) != "[admin editor]" || fmt.Sprint(claims["claims"]) != "map[plan:gold seats:5 vip:true]" || claims["scope"] != nil {
		t.Errorf("claims after a refresh: %v", claims)
	}
	w.patch("u", `{"claims":{}}`)
	if got := w.account("shop", "u").Access(); got.Claims != `{"vip":true}` || len(got.Roles) != 2 {
		t.Errorf("access %+v, want the claims of the service gone alone", got)
	}
	w.begin("u", plain) // its record has another access
	for name, body := range map[string]string{
		"nothing": `{}`, "unknown members alone": `{"role":["editor"]}`, "no list": `{"roles":"editor"}`, "no truth": `{"disabled":"yes"}`, "nulls": `{"roles":null,"disabled":null}`,
	} {
		w.Want(name, w.by("shop", at(changeRoute, "u", body)), 400, "invalid_request")
	}
}

func TestDisabledSubjectBeginsNothing(t *testing.T) {
	w := newWorld(t)
	tokens := w.begin("u", plain)
	w.patch("u", `{"disabled":true}`)
	w.Want("refresh", w.refresh(tokens.RefreshToken), 400, "invalid_grant")
	for _, body := range []string{plain, `{"client_id":"app","amr":["pwd"],"roles":["editor"]}`} {
		w.Want("begin", w.by("shop", at(beginRoute, "u", body)), 403, "access_denied")
	}
	if a := w.account("shop", "u"); len(a.Roles) > 0 || !a.Disabled {
		t.Errorf("account %+v, want it disabled and unchanged", a)
	}
	w.patch("u", `{"disabled":true}`)
	w.patch("u", `{"disabled":false}`)
	w.patch("u", `{"disabled":false}`)
	w.Want("the old session", w.refresh(tokens.RefreshToken), 400, "invalid_grant")
	w.Want("a new one", w.refresh(w.begin("u", plain).RefreshToken), 200, "")
	if trail := w.Trail(); strings.Count(trail, `"event":"account_disabled"`) != 1 || strings.Count(trail, `"event":"account_enabled"`) != 1 {
		t.Errorf("the trail does not have one event of each:\n%s", trail)
	}
}

// TestChangesMayBeRepeatedAfterALostAnswer loses and fails each call of the store once.
func TestChangesMayBeRepeatedAfterALostAnswer(t *testing.T) {
	for _, method := range []string{"Subject", "Account", "SetAccess", "ChangeAccount", "Session", "Revoke", "SessionsOf"} {
		for name, after := range map[string]bool{"fails": false, "lost": true} {
			w := newWorld(t)
			tokens := w.begin("u", plain)
			sid, service := w.claims(tokens.AccessToken)["sid"], w.token("shop")
			for _, r := range []deployment.Request{
				at(changeRoute, "u", `{"roles":["editor"],"disabled":true}`), at(changeRoute, "u", `{"roles":[],"disabled":false}`),
				at(listRoute, "u", ""), endOne("u", sid), at(endRoute, "u", ""),
			} {
				if w.Store.Before = hooks.Fail(method); after {
					w.Store.Before, w.Store.After = nil, hooks.Fail(method)
				}
				first := w.As(service, r)
				w.Store.Before, w.Store.After = nil, nil
				if first.StatusCode != 200 {
					w.Want(method+" "+name+": "+r.Route, first, 503, "temporarily_unavailable")
				}
				w.Want(method+" "+name+": "+r.Route+" again", w.As(service, r), 200, "")
			}
			if a := w.account("shop", "u"); a.Disabled || len(a.Roles) > 0 || len(w.listed("shop", "u")) > 0 {
				t.Errorf("%s %s: %+v", method, name, a)
			}
		}
	}
}

// TestServiceNeverTouchesAnotherDirectory gives both back ends the same ids, drawn from everything that a path may hold.
func TestServiceNeverTouchesAnotherDirectory(t *testing.T) {
	w := newWorld(t)
	shop, bank := w.token("shop"), w.token("bank")
	ids := rapid.OneOf(
		rapid.String(), rapid.StringN(1, 130, -1), rapid.StringMatching(`[a-c/%#.]{1,5}`),
		rapid.SampledFrom([]string{"shop", "bank", "bank#1", "../bank", "%2F", "%252F", "a/b", "a%2Fb", "é", "e\u0301", "\x00", "\n", "", ".", "..", "\xff", strings.Repeat("🌊", 128), strings.Repeat("🌊", 129)}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		id := ids.Draw(rt, "id")
		_, invalid := account.NewSubject("shop", id)
		theirs := w.As(bank, at(beginRoute, id, plain))
		if (theirs.StatusCode == 200) == (invalid != nil) || theirs.StatusCode != 200 && theirs.StatusCode != 400 {
			rt.Fatalf("%q: %d %s, valid: %v", id, theirs.StatusCode, theirs.Error, invalid)
		}
		if invalid != nil {
			return
		}
		sid := w.claims(theirs.AccessToken)["sid"]
		mine := w.As(shop, at(beginRoute, id, plain))
		if w.claims(mine.AccessToken)["sub"] == w.claims(theirs.AccessToken)["sub"] {
			rt.Fatalf("%q: both directories have one account", id)
		}
		if got := w.As(shop, endOne(id, sid)); got.StatusCode != 404 {
			rt.Fatalf("%q: another directory's session: %d", id, got.StatusCode)
		}
		for _, r := range []deployment.Request{at(changeRoute, id, `{"roles":["editor"],"disabled":true}`), at(endRoute, id, "")} {
			if got := w.As(shop, r); got.StatusCode != 200 {
				rt.Fatalf("%q: %s: %d %s", id, r.Route, got.StatusCode, got.Body)
			}
		}
		if a := w.account("bank", id); a == nil || a.Disabled || len(a.Roles) > 0 {
			rt.Fatalf("%q: the other directory's account is %+v", id, a)
		}
		if got := w.refresh(theirs.RefreshToken); got.StatusCode != 200 {
			rt.Fatalf("%q: the other directory's session: %d", id, got.StatusCode)
		}
		w.As(shop, at(changeRoute, id, `{"disabled":false,"roles":[]}`))
	})
	// And no service reaches an account that has a login name.
	w.Clock.Advance(time.Second)
	for _, id := range []string{deployment.Username, deployment.AccountID.String()} {
		w.Want("ada by "+id, w.As(shop, at(endRoute, id, "")), 404, "not_found")
	}
}
