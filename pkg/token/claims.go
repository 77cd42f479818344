// Package token owns access tokens (RFC 9068): Sign, which makes them, and the Verifier, which checks signature and
// claims. It does not ask whether a token was revoked, nor what it permits.
package token

import (
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/claims"
)

const (
	// MaxIssued is how long an access token with roles may be, in bytes. It has room for the longest issuer, audiences, scopes and
	// own claims of an account together; what is left is for roles. A long external id may exceed it, and still stays below MaxRead.
	MaxIssued = 3072
	// MaxRead is the longest text that is looked at as an access token, in bytes. It is the larger one, so that a later
	// version may issue longer tokens and this one still reads them.
	MaxRead = 4096
	// Leeway is how far in the future iat may lie: the clocks of two hosts differ.
	Leeway = 30 * time.Second
)

// Claims is what an access token says. Times have whole seconds.
type Claims struct {
	Issuer   string
	Subject  string // account id, or the client id for client credentials
	Audience []string
	Expiry   time.Time
	IssuedAt time.Time
	ID       string // jti, a UUID
	ClientID string
	Scope    string // space-separated, may be empty
	Roles    []string

	// RolesOmitted says that the account may have roles that are not in the token: they did not fit, or the client has them looked
	// up. Then Roles is empty, and a decision by roles has to look them up or to refuse.
	RolesOmitted bool

	Custom     claims.Set // of the account
	ExternalID string     // directory/subject of a back end with users of its own; empty for everybody else
	Login      *Login     // nil for client credentials
	SigningID  string     // key id of the signature; set by Verify only
}

// Login is what the token of an account says beyond RFC 9068's required claims.
type Login struct {
	SessionID uuid.UUID
	Epoch     int64
	AuthTime  time.Time
	AMR       []string // RFC 8176
}
