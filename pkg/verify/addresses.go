package verify

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// addressRule says which addresses may be asked for keys.
type addressRule struct{ loopbackHTTP bool }

func (r addressRule) check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return errors.New("want an address like https://auth.example.com")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && r.loopbackHTTP && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("want https: anybody who can change the keys on their way can make tokens")
}

// checkIssuer also wants no query and no slash at the end, as Wavepass names itself (RFC 8414 §2).
func (r addressRule) checkIssuer(issuer string) error {
	if strings.ContainsAny(issuer, "?#") || strings.HasSuffix(issuer, "/") {
		return errors.New("want no query, no fragment and no slash at the end (RFC 8414 §2)")
	}
	return r.check(issuer)
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// withoutRedirects returns a copy of the client that leaves answers of 3xx as they are: a redirect could lead to http or to
// another host.
func withoutRedirects(client *http.Client) *http.Client {
	var own http.Client
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
