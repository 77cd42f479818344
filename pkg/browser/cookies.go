// Package browser owns what is peculiar to browsers: the cookies that carry a refresh token or a session handle, and the check
// that a request with such a cookie was not sent by another site. It does not know what a token says.
package browser

import (
	"crypto/sha256"
	"encoding/base32"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	cookieName = "wprt-" // then the client id

	// In Chromium 140 and later no script and no neighbouring host can set a cookie of this prefix. Older browsers read
	// it as __Host-, which only keeps neighbours out.
	hostPrefix = "__Host-Http-"
	// With a domain there is no prefix that keeps neighbours out.
	domainPrefix = "__Secure-"
	// oldHostPrefix is the one that functions write while the schema number is 1.
	oldHostPrefix = "__Host-"

	maxAge       = 400 * 24 * time.Hour // browsers keep no cookie longer (RFC 6265bis §5.5)
	maxDeletions = 50                   // in one answer, whose headers API Gateway limits to 10 KB
)

// Jar makes and reads the cookies of a deployment. The zero value binds them to the one host that sets them.
type Jar struct {
	// Domain is the domain whose subdomains share the cookies (COOKIE_DOMAIN), for sites on sibling
	// subdomains; empty for none.
	Domain string
}

// Visit is a request of a client, in the parts that matter for its cookies.
type Visit struct {
	Client  client.Client
	Issuer  string   // address of the service
	Path    string   // of the request
	Cookies []string // "name=value" each
	From    Source
}

// name is the name of a client's cookie. With a domain, the cookies of a service at example.com also reach
// one at staging.example.com, so the name ends in a mark of the issuer. No client id contains the ~ before it.
func (j Jar) name(v Visit) string {
	if j.Domain == "" {
		return hostPrefix + cookieName + v.Client.ID
	}
	return domainPrefix + cookieName + v.Client.ID + "~" + mark(v.Issuer)
}

// oldName is the name while the schema number is 1. It is found for as long as such cookies may live.
func (j Jar) oldName(v Visit) string {
	if j.Domain == "" {
		return oldHostPrefix + cookieName + v.Client.ID
	}
	return domainPrefix + cookieName + v.Client.ID
}

// names are those of all cookies that a client may have been given.
func (j Jar) names(v Visit) []string {
	if v.Client.Transport() == client.AsHandle {
		return []string{j.handleName(v)}
	}
	return []string{j.name(v), j.oldName(v)}
}

// mark is 8 characters that differ from issuer to issuer.
func mark(issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// set is the Set-Cookie value that stores a client's refresh token under a name. The browser keeps the cookie for keep, or
// until it is closed when keep is 0.
func (j Jar) set(name string, secret oauth.Secret, keep time.Duration, sameSite string) string {
	value := name + "=" + secret.Reveal() + "; Path=/"
	if j.Domain != "" {
		value += "; Domain=" + j.Domain
	}
	if keep > 0 {
		value += "; Max-Age=" + strconv.FormatInt(int64(min(keep, maxAge)/time.Second), 10)
	}
	return value + "; Secure; HttpOnly; SameSite=" + sameSite
}

// How a cookie travels when the browser comes from another site.
const (
	strict = "Strict" // not at all
	lax    = "Lax"    // when a person follows a link
)

// values are those of all cookies with this name. Names are compared by their bytes, without spaces and tabs around them
// (RFC 6265bis §5.6). Nothing else is white space to a browser: a name that begins with a no-break space is the name
// of another cookie, which anybody may have set.
func (v Visit) values(name string) (values []oauth.Secret) {
	for _, cookie := range v.Cookies {
		given, value, _ := strings.Cut(cookie, "=")
		if strings.Trim(given, " \t") == name {
			values = append(values, oauth.NewSecret(strings.Trim(value, " \t")))
		}
	}
	return values
}

// refreshTokens are the values of a client's cookies: those of the name in use or, if there are none, those of the old name.
func (j Jar) refreshTokens(v Visit) []oauth.Secret {
	if found := v.values(j.name(v)); len(found) > 0 {
		return found
	}
	return v.values(j.oldName(v))
}

// all are the values of a client's cookies under both names.
func (j Jar) all(v Visit) []oauth.Secret {
	return append(v.values(j.name(v)), v.values(j.oldName(v))...)
}

// Clear returns the Set-Cookie values that remove every cookie that the client may have been given, also under another
// COOKIE_DOMAIN or by an older version, and every cookie of these names that a neighbouring host has set.
func (j Jar) Clear(v Visit) (out []string) {
	host, domain := Jar{}, Jar{Domain: "any"}
	for _, name := range append(host.names(v), domain.names(v)...) {
		out = append(out, j.deletions(v, name)...)
	}
	return out[:min(len(out), maxDeletions)]
}

// clearPresented is Clear for the names that came with the request. It does not delete the cookie that set makes with the
// name newName, so that the order of Set-Cookie headers does not matter.
func (j Jar) clearPresented(v Visit, newName string) (out []string) {
	for _, name := range j.names(v) {
		if len(v.values(name)) > 0 {
			out = append(out, j.deletions(v, name)...)
		}
	}
	out = slices.DeleteFunc(out, func(deletion string) bool { return deletion == deletionOf(newName, "/", j.Domain) })
	return out[:min(len(out), maxDeletions)]
}

// deletions returns one for each cookie of this name that a browser may have. To a browser, cookies of one name with other
// domains or paths are different cookies (RFC 6265bis §5.7), and it sends neither domain nor path.
func (j Jar) deletions(v Visit, name string) (out []string) {
	domains, paths := []string{""}, []string{"/"}
	if strings.HasPrefix(name, domainPrefix) { // __Host- allows only this host and this path
		domains, paths = append(domains, j.domainsOf(v.Issuer)...), pathsOf(v.Path)
	}
	for _, path := range paths {
		for _, domain := range domains {
			out = append(out, deletionOf(name, path, domain))
		}
	}
	return out
}

func deletionOf(name, path, domain string) string {
	value := name + "=; Path=" + path
	if domain != "" {
		value += "; Domain=" + domain
	}
	return value + "; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
}

// domainsOf returns the domains whose cookies are sent to the host of an address: the host and its parents, down to two labels.
func (j Jar) domainsOf(address string) (domains []string) {
	if u, err := url.Parse(address); err == nil && net.ParseIP(u.Hostname()) == nil {
		for host := strings.ToLower(u.Hostname()); strings.Contains(host, "."); _, host, _ = strings.Cut(host, ".") {
			domains = append(domains, host)
		}
	}
	if j.Domain != "" && !slices.Contains(domains, j.Domain) {
		domains = append(domains, j.Domain)
	}
	return domains
}

// pathsOf returns the cookie paths that match the path of a request (RFC 6265bis §5.1.4), the shortest first.
func pathsOf(path string) []string {
	paths := []string{"/"}
	if !strings.HasPrefix(path, "/") || !ofPath.Holds(path, len(path)) { // not a route of ours, and not safe to write into a header
		return paths
	}
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			paths = append(paths, path[:i], path[:i+1])
		}
	}
	if len(path) > 1 && path[len(path)-1] != '/' {
		paths = append(paths, path)
	}
	return paths
}

var ofPath = ascii.Of("A-Za-z0-9/._~-")
