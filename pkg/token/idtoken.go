package token

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// IDClaims are what an ID token says (OpenID Connect Core 1.0 §2).
type IDClaims struct {
	Issuer      string
	Subject     string // the account, a UUID
	Client      string // the audience, and the authorized party
	IssuedAt    time.Time
	Expiry      time.Time
	AuthTime    time.Time
	AMR         []string
	Nonce       string // as the client sent it; empty: none, as in the answer to a refresh
	SessionID   string
	AccessToken oauth.Secret // issued beside it, of which it has a hash (§3.1.3.6)

	Email         string // empty: none, and nothing is said of it
	EmailVerified bool
}

// idHeader is the type of an ID token. Access tokens have another, so that neither is taken for the other (RFC 8725 §3.11).
const idHeader = "JWT"

// SignID returns c as a signed JWT. It cannot fail, so that it may come after a write.
func SignID(key keyring.SigningKey, c IDClaims) oauth.Secret {
	var verified *bool
	if c.Email != "" {
		verified = &c.EmailVerified
	}
	payload, err := json.Marshal(struct {
		Issuer          string   `json:"iss"`
		Subject         string   `json:"sub"`
		Audience        string   `json:"aud"`
		AuthorizedParty string   `json:"azp"`
		Expiry          int64    `json:"exp"`
		IssuedAt        int64    `json:"iat"`
		AuthTime        int64    `json:"auth_time"`
		Nonce           string   `json:"nonce,omitzero"`
		AMR             []string `json:"amr,omitempty"`
		SessionID       string   `json:"sid"`
		AccessTokenHash string   `json:"at_hash"`
		Email           string   `json:"email,omitzero"`
		EmailVerified   *bool    `json:"email_verified,omitzero"`
	}{
		c.Issuer, c.Subject, c.Client, c.Client, c.Expiry.Unix(), c.IssuedAt.Unix(), c.AuthTime.Unix(), c.Nonce, c.AMR, c.SessionID,
		halfHash(key.Algorithm, c.AccessToken), c.Email, verified,
	}, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("token: claims are strings and numbers, and cannot be encoded: " + err.Error())
	}
	return oauth.NewSecret(compactOf(key, keyring.HeaderSegmentOf(idHeader, key.Algorithm, key.ID), payload))
}

// halfHash is the left half of the hash that the signature algorithm is made with (OpenID Connect Core 1.0 §3.1.3.6): SHA-512 for Ed25519 (RFC 8032 §5.1),
// SHA-256 for the others.
func halfHash(alg keyring.Algorithm, text oauth.Secret) string {
	if alg == keyring.EdDSA {
		sum := sha512.Sum512([]byte(text.Reveal()))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(text.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// IDHint is what an ID token says that a client hands back, to say whom it is about (OpenID Connect Core 1.0 §3.1.2.1, RP-Initiated
// Logout 1.0 §2).
type IDHint struct {
	Account   uuid.UUID
	Client    string
	SessionID uuid.UUID
}

// ReadIDHint reads an ID token of this issuer. Whether it has expired is not asked, because clients keep theirs for as long as somebody is logged
// in. The error is ErrInvalid, also for an access token, or oauth.ErrUnavailable when the keys could not be read.
func ReadIDHint(ctx context.Context, keys VerifyKeys, text oauth.Secret, issuer string) (IDHint, error) {
	jws, err := ParseJWS(text)
	if err != nil {
		return IDHint{}, err
	}
	var header struct {
		Algorithm keyring.Algorithm `json:"alg"`
		KeyID     string            `json:"kid"`
	}
	if json.Unmarshal(jws.Header, &header) != nil {
		return IDHint{}, refuse("header: not JSON")
	}
	key, err := keys.ByHeader(ctx, keyring.HeaderSegment(header.Algorithm, header.KeyID))
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return IDHint{}, refuse("header: not that of one of our keys")
	case err != nil:
		return IDHint{}, err
	case jws.parts.header != keyring.HeaderSegmentOf(idHeader, key.Algorithm, key.ID):
		return IDHint{}, refuse("header: not that of an ID token")
	}
	if err := jws.VerifiedBy(key); err != nil {
		return IDHint{}, err
	}
	var said struct {
		Issuer    string    `json:"iss"`
		Subject   uuid.UUID `json:"sub"`
		Audience  string    `json:"aud"`
		SessionID uuid.UUID `json:"sid"`
	}
	if json.Unmarshal(jws.Payload, &said) != nil || said.Issuer != issuer {
		return IDHint{}, refuse("not of this issuer, or not in the form of ours")
	}
	return IDHint{said.Subject, said.Audience, said.SessionID}, nil
}
