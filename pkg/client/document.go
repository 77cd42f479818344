package client

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// MaxURL is how long an id that is an address may be, in bytes. It is in every access token of the client.
const MaxURL = 200

// Document says where the definition of a client comes from that nobody has registered: from the client id metadata document at its id
// (draft-ietf-oauth-client-id-metadata-document). The zero value is that of every other client. Times are whole seconds.
type Document struct {
	Name       string    // what the client calls itself; nothing has checked it
	Fetched    time.Time // when the document was read
	FreshUntil time.Time // when it has to be read again before somebody signs in
	KeptUntil  time.Time // when the record is gone, which no session of the client outlives
}

// IsFetched reports whether the definition comes from a client id metadata document.
func (c Client) IsFetched() bool { return !c.Document.Fetched.IsZero() }

// Gone reports whether c comes from a document that is kept no longer. The table deletes its record some time later.
func (c Client) Gone(now time.Time) bool { return c.IsFetched() && !now.Before(c.Document.KeptUntil) }

func (d Document) equal(other Document) bool {
	return d.Name == other.Name && d.Fetched.Equal(other.Fetched) && d.FreshUntil.Equal(other.FreshUntil) && d.KeptUntil.Equal(other.KeptUntil)
}

// IsURL reports whether an id is an address that a client id metadata document may be at. It does not say that there is one.
func IsURL(id string) bool { return strings.HasPrefix(id, "https:") && CheckURL(id) == nil }

// inPath begins an address in a path. No id that is registered begins so.
const inPath = "~"

// PathOf returns an id as one segment of a path. Gateways read the slashes of an address in their own ways, escaped or not, so an address is
// written in base64url.
func PathOf(id string) string {
	if !IsURL(id) {
		return id
	}
	return inPath + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// FromPath returns the id that a segment of a path is about. What PathOf would not write stays as it is, and is nobody's.
func FromPath(segment string) string {
	text, isAddress := strings.CutPrefix(segment, inPath)
	if id, err := base64.RawURLEncoding.DecodeString(text); isAddress && err == nil && PathOf(string(id)) == segment {
		return string(id)
	}
	return segment
}

// CheckURL says why an id cannot be the address of a client id metadata document. There is one spelling of each address, because
// an id is compared byte by byte and shown to people.
func CheckURL(id string) error {
	if len(id) > MaxURL {
		return fmt.Errorf("has %d bytes: want at most %d", len(id), MaxURL)
	}
	if err := checkSpelling(id); err != nil {
		return err
	}
	u, err := url.Parse(id)
	if err != nil {
		return errors.New("is no address")
	}
	host := u.Hostname()
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch err := checkHost(u); {
	case !strings.HasPrefix(id, "https://"):
		return errors.New("want https://")
	case err != nil:
		return err
	case u.Port() != "":
		return errors.New("names a port: leave it out, 443 is the only one")
	case strings.Contains(host, ":") || last != "" && '0' <= last[0] && last[0] <= '9': // also 0x7f.1, which some read as a number
		return errors.New("has a number in place of a name of a host")
	case !strings.Contains(host, "."):
		return errors.New("want the whole name of a host, with a domain")
	case strings.Contains(id, "?"):
		return errors.New("has a query: leave it out")
	case u.Path == "" || u.Path == "/":
		return errors.New("want a path: the document is not at the root of a host")
	}
	return checkPath(u)
}
