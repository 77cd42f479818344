package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// checkOrigin is oauth.CheckOrigin, and wants https of hosts that are not this machine.
func checkOrigin(text string) error {
	if len(text) > maxAddress {
		return fmt.Errorf("%.40q…: has %d bytes: want at most %d", text, len(text), maxAddress)
	}
	if err := oauth.CheckOrigin(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	if err := checkHost(u); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && !isLoopback(u) {
		return fmt.Errorf("%q: anybody on the way can read and change http: want https, which only this machine does without", text)
	}
	return nil
}

// checkRedirect wants an address that only the client can be reached by: https, http on this machine (RFC 8252 §7.3), or a
// scheme of the app's own (RFC 8252 §7.1). The name localhost counts as this machine, because pages under development are there and no
// browser asks a name server for it, though RFC 8252 §8.3 would rather have the address.
func checkRedirect(text string) error {
	if len(text) > maxAddress {
		return fmt.Errorf("%.40q…: has %d bytes: want at most %d", text, len(text), maxAddress)
	}
	if err := checkSpelling(text); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	u, err := url.Parse(text)
	if err == nil && !strings.HasPrefix(text, u.Scheme+":") {
		err = errors.New("write the scheme in lower case")
	}
	switch {
	case err != nil || u.Scheme == "":
		return fmt.Errorf("%q: want an address like https://app.example.com/callback, http://127.0.0.1/callback or com.example.app:/callback", text)
	case u.Scheme == "https":
		err = checkHost(u)
	case u.Scheme == "http":
		err = checkLoopback(u)
	case !strings.Contains(u.Scheme, "."):
		err = errors.New("want https, http on this machine, or a scheme with a dot in it: a domain of yours backwards, like com.example.app")
	case !strings.HasPrefix(u.Path, "/") && u.Host == "":
		err = fmt.Errorf("want a path after the scheme: write %s:/%s", u.Scheme, u.Opaque)
	case u.Host != "":
		err = checkHost(u)
	}
	if err == nil {
		err = checkPath(u)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	return nil
}

// checkSpelling refuses what two readers may take for different addresses.
func checkSpelling(text string) error {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return errors.New("has a character that no address has: percent-encode it, and write a name of a host in its xn-- form")
		}
	}
	switch scheme, _, _ := strings.Cut(text, ":"); {
	case strings.Contains(text, "*"):
		return errors.New("there are no wildcards: write each address by itself")
	case strings.Contains(text, "#"):
		return errors.New("has a fragment, which is not sent anywhere: leave it out")
	case strings.Contains(scheme, "_"):
		return errors.New("schemes have no _ in them, so browsers take it for a path: leave it out")
	}
	return nil
}

func checkHost(u *url.URL) error {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.User != nil:
		return errors.New("has a user name in it: leave it out")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return errors.New("want a host like app.example.com after the two slashes, with nothing or a port behind it")
	case u.Port() != "" && (err != nil || port == 0 || strconv.FormatUint(port, 10) != u.Port()):
		return errors.New("want a port of 1 to 65535, without a zero before it")
	case u.Host != strings.ToLower(u.Host):
		return fmt.Errorf("write the host in lower case: %s", strings.ToLower(u.Host))
	case !ascii.IsHostName(u.Hostname()) && (net.ParseIP(u.Hostname()) == nil || !strings.HasPrefix(u.Host, "[")):
		return errors.New("want a host like app.example.com or an IP address; a name with other letters than a-z is written in its xn-- form")
	}
	return nil
}

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

func checkLoopback(u *url.URL) error {
	if u.Hostname() != "localhost" && !isLoopback(u) {
		return errors.New("anybody on the way can read http: want https, which only this machine does without")
	}
	return checkHost(u)
}

// checkPath refuses what a browser would change before it goes there.
func checkPath(u *url.URL) error {
	for _, segment := range strings.Split(u.EscapedPath(), "/") {
		plain := strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
		if plain == "." || plain == ".." {
			return errors.New("has a dot segment: write the path that it leads to")
		}
	}
	if escaped := u.EscapedPath(); slices.ContainsFunc([]string{"%5c", "%00"}, func(bad string) bool { return strings.Contains(strings.ToLower(escaped), bad) }) {
		return errors.New("has an encoded backslash or zero in its path: leave it out")
	}
	return nil
}
