package authorizer

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/session"
)

// csrfHeader is where the scripts of a site's pages may put the CSRF token of its session.
const csrfHeader = "x-csrf-token"

// setCookies reads a request that is authorized by its cookies, and what its browser says of where it comes from.
func (r *request) setCookies(e event, cookies []string) error {
	origin, originErr := headerOrNone(e, "origin")
	site, siteErr := headerOrNone(e, "sec-fetch-site")
	csrf, csrfErr := headerOrNone(e, csrfHeader)
	r.byCookie, r.cookies = true, cookies
	r.from, r.csrf = browser.Source{Origin: origin, SecFetchSite: site}, csrf
	r.network = networkOf(e)
	return errors.Join(originErr, siteErr, csrfErr)
}

// splitCookies returns the cookies of the values of Cookie headers, "name=value" each (RFC 6265bis §5.7).
func splitCookies(headers ...string) (cookies []string) {
	for _, header := range headers {
		for cookie := range strings.SplitSeq(header, ";") {
			cookies = append(cookies, cookie)
		}
	}
	return cookies
}

// changes reports whether the request may change something. Browsers open WebSockets for every page, with the cookies that they have.
func (r request) changes() bool {
	switch r.ask.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.arn.method == connect
	}
	return true
}

// hasHandle reports whether the cookies hold one session handle, so that the table has to be asked.
func (f function) hasHandle(at grant.Place, r request) bool {
	_, _, err := f.cookies.Handle(at.Issuer, r.cookies)
	return err == nil
}

// visit finds out whose handle is in the cookies.
func (f function) visit(ctx context.Context, at grant.Place, r request) (verdict, error) {
	clientID, handle, err := f.cookies.Handle(at.Issuer, r.cookies)
	if err != nil {
		return verdict{}, err
	}
	visit, err := f.visits.Open(ctx, at, handle, clientID)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{claims: visit.Claims, csrf: handle.CSRFToken().Reveal(), visit: &visit}
	if r.changes() && !r.from.SameSite(at.Issuer, visit.Client.Origins) && !r.provesCSRF(v.csrf) {
		return verdict{}, browser.ErrCrossSite
	}
	return v, nil
}

// provesCSRF reports whether a request whose browser says nothing of its origin, because it is an old one, has the token of the session.
func (r request) provesCSRF(token string) bool {
	return !r.from.Named() && subtle.ConstantTimeCompare([]byte(r.csrf), []byte(token)) == 1
}

// isNobody reports whether a request is refused because its cookies open no session that may be used. What cannot be read, and what
// another site may have sent, is no such request.
func isNobody(err error) bool {
	for _, none := range []error{
		browser.ErrNoHandle, browser.ErrTwoCookies, browser.ErrTwoHandles, session.ErrRefused, session.ErrEnded, session.ErrForeign, client.ErrUnknown, client.ErrWrongKind,
	} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}

// reasonOf is why a session may not be used any more, which its holder may know; empty where there was none.
func reasonOf(err error) string {
	var ended *session.EndedError
	if errors.As(err, &ended) {
		return ended.Reason
	}
	return ""
}
