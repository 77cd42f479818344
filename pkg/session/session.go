package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/revocation"
)

var (
	// ErrRefused says that a refresh token is not accepted. Every such error is a *RefusedError.
	ErrRefused = errors.New("session: refused")
	// ErrNotFound says that there is no such session.
	ErrNotFound = errors.New("session: not found")
	// ErrRevoked says that a session was revoked already.
	ErrRevoked = errors.New("session: revoked before")
	// ErrOvertaken says that newer refresh tokens of the session are in use, and that nothing was done: the
	// caller is to come again with the newest.
	ErrOvertaken = errors.New("session: overtaken by newer refresh tokens")
	// ErrEnded says that a session cannot be used any more. Every such error is an *EndedError.
	ErrEnded = errors.New("session: ended")
	// ErrAllEnded says that a session ended together with all of its account, or with the account itself.
	ErrAllEnded = errors.New("session: ended with all others")
	// ErrStale says that a session is not as the write's condition wants it; nothing was written.
	ErrStale = errors.New("session: condition failed")
)

// Session is one login on one device.
type Session struct {
	AccountID     uuid.UUID
	ID            uuid.UUID
	ClientID      string
	Scopes        []string  // granted at the login; nil in sessions older than the field: those of the client. Empty: none
	Generation    uint32    // how many times its refresh token has rotated
	RotatedAt     time.Time // when the newest token was made, milliseconds; the login when it never rotated
	PriorRotation time.Time // when the token before the newest was made, milliseconds; zero when that is not known
	CreatedAt     time.Time
	AuthTime      time.Time
	AMR           []string  // how the person authenticated (RFC 8176)
	IdleExpiry    time.Time // whole seconds; never after Expiry
	Expiry        time.Time // absolute, whole seconds
	Epoch         int64     // of the account when the session began, or when it was kept through a change
	Remembered    bool      // the person asked to stay logged in on this device
	Device        string    // a name that the person knows it by, may be empty
	Network       string    // prefix of the address that logged in; empty in sessions that are older than the field
	UsedFrom      string    // the same, of the last rotation; empty while there was none
	Late          []Late    // the last late retries
	Stale         []Stale   // stale tokens that came back, of clients whose processes share one credential store
	RevokedAt     time.Time // zero while it lives
	Reason        Reason    // of the revocation
}

// Late is one late retry: the generation of the token that came back, and when.
type Late struct {
	Generation uint32
	At         time.Time // milliseconds
}

// Stale counts how often the token of one generation came back after its successors were in use.
type Stale struct {
	Generation uint32
	Count      int
}

// Reason says why a session was revoked.
type Reason string

const (
	ReasonReuse    Reason = "reuse"    // an old refresh token came back
	ReasonClient   Reason = "client"   // the client handed its token in (RFC 7009)
	ReasonLogout   Reason = "logout"   // the person logged out
	ReasonOperator Reason = "operator" // by somebody who runs the service
	ReasonEnded    Reason = "ended"    // the person ended it from the list of sessions
)

// Live reports whether the session may still be used. The account may yet forbid it.
func (s Session) Live(now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.IdleExpiry) && now.Before(s.Expiry)
}

// Rotation replaces the refresh token of a session.
type Rotation struct {
	AccountID  uuid.UUID
	SessionID  uuid.UUID
	ClientID   string
	Generation uint32        // of the token that is replaced
	MinAge     time.Duration // how old that token must be; 0: any age
	Now        time.Time     // becomes RotatedAt
	Network    string        // becomes UsedFrom
	IdleExpiry time.Time
}

// Apply returns s after the rotation, and whether the rotation's condition holds. It is for stores that can run Go
// inside a transaction.
func (r Rotation) Apply(s Session) (Session, bool) {
	if s.Generation != r.Generation || s.ClientID != r.ClientID || !s.Live(r.Now) ||
		r.MinAge > 0 && s.RotatedAt.After(r.Now.Add(-r.MinAge)) {
		return s, false
	}
	s.Generation++
	s.PriorRotation, s.RotatedAt = s.RotatedAt, r.Now
	s.UsedFrom, s.IdleExpiry = r.Network, r.IdleExpiry
	return s, true
}

// Replay records that a token came back which had been replaced before.
type Replay struct {
	AccountID       uuid.UUID
	SessionID       uuid.UUID
	ClientID        string
	Generation      uint32  // the session's
	WasLate, Late   []Late  // the session's list as it was read, and as it becomes
	WasStale, Stale []Stale // the same
}

// Apply returns s after the replay was recorded, and whether the condition holds, as Rotation.Apply.
func (r Replay) Apply(s Session) (Session, bool) {
	sameLate := func(a, b Late) bool { return a.Generation == b.Generation && a.At.Equal(b.At) }
	if s.Generation != r.Generation || s.ClientID != r.ClientID || !s.RevokedAt.IsZero() ||
		!slices.EqualFunc(s.Late, r.WasLate, sameLate) || !slices.Equal(s.Stale, r.WasStale) {
		return s, false
	}
	s.Late, s.Stale = r.Late, r.Stale
	return s, true
}

// Ending revokes a session.
type Ending struct {
	AccountID uuid.UUID
	SessionID uuid.UUID
	ClientID  string
	Reason    Reason
	Began     time.Time        // of the caller's attempts, milliseconds; what was revoked before stays as it is
	Entry     revocation.Entry // denies the session's access tokens
}

// Store keeps sessions. Every method returns oauth.ErrUnavailable when it cannot tell; a write may then
// have happened.
type Store interface {
	// Session reads a session, strongly consistent. ErrNotFound. One that has expired or was revoked may
	// still be there and is returned as it is.
	Session(ctx context.Context, account, id uuid.UUID) (Session, error)

	// Rotate sets generation+1, RotatedAt, UsedFrom and IdleExpiry in one conditional write, moves what was
	// RotatedAt to PriorRotation, and returns the session as it then is. The condition: the session has this
	// generation and client, is not revoked, neither expiry is reached at Now, and RotatedAt is at least MinAge
	// before Now unless that is 0. Where it fails, ErrStale comes with the session as it was found at that
	// very moment; ErrNotFound when there is none. Of any number of rotations of one generation exactly
	// one succeeds.
	Rotate(ctx context.Context, r Rotation) (Session, error)

	// RecordReplay replaces Late and Stale in one conditional write: the session has this generation and client,
	// is not revoked, and both lists are as they were read. Results as Rotate.
	RecordReplay(ctx context.Context, r Replay) (Session, error)

	// Revoke sets RevokedAt (the entry's stamp) and Reason, if the session has none yet, and appends the
	// entry to the revocation log, both or neither. It may be repeated with a later entry. ErrRevoked when
	// the session was revoked before Began: its entry was appended then, and one token handed in again and
	// again must not fill the log. ErrNotFound when there is no session, ErrStale when it is another
	// client's.
	Revoke(ctx context.Context, e Ending) error
}

// Lister lists sessions.
type Lister interface {
	// SessionsOf returns sessions of an account, newest first by id, in one strongly consistent query: at
	// most limit, which is at least 1, of those whose ids come before the id before, the zero id for all.
	// They are as they are stored; some may have expired, been revoked or been ended by an epoch.
	// oauth.ErrUnavailable when it cannot tell.
	SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (Page, error)
}

// Page is one page of a list of sessions.
type Page struct {
	Sessions []Session
	Next     uuid.UUID // what to ask the next page with; zero: this is the last. A page may be empty and have a next.
}
