package browser

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// ErrCrossSite says that another site may have sent the request.
var ErrCrossSite = errors.New("browser: cross-site request")

// ErrNoOrigin is an ErrCrossSite of a request that does not say where it comes from. Browsers say it.
var ErrNoOrigin = fmt.Errorf("%w: it has no Origin", ErrCrossSite)

// ErrOtherSite says that a page of a registered origin cannot stay logged in, because it is on another site than the service.
var ErrOtherSite = errors.New("browser: no cookies between sites")

// Source is what a browser says about where a request comes from. Scripts cannot change these headers.
type Source struct {
	Origin       string // header Origin, "" when absent
	SecFetchSite string // header Sec-Fetch-Site, "" when absent
}

// SameSite reports whether a request may act on a cookie: it comes from the service's own origin or from
// one of the client's. own is an address of the service.
func (s Source) SameSite(own string, origins []string) bool {
	if s.Origin != "" {
		// Ports and sibling subdomains are "same-site" to a browser, so nothing but the exact origin counts.
		// "null" (sandboxed frames, redirects) is nobody's origin.
		return s.Origin == originOf(own) || slices.Contains(origins, s.Origin)
	}
	// Browsers leave Origin out of same-origin GETs only; a cross-origin request that may change state has
	// one. A request with neither header comes from no current browser, so it should have no browser's cookie.
	return s.SecFetchSite == "same-origin"
}

// OneSite returns nil for what SameSite reports, and else ErrCrossSite, or ErrNoOrigin when nothing is said.
func (s Source) OneSite(own string, origins []string) error {
	switch {
	case s.SameSite(own, origins):
		return nil
	case !s.Named():
		return ErrNoOrigin
	}
	return ErrCrossSite
}

// Named reports whether the browser says anything about where the request comes from.
func (s Source) Named() bool { return s.Origin != "" || s.SecFetchSite != "" }

// CrossSite reports whether the browser says that the page is on another site, which means another registrable domain or
// scheme. The browser sends no cookie of ours with the requests of such a page (SameSite=Strict), even when its origin is
// registered, and may throw away the cookies of the answers. Browsers older than 2023 may not say it.
func (s Source) CrossSite() bool { return s.SecFetchSite == "cross-site" }

// originOf is the origin (RFC 6454 §4) of an address, "" when it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
