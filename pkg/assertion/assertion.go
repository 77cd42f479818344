// Package assertion owns the assertions by which clients authenticate with a key of their own, private_key_jwt (RFC 7523 §3). It
// does not issue tokens.
package assertion

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/jwks"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// Type is the client_assertion_type of RFC 7523 §2.2.
const Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	maxLife = 5 * time.Minute // how long an assertion may live
	maxID   = 256             // bytes of its jti

	// slack is how much longer an assertion is remembered than it lives: the clocks of two hosts differ.
	slack = time.Minute
)

// Uses remembers which assertions were used.
type Uses interface {
	// UseAssertion notes, in one conditional write, that the assertion of this name was used. Until that time every other call for
	// the name gets first = false. call names the caller's call, which may be repeated. An error is oauth.ErrUnavailable; the
	// assertion may then be used up.
	UseAssertion(ctx context.Context, name [sha256.Size]byte, until time.Time, call string) (first bool, err error)
}

// Verifier authenticates clients.
type Verifier struct {
	clients *client.Registry
	uses    Uses
	now     func() time.Time
}

// NewVerifier returns a Verifier.
func NewVerifier(clients *client.Registry, uses Uses, now func() time.Time) *Verifier {
	return &Verifier{clients, uses, now}
}

// header has the members that are looked at. Those that name a key by an address or hold one (jku, jwk, x5u, x5c) are not: only
// registered keys count.
type header struct {
	Algorithm keyring.Algorithm `json:"alg"`
	KeyID     string            `json:"kid"`
	Critical  any               `json:"crit"`
}

type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expiry    float64  `json:"exp"`
	IssuedAt  *float64 `json:"iat"`
	NotBefore *float64 `json:"nbf"`
	ID        string   `json:"jti"`
}

// audience is a string or an array of strings (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// Authenticate returns the client whose assertion it is, and uses the assertion up. id is the client that the request names beside it,
// or empty. here are the only values that its audience may have. Errors: client.ErrUnknown for every assertion that is not accepted, with the reason in its text for logs; oauth.ErrUnavailable.
func (v *Verifier) Authenticate(ctx context.Context, text oauth.Secret, id string, here []string) (client.Client, error) {
	jws, err := token.ParseJWS(text)
	if err != nil {
		return client.Client{}, refuse(err.Error())
	}
	var h header
	var c claims
	if json.Unmarshal(jws.Header, &h) != nil || json.Unmarshal(jws.Payload, &c) != nil { // refuses names that stand twice
		return client.Client{}, refuse("header or claims are malformed")
	}
	if id != "" && id != c.Subject {
		return client.Client{}, refuse("sub: another client than client_id (RFC 7521 §4.2)")
	}
	found, err := v.clients.Find(ctx, c.Subject)
	if err != nil {
		return client.Client{}, err
	}
	key, err := keyOf(found, h)
	if err == nil {
		err = jws.VerifiedBy(key)
	}
	if err == nil {
		err = c.check(found, here, v.now())
	}
	if err != nil {
		return client.Client{}, refusal(found, err.Error())
	}
	name := sha256.Sum256([]byte(found.ID + "\x00" + c.ID)) // no client id has a zero in it
	switch first, err := v.uses.UseAssertion(ctx, name, timeOf(c.Expiry).Add(slack), rand.Text()); {
	case err != nil:
		return client.Client{}, fmt.Errorf("assertion: %w", err)
	case !first:
		return client.Client{}, refusal(found, "jti: used before (RFC 7523 §3)")
	}
	return found, nil
}

// keyOf returns the registered key that the header names. Without a kid it is the only one of the algorithm.
func keyOf(c client.Client, h header) (keyring.VerifyKey, error) {
	switch {
	case !c.Authenticates() || c.JWKS == "":
		return keyring.VerifyKey{}, errors.New("the client has no registered keys")
	case h.Critical != nil:
		return keyring.VerifyKey{}, errors.New("header: crit is not understood (RFC 7515 §4.1.11)")
	}
	keys, err := jwks.Parse([]byte(c.JWKS))
	if err != nil {
		return keyring.VerifyKey{}, fmt.Errorf("registered keys: %w", err)
	}
	keys = slices.DeleteFunc(keys, func(k keyring.VerifyKey) bool {
		return k.Algorithm != h.Algorithm || h.KeyID != "" && k.ID != h.KeyID
	})
	if len(keys) != 1 {
		return keyring.VerifyKey{}, errors.New("header: alg and kid name no registered key")
	}
	return keys[0], nil
}

// check compares the claims with the client, the place and the clock, in the order of RFC 7523 §3.
func (c claims) check(found client.Client, here []string, now time.Time) error {
	elsewhere := func(audience string) bool { return !slices.Contains(here, audience) }
	switch {
	case c.Issuer != found.ID || c.Subject != found.ID:
		return errors.New("iss or sub: not the client's id")
	case len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, elsewhere):
		return errors.New("aud: want the issuer, its /token or its /par, and nothing else")
	case !(c.Expiry > 0 && c.Expiry < maxTime) || !now.Before(timeOf(c.Expiry)):
		return errors.New("exp: missing, or expired")
	case timeOf(c.Expiry).After(now.Add(maxLife + token.Leeway)):
		return errors.New("exp: more than 5 minutes ahead")
	case c.NotBefore != nil && !(*c.NotBefore < maxTime && !timeOf(*c.NotBefore).After(now.Add(token.Leeway))):
		return errors.New("nbf: in the future")
	case c.IssuedAt != nil && !(*c.IssuedAt < maxTime && !timeOf(*c.IssuedAt).After(now.Add(token.Leeway))):
		return errors.New("iat: in the future")
	case c.IssuedAt != nil && c.Expiry-*c.IssuedAt > maxLife.Seconds():
		return errors.New("exp: more than 5 minutes after iat")
	case c.ID == "" || len(c.ID) > maxID:
		return fmt.Errorf("jti: missing, or longer than %d bytes", maxID)
	}
	return nil
}

// maxTime is the last second of the year 9999; a later time is not a date.
const maxTime = 253402300799

// timeOf reads a NumericDate (RFC 7519 §2), down to the second.
func timeOf(seconds float64) time.Time { return time.Unix(int64(seconds), 0) }

func refuse(reason string) error { return fmt.Errorf("%w: assertion: %s", client.ErrUnknown, reason) }

// refusal refuses an assertion that names a client. That of one that authenticates goes to the audit trail.
func refusal(c client.Client, reason string) error {
	if !c.Authenticates() {
		return refuse(reason)
	}
	return fmt.Errorf("%w: assertion: %s", &client.NotAuthenticatedError{ID: c.ID, Reason: "assertion: " + reason}, reason)
}
