package federation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
)

// Provider is what is registered of an identity provider.
type Provider struct {
	ID           string            `json:"id"`            // names it in addresses: a-z, 0-9 and -, at most 32
	Name         string            `json:"name"`          // people read it on the button
	Issuer       string            `json:"issuer"`        // exactly as the provider writes it in its metadata and tokens
	ClientID     string            `json:"client_id"`     // that the provider has given to this deployment
	SealedSecret []byte            `json:"sealed_secret"` // the client secret, sealed for SecretPurpose
	Scopes       []string          `json:"scopes"`        // openid is among them
	TrustEmail   []string          `json:"trust_email"`   // domains whose addresses it may speak for
	RolesClaim   string            `json:"roles_claim"`   // claim that lists groups; empty: it gives no roles
	Roles        map[string]string `json:"roles"`         // role by group
}

// SecretPurpose is what client secrets are sealed for. Only the function that signs people in may open it.
const SecretPurpose = "PROVIDERS"

// MaxSecret is how long a client secret may be, in bytes.
const MaxSecret = 1024

// DefaultScopes are asked of a provider when nothing else is registered.
var DefaultScopes = []string{"openid", "email", "profile"}

// CallbackOf is the address of this deployment that has to be registered at the provider.
func CallbackOf(issuer, id string) string { return issuer + "/callback/" + id }

// ValidID reports whether a provider can have the id.
func ValidID(id string) bool {
	return len(id) <= 32 && isName(id, "-")
}

// isName reports whether text begins with a letter and goes on with letters, digits and the others, all in lower case.
func isName(text, others string) bool {
	for i, c := range []byte(text) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte(others, c) < 0) {
			return false
		}
	}
	return text != ""
}

// Check returns nil when p can be registered. Its error says in each line what is wrong with one field.
func (p Provider) Check() error {
	var wrong []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	want(ValidID(p.ID), "id %q: want up to 32 of a-z, 0-9 and -, a letter first: it stands in an address", p.ID)
	want(isText(p.Name, 64), "name %q: want 1 to 64 printable characters: people read it on the button", p.Name)
	want(isText(p.ClientID, 256), "client_id: want 1 to 256 printable characters")
	want(len(p.SealedSecret) > 0, "the client secret is missing")
	if err := CheckIssuer(p.Issuer); err != nil {
		wrong = append(wrong, err)
	}
	want(slices.Contains(p.Scopes, "openid"), "scopes: want openid among them, or the provider sends no ID token")
	for _, scope := range p.Scopes {
		want(isText(scope, 128) && !strings.ContainsAny(scope, " \"\\"), "scope %q: has a space, a quote or a backslash in it, or is too long", scope)
	}
	for _, domain := range p.TrustEmail {
		want(len(domain) <= 253 && ascii.IsDomain(domain), "trust_email %q: want a domain like example.com, in lower case and without @ or *", domain)
	}
	want(p.RolesClaim != "" || len(p.Roles) == 0, "roles: say with roles_claim which claim lists the groups")
	want(p.RolesClaim == "" || len(p.Roles) > 0, "roles_claim: say with roles which group has which role")
	want(p.RolesClaim == "" || isText(p.RolesClaim, 128), "roles_claim: want at most 128 printable characters")
	want(len(p.Scopes) <= 20 && len(p.TrustEmail) <= 50 && len(p.Roles) <= 50, "want at most 20 scopes, 50 domains and 50 groups")
	for group, role := range p.Roles {
		want(isText(group, 256) && isText(role, 64), "roles: %q=%q: want a group and a role, printable, up to 256 and 64 characters", group, role)
	}
	return errors.Join(wrong...)
}

// CheckIssuer returns nil for an address that can be a provider's issuer (OpenID Connect Discovery 1.0 §3): https, or http on this machine.
func CheckIssuer(issuer string) error {
	const want = "want it exactly as in the provider's metadata, like https://accounts.google.com"
	u, err := url.Parse(issuer)
	switch {
	case len(issuer) > 256 || err != nil || u.Host == "" || !isText(issuer, 256) || strings.Contains(issuer, " "):
		return fmt.Errorf("issuer %.60q: %s", issuer, want)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(issuer, "#"):
		return fmt.Errorf("issuer %q: has a user name, a query or a fragment, which no issuer has: %s", issuer, want)
	case !isUnread(u):
		return fmt.Errorf("issuer %q: anybody on the way can read and change http: want https, which only this machine does without", issuer)
	}
	return nil
}

// isUnread reports whether nobody on the way reads or changes what is sent to an address: by https, or to this machine.
func isUnread(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

func isText(text string, most int) bool {
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return false
		}
	}
	return text != "" && len(text) <= most
}

// Record is a provider as it is stored.
type Record struct {
	Version  int64  // counts the writes, from 1
	Document []byte // JSON of a Provider; empty when it was removed
}

// Removed reports whether the provider was removed.
func (r Record) Removed() bool { return len(r.Document) == 0 }

// Provider returns what the record holds. The error is ErrUnknown for one that was removed.
func (r Record) Provider() (p Provider, err error) {
	if r.Removed() {
		return p, ErrUnknown
	}
	if err := json.Unmarshal(r.Document, &p); err != nil {
		return p, fmt.Errorf("federation: the provider that is stored: %w", err)
	}
	return p, nil
}

// Reader reads records.
type Reader interface {
	// Provider returns a record, strongly consistent. ErrUnknown when there is none, oauth.ErrUnavailable when it cannot tell.
	Provider(ctx context.Context, id string) (Record, error)
	// Providers returns the ids that have a record, also one that was removed, in their order.
	Providers(ctx context.Context) ([]string, error)
}

// Store keeps records by the ids of their providers.
type Store interface {
	Reader

	// PutProvider is one conditional write: it stores r as the next version after the one with the number r.Version-1, which is 0 where
	// there is no record, and returns ErrConflict when the record is another one by now.
	PutProvider(ctx context.Context, id string, r Record) error
}

var (
	ErrUnknown  = errors.New("federation: no such provider")
	ErrConflict = errors.New("federation: the provider was changed meanwhile")
)

// Registered returns the providers that are registered, in the order of their names.
func Registered(ctx context.Context, store Reader) ([]Provider, error) {
	ids, err := store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	all := []Provider{}
	for _, id := range ids {
		record, err := store.Provider(ctx, id)
		if err != nil {
			return nil, err
		}
		p, err := record.Provider()
		switch {
		case err == nil:
			all = append(all, p)
		case !errors.Is(err, ErrUnknown):
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Provider) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}
