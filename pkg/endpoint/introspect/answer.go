package introspect

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/grant"
)

// answer has the members of RFC 7662 §2.2 and those of our access tokens. The zero one is exactly {"active":false}. Times are unix
// seconds.
type answer struct {
	Active    bool           `json:"active"`
	TokenType string         `json:"token_type,omitzero"` // of access tokens
	Issuer    string         `json:"iss,omitzero"`
	Subject   string         `json:"sub,omitzero"`
	Audience  []string       `json:"aud,omitzero"`
	ClientID  string         `json:"client_id,omitzero"`
	Expiry    int64          `json:"exp,omitzero"`
	IssuedAt  int64          `json:"iat,omitzero"`
	ID        string         `json:"jti,omitzero"`
	Scope     string         `json:"scope,omitzero"`
	Roles     []string       `json:"roles,omitempty"`
	Custom    jsontext.Value `json:"claims,omitzero"`
	External  string         `json:"external_id,omitzero"`
	SessionID string         `json:"sid,omitzero"`
	AuthTime  int64          `json:"auth_time,omitzero"`
	AMR       []string       `json:"amr,omitempty"`
}

func answerOf(found grant.Introspected, issuer string) answer {
	if c := found.Access; c.ID != "" {
		a := answer{
			Active: true, TokenType: "Bearer", Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ClientID: c.ClientID,
			Expiry: c.Expiry.Unix(), IssuedAt: c.IssuedAt.Unix(), ID: c.ID, Scope: c.Scope, Roles: c.Roles, External: c.ExternalID,
		}
		if c.Custom != "" {
			a.Custom = jsontext.Value(c.Custom)
		}
		if l := c.Login; l != nil {
			a.SessionID, a.AuthTime, a.AMR = l.SessionID.String(), l.AuthTime.Unix(), l.AMR
		}
		return a
	}
	s := found.Refresh.Session
	return answer{
		Active: true, Issuer: issuer, Subject: s.AccountID.String(), ClientID: s.ClientID, Scope: found.Refresh.Scope,
		Expiry: found.Refresh.Expiry.Unix(), IssuedAt: s.RotatedAt.Unix(), SessionID: s.ID.String(), AuthTime: s.AuthTime.Unix(), AMR: s.AMR,
	}
}
