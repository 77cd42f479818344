// Package browser owns what is peculiar to browsers: the cookies that carry a refresh token, and the check
// that a request with such a cookie was not sent by another site. It does not know what a token says.
package browser

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// ErrTwoCookies says that a request has two cookies of one name: somebody who can write cookies for a
// neighbouring host has put his own beside ours (RFC 6265 §8.6). Neither is taken.
var ErrTwoCookies = errors.New("browser: two cookies of one name")

const (
	refreshName = "wprt-" // + client id: browser clients
	handleName  = "wpss-" // + client id: site clients
	hostPrefix  = "__Host-"
	domPrefix   = "__Secure-"

	maxAge = 400 * 24 * time.Hour // browsers keep no cookie longer (RFC 6265bis §5.5)
)

// Jar makes and reads the cookies of a deployment. The zero value binds them to the very host (__Host-).
type Jar struct {
	// Domain is the domain whose subdomains share the cookies (COOKIE_DOMAIN), for sites on sibling
	// subdomains; empty for none.
	Domain string
}

func (j Jar) prefix() string {
	if j.Domain == "" {
		return hostPrefix
	}
	return domPrefix
}

// SetRefresh is the Set-Cookie value that keeps a client's refresh token. With keep above 0 the cookie
// outlives the browser's session by so much; otherwise it ends with it.
func (j Jar) SetRefresh(clientID string, token oauth.Secret, keep time.Duration) string {
	value := j.prefix() + refreshName + clientID + "=" + token.Reveal() + "; Path=/"
	if j.Domain != "" {
		value += "; Domain=" + j.Domain
	}
	if keep > 0 {
		value += "; Max-Age=" + strconv.FormatInt(int64(min(keep, maxAge)/time.Second), 10)
	}
	return value + "; Secure; HttpOnly; SameSite=Strict"
}

// Refresh returns the refresh token that the cookies of a request hold for a client, the zero Secret when
// there is none. cookies are "name=value" each.
func (j Jar) Refresh(cookies []string, clientID string) (oauth.Secret, error) {
	want := j.prefix() + refreshName + clientID
	var found oauth.Secret
	count := 0
	for _, cookie := range cookies {
		name, value, _ := strings.Cut(strings.TrimSpace(cookie), "=")
		if name == want {
			found = oauth.NewSecret(value)
			count++
		}
	}
	if count > 1 {
		return oauth.Secret{}, ErrTwoCookies
	}
	return found, nil
}

// Clear are the Set-Cookie values that remove every cookie that a client may ever have been given,
// also under an earlier COOKIE_DOMAIN setting.
func (j Jar) Clear(clientID string) []string {
	var out []string
	for _, name := range []string{refreshName, handleName} {
		out = append(out, expired(hostPrefix+name+clientID, ""), expired(domPrefix+name+clientID, ""))
		if j.Domain != "" {
			out = append(out, expired(domPrefix+name+clientID, j.Domain))
		}
	}
	return out
}

func expired(name, domain string) string {
	value := name + "=; Path=/"
	if domain != "" {
		value += "; Domain=" + domain
	}
	return value + "; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
}
