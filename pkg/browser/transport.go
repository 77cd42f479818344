package browser

import (
	"errors"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// ErrTwoTokens says that a refresh token came in a place that its client does not use, or in two.
var ErrTwoTokens = errors.New("browser: a refresh token where this kind of client has none")

// Presented returns the refresh token of a request of client c: from the cookie for browser clients, from
// the body for the others, the zero Secret when there is none. Only the registered kind decides which. own
// is an address of the service. Errors: ErrCrossSite, ErrTwoCookies, ErrTwoTokens.
func (j Jar) Presented(c client.Client, body oauth.Secret, cookies []string, from Source, own string) (oauth.Secret, error) {
	cookie, err := j.Refresh(cookies, c.ID)
	switch {
	case c.Kind == client.Browser && !from.SameSite(own, c.Origins):
		return oauth.Secret{}, ErrCrossSite
	case err != nil:
		return oauth.Secret{}, err
	case c.Kind == client.Browser && !body.IsZero(), c.Kind != client.Browser && !cookie.IsZero():
		return oauth.Secret{}, ErrTwoTokens
	case c.Kind == client.Browser:
		return cookie, nil
	}
	return body, nil
}

// Deliver splits what was issued into the body of the answer and its Set-Cookie values: a browser client's
// refresh token is in no body, where scripts could read it.
func (j Jar) Deliver(issued grant.Issued, now time.Time) (oauth.TokenResponse, []string) {
	tokens := issued.Tokens
	if issued.Client.Kind != client.Browser {
		return tokens, nil
	}
	var keep time.Duration
	if issued.Session.Remembered {
		keep = issued.Session.Expiry.Sub(now)
	}
	cookie := j.SetRefresh(issued.Client.ID, tokens.RefreshToken, keep)
	tokens.RefreshToken = oauth.Secret{}
	return tokens, []string{cookie}
}
