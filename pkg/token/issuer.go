package token

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// wire is the payload in the order in which it is written.
type wire struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience any      `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitzero"`
	Roles    []string `json:"roles,omitempty"`
	Omitted  bool     `json:"roles_omitted,omitzero"`

	Custom     jsontext.Value `json:"claims,omitzero"`
	ExternalID string         `json:"external_id,omitzero"`

	SessionID string   `json:"sid,omitzero"`
	Epoch     *int64   `json:"epoch,omitzero"`
	AuthTime  *int64   `json:"auth_time,omitzero"`
	AMR       []string `json:"amr,omitzero"`
}

// Sign returns c as a signed JWT in compact form. It cannot fail, so that it may come after a write. When the token
// would exceed MaxIssued, roles_omitted stands in it in place of the roles. Everything else is bounded where it is
// assigned; a token that is longer nevertheless is issued as it is, and is never longer than MaxRead.
func Sign(key keyring.SigningKey, c Claims) (text oauth.Secret, rolesOmitted bool) {
	compact := sign(key, c)
	if len(compact) > MaxIssued && len(c.Roles) > 0 {
		c.Roles, c.RolesOmitted = nil, true
		compact = sign(key, c)
	}
	return oauth.NewSecret(compact), c.RolesOmitted
}

// Fits reports whether Sign leaves the roles in, with a key of that algorithm.
func Fits(alg keyring.Algorithm, c Claims) bool {
	header := keyring.HeaderSegment(alg, strings.Repeat("k", 43)) // key ids are SHA-256 thumbprints (RFC 7638)
	length := len(header) + 1 + base64.RawURLEncoding.EncodedLen(len(encode(c))) + 1 + base64.RawURLEncoding.EncodedLen(alg.SignatureLen())
	return length <= MaxIssued
}

func sign(key keyring.SigningKey, c Claims) string {
	return compactOf(key, keyring.HeaderSegment(key.Algorithm, key.ID), encode(c))
}

// compactOf is a signed JWT in compact form (RFC 7515 §3.1).
func compactOf(key keyring.SigningKey, header string, payload []byte) string {
	input := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(key.Sign([]byte(input)))
}

func encode(c Claims) []byte {
	payload, err := json.Marshal(toWire(c), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("token: claims are strings and numbers, and cannot be encoded: " + err.Error())
	}
	return payload
}

func toWire(c Claims) wire {
	w := wire{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
		Expiry: c.Expiry.Unix(), IssuedAt: c.IssuedAt.Unix(), ID: c.ID,
		ClientID: c.ClientID, Scope: c.Scope, Roles: c.Roles, Omitted: c.RolesOmitted, ExternalID: c.ExternalID,
	}
	if len(c.Audience) == 1 {
		w.Audience = c.Audience[0]
	}
	if c.Custom != "" {
		w.Custom = jsontext.Value(c.Custom)
	}
	if l := c.Login; l != nil {
		authTime := l.AuthTime.Unix()
		w.SessionID, w.Epoch, w.AuthTime, w.AMR = l.SessionID.String(), &l.Epoch, &authTime, append([]string{}, l.AMR...)
	}
	return w
}
