package browser

import (
	"errors"
	"strings"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// handleCookie begins the names of cookies with session handles; then comes the client id.
const handleCookie = "wpss-"

var (
	// ErrNoHandle says that no cookie of a request has a session handle.
	ErrNoHandle = errors.New("browser: no cookie with a session handle")
	// ErrTwoHandles says that a request has the handles of two sites. Nothing tells which of them is meant.
	ErrTwoHandles = errors.New("browser: session handles of two sites")
)

// handleName is the name of the cookie with a site's handle.
func (j Jar) handleName(v Visit) string {
	before, after := j.aroundHandle(v.Issuer)
	return before + v.Client.ID + after
}

// aroundHandle is what stands before and after the client id in the names of cookies with handles.
func (j Jar) aroundHandle(issuer string) (before, after string) {
	if j.Domain == "" {
		return hostPrefix + handleCookie, ""
	}
	return domainPrefix + handleCookie, "~" + mark(issuer)
}

// Handle returns the one session handle among the cookies of a request, and the client whose cookie it is. Cookies that hold no handle
// are left alone, and so is that of Wavepass's own pages, whose function reads it itself. Errors: ErrNoHandle; ErrTwoCookies
// when two cookies have one name, whatever is in them; ErrTwoHandles.
func (j Jar) Handle(issuer string, cookies []string) (clientID string, h session.Handle, err error) {
	before, after := j.aroundHandle(issuer)
	seen := map[string]bool{}
	for _, cookie := range cookies {
		name, value, _ := strings.Cut(cookie, "=")
		id, ours := strings.CutPrefix(strings.Trim(name, " \t"), before)
		if id, ours = cutSuffix(id, after, ours); !ours || id == client.Reserved || !client.ValidID(id) {
			continue
		}
		if seen[id] {
			return "", session.Handle{}, ErrTwoCookies
		}
		seen[id] = true
		found, err := session.ParseHandle(oauth.NewSecret(strings.Trim(value, " \t")))
		switch {
		case err != nil:
		case clientID != "":
			return "", session.Handle{}, ErrTwoHandles
		default:
			clientID, h = id, found
		}
	}
	if clientID == "" {
		return "", session.Handle{}, ErrNoHandle
	}
	return clientID, h, nil
}

// clearOtherSites returns the Set-Cookie values that remove what would make Handle refuse beside a handle of the visit's client: the
// handles of other sites of this issuer, and two cookies of one name. It begins with the names that came first.
func (j Jar) clearOtherSites(v Visit) (out []string) {
	before, after := j.aroundHandle(v.Issuer)
	seen := map[string]bool{}
	for _, cookie := range v.Cookies {
		name, value, _ := strings.Cut(cookie, "=")
		name = strings.Trim(name, " \t")
		id, ours := strings.CutPrefix(name, before)
		if id, ours = cutSuffix(id, after, ours); !ours || id == v.Client.ID || id == client.Reserved || !client.ValidID(id) {
			continue
		}
		_, err := session.ParseHandle(oauth.NewSecret(strings.Trim(value, " \t")))
		wanted, again := seen[name]
		if !wanted && (err == nil || again) {
			out, wanted = append(out, j.deletions(v, name)...), true
		}
		seen[name] = wanted
	}
	return out
}

// HandleOf returns the session handle of one client among the cookies of a visit. Errors: ErrNoHandle, also where the cookie holds none;
// ErrTwoCookies.
func (j Jar) HandleOf(v Visit) (session.Handle, error) {
	found := v.values(j.handleName(v))
	switch len(found) {
	case 0:
		return session.Handle{}, ErrNoHandle
	case 1:
		h, err := session.ParseHandle(found[0])
		if err != nil {
			return session.Handle{}, ErrNoHandle
		}
		return h, nil
	}
	return session.Handle{}, ErrTwoCookies
}

// cutSuffix is strings.CutSuffix where ok holds.
func cutSuffix(text, suffix string, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	return strings.CutSuffix(text, suffix)
}
