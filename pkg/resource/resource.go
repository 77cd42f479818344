// Package resource is the registry of protected resources (RFC 9728): the APIs and MCP servers that access tokens are for, and what
// clients are told about each. A resource is named by its address, which is also the audience of its tokens (RFC 8707).
package resource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// Resource is what is registered of a protected resource.
type Resource struct {
	URI           string   `json:"resource"`                         // its address, exactly as clients call it
	Name          string   `json:"resource_name,omitempty"`          // for people
	Documentation string   `json:"resource_documentation,omitempty"` // address of a page for developers
	Scopes        []string `json:"scopes_supported"`                 // that clients may ask for

	// Open says that applications which nobody has registered, and which name themselves by the address of a document, may ask for
	// tokens for this resource, with Scopes at the most. Registered clients are bound by what is registered with them alone.
	Open bool `json:"open,omitempty"`
}

// Bounds of a definition.
const (
	maxURI     = 160 // bytes, as for all audiences of a client together: it is in every access token
	maxName    = 64  // characters
	maxAddress = 512 // bytes of the documentation's address
)

// WellKnown is where the metadata of a resource is, between its host and its path (RFC 9728 §3.1).
const WellKnown = "/.well-known/oauth-protected-resource"

// Check returns nil when r can be registered. Its error says in each line what is wrong with one field.
func (r Resource) Check() error {
	var wrong []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	if err := CheckURI(r.URI); err != nil {
		wrong = append(wrong, err)
	}
	want(r.Name == "" || isText(r.Name), "name %.80q: want at most %d printable characters", r.Name, maxName)
	want(r.Documentation == "" || isPage(r.Documentation), "documentation %.80q: want an address like https://docs.example.com/mcp", r.Documentation)
	want(len(strings.Join(r.Scopes, " ")) <= oauth.MaxScope, "scopes: want at most %d bytes with a space between two", oauth.MaxScope)
	for i, scope := range r.Scopes {
		want(oauth.ValidScope(scope), "scope %.80q: want printable ASCII characters without space, quote or backslash (RFC 6749 §3.3)", scope)
		want(slices.Index(r.Scopes, scope) == i, "scope %q: is there twice", scope)
		want(!slices.Contains(reserved, scope), "scope %q: is not one of a resource: clients would ask for it and be refused, or ask people each time: leave it out", scope)
	}
	return errors.Join(wrong...)
}

// reserved are scopes that belong to this service and not to a resource. Some MCP clients that read of offline_access ask for consent at every
// sign-in.
var reserved = []string{oauth.ScopeAccount, oauth.ScopeSessions, "offline_access"}

// CheckURI returns nil for an address that can name a resource: in the one spelling that clients, gateways and libraries agree on, because they compare
// it byte by byte.
func CheckURI(uri string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("resource %.170q: "+format, append([]any{uri}, args...)...)
	}
	u, err := url.Parse(uri)
	switch {
	case len(uri) > maxURI:
		return fail("has %d bytes: want at most %d, because it is in every access token", len(uri), maxURI)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fail("want an address like https://mcp.example.com/mcp")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fail("anybody on the way can read and change http: want https, which only this machine does without")
	case u.User != nil || strings.ContainsAny(uri, "?#"):
		return fail("has a user name, a query or a fragment: leave it out")
	case strings.HasSuffix(uri, "/"):
		return fail("write it without the slash at the end: clients compare it byte by byte, and some take no other")
	case !isHost(u.Host):
		return fail("want a host like mcp.example.com in lower case, with a port only where the scheme has another")
	case !isPath(u.Path):
		return fail("want a path of a-z A-Z 0-9 . _ ~ - and single slashes, without dot segments")
	}
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		return fail("leave the port out, which %s has anyway", u.Scheme)
	}
	if uri != u.Scheme+"://"+u.Host+u.Path {
		return fail("write it as %s://%s%s", u.Scheme, u.Host, u.Path)
	}
	return nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// isHost reports whether text is the name of a host or an address, with a port or none.
func isHost(text string) bool {
	u := url.URL{Host: text}
	name, port := u.Hostname(), u.Port()
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return false
		}
	}
	return !strings.HasSuffix(text, ":") && (ascii.IsHostName(name) || strings.HasPrefix(text, "[") && net.ParseIP(name) != nil) && text == strings.ToLower(text)
}

// isPath reports whether a path is read alike by everybody.
func isPath(path string) bool {
	if path == "" {
		return true
	}
	segments := strings.Split(path, "/")[1:]
	return path[0] == '/' && !slices.ContainsFunc(segments, func(s string) bool { return s == "." || s == ".." || !ofSegment.Holds(s, maxURI) })
}

var ofSegment = ascii.Of("a-zA-Z0-9._~-")

func isText(text string) bool {
	n := 0
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return false
		}
		n++
	}
	return n <= maxName
}

func isPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= maxAddress && u.Host != "" && u.User == nil && isHost(u.Host) &&
		(u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) && !strings.ContainsAny(address, " \"<>\\^`{|}")
}

// Metadata is what clients are told about a resource (RFC 9728 §2).
type Metadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	BearerMethods []string `json:"bearer_methods_supported"` // a token in an address or a form is never taken
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

// Metadata returns the document of a resource whose tokens the issuer gives out.
func (r Resource) Metadata(issuer string) Metadata {
	return Metadata{
		Resource: r.URI, Servers: []string{issuer}, Scopes: r.Scopes, BearerMethods: []string{"header"}, Name: r.Name, Documentation: r.Documentation,
	}
}

// MetadataAddress is where clients look for the metadata of a resource by themselves (RFC 9728 §3.1).
func (r Resource) MetadataAddress() string {
	u, err := url.Parse(r.URI)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + WellKnown + u.Path
}

// Key is what the record of a resource is stored under. Text that somebody chose forms no key.
func Key(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return hex.EncodeToString(sum[:])
}

// Record is a resource as it is stored.
type Record struct {
	Version  int64  // counts the writes, from 1
	Document []byte // JSON of a Resource; empty when it was removed
}

// Removed reports whether the resource was removed.
func (r Record) Removed() bool { return len(r.Document) == 0 }

// Resource returns what the record holds. The error is ErrUnknown for one that was removed.
func (r Record) Resource() (found Resource, err error) {
	if r.Removed() {
		return found, ErrUnknown
	}
	if err := json.Unmarshal(r.Document, &found); err != nil {
		return found, fmt.Errorf("resource: what is stored: %w", err)
	}
	return found, nil
}

// Reader reads records.
type Reader interface {
	// Resource returns the record under a key, strongly consistent. ErrUnknown when there is none, oauth.ErrUnavailable when it cannot tell.
	Resource(ctx context.Context, key string) (Record, error)
}

// Store keeps records by their keys.
type Store interface {
	Reader

	// Resources returns the keys that have a record, also one that was removed, in their order.
	Resources(ctx context.Context) ([]string, error)
	// PutResource is one conditional write: it stores r as the next version after the one with the number r.Version-1, which is 0 where
	// there is no record, and returns ErrConflict when the record is another one by now.
	PutResource(ctx context.Context, key string, r Record) error
}

var (
	ErrUnknown  = errors.New("resource: no such resource")
	ErrConflict = errors.New("resource: changed meanwhile")
)

// Find returns the registered resource of this address. Errors: ErrUnknown, oauth.ErrUnavailable.
func Find(ctx context.Context, store Reader, uri string) (Resource, error) {
	if CheckURI(uri) != nil {
		return Resource{}, ErrUnknown
	}
	record, err := store.Resource(ctx, Key(uri))
	if err != nil {
		return Resource{}, err
	}
	return record.Resource()
}

// Registered returns the resources that are registered, in the order of their addresses.
func Registered(ctx context.Context, store Store) ([]Resource, error) {
	keys, err := store.Resources(ctx)
	if err != nil {
		return nil, err
	}
	all := []Resource{}
	for _, key := range keys {
		record, err := store.Resource(ctx, key)
		if err != nil {
			return nil, err
		}
		found, err := record.Resource()
		switch {
		case err == nil:
			all = append(all, found)
		case !errors.Is(err, ErrUnknown):
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Resource) int { return strings.Compare(a.URI, b.URI) })
	return all, nil
}
