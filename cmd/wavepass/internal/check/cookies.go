package check

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
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
func ofSession(rule func(e *evidence, c cookie) verdict.Outcome) func(*evidence) verdict.Outcome {
	return func(e *evidence) verdict.Outcome {
		switch {
		case e.login == nil:
			return verdict.Unseen("%s", e.unseen())
		case len(e.session) == 0:
			return verdict.Unseen("the login sets no cookie that keeps somebody signed in")
		}
		return worst(e.session, func(c cookie) verdict.Outcome {
			o := rule(e, c)
			o.Detail = c.Name + ": " + o.Detail
			return o
		})
	}
}

// worst judges all of them, and returns the first of the worst.
func worst[T any](all []T, judge func(T) verdict.Outcome) (found verdict.Outcome) {
	order := []verdict.Verdict{"", verdict.NotChecked, verdict.Pass, verdict.Warn, verdict.Fail}
	for _, one := range all {
		if o := judge(one); slices.Index(order, o.Verdict) > slices.Index(order, found.Verdict) {
			found = o
		}
	}
	return found
}

func cookieIsSecure(e *evidence, c cookie) verdict.Outcome {
	switch {
	case c.Secure:
		return verdict.Passed("Secure")
	case !e.secure && e.loopback:
		return verdict.Warned("not Secure, at an address of this machine by http")
	}
	return verdict.Failed("not Secure: a browser sends it by http too")
}

func cookieIsHTTPOnly(_ *evidence, c cookie) verdict.Outcome {
	if c.HttpOnly {
		return verdict.Passed("HttpOnly")
	}
	return verdict.Failed("scripts can read it")
}

func cookieIsSameSite(_ *evidence, c cookie) verdict.Outcome {
	switch c.SameSite {
	case http.SameSiteStrictMode:
		return verdict.Passed("SameSite=Strict")
	case http.SameSiteLaxMode:
		return verdict.Passed("SameSite=Lax")
	case http.SameSiteNoneMode:
		return verdict.Failed("SameSite=None: a browser sends it with requests of every site")
	}
	return verdict.Warned("no SameSite: browsers differ in what they do")
}

func cookieHasPrefix(e *evidence, c cookie) verdict.Outcome {
	switch {
	case strings.HasPrefix(c.Name, "__Host-"):
		if c.Path != "/" || c.Domain != "" || !c.Secure {
			return verdict.Failed("__Host- asks for Secure, Path=/ and no Domain: browsers refuse this one")
		}
		return verdict.Passed("__Host-")
	case strings.HasPrefix(c.Name, "__Secure-"):
		if !c.Secure {
			return verdict.Failed("__Secure- asks for Secure: browsers refuse this one")
		}
		if c.Domain == "" {
			return verdict.Warned("__Secure-, though it is of one host: __Host- says more")
		}
		return verdict.Passed("__Secure-, with a Domain on purpose")
	case !e.secure:
		return verdict.Warned("no prefix; by http none is possible")
	}
	return verdict.Warned("no prefix: a page at another host of the domain, or by http, can overwrite it")
}

func cookieHasScope(e *evidence, c cookie) verdict.Outcome {
	domain := strings.TrimPrefix(c.Domain, ".")
	switch {
	case domain == "":
		return verdict.Passed("of this host alone")
	case domain == e.host:
		return verdict.Warned("Domain=%s: hosts below it get it too", domain)
	case !strings.Contains(domain, "."):
		return verdict.Failed("Domain=%s is no domain of one's own", domain)
	}
	return verdict.Warned("Domain=%s: every host there gets it", domain)
}

const year = 365 * 24 * time.Hour

func cookieLifetime(e *evidence, c cookie) verdict.Outcome {
	life := time.Duration(c.MaxAge) * time.Second
	if c.MaxAge == 0 && !c.Expires.IsZero() {
		life = time.Until(c.Expires)
	}
	switch {
	case life == 0:
		return verdict.Passed("until the browser is closed")
	case life > year:
		return verdict.Failed("it lives for %s", days(life))
	case life > 90*24*time.Hour:
		return verdict.Warned("it lives for %s", days(life))
	}
	return verdict.Passed("it lives for %s at most", days(life))
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// maxCookie is what browsers store of name and value together (RFC 6265bis §5.7).
const maxCookie = 4096

func cookieSize(_ *evidence, c cookie) verdict.Outcome {
	size := len(c.Name) + len(c.Value)
	switch {
	case size > maxCookie:
		return verdict.Failed("%d bytes: browsers do not store it", size)
	case size > maxCookie*3/4:
		return verdict.Warned("%d bytes, of the %d that browsers store", size, maxCookie)
	}
	return verdict.Passed("%d bytes", size)
}

// cookieEntropy looks at how much the value can hold. Whether it is random cannot be seen from outside.
func cookieEntropy(e *evidence, c cookie) verdict.Outcome {
	for _, other := range e.again {
		if other.Name == c.Name && other.Value == c.Value {
			return verdict.Failed("two logins have the same value")
		}
	}
	held := capacity(c.Value)
	if held < 120 { // a random UUID has 122 bits, which is taken
		return verdict.Failed("%d characters hold %.0f bits at most: want 128", len(c.Value), held)
	}
	return verdict.Passed("%d characters, which can hold 128 bits", len(c.Value))
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

func otherCookies(e *evidence) verdict.Outcome {
	switch {
	case e.login == nil:
		return verdict.Unseen("%s", e.unseen())
	case len(e.others) == 0:
		return verdict.Passed("the login sets no other cookie")
	}
	return worst(e.others, func(c cookie) verdict.Outcome {
		o := cookieIsSecure(e, c)
		o.Detail = c.Name + ": " + o.Detail
		return o
	})
}
