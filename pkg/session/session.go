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
	// ErrOvertaken says that newer refresh tokens of the session are in use. The client should repeat the request with
	// the newest; the session lives on.
	ErrOvertaken = errors.New("session: overtaken by newer refresh tokens")
	// ErrTarget says that a refresh asks for a resource that the session is not for (RFC 8707 §2). Nothing was written, and the token stays good.
	ErrTarget = errors.New("session: for another resource")
	// ErrEnded says that a session cannot be used any more. Every such error is an *EndedError.
	ErrEnded = errors.New("session: ended")
	// ErrAllEnded says that all sessions of the account have ended, or that the account was deleted.
	ErrAllEnded = errors.New("session: ended with all others")
	// ErrStale says that the condition of a write did not hold; nothing was written.
	ErrStale = errors.New("session: condition failed")
)

// Session is one login on one device.
type Session struct {
	AccountID     uuid.UUID
	ID            uuid.UUID
	ClientID      string
	Scopes        []string  // granted at the login, may be empty; nil in sessions older than the field: those of the client
	Generation    uint32    // how many times its refresh token has rotated
	RotatedAt     time.Time // when the newest token was made, or one that is kept was last noted as used, milliseconds; at first the time of the login
	PriorRotation time.Time // when the token before the newest was made, milliseconds; zero: not known
	CreatedAt     time.Time
	AuthTime      time.Time
	AMR           []string  // how the person authenticated (RFC 8176)
	IdleExpiry    time.Time // whole seconds; never after Expiry
	Expiry        time.Time // absolute, whole seconds
	Epoch         int64     // of the account when the session began, or when "end all others" last kept it
	Remembered    bool      // the person asked to stay logged in on this device
	Device        string    // a name that the person knows it by, may be empty
	Network       string    // prefix of the address that logged in; empty in sessions that are older than the field
	UsedFrom      string    // prefix of the address of the last rotation or use; empty before the first
	Resource      string    // the one audience of its tokens (RFC 8707); empty: those of the client
	Pending       *Pending  // the code that begins it, or has begun it; nil: it began when it was made
	HandleHash    []byte    // SHA-256 of the secret of its handle; only sessions of sites have one
	UsedAt        time.Time // when its handle was last recorded as used, milliseconds; zero without a handle
	Late          []Late    // the last late retries
	Stale         []Stale   // old tokens that came back from a client whose processes share one credential store
	RevokedAt     time.Time // zero: not revoked
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
	ReasonOperator Reason = "operator" // an operator revoked it
	ReasonEnded    Reason = "ended"    // the person ended it from the list of sessions, or took back what they had allowed its client
	ReasonReplaced Reason = "replaced" // somebody logged in to the site with the same browser
	ReasonCode     Reason = "code"     // its authorization code came a second time
)

// Live reports whether the session was neither revoked nor has expired. Usable also asks the account.
func (s Session) Live(now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.IdleExpiry) && now.Before(s.Expiry)
}

// LastUsed is when the session was last seen in use: when its newest refresh token was made, or its handle last recorded.
func (s Session) LastUsed() time.Time {
	if s.UsedAt.After(s.RotatedAt) {
		return s.UsedAt
	}
	return s.RotatedAt
}

// Rotation replaces the refresh token of a session, or notes that a token was used which is kept.
type Rotation struct {
	AccountID  uuid.UUID
	SessionID  uuid.UUID
	ClientID   string
	Generation uint32        // of the token that is presented
	Target     Target        // what the new access token is to be for
	Keep       bool          // it stays the session's token
	MinAge     time.Duration // how long ago it must have been made, or noted as used; 0: any time
	Now        time.Time     // becomes RotatedAt
	Network    string        // becomes UsedFrom
	IdleExpiry time.Time
}

// Apply returns s after the rotation, or s itself and false when the rotation's condition does not hold. It is for stores
// that can run Go inside a transaction.
func (r Rotation) Apply(s Session) (Session, bool) {
	if s.Generation != r.Generation || s.ClientID != r.ClientID || !s.Live(r.Now) || !r.Target.covers(s) ||
		r.MinAge > 0 && s.RotatedAt.After(r.Now.Add(-r.MinAge)) {
		return s, false
	}
	if !r.Keep {
		s.Generation++
		s.PriorRotation = s.RotatedAt
	}
	s.RotatedAt, s.UsedFrom, s.IdleExpiry = r.Now, r.Network, r.IdleExpiry
	return s, true
}

// Use records that a session with a handle is in use, and lets its idle expiry slide.
type Use struct {
	AccountID  uuid.UUID
	SessionID  uuid.UUID
	Before     time.Time // UsedAt of the session as it was read
	Now        time.Time // becomes UsedAt, milliseconds
	Network    string    // becomes UsedFrom
	IdleExpiry time.Time
}

// Apply is like Rotation.Apply.
func (u Use) Apply(s Session) (Session, bool) {
	if u.Before.IsZero() || !s.UsedAt.Equal(u.Before) {
		return s, false
	}
	s.UsedAt, s.UsedFrom, s.IdleExpiry = u.Now, u.Network, u.IdleExpiry
	return s, true
}

// Replay records that a token came back after it had been replaced.
type Replay struct {
	AccountID       uuid.UUID
	SessionID       uuid.UUID
	ClientID        string
	Generation      uint32  // the session's
	WasLate, Late   []Late  // the session's list before and after
	WasStale, Stale []Stale // the session's list before and after
}

// Apply is like Rotation.Apply.
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
	Began     time.Time        // when the caller first tried, milliseconds; a session that was revoked before stays as it is
	Entry     revocation.Entry // denies the session's access tokens
}

// Store keeps sessions. Every method returns oauth.ErrUnavailable when its outcome is not known; a write may then
// have happened.
type Store interface {
	Reader

	// Rotate sets generation+1, RotatedAt, UsedFrom and IdleExpiry in one conditional write, moves what was
	// RotatedAt to PriorRotation, and returns the session as it then is. With Keep, the generation and PriorRotation stay as they are. The condition: the session has this
	// generation and client, is not revoked, neither expiry is reached at Now, its Resource is that of Target if Target has one (with Own it may also be
	// empty), and RotatedAt is at least MinAge before Now unless MinAge is 0. When the condition fails, the error is ErrStale, and the result is the session as it
	// was at that moment. ErrNotFound when there is none. Of any number of rotations of one generation without Keep exactly
	// one succeeds.
	Rotate(ctx context.Context, r Rotation) (Session, error)

	// RecordReplay replaces Late and Stale in one conditional write: the session has this generation and client,
	// is not revoked, and both lists are as they were read. Results as Rotate.
	RecordReplay(ctx context.Context, r Replay) (Session, error)

	// Revoke sets RevokedAt (the entry's stamp) and Reason, unless the session has them already, and appends the
	// entry to the revocation log, both or neither. It may be repeated with a later entry. ErrRevoked when
	// the session was revoked before Began: its entry was appended then, and a token that is handed in again and
	// again must not fill the log. ErrNotFound when there is no session, ErrStale when it is another
	// client's.
	Revoke(ctx context.Context, e Ending) error
}

// UseRecorder records the use of handles.
type UseRecorder interface {
	// RecordUse sets UsedAt, UsedFrom and IdleExpiry in one conditional write, and touches nothing else. The condition: UsedAt is Before,
	// which no session without a handle has. Whether the session is revoked is not asked: it stays revoked. ErrStale when the
	// condition fails, also when there is no such session; oauth.ErrUnavailable when the outcome is not known. Of any
	// number of uses with one Before exactly one succeeds.
	RecordUse(ctx context.Context, u Use) error
}

// Reader reads sessions.
type Reader interface {
	// Session reads a session, strongly consistent, also one that has expired or was revoked. ErrNotFound,
	// oauth.ErrUnavailable.
	Session(ctx context.Context, account, id uuid.UUID) (Session, error)
}

// Finder finds a session whose account is not known.
type Finder interface {
	// FindSession returns the session with the id. ErrNotFound, oauth.ErrUnavailable. It may read everything that
	// is stored, so it is for operators, not for functions.
	FindSession(ctx context.Context, id uuid.UUID) (Session, error)
}

// Lister lists sessions.
type Lister interface {
	// SessionsOf returns sessions of an account, newest first by id, in one strongly consistent query: at
	// most limit, which is at least 1, of those whose ids come before the id before (zero: of all).
	// Some may have expired, been revoked or been ended by an epoch. oauth.ErrUnavailable.
	SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (Page, error)
}

// Page is one page of a list of sessions.
type Page struct {
	Sessions []Session
	Next     uuid.UUID // the before of the next page; zero: this is the last. A page may be empty and have a next.
}
