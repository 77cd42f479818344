package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// ErrTooLong says that the token would exceed MaxIssued; usually the account has too many roles.
var ErrTooLong = errors.New("token: longer than 2048 bytes")

// SigningKeys gives the current signing key.
type SigningKeys interface {
	// Key returns oauth.ErrUnavailable when there is no key to sign with now.
	Key(ctx context.Context) (keyring.SigningKey, error)
}

// Issuer signs access tokens.
type Issuer struct{ keys SigningKeys }

// NewIssuer returns an Issuer that signs with the current key of keys.
func NewIssuer(keys SigningKeys) *Issuer { return &Issuer{keys} }

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

	SessionID string   `json:"sid,omitzero"`
	Epoch     *int64   `json:"epoch,omitzero"`
	AuthTime  *int64   `json:"auth_time,omitzero"`
	AMR       []string `json:"amr,omitempty"`
}

// Sign returns c as a signed JWT in compact form. Errors are ErrTooLong and those of the key source.
func (i *Issuer) Sign(ctx context.Context, c Claims) (oauth.Secret, error) {
	key, err := i.keys.Key(ctx)
	if err != nil {
		return oauth.Secret{}, err
	}
	if c.Login != nil && len(c.Login.AMR) == 0 {
		return oauth.Secret{}, errors.New("token: a login without amr")
	}
	payload, err := json.Marshal(toWire(c))
	if err != nil {
		return oauth.Secret{}, fmt.Errorf("token: encode claims: %w", err)
	}
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(key.Algorithm))
	if err != nil {
		return oauth.Secret{}, fmt.Errorf("token: %w", err)
	}
	input := keyring.HeaderSegment(key.Algorithm, key.ID) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := signer.Sign([]byte(input), key.Private())
	if err != nil {
		return oauth.Secret{}, fmt.Errorf("token: sign: %w", err)
	}
	text := input + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(text) > MaxIssued {
		return oauth.Secret{}, ErrTooLong
	}
	return oauth.NewSecret(text), nil
}

func toWire(c Claims) wire {
	w := wire{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
		Expiry: c.Expiry.Unix(), IssuedAt: c.IssuedAt.Unix(), ID: c.ID,
		ClientID: c.ClientID, Scope: c.Scope, Roles: c.Roles,
	}
	if len(c.Audience) == 1 {
		w.Audience = c.Audience[0]
	}
	if l := c.Login; l != nil {
		authTime := l.AuthTime.Unix()
		w.SessionID, w.Epoch, w.AuthTime, w.AMR = l.SessionID.String(), &l.Epoch, &authTime, l.AMR
	}
	return w
}
