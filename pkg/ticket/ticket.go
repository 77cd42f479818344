// Package ticket owns the tickets that open WebSockets: a browser cannot send a header with one, and an address is no place for an
// access token. A ticket stands for the access token that it was issued for, once, at one API, for half a minute. It does not decide
// whether that token is still to be accepted.
package ticket

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// Life is how long a ticket is good, and never longer than its access token.
const Life = 30 * time.Second

const (
	prefix     = "wptk_"
	secretSize = 32
)

// ErrUnknown says that a ticket is none: it is malformed, was used, has expired, or is for another API.
var ErrUnknown = errors.New("ticket: not a ticket for this API, used before, or expired")

// Name is what is known of a ticket without the ticket: the SHA-256 of its secret, which has 256 bits of randomness.
type Name [sha256.Size]byte

// Record is a ticket as it is stored. Nothing in it opens anything: the claims are without their signature.
type Record struct {
	API    string    // id of the API that it is good at
	Until  time.Time // milliseconds
	Claims []byte    // JSON, as in the access token
	KeyID  string    // of the key that signed the access token
}

// Keeper stores tickets.
type Keeper interface {
	// PutTicket stores a record. It may be repeated. An error is oauth.ErrUnavailable.
	PutTicket(ctx context.Context, name Name, r Record) error
}

// Taker takes tickets.
type Taker interface {
	// TakeTicket notes, in one conditional write, that the ticket was used, and returns its record, when it is for the API, its time is
	// not over, and no other call has used it. call names the caller's call, which may be repeated: of any number of calls exactly one
	// gets the record. ErrUnknown otherwise, and the record stays as it was. After oauth.ErrUnavailable the ticket may be used up.
	TakeTicket(ctx context.Context, name Name, api, call string) (Record, error)
}

// Issue stores a ticket for a verified access token at an API, and returns it with how long it is good. The error is oauth.ErrUnavailable.
func Issue(ctx context.Context, keeper Keeper, c token.Claims, api string, now time.Time) (oauth.Secret, time.Duration, error) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	life := min(Life, c.Expiry.Sub(now))
	record := Record{API: api, Until: now.Add(life).UTC().Truncate(time.Millisecond), Claims: token.EncodeClaims(c), KeyID: c.SigningID}
	if err := keeper.PutTicket(ctx, sha256.Sum256(secret), record); err != nil {
		return oauth.Secret{}, 0, fmt.Errorf("ticket: %w", err)
	}
	return oauth.NewSecret(prefix + base64.RawURLEncoding.EncodeToString(secret)), life, nil
}

// Redeem uses a ticket up, and returns what its access token says. Whether that token is still to be accepted is for the caller to ask.
// Errors: ErrUnknown, oauth.ErrUnavailable.
func Redeem(ctx context.Context, taker Taker, text oauth.Secret, api string) (token.Claims, error) {
	name, err := parse(text.Reveal())
	if err != nil {
		return token.Claims{}, err
	}
	record, err := taker.TakeTicket(ctx, name, api, rand.Text())
	if err != nil {
		return token.Claims{}, err
	}
	c, err := token.DecodeClaims(record.Claims)
	if err != nil {
		return token.Claims{}, fmt.Errorf("ticket: what is stored: %w", err)
	}
	c.SigningID = record.KeyID
	return c, nil
}

// parse returns the name of a ticket in its one canonical spelling.
func parse(text string) (Name, error) {
	if len(text) != len(prefix)+base64.RawURLEncoding.EncodedLen(secretSize) || text[:len(prefix)] != prefix {
		return Name{}, ErrUnknown
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(text[len(prefix):])
	if err != nil || len(secret) != secretSize { // the decoder passes over line breaks
		return Name{}, ErrUnknown
	}
	return sha256.Sum256(secret), nil
}
