package check

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cookie is one that a login set.
type cookie = *http.Cookie

// newest returns the cookies that an answer sets, the last of each name. Those that it deletes are left out.
func newest(set []*http.Cookie) (kept []cookie) {
	for _, c := range set {
		kept = slices.DeleteFunc(kept, func(k cookie) bool { return k.Name == c.Name })
		if c.MaxAge >= 0 && c.Value != "" {
			kept = append(kept, c)
		}
	}
	return kept
}

// ofSession judges each of the session's cookies by one rule, and returns the worst.
func ofSession(rule func(e *evidence, c cookie) outcome) func(*evidence) outcome {
	return func(e *evidence) outcome {
		switch {
		case e.login == nil:
			return notChecked("%s", e.unseen())
		case len(e.session) == 0:
			return notChecked("the login sets no cookie that keeps somebody signed in")
		}
		return worst(e.session, func(c cookie) outcome {
			o := rule(e, c)
			o.detail = c.Name + ": " + o.detail
			return o
		})
	}
}

// worst judges all of them, and returns the first of the worst.
func worst[T any](all []T, judge func(T) outcome) (found outcome) {
	order := []Verdict{"", NotChecked, Pass, Warn, Fail}
	for _, one := range all {
		if o := judge(one); slices.Index(order, o.verdict) > slices.Index(order, found.verdict) {
			found = o
		}
	}
	return found
}

func cookieIsSecure(e *evidence, c cookie) outcome {
	switch {
	case c.Secure:
		return pass("Secure")
	case !e.secure && e.loopback:
		return warn("not Secure, at an address of this machine by http")
	}
	return fail("not Secure: a browser sends it by http too")
}

func cookieIsHTTPOnly(_ *evidence, c cookie) outcome {
	if c.HttpOnly {
		return pass("HttpOnly")
	}
	return fail("scripts can read it")
}

func cookieIsSameSite(_ *evidence, c cookie) outcome {
	switch c.SameSite {
	case http.SameSiteStrictMode:
		return pass("SameSite=Strict")
	case http.SameSiteLaxMode:
		return pass("SameSite=Lax")
	case http.SameSiteNoneMode:
		return fail("SameSite=None: a browser sends it with requests of every site")
	}
	return warn("no SameSite: browsers differ in what they do")
}

func cookieHasPrefix(e *evidence, c cookie) outcome {
	switch {
	case strings.HasPrefix(c.Name, "__Host-"):
		if c.Path != "/" || c.Domain != "" || !c.Secure {
			return fail("__Host- asks for Secure, Path=/ and no Domain: browsers refuse this one")
		}
		return pass("__Host-")
	case strings.HasPrefix(c.Name, "__Secure-"):
		if !c.Secure {
			return fail("__Secure- asks for Secure: browsers refuse this one")
		}
		if c.Domain == "" {
			return warn("__Secure-, though it is of one host: __Host- says more")
		}
		return pass("__Secure-, with a Domain on purpose")
	case !e.secure:
		return warn("no prefix; by http none is possible")
	}
	return warn("no prefix: a page at another host of the domain, or by http, can overwrite it")
}

func cookieHasScope(e *evidence, c cookie) outcome {
	domain := strings.TrimPrefix(c.Domain, ".")
	switch {
	case domain == "":
		return pass("of this host alone")
	case domain == e.host:
		return warn("Domain=%s: hosts below it get it too", domain)
	case !strings.Contains(domain, "."):
		return fail("Domain=%s is no domain of one's own", domain)
	}
	return warn("Domain=%s: every host there gets it", domain)
}

const year = 365 * 24 * time.Hour

func cookieLifetime(e *evidence, c cookie) outcome {
	life := time.Duration(c.MaxAge) * time.Second
	if c.MaxAge == 0 && !c.Expires.IsZero() {
		life = time.Until(c.Expires)
	}
	switch {
	case life == 0:
		return pass("until the browser is closed")
	case life > year:
		return fail("it lives for %s", days(life))
	case life > 90*24*time.Hour:
		return warn("it lives for %s", days(life))
	}
	return pass("it lives for %s at most", days(life))
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// maxCookie is what browsers store of name and value together (RFC 6265bis §5.7).
const maxCookie = 4096

func cookieSize(_ *evidence, c cookie) outcome {
	size := len(c.Name) + len(c.Value)
	switch {
	case size > maxCookie:
		return fail("%d bytes: browsers do not store it", size)
	case size > maxCookie*3/4:
		return warn("%d bytes, of the %d that browsers store", size, maxCookie)
	}
	return pass("%d bytes", size)
}

// cookieEntropy looks at how much the value can hold. Whether it is random cannot be seen from outside.
func cookieEntropy(e *evidence, c cookie) outcome {
	for _, other := range e.again {
		if other.Name == c.Name && other.Value == c.Value {
			return fail("two logins have the same value")
		}
	}
	held := capacity(c.Value)
	if held < 120 { // a random UUID has 122 bits, which is taken
		return fail("%d characters hold %.0f bits at most: want 128", len(c.Value), held)
	}
	return pass("%d characters, which can hold 128 bits", len(c.Value))
}

// capacity is how many bits a text of these characters can hold at most.
func capacity(text string) float64 {
	alphabet := 10.0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r == '-':
		case r >= 'a' && r <= 'f', r >= 'A' && r <= 'F':
			alphabet = max(alphabet, 16)
		default:
			alphabet = 64
		}
		if alphabet == 64 {
			break
		}
	}
	return float64(len(strings.ReplaceAll(text, "-", ""))) * math.Log2(alphabet)
}

func otherCookies(e *evidence) outcome {
	switch {
	case e.login == nil:
		return notChecked("%s", e.unseen())
	case len(e.others) == 0:
		return pass("the login sets no other cookie")
	}
	return worst(e.others, func(c cookie) outcome {
		o := cookieIsSecure(e, c)
		o.detail = c.Name + ": " + o.detail
		return o
	})
}
