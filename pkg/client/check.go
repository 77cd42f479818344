package client

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/jwks"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Bounds of a definition.
const (
	minAccessLife  = 10 * time.Second
	minLife        = time.Minute
	minNotedLife   = 10 * time.Minute // of a session whose use is not noted each time
	maxListed      = 100              // entries in any list
	maxAddress     = 512              // bytes of one origin or redirect
	maxLateRetries = 5
	maxJWKS        = 16 << 10 // bytes
	maxAudiences   = 3
	maxAudienceLen = 160 // bytes of all audiences together: they are in every access token
)

// Problem is one thing that is wrong with a definition.
type Problem struct {
	ID    string // of the client
	Field string // as files call it: `post_logout_redirects`
	Index int    // of the value in its list; -1 where there is no list
	Says  string // what is wrong, and what to write instead
}

func (p Problem) Error() string {
	if p.Index >= 0 {
		return fmt.Sprintf("client %s: %s[%d] %s", p.ID, p.Field, p.Index, p.Says)
	}
	return fmt.Sprintf("client %s: %s %s", p.ID, p.Field, p.Says)
}

// Check reports the first thing that is wrong with a definition, as a Problem. It is asked when a client is added or
// changed, not when one is read: what an older version has stored stays what it is.
func (c Client) Check() error {
	if problems := c.Problems(); len(problems) > 0 {
		return problems[0]
	}
	return nil
}

// Problems are all the things that are wrong with a definition.
func (c Client) Problems() []Problem {
	p := problems{id: c.ID}
	p.checkID(c)
	p.checkLives(c)
	p.checkKind(c)
	p.checkLists(c)
	p.checkToken(c)
	return p.found
}

type problems struct {
	id    string
	found []Problem
}

// unless notes a problem of a field when it is not as it should be.
func (p *problems) unless(good bool, field, format string, values ...any) {
	if !good {
		p.found = append(p.found, Problem{p.id, field, -1, fmt.Sprintf(format, values...)})
	}
}

func (p *problems) checkID(c Client) {
	if c.IsFetched() {
		err := CheckURL(c.ID)
		p.unless(err == nil, "client_id", "%v", err)
		p.unless(c.Kind == Native && !c.FirstParty, "kind", "of a document: want native, of a third party")
		return
	}
	p.unless(ValidID(c.ID), "id", "%.80q: want a lower-case letter, then up to 63 of a-z 0-9 . _ -", c.ID)
	p.unless(uuid.Validate(c.ID) != nil, "id", "%q looks like an account id: want a name", c.ID)
}

func (p *problems) checkLives(c Client) {
	p.unless(minAccessLife <= c.AccessLife && c.AccessLife <= oauth.MaxAccessLife,
		"access_life", "%s: want %s to %s", c.AccessLife, minAccessLife, oauth.MaxAccessLife)
	// While an access token lives its session must be there to be revoked.
	p.unless(max(minLife, c.AccessLife) <= c.IdleLife && c.IdleLife <= oauth.MaxSessionLife,
		"idle_life", "%s: want the access life, or 1m, to %s", c.IdleLife, oauth.MaxSessionLife)
	p.unless(c.Kind != Site && c.Kind != Server || c.IdleLife >= minNotedLife,
		"idle_life", "%s: want at least %s, because the use of these sessions is noted only once in 5 minutes", c.IdleLife, minNotedLife)
	p.unless(minLife <= c.Absolute && c.Absolute <= oauth.MaxSessionLife,
		"absolute_life", "%s: want 1m to %s", c.Absolute, oauth.MaxSessionLife)
	p.unless(c.Remembered == 0 || minLife <= c.Remembered && c.Remembered <= oauth.MaxSessionLife,
		"remembered_life", "%s: want 1m to %s, or 0s", c.Remembered, oauth.MaxSessionLife)
	for _, life := range []struct {
		field string
		value time.Duration
	}{{"access_life", c.AccessLife}, {"idle_life", c.IdleLife}, {"absolute_life", c.Absolute}, {"remembered_life", c.Remembered}} {
		p.unless(life.value%time.Millisecond == 0, life.field, "%s: want whole milliseconds", life.value)
	}
}

func (p *problems) checkKind(c Client) {
	p.unless(slices.Contains(Kinds, c.Kind), "kind", "%q: want browser, site, native, server or service", c.Kind)
	p.unless(c.Roles == RolesEmbed || c.Roles == RolesLookup, "roles", "%q: want embed or lookup", c.Roles)
	p.unless(0 <= c.LateRetries && c.LateRetries <= maxLateRetries, "late_retries", "%d: want 0 to %d", c.LateRetries, maxLateRetries)
	p.unless(c.Kind == Native || c.LateRetries == 0, "late_retries", "%d: only native clients have late retries: want 0", c.LateRetries)
	p.unless(c.Kind == Native || !c.SharedStore, "shared_store", "true: only native clients have a shared store: want false")
	p.unless(c.UsesCookies() || c.Remembered == 0, "remembered_life", "%s: only browser and site clients remember: want 0s", c.Remembered)
	p.unless(c.Kind != Server || len(c.Origins) == 0, "origins", "of a server: no page of it calls this service: want none")
	p.checkCredentials(c)
	p.checkRights(c)
	if c.Kind != Service {
		p.unless(c.Directory == "", "directory", "%q: only service clients have one: want none", c.Directory)
		p.unless(len(c.Introspects) == 0, "introspects", "of a client that is no service: want none")
		return
	}
	p.unless(c.Directory == "" || ValidID(c.Directory), "directory", "%.80q: want a lower-case letter, then up to 63 of a-z 0-9 . _ -", c.Directory)
	for field, list := range map[string][]string{"origins": c.Origins, "redirects": c.Redirects, "post_logout_redirects": c.PostLogoutRedirects} {
		p.unless(len(list) == 0, field, "of a service: nobody logs in with one: want none")
	}
}

// checkCredentials wants one way to authenticate, so that the weaker of two never counts.
func (p *problems) checkCredentials(c Client) {
	if !c.Authenticates() {
		p.unless(len(c.SecretHash) == 0, "secret", "of a client that is no server or service: it would not be kept secret: want none")
		p.unless(c.JWKS == "", "jwks", "of a client that is no server or service: it authenticates by nothing: want none")
		return
	}
	p.unless(len(c.SecretHash) == 0 || len(c.SecretHash) == sha256.Size, "secret", "has a hash of %d bytes: want a new one by `wavepass client rotate-secret`", len(c.SecretHash))
	if c.JWKS == "" {
		return
	}
	p.unless(len(c.SecretHash) == 0, "jwks", "beside a secret: a client authenticates in one way")
	p.unless(len(c.JWKS) <= maxJWKS, "jwks", "has %d bytes: want at most %d", len(c.JWKS), maxJWKS)
	_, err := jwks.Parse([]byte(c.JWKS))
	p.unless(err == nil, "jwks", "is no set of public keys (RFC 7517): %v", err)
}

// checkLists checks each entry of each list.
func (p *problems) checkLists(c Client) {
	for _, list := range []struct {
		field   string
		entries []string
		check   func(string) error
	}{
		{"origins", c.Origins, checkOrigin},
		{"redirects", c.Redirects, checkRedirect},
		{"post_logout_redirects", c.PostLogoutRedirects, checkRedirect},
		{"audiences", c.Audiences, checkName},
		{"scopes", c.Scopes, checkName},
		{"introspects", c.Introspects, checkClientID},
		{"may_begin", c.MayBegin, checkMayBegin},
		{"may_grant", c.MayGrant, checkMayGrant},
		{"amr", c.AMR, checkAMR},
	} {
		if len(list.entries) > maxListed {
			p.unless(false, list.field, "has %d entries: want at most %d", len(list.entries), maxListed)
			continue
		}
		for i, entry := range list.entries {
			err := list.check(entry)
			if first := slices.Index(list.entries, entry); err == nil && first < i {
				err = fmt.Errorf("%q: is [%d] already: want each entry once", entry, first)
			}
			if err != nil {
				p.found = append(p.found, Problem{p.id, list.field, i, err.Error()})
			}
		}
	}
}

func checkName(name string) error {
	if !oauth.ValidScope(name) {
		return fmt.Errorf("%.80q: want printable ASCII characters without space, quote or backslash (RFC 6749 §3.3)", name)
	}
	return nil
}

// ValidID reports whether a client may have the id. It does not say that there is one.
func ValidID(id string) bool { return ofID.Holds(id, 64) && 'a' <= id[0] && id[0] <= 'z' }

var ofID = ascii.Of("a-z0-9._-")

func checkClientID(id string) error {
	if !ValidID(id) {
		return fmt.Errorf("%.80q: want the id of a client", id)
	}
	return nil
}

// checkToken bounds what the client puts into its access tokens, so that they have room for an account's roles.
func (p *problems) checkToken(c Client) {
	scopes := len(strings.Join(c.Scopes, " "))
	p.unless(scopes <= oauth.MaxScope, "scopes", "have %d bytes with a space between two: want at most %d", scopes, oauth.MaxScope)
	audiences := len(strings.Join(c.Audiences, ""))
	p.unless(len(c.Audiences) <= maxAudiences && audiences <= maxAudienceLen,
		"audiences", "are %d of %d bytes together: want at most %d of %d bytes", len(c.Audiences), audiences, maxAudiences, maxAudienceLen)
	p.unless(c.FirstParty || !slices.Contains(c.Scopes, oauth.ScopeAccount),
		"scopes", "have %s, which is for first-party clients: take it out", oauth.ScopeAccount)
}
