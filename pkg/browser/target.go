package browser

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxReturnTo = 1024 // bytes

var (
	// ErrNoTarget says that a form names an address which is not registered for its client.
	ErrNoTarget = errors.New("browser: not a registered address")

	// ErrReturnTo says that a form wants to return to something else than a plain path.
	ErrReturnTo = errors.New("browser: not a path to return to")
)

// Targets are the addresses that the answer to a form may send a browser to. They hold nothing that a caller could have chosen freely:
// an address is equal to a registered one, and a path is one at the origin of a registered address.
type Targets struct {
	success  string // where to go when all went well
	failure  string // the page that says what went wrong
	returnTo string // the path behind success, to be kept over a failure; empty for none
}

// TargetsOf checks the addresses of a form. success and failure have to be equal to one of registered, in every character. With
// returnTo, a browser goes to that path at the origin of success. Errors: ErrNoTarget, ErrReturnTo.
func TargetsOf(registered []string, success, failure, returnTo string) (Targets, error) {
	if !slices.Contains(registered, success) || !slices.Contains(registered, failure) {
		return Targets{}, ErrNoTarget
	}
	if returnTo == "" {
		return Targets{success, failure, ""}, nil
	}
	origin := originOf(success)
	if !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://") || !isPlainPath(returnTo) {
		return Targets{}, ErrReturnTo // an app's own scheme has no origin
	}
	return Targets{origin + returnTo, failure, returnTo}, nil
}

// Success is the address after success.
func (t Targets) Success() string { return t.success }

// Failure is the address of the page that says what went wrong: `error` in its query is the code, `retry_after` the seconds to wait
// where that is known, and `return_to` what the form said, so that the page can put it into its form again. It never says what
// was typed.
func (t Targets) Failure(code string, retryAfter time.Duration) string {
	query := url.Values{"error": {code}}
	if retryAfter > 0 {
		query.Set("retry_after", strconv.FormatInt(int64((retryAfter+time.Second-1)/time.Second), 10))
	}
	if t.returnTo != "" {
		query.Set("return_to", t.returnTo)
	}
	separator := "?"
	if strings.Contains(t.failure, "?") {
		separator = "&"
	}
	return t.failure + separator + query.Encode()
}

// isPlainPath reports whether text is a path, perhaps with a query, that every reader takes for the same one: it begins with one
// slash, and has no empty or dot segment, no backslash, and no character that is encoded to hide one of these. Behind an origin such a
// text never leads elsewhere. The rest keeps a site that redirects to it once more, or decodes it, out of trouble.
func isPlainPath(text string) bool {
	path, query, _ := strings.Cut(text, "?")
	if len(text) > maxReturnTo || !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return false
	}
	for i := 0; i < len(text); i++ {
		if !isAddressByte(text[i]) {
			return false
		}
	}
	decoded, pathErr := url.PathUnescape(path)
	decodedQuery, queryErr := url.QueryUnescape(query)
	if pathErr != nil || queryErr != nil || strings.ContainsFunc(decoded+decodedQuery, isControl) {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		plain, _ := url.PathUnescape(segment)
		if plain == "." || plain == ".." || strings.ContainsAny(plain, `/\%`) {
			return false
		}
	}
	return true
}

// isAddressByte leaves out what no address has (RFC 3986 §2), and the fragment, which is sent nowhere.
func isAddressByte(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte("\"#<>\\^`{|}", c) < 0
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
