package client

import (
	"net/url"
	"slices"
	"strings"
)

// MayRedirectTo reports whether text is a registered redirect, byte by byte (RFC 9700 §4.1.3). Only the port of an address on this
// machine may be another than the registered one, because a native app takes whichever is free (RFC 8252 §7.3).
func (c Client) MayRedirectTo(text string) bool {
	if slices.Contains(c.Redirects, text) {
		return true
	}
	if checkRedirect(text) != nil {
		return false
	}
	given := c.withoutLoopbackPort(text)
	return given != "" && slices.ContainsFunc(c.Redirects, func(registered string) bool { return c.withoutLoopbackPort(registered) == given })
}

// withoutLoopbackPort returns an address of this machine without its port, and "" for any other address. By the name localhost
// only native apps take whichever port is free.
func (c Client) withoutLoopbackPort(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || !isLoopback(u) && (u.Hostname() != "localhost" || c.Kind != Native) {
		return ""
	}
	return u.Hostname() + strings.TrimPrefix(text, "http://"+u.Host)
}
