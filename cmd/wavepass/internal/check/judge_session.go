package check

import (
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// What shows with a test account: its session, its tokens, and how they end.

func loginIsNotCached(e *evidence) verdict.Outcome {
	if e.login == nil {
		return verdict.Unseen("%s", e.unseen())
	}
	o := cached(e.login.header)
	if o.Verdict == verdict.Warn && e.access != nil {
		o.Verdict = verdict.Fail // RFC 6749 §5.1
		o.Detail += ": an answer with tokens says no-store"
	}
	return o
}

func pageIsNotCached(e *evidence) verdict.Outcome {
	if e.signedIn == nil {
		return verdict.Unseen("%s", e.unseen())
	}
	return cached(e.signedIn.header)
}

func idIsNew(e *evidence) verdict.Outcome {
	switch {
	case e.kept == nil:
		return verdict.Unseen("%s", e.unseen())
	case len(e.session) == 0:
		return verdict.Unseen("the login sets no cookie that keeps somebody signed in")
	case *e.kept:
		return verdict.Failed("the login kept an id that the browser had before: who planted it is signed in as well")
	}
	return verdict.Passed("the login makes a new id")
}

func originsAreRefused(e *evidence) verdict.Outcome {
	if e.origins == nil {
		return verdict.Unseen("%s", e.unseen())
	}
	found := verdict.Passed("pages of other origins cannot read the answers")
	for _, origin := range []string{foreign, "null", "https://" + e.host + ".attacker.example"} {
		a, asked := e.origins[origin]
		if !asked {
			continue
		}
		allowed := a.header.Get("Access-Control-Allow-Origin")
		credentials := strings.EqualFold(a.header.Get("Access-Control-Allow-Credentials"), "true")
		switch {
		case allowed == origin && credentials:
			return verdict.Failed("a page of %s may read answers with the person's cookies", origin)
		case allowed == "*" && credentials:
			return verdict.Failed("every origin with credentials: browsers refuse it, and it was not meant")
		case allowed == origin || allowed == "*":
			found = verdict.Warned("a page of %s may read answers, without cookies", origin)
		}
	}
	return found
}

// sameSite says what keeps other sites' pages away from the session when the service itself does not; empty: nothing does.
func (e *evidence) sameSite() string {
	for _, c := range e.session {
		if o := cookieIsSameSite(e, c); o.Verdict != verdict.Pass {
			return ""
		}
	}
	return "only SameSite protects it"
}

func byOtherSite(what string, seen func(*evidence) *bool) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		done := seen(e)
		switch {
		case e.login != nil && len(e.session) == 0:
			return verdict.Unseen("no cookie keeps somebody signed in, so a browser sends nothing by itself")
		case done == nil:
			return verdict.Unseen("%s", e.withoutLogOut())
		case !*done:
			return verdict.Passed("refused")
		case e.sameSite() != "":
			return verdict.Warned("the service itself %s; %s", what, e.sameSite())
		}
		return verdict.Failed("another site's page can do it: the service %s", what)
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
func ofToken(rule func(*evidence, accessToken) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		switch {
		case e.login == nil:
			return verdict.Unseen("%s", e.unseen())
		case e.access == nil:
			return verdict.Unseen("the login gives no access token")
		case e.access.opaque:
			return verdict.Unseen("the access token is opaque")
		}
		return rule(e, *e.access)
	}
}

func tokenAlgorithm(_ *evidence, t accessToken) verdict.Outcome {
	alg := t.header.text("alg")
	switch {
	case alg == "" || strings.EqualFold(alg, "none"):
		return verdict.Failed("it is not signed")
	case strings.HasPrefix(alg, "HS"):
		return verdict.Warned("%s: each service that verifies it could also make one", alg)
	case !slices.Contains(goodAlgorithms, alg):
		return verdict.Failed("%s", alg)
	}
	return verdict.Passed("%s", alg)
}

func tokenNamesNoKeySource(_ *evidence, t accessToken) verdict.Outcome {
	for _, name := range []string{"jku", "jwk", "x5u", "x5c"} {
		if _, there := t.header[name]; there {
			return verdict.Failed("its header has %s", name)
		}
	}
	return verdict.Passed("its header names no source of keys")
}

func tokenType(_ *evidence, t accessToken) verdict.Outcome {
	typ := strings.TrimPrefix(strings.ToLower(t.header.text("typ")), "application/")
	if typ == "at+jwt" {
		return verdict.Passed("at+jwt")
	}
	return verdict.Warned("typ is %q: want at+jwt (RFC 9068), so that no other token passes for one", t.header.text("typ"))
}

func tokenLife(_ *evidence, t accessToken) verdict.Outcome {
	life, ok := t.life()
	switch {
	case !ok:
		return verdict.Failed("it never expires")
	case life > 24*time.Hour:
		return verdict.Failed("it lives for %s", days(life))
	case life > time.Hour:
		return verdict.Warned("it lives for %s", days(life))
	}
	return verdict.Passed("it lives for %s", days(life))
}

func tokenAudience(_ *evidence, t accessToken) verdict.Outcome {
	switch aud := t.claims["aud"].(type) {
	case string:
		if aud != "" {
			return verdict.Passed("it has one")
		}
	case []any:
		if len(aud) > 0 {
			return verdict.Passed("it has %d", len(aud))
		}
	}
	return verdict.Failed("it has no aud: every service that trusts the issuer takes it")
}

func tokenIsNotPersonal(_ *evidence, t accessToken) verdict.Outcome {
	if found := t.aboutPeople(); len(found) > 0 {
		return verdict.Warned("it says %s to everybody who sees it, in logs too", strings.Join(found, ", "))
	}
	return verdict.Passed("no claim that says who somebody is")
}

func tokenSize(_ *evidence, t accessToken) verdict.Outcome {
	switch {
	case t.size > 7<<10:
		return verdict.Failed("%d bytes: servers refuse headers of 8 KB", t.size)
	case t.size > 4<<10:
		return verdict.Warned("%d bytes", t.size)
	}
	return verdict.Passed("%d bytes", t.size)
}

func tokenKey(e *evidence, t accessToken) verdict.Outcome {
	if e.keys == nil || strings.HasPrefix(t.header.text("alg"), "HS") {
		return verdict.Unseen("no key set was found")
	}
	if kid := t.header.text("kid"); kid != "" && slices.Contains(e.keys.ids(), kid) {
		return verdict.Passed("its key is published")
	}
	return verdict.Failed("its kid is not in the key set")
}

// ofRefresh judges what became of refresh tokens.
func ofRefresh(rule func(refreshed) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		switch {
		case e.refresh == nil && e.login != nil && e.why == "" && e.logout != nil:
			return verdict.Unseen("no refresh is described")
		case e.refresh == nil:
			return verdict.Unseen("%s", e.withoutLogOut())
		case !e.refresh.worked:
			return verdict.Unseen("the refresh was refused: see the description of the service")
		}
		return rule(*e.refresh)
	}
}

func refreshRotates(r refreshed) verdict.Outcome {
	switch {
	case r.rotates && r.tooYoung:
		return verdict.Passed("it is replaced, once it is some seconds old")
	case r.rotates:
		return verdict.Passed("it is replaced by each refresh")
	case !r.waited:
		return verdict.Unseen("a young token was answered with itself: allow more --patience")
	}
	return verdict.Failed("a refresh gives the same token again")
}

func graceIsShort(r refreshed) verdict.Outcome {
	const long = 2 * time.Minute
	switch {
	case !r.rotates:
		return verdict.Unseen("refresh tokens are not replaced")
	case !r.refused:
		return verdict.Failed("a token that was replaced is still answered after %s", r.answered.Round(time.Second))
	case r.answered > long:
		return verdict.Warned("a token that was replaced was answered for %s", r.answered.Round(time.Second))
	}
	return verdict.Passed("a token that was replaced is refused, at the latest after %s", r.untilDone.Round(time.Second))
}

func reuseEndsSession(r refreshed) verdict.Outcome {
	switch {
	case r.reuse == nil:
		return verdict.Unseen("no token that was replaced was refused")
	case *r.reuse:
		return verdict.Passed("an old token ended the session")
	}
	return verdict.Failed("an old token came back and the session goes on: a thief is not noticed")
}

// ofLogout judges what became of a session that was logged out.
func ofLogout(rule func(*evidence, loggedOut) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		switch {
		case e.logout == nil:
			return verdict.Unseen("%s", e.withoutLogOut())
		case !e.logout.worked && e.logout.stillIn == nil && e.logout.tokenFor == nil:
			return verdict.Unseen("the logout was refused: see the description of the service")
		}
		return rule(e, *e.logout)
	}
}

func logoutEndsSession(_ *evidence, l loggedOut) verdict.Outcome {
	switch {
	case l.stillIn == nil:
		return verdict.Unseen("no cookie keeps somebody signed in")
	case *l.stillIn:
		return verdict.Failed("the cookie from before still opens what it opened")
	}
	return verdict.Passed("the cookie from before opens nothing")
}

func logoutClearsCookie(e *evidence, l loggedOut) verdict.Outcome {
	switch {
	case len(e.session) == 0:
		return verdict.Unseen("no cookie keeps somebody signed in")
	case l.cleared:
		return verdict.Passed("the answer deletes it")
	}
	return verdict.Warned("the browser keeps it, though it is worth nothing any more")
}

func logoutEndsToken(e *evidence, l loggedOut) verdict.Outcome {
	switch {
	case l.tokenFor == nil:
		return verdict.Unseen("no access token, or no route that takes it")
	case !l.tokenLives:
		return verdict.Passed("refused at the latest %s after the logout", l.tokenFor.Round(10*time.Millisecond))
	}
	if e.access != nil && !e.access.opaque {
		if life, ok := e.access.life(); ok && life <= 15*time.Minute {
			return verdict.Warned("accepted %s after the logout, and until it expires, after %s", l.tokenFor.Round(time.Second), days(life))
		}
	}
	return verdict.Failed("accepted %s after the logout, and for as long as it lives", l.tokenFor.Round(time.Second))
}
