package drill

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// way is one way to revoke a session.
type way struct {
	name, about  string
	operator     bool // only an operator can do it
	refreshWorks bool // the stolen refresh token stays good
	tokens       bool // it is about tokens, which a site has none of
	site         bool // it is about what is read with each request of a site, and later by tokens
	revoke       func(ctx context.Context, p person, s scene) error

	// second: the person has a second device, whose session must live on.
	second bool
	// setUp makes changes before the thief begins; nil: none are needed.
	setUp func(ctx context.Context, p person) error
	// undo takes back what setUp and revoke have changed, as far as they have. It is nil when there is nothing to undo.
	undo func(ctx context.Context, p person) error
}

// scene holds the tokens that a way is rehearsed with.
type scene struct {
	stolen tokens
	own    tokens // of the second device, if the way has one
}

var ways = []way{
	{name: "token", about: "the client revokes this access token (POST /revoke)", refreshWorks: true, tokens: true,
		revoke: func(ctx context.Context, p person, s scene) error { return p.revoke(ctx, s.stolen.access) }},
	{name: "session", about: "the client revokes the refresh token or handle, and with it the session (POST /revoke)",
		revoke: func(ctx context.Context, p person, s scene) error { return p.revoke(ctx, s.stolen.refresh) }},
	{name: "others", about: "the person ends all other sessions from another device (DELETE /sessions?except=current)", second: true,
		revoke: func(ctx context.Context, p person, s scene) error { return p.endOtherSessions(ctx, s.own) }},
	{name: "everywhere", about: "the person logs out everywhere (POST /logout)",
		revoke: func(ctx context.Context, p person, s scene) error { return p.logoutEverywhere(ctx, s.stolen) }},
	{name: "disable", about: "an operator disables the account", operator: true,
		revoke: func(ctx context.Context, p person, _ scene) error { return p.Operator.DisableAccount(ctx, p.Username) },
		undo:   func(ctx context.Context, p person) error { return p.Operator.EnableAccount(ctx, p.Username) }},
	{name: "key", about: "an operator revokes the signing key, and everybody's access tokens with it", operator: true, refreshWorks: true, tokens: true,
		revoke: func(ctx context.Context, p person, s scene) error {
			id, err := s.stolen.keyID()
			if err != nil {
				return err
			}
			return p.Operator.RevokeKey(ctx, id)
		}},
	{name: "role", about: "an operator takes away the role that the route asks for, and only the test account had", operator: true, site: true,
		setUp: func(ctx context.Context, p person) error {
			if err := p.Operator.GiveRole(ctx, p.Username, Role); err != nil {
				return err
			}
			return p.Operator.RequireRole(ctx, p.Route, Role)
		},
		revoke: func(ctx context.Context, p person, _ scene) error { return p.Operator.TakeRole(ctx, p.Username, Role) },
		undo: func(ctx context.Context, p person) error {
			return errors.Join(p.Operator.ReleaseRoute(ctx), p.Operator.TakeRole(ctx, p.Username, Role))
		}},
	{name: "policy", about: "an operator changes the policy: the route asks for a role that nobody has", operator: true, site: true,
		revoke: func(ctx context.Context, p person, _ scene) error { return p.Operator.RequireRole(ctx, p.Route, Role) },
		undo:   func(ctx context.Context, p person) error { return p.Operator.ReleaseRoute(ctx) }},
}

// Role is what the ways "role" and "policy" have a route ask for. Nobody else should have it.
const Role = "wavepass-drill"

// Ways are the names of all ways, in the order in which they are rehearsed.
func Ways() []string {
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = w.name
	}
	return names
}

func chosen(names []string) []way {
	if len(names) == 0 {
		return ways
	}
	return slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return !slices.Contains(names, w.name) })
}

// keyID is the id of the key that signed the access token.
func (t tokens) keyID() (string, error) {
	segment, _, _ := strings.Cut(t.access.Reveal(), ".")
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	var header struct {
		KeyID string `json:"kid"`
	}
	if err != nil || json.Unmarshal(raw, &header) != nil || header.KeyID == "" {
		return "", errors.New("the access token names no key")
	}
	return header.KeyID, nil
}
