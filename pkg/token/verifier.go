package token

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// ErrInvalid says that the text is not an access token that may be accepted here and now. The reason is
// in the error's text, for logs; it is never for the caller.
var ErrInvalid = errors.New("token: invalid")

// ErrOtherIssuer is the ErrInvalid of a token whose signature is good and whose issuer is another.
var ErrOtherIssuer = refuse("iss: another issuer (RFC 9068 §4)")

// ErrExpired is the ErrInvalid of a token that was good.
var ErrExpired = refuse("exp: expired (RFC 7519 §4.1.4)")

// VerifyKeys gives the public keys.
type VerifyKeys interface {
	// ByHeader returns the key whose tokens have exactly this encoded header segment,
	// keyring.ErrUnknownKey when there is none, oauth.ErrUnavailable when it cannot tell.
	ByHeader(ctx context.Context, segment string) (keyring.VerifyKey, error)
}

// Verifier checks access tokens. Safe for concurrent use.
type Verifier struct {
	keys VerifyKeys
	now  func() time.Time
	seen *seen
}

// NewVerifier returns a Verifier of tokens signed by one of keys.
func NewVerifier(keys VerifyKeys, now func() time.Time) *Verifier { return &Verifier{keys, now, nil} }

// NewRememberingVerifier returns a Verifier that remembers at most so many good tokens, and at least the last half as many. It
// does not check their signatures again, but everything else every time, also whether the key is still one of keys.
func NewRememberingVerifier(keys VerifyKeys, now func() time.Time, most int) *Verifier {
	return &Verifier{keys, now, newSeen(most)}
}

// Expect is what a token must say to be accepted at this place.
type Expect struct {
	Issuer   string
	Audience string // one of the token's

	// SkipAudience accepts every audience. It is for the issuer of a token, to take it back, and for callers that look at the audience
	// themselves.
	SkipAudience bool
}

// WellFormed reports whether a text has the form of a token. All others are refused before anything is read for them.
func WellFormed(text oauth.Secret) bool {
	_, err := split(text.Reveal())
	return err == nil
}

// Verify checks text in the order of docs/design.md §4 and returns what it says. The error is ErrInvalid, or
// oauth.ErrUnavailable when the keys could not be read.
func (v *Verifier) Verify(ctx context.Context, text oauth.Secret, want Expect) (Claims, error) {
	if known, ok := v.seen.recall(text); ok {
		// It is the very text that has passed every check of its form.
		header, _, _ := strings.Cut(text.Reveal(), ".")
		key, err := v.keyOf(ctx, header)
		if err != nil {
			return Claims{}, err
		}
		if sameKey(known.key, key) {
			if err := check(known.claims, want, v.now()); err != nil {
				return Claims{}, err
			}
			return known.claims.clone(), nil
		}
	}
	parts, err := split(text.Reveal())
	if err != nil {
		return Claims{}, err
	}
	key, err := v.keyOf(ctx, parts.header)
	if err != nil {
		return Claims{}, err
	}
	c, err := parts.verify(key)
	if err != nil {
		return Claims{}, err
	}
	if err := check(c, want, v.now()); err != nil {
		return Claims{}, err
	}
	v.seen.keep(text, key, c)
	return c, nil
}

// keyOf returns the key whose tokens have this header.
func (v *Verifier) keyOf(ctx context.Context, header string) (keyring.VerifyKey, error) {
	key, err := v.keys.ByHeader(ctx, header)
	if errors.Is(err, keyring.ErrUnknownKey) {
		return keyring.VerifyKey{}, refuse("header: not that of one of our keys (RFC 9068 §4)")
	}
	return key, err
}

// verify checks the signature and returns the claims that it signs.
func (parts compact) verify(key keyring.VerifyKey) (Claims, error) {
	if err := verifySignature(key, parts.signingInput, parts.signature); err != nil {
		return Claims{}, err
	}
	raw, err := decodeSegment(parts.payload)
	if err != nil {
		return Claims{}, err
	}
	c, err := decodeClaims(raw)
	c.SigningID = key.ID
	return c, err
}

// compact is a JWS in compact form, taken apart.
type compact struct {
	header, payload string // encoded
	signingInput    string // both, with the dot between them (RFC 7515 §5.2)
	signature       []byte
}

// split takes the compact form apart: exactly two dots, so that no JSON serialization (RFC 7515 §7.2)
// is ever read.
func split(text string) (compact, error) {
	if len(text) > MaxRead {
		return compact{}, refuse("longer than 4096 bytes")
	}
	header, rest, _ := strings.Cut(text, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || header == "" || payload == "" || signature == "" || strings.Contains(signature, ".") {
		return compact{}, refuse("not a compact JWS (RFC 7515 §3.1)")
	}
	if !inAlphabet(header) || !inAlphabet(payload) || !inAlphabet(signature) {
		return compact{}, refuse("a character outside base64url (RFC 7515 §2)")
	}
	decoded, err := decodeSegment(signature)
	return compact{header, payload, text[:len(header)+1+len(payload)], decoded}, err
}

// JWS is a signed text in compact form that is no access token, taken apart (RFC 7515 §7.1). Nothing of it is to be believed before
// VerifiedBy has returned nil.
type JWS struct {
	Header, Payload []byte // decoded
	parts           compact
}

// ParseJWS takes a JWS apart. The error is ErrInvalid.
func ParseJWS(text oauth.Secret) (JWS, error) {
	parts, err := split(text.Reveal())
	if err != nil {
		return JWS{}, err
	}
	header, err := decodeSegment(parts.header)
	if err != nil {
		return JWS{}, err
	}
	payload, err := decodeSegment(parts.payload)
	return JWS{header, payload, parts}, err
}

// VerifiedBy returns nil when the signature is the key's, by the key's algorithm. The error is ErrInvalid.
func (j JWS) VerifiedBy(key keyring.VerifyKey) error {
	return verifySignature(key, j.parts.signingInput, j.parts.signature)
}

// inAlphabet is needed before decoding, because Go's strict decoder still ignores CR and LF.
func inAlphabet(s string) bool {
	for i := range len(s) {
		if !alphabet[s[i]] {
			return false
		}
	}
	return true
}

// alphabet is base64url's (RFC 4648 §5).
var alphabet = func() (in [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		in[c] = true
	}
	return in
}()

func decodeSegment(s string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, refuse("not canonical base64url (RFC 7515 §2)")
	}
	return raw, nil
}

func verifySignature(key keyring.VerifyKey, input string, signature []byte) error {
	// RFC 7518 §3.4 fixes the length. The library splits the text in halves, and so accepts other lengths too.
	length := 64
	if public, ok := key.Public.(*rsa.PublicKey); ok {
		length = public.Size()
	}
	if len(signature) != length {
		return refuse("signature: wrong length (RFC 7518 §3.4)")
	}
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(key.Algorithm))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if verifier.Verify([]byte(input), signature, key.Public) != nil {
		return refuse("signature: does not verify (RFC 7515 §5.2)")
	}
	return nil
}

// check compares the claims with want and the clock, in the order of docs/design.md §4. Signature and types have been checked.
func check(c Claims, want Expect, now time.Time) error {
	switch {
	case c.Issuer == "" || c.Issuer != want.Issuer:
		return ErrOtherIssuer
	case len(c.Audience) == 0:
		return refuse("aud: missing (RFC 9068 §2.2)")
	case !want.SkipAudience && (want.Audience == "" || !slices.Contains(c.Audience, want.Audience)):
		return refuse("aud: another audience (RFC 9068 §4)")
	case c.Expiry.IsZero():
		return refuse("exp: missing (RFC 9068 §2.2)")
	case !now.Before(c.Expiry):
		return ErrExpired
	case c.IssuedAt.IsZero():
		return refuse("iat: missing (RFC 9068 §2.2)")
	case c.IssuedAt.After(now.Add(Leeway)):
		return refuse("iat: in the future (RFC 7519 §4.1.6)")
	case c.Subject == "":
		return refuse("sub: missing (RFC 9068 §2.2)")
	case !isUUID(c.ID):
		return refuse("jti: missing or not a UUID (RFC 9068 §2.2)")
	case c.ClientID == "":
		return refuse("client_id: missing (RFC 9068 §2.2)")
	case c.Login != nil && !isUUID(c.Subject):
		return refuse("sub: of an account, but not an account id")
	case c.Login == nil && c.Subject != c.ClientID:
		return refuse("sub: of a client, but another than client_id (RFC 9068 §2.2)")
	}
	return nil
}

// isUUID reports whether s is a UUID in the one form in which they are written here: 36 characters, lower case.
func isUUID(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil && len(s) == 36 && !strings.ContainsAny(s, "ABCDEF")
}

func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
