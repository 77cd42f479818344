package check

import (
	"slices"
	"strings"
	"time"
)

// What shows with a test account: its session, its tokens, and how they end.

func loginIsNotCached(e *evidence) outcome {
	if e.login == nil {
		return notChecked("%s", e.unseen())
	}
	o := cached(e.login.header)
	if o.verdict == Warn && e.access != nil {
		o.verdict = Fail // RFC 6749 §5.1
		o.detail += ": an answer with tokens says no-store"
	}
	return o
}

func pageIsNotCached(e *evidence) outcome {
	if e.signedIn == nil {
		return notChecked("%s", e.unseen())
	}
	return cached(e.signedIn.header)
}

func idIsNew(e *evidence) outcome {
	switch {
	case e.kept == nil:
		return notChecked("%s", e.unseen())
	case len(e.session) == 0:
		return notChecked("the login sets no cookie that keeps somebody signed in")
	case *e.kept:
		return fail("the login kept an id that the browser had before: who planted it is signed in as well")
	}
	return pass("the login makes a new id")
}

func originsAreRefused(e *evidence) outcome {
	if e.origins == nil {
		return notChecked("%s", e.unseen())
	}
	found := pass("pages of other origins cannot read the answers")
	for _, origin := range []string{foreign, "null", "https://" + e.host + ".attacker.example"} {
		a, asked := e.origins[origin]
		if !asked {
			continue
		}
		allowed := a.header.Get("Access-Control-Allow-Origin")
		credentials := strings.EqualFold(a.header.Get("Access-Control-Allow-Credentials"), "true")
		switch {
		case allowed == origin && credentials:
			return fail("a page of %s may read answers with the person's cookies", origin)
		case allowed == "*" && credentials:
			return fail("every origin with credentials: browsers refuse it, and it was not meant")
		case allowed == origin || allowed == "*":
			found = warn("a page of %s may read answers, without cookies", origin)
		}
	}
	return found
}

// sameSite says what keeps other sites' pages away from the session when the service itself does not; empty: nothing does.
func (e *evidence) sameSite() string {
	for _, c := range e.session {
		if o := cookieIsSameSite(e, c); o.verdict != Pass {
			return ""
		}
	}
	return "only SameSite protects it"
}

func byOtherSite(what string, seen func(*evidence) *bool) func(*evidence) outcome {
	return func(e *evidence) outcome {
		done := seen(e)
		switch {
		case e.login != nil && len(e.session) == 0:
			return notChecked("no cookie keeps somebody signed in, so a browser sends nothing by itself")
		case done == nil:
			return notChecked("%s", e.withoutLogOut())
		case !*done:
			return pass("refused")
		case e.sameSite() != "":
			return warn("the service itself %s; %s", what, e.sameSite())
		}
		return fail("another site's page can do it: the service %s", what)
	}
}

func (e *evidence) withoutLogOut() string {
	if e.login != nil && e.why == "" {
		return "it ends a session: allow that with --log-out"
	}
	return e.unseen()
}

func logoutOf(pick func(*loggedOut) *bool) func(*evidence) *bool {
	return func(e *evidence) *bool {
		if e.logout == nil {
			return nil
		}
		return pick(e.logout)
	}
}

// ofToken judges an access token whose reader can see what is in it.
func ofToken(rule func(*evidence, accessToken) outcome) func(*evidence) outcome {
	return func(e *evidence) outcome {
		switch {
		case e.login == nil:
			return notChecked("%s", e.unseen())
		case e.access == nil:
			return notChecked("the login gives no access token")
		case e.access.opaque:
			return notChecked("the access token is opaque")
		}
		return rule(e, *e.access)
	}
}

func tokenAlgorithm(_ *evidence, t accessToken) outcome {
	alg := t.header.text("alg")
	switch {
	case alg == "" || strings.EqualFold(alg, "none"):
		return fail("it is not signed")
	case strings.HasPrefix(alg, "HS"):
		return warn("%s: each service that verifies it could also make one", alg)
	case !slices.Contains(goodAlgorithms, alg):
		return fail("%s", alg)
	}
	return pass("%s", alg)
}

func tokenNamesNoKeySource(_ *evidence, t accessToken) outcome {
	for _, name := range []string{"jku", "jwk", "x5u", "x5c"} {
		if _, there := t.header[name]; there {
			return fail("its header has %s", name)
		}
	}
	return pass("its header names no source of keys")
}

func tokenType(_ *evidence, t accessToken) outcome {
	typ := strings.TrimPrefix(strings.ToLower(t.header.text("typ")), "application/")
	if typ == "at+jwt" {
		return pass("at+jwt")
	}
	return warn("typ is %q: want at+jwt (RFC 9068), so that no other token passes for one", t.header.text("typ"))
}

func tokenLife(_ *evidence, t accessToken) outcome {
	life, ok := t.life()
	switch {
	case !ok:
		return fail("it never expires")
	case life > 24*time.Hour:
		return fail("it lives for %s", days(life))
	case life > time.Hour:
		return warn("it lives for %s", days(life))
	}
	return pass("it lives for %s", days(life))
}

func tokenAudience(_ *evidence, t accessToken) outcome {
	switch aud := t.claims["aud"].(type) {
	case string:
		if aud != "" {
			return pass("it has one")
		}
	case []any:
		if len(aud) > 0 {
			return pass("it has %d", len(aud))
		}
	}
	return fail("it has no aud: every service that trusts the issuer takes it")
}

func tokenIsNotPersonal(_ *evidence, t accessToken) outcome {
	if found := t.aboutPeople(); len(found) > 0 {
		return warn("it says %s to everybody who sees it, in logs too", strings.Join(found, ", "))
	}
	return pass("no claim that says who somebody is")
}

func tokenSize(_ *evidence, t accessToken) outcome {
	switch {
	case t.size > 7<<10:
		return fail("%d bytes: servers refuse headers of 8 KB", t.size)
	case t.size > 4<<10:
		return warn("%d bytes", t.size)
	}
	return pass("%d bytes", t.size)
}

func tokenKey(e *evidence, t accessToken) outcome {
	if e.keys == nil || strings.HasPrefix(t.header.text("alg"), "HS") {
		return notChecked("no key set was found")
	}
	if kid := t.header.text("kid"); kid != "" && slices.Contains(e.keys.ids(), kid) {
		return pass("its key is published")
	}
	return fail("its kid is not in the key set")
}

// ofRefresh judges what became of refresh tokens.
func ofRefresh(rule func(refreshed) outcome) func(*evidence) outcome {
	return func(e *evidence) outcome {
		switch {
		case e.refresh == nil && e.login != nil && e.why == "" && e.logout != nil:
			return notChecked("no refresh is described")
		case e.refresh == nil:
			return notChecked("%s", e.withoutLogOut())
		case !e.refresh.worked:
			return notChecked("the refresh was refused: see the description of the service")
		}
		return rule(*e.refresh)
	}
}

func refreshRotates(r refreshed) outcome {
	switch {
	case r.rotates && r.tooYoung:
		return pass("it is replaced, once it is some seconds old")
	case r.rotates:
		return pass("it is replaced by each refresh")
	case !r.waited:
		return notChecked("a young token was answered with itself: allow more --patience")
	}
	return fail("a refresh gives the same token again")
}

func graceIsShort(r refreshed) outcome {
	const long = 2 * time.Minute
	switch {
	case !r.rotates:
		return notChecked("refresh tokens are not replaced")
	case !r.refused:
		return fail("a token that was replaced is still answered after %s", r.answered.Round(time.Second))
	case r.answered > long:
		return warn("a token that was replaced was answered for %s", r.answered.Round(time.Second))
	}
	return pass("a token that was replaced is refused, at the latest after %s", r.untilDone.Round(time.Second))
}

func reuseEndsSession(r refreshed) outcome {
	switch {
	case r.reuse == nil:
		return notChecked("no token that was replaced was refused")
	case *r.reuse:
		return pass("an old token ended the session")
	}
	return fail("an old token came back and the session goes on: a thief is not noticed")
}

// ofLogout judges what became of a session that was logged out.
func ofLogout(rule func(*evidence, loggedOut) outcome) func(*evidence) outcome {
	return func(e *evidence) outcome {
		switch {
		case e.logout == nil:
			return notChecked("%s", e.withoutLogOut())
		case !e.logout.worked && e.logout.stillIn == nil && e.logout.tokenFor == nil:
			return notChecked("the logout was refused: see the description of the service")
		}
		return rule(e, *e.logout)
	}
}

func logoutEndsSession(_ *evidence, l loggedOut) outcome {
	switch {
	case l.stillIn == nil:
		return notChecked("no cookie keeps somebody signed in")
	case *l.stillIn:
		return fail("the cookie from before still opens what it opened")
	}
	return pass("the cookie from before opens nothing")
}

func logoutClearsCookie(e *evidence, l loggedOut) outcome {
	switch {
	case len(e.session) == 0:
		return notChecked("no cookie keeps somebody signed in")
	case l.cleared:
		return pass("the answer deletes it")
	}
	return warn("the browser keeps it, though it is worth nothing any more")
}

func logoutEndsToken(e *evidence, l loggedOut) outcome {
	switch {
	case l.tokenFor == nil:
		return notChecked("no access token, or no route that takes it")
	case !l.tokenLives:
		return pass("refused at the latest %s after the logout", l.tokenFor.Round(10*time.Millisecond))
	}
	if e.access != nil && !e.access.opaque {
		if life, ok := e.access.life(); ok && life <= 15*time.Minute {
			return warn("accepted %s after the logout, and until it expires, after %s", l.tokenFor.Round(time.Second), days(life))
		}
	}
	return fail("accepted %s after the logout, and for as long as it lives", l.tokenFor.Round(time.Second))
}
