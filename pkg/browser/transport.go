package browser

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var (
	// ErrTwoTokens says that a refresh token came in a place that its client does not use, or in two.
	ErrTwoTokens = errors.New("browser: a refresh token where this kind of client has none")

	// ErrTwoCookies says that a request has two cookies of one name: COOKIE_DOMAIN was changed, or a neighbouring
	// host has set one beside ours (RFC 6265 §8.6). Nothing tells which one is ours, so neither is used.
	ErrTwoCookies = errors.New("browser: two cookies of one name")
)

// ErrOutOfReach says that a cookie which a back end sets for its pages would not be sent to the service.
var ErrOutOfReach = errors.New("browser: the cookie of this client would not reach the service")

// ClearingError is a refusal whose answer also sets cookies, so that the next login works again.
type ClearingError struct {
	Err     error
	Cookies []string // Set-Cookie values
}

func (e *ClearingError) Error() string { return e.Err.Error() }
func (e *ClearingError) Unwrap() error { return e.Err }

// Presented returns the refresh token of a request: from the cookie for browser clients, from the body for the
// others, the zero Secret when there is none. Errors: ErrCrossSite, ErrTwoTokens, and ErrTwoCookies in a ClearingError.
func (j Jar) Presented(v Visit, body oauth.Secret) (oauth.Secret, error) {
	if v.Client.Transport() != client.InCookie {
		for _, value := range j.all(v) {
			if !value.IsZero() {
				return oauth.Secret{}, ErrTwoTokens
			}
		}
		return body, nil
	}
	if err := v.mayUseCookies(body); err != nil {
		return oauth.Secret{}, err
	}
	switch found := j.refreshTokens(v); len(found) {
	case 0:
		return oauth.Secret{}, nil
	case 1:
		return found[0], nil
	}
	return oauth.Secret{}, &ClearingError{ErrTwoCookies, j.Clear(v)}
}

// PresentedToEnd is Presented for a request that ends sessions. There several cookies are no error, because each of
// them may keep somebody logged in.
func (j Jar) PresentedToEnd(v Visit, body oauth.Secret) ([]oauth.Secret, error) {
	switch v.Client.Transport() {
	case client.InCookie:
		return j.all(v), v.mayUseCookies(body)
	case client.AsHandle:
		return v.values(j.handleName(v)), v.mayUseCookies(body)
	}
	token, err := j.Presented(v, body)
	return []oauth.Secret{token}, err
}

func (v Visit) mayUseCookies(body oauth.Secret) error {
	if err := v.From.OneSite(v.Issuer, v.Client.Origins); err != nil {
		return err
	}
	if !body.IsZero() {
		return ErrTwoTokens
	}
	return nil
}

// Reaches returns nil when a cookie that a back end of the client sets on its own pages also reaches the service: pages and
// service have one host, or are below one COOKIE_DOMAIN. A client without origins has its pages at the service's own.
func (j Jar) Reaches(c client.Client, issuer string) error {
	own := hostOf(issuer)
	if len(c.Origins) == 0 {
		return nil
	}
	for _, origin := range c.Origins {
		host := hostOf(origin)
		if host == own || j.Domain != "" && (host == j.Domain || strings.HasSuffix(host, "."+j.Domain)) {
			return nil
		}
	}
	return ErrOutOfReach
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Deliver splits what was issued into the body of the answer and its Set-Cookie values. Neither the refresh token of a browser client
// nor the handle of a site is ever in a body, where scripts could read it. Every other cookie of our names that came with the visit is removed, so that
// a browser never keeps two, and so are the handles of other sites. With old the cookie has the name that functions of the version before look for.
func (j Jar) Deliver(v Visit, issued grant.Issued, old bool, now time.Time) (oauth.TokenResponse, []string) {
	tokens, cookies := j.deliverSession(v, issued, old, now)
	switch {
	case issued.Devices.IsZero():
	case issued.Client.UsesCookies():
		cookies = append(cookies, j.set(j.deviceName(v), issued.Devices, grant.KnownDeviceLife, strict))
	default:
		tokens.DeviceToken = issued.Devices
	}
	return tokens, cookies
}

func (j Jar) deliverSession(v Visit, issued grant.Issued, old bool, now time.Time) (oauth.TokenResponse, []string) {
	tokens := issued.Tokens
	var keep time.Duration
	if issued.Session.Remembered {
		keep = issued.Session.Expiry.Sub(now)
	}
	switch issued.Client.Transport() {
	case client.AsHandle:
		name := j.handleName(v)
		cleared := append(j.clearPresented(v, name), j.clearOtherSites(v)...)
		return tokens, append(cleared[:min(len(cleared), maxDeletions)], j.set(name, issued.Handle, keep, lax))
	case client.InCookie:
	default:
		return tokens, nil
	}
	name := j.name(v)
	if old {
		name = j.oldName(v)
	}
	refreshToken := tokens.RefreshToken
	tokens.RefreshToken = oauth.Secret{}
	if held := v.values(name); len(held) == 1 && held[0].Reveal() == refreshToken.Reveal() {
		return tokens, nil // the browser has it; were it set again, it could replace what another tab was given meanwhile
	}
	return tokens, append(j.clearPresented(v, name), j.set(name, refreshToken, keep, strict))
}
