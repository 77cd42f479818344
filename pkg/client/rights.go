package client

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Reserved is the client of Wavepass's own pages. Files and commands leave it alone, and no service begins a session of it.
const Reserved = "wavepass"

// OfPages returns the client of the sign-in pages. Its sessions are those of a browser at this service; nothing but these pages
// begins one.
func OfPages() Client { return New(Reserved, Site) }

// Right is one kind of thing that a service may give an account of its directory. In MayGrant it stands before a colon and the
// name: "role:editor", "scope:orders:read", "claim:plan".
type Right string

const (
	GrantRole  Right = "role"
	GrantScope Right = "scope"
	GrantClaim Right = "claim"
)

// ManagesSessions reports whether the client is a service that may begin, list and end sessions for the accounts of a directory.
func (c Client) ManagesSessions() bool {
	return c.Kind == Service && c.Directory != "" && slices.Contains(c.Scopes, oauth.ScopeSessions)
}

// Grants reports whether a service may give an account of its directory the role, the scope or the claim of this name, and take it
// away. Nothing is granted that is not registered.
func (c Client) Grants(right Right, name string) bool {
	return slices.Contains(c.MayGrant, string(right)+":"+name)
}

// Begins reports whether a service is registered to begin sessions of another client. That client is also first-party, and one that
// people log in with.
func (c Client) Begins(other Client) bool {
	return slices.Contains(c.MayBegin, other.ID) && other.ID != Reserved && other.FirstParty && other.Transport() != NoSession
}

// checkRights bounds what a service may do for the accounts of its directory.
func (p *problems) checkRights(c Client) {
	for field, list := range map[string][]string{"may_begin": c.MayBegin, "may_grant": c.MayGrant, "amr": c.AMR} {
		p.unless(len(list) == 0 || c.Kind == Service && c.Directory != "", field, "is for services with a directory: register one, or want none")
	}
	p.unless(!slices.Contains(c.Scopes, oauth.ScopeSessions) || c.Kind == Service && c.Directory != "",
		"scopes", "have %s, which is for services with a directory: register one, or take it out", oauth.ScopeSessions)
}

func checkMayBegin(id string) error {
	if id == Reserved {
		return fmt.Errorf("%q: is reserved: only Wavepass itself begins sessions of it: leave it out", id)
	}
	return checkClientID(id)
}

func checkMayGrant(entry string) error {
	right, name, _ := strings.Cut(entry, ":")
	switch {
	case Right(right) == GrantRole && oauth.ValidScope(name), Right(right) == GrantScope && oauth.ValidScope(name),
		Right(right) == GrantClaim && oauth.ValidClaimName(name):
		return nil
	}
	return fmt.Errorf("%.80q: want role:NAME, scope:NAME or claim:NAME", entry)
}

// checkAMR bounds a value that is in every access token of a session.
func checkAMR(value string) error {
	if !ofAMR.Holds(value, 16) || value[0] == '_' || value[0] == '-' {
		return fmt.Errorf("%.40q: want a name like pwd, otp or mfa (RFC 8176): up to 16 of a-z 0-9 _ -", value)
	}
	return nil
}

var ofAMR = ascii.Of("a-z0-9_-")
