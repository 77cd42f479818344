package oauth

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
)

// CheckOrigin returns nil for text that is a web origin exactly as browsers write it into the header Origin
// (RFC 6454 §6.2). Origins are compared byte by byte, so anything else would never match. Its error says what to
// write instead.
func CheckOrigin(text string) error {
	const want = "want an origin like https://app.example.com or http://localhost:5173"
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q: %s", text, want)
	}
	switch port := u.Port(); {
	case strings.Contains(u.Host, "*"):
		return fmt.Errorf("%q: %s, and each origin by itself: there are no wildcards", text, want)
	case strings.HasSuffix(u.Host, ":"), u.Scheme == "http" && port == "80", u.Scheme == "https" && port == "443":
		return fmt.Errorf("%q: browsers leave a default port out: write %s", text, u.Scheme+"://"+strings.ToLower(u.Hostname()))
	case !ascii.IsHostName(strings.ToLower(u.Hostname())) && net.ParseIP(u.Hostname()) == nil:
		return fmt.Errorf("%q: %s; a name with other letters than a-z is written in its xn-- form", text, want)
	case text != u.Scheme+"://"+strings.ToLower(u.Host):
		return fmt.Errorf("%q: want the origin alone, in lower case and without a slash at its end: write %s", text, u.Scheme+"://"+strings.ToLower(u.Host))
	}
	return nil
}
