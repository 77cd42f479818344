package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// DefaultGrace is how long after its rotation a token is still answered with its successor.
const DefaultGrace = time.Minute

const (
	// clockSkew is how far the clocks of two hosts may differ. It widens the grace window at both ends,
	// so that a retry inside the window is inside by whichever clock looks.
	clockSkew = 5 * time.Second
	// tries bounds how often a condition may fail because another request was faster.
	tries = 4
)

// Case is a row of the table in DESIGN §6.
type Case int

const (
	Gone          Case = iota // the session cannot be used, by this client or at all
	RestoredTable             // the token is newer than the table
	Rotate                    // the newest token: it gets a successor
	Race                      // the one before, just replaced: the same successor again
	LateAllowed               // the one before, long replaced, and the client may: the same successor again
	Reuse                     // any other: somebody has a copy
)

// Accounts reads accounts, as account.Store.
type Accounts interface {
	Account(ctx context.Context, id uuid.UUID) (account.Account, error)
}

// Refresher exchanges refresh tokens. Safe for concurrent use.
type Refresher struct {
	store    Store
	accounts Accounts
	keys     Keys
	grace    time.Duration
	trail    *audit.Trail
	now      func() time.Time
}

// NewRefresher returns a Refresher with the given grace window.
func NewRefresher(store Store, accounts Accounts, keys Keys, grace time.Duration, trail *audit.Trail, now func() time.Time) *Refresher {
	return &Refresher{store, accounts, keys, grace, trail, now}
}

// Refreshed is a refresh that succeeded.
type Refreshed struct {
	Case    Case // Rotate, Race or LateAllowed
	Session Session
	Account account.Account
	Token   oauth.Secret // the successor of the presented token
}

// decide is the table: one row a case, in the table's order of precedence. s is the session as the store
// had it when the rotation's condition failed; g is the generation of the presented token.
func (r *Refresher) decide(s Session, g uint32, c client.Client, now time.Time) Case {
	age := int64(s.Generation) - int64(g) // generations the token is behind
	switch {
	case !s.Live(now) || s.ClientID != c.ID:
		return Gone
	case age < 0:
		return RestoredTable
	case age == 0:
		return Rotate
	case age > 1:
		return Reuse
	case r.inWindow(s.RotatedAt, now) || r.inWindow(lastLate(s.Late, g), now):
		return Race
	case len(recentLate(s.Late, g)) < c.LateRetries:
		return LateAllowed
	default:
		return Reuse
	}
}

// inWindow reports whether a token that arrived at now is within the grace window that opened at start. No
// replay moves it. While this request waited for the store another may have opened the window, so only a
// start that is in the future even now, by more than the clocks may differ, is none.
func (r *Refresher) inWindow(start, now time.Time) bool {
	return !start.IsZero() && !start.After(r.now().Add(clockSkew)) && now.Sub(start) <= r.grace+clockSkew
}

// Refresh exchanges the presented token of client c; network is a prefix of the caller's address. It returns
// ErrRefused for every refusal, whatever the case, and oauth.ErrUnavailable when the outcome is not certain;
// the token is then good for another try.
func (r *Refresher) Refresh(ctx context.Context, presented oauth.Secret, c client.Client, network string) (Refreshed, error) {
	token, err := ParseRefreshToken(ctx, presented, r.keys)
	if err != nil {
		return Refreshed{}, err
	}
	now := r.now()
	if !now.Before(token.Expiry) {
		return Refreshed{}, r.refuse(ctx, token, c, "absolute expiry")
	}
	rotation := Rotation{
		AccountID: token.AccountID, SessionID: token.SessionID, ClientID: c.ID, Generation: token.Generation,
		Now: now.Truncate(time.Millisecond), Network: network, IdleExpiry: idleExpiry(now, c.IdleLife, token.Expiry),
	}
	found, err := r.rotateAndLookUp(ctx, rotation)
	if err != nil {
		return Refreshed{}, err
	}
	if reason := r.accountForbids(ctx, &found); reason != nil {
		if errors.Is(reason, ErrRefused) {
			return Refreshed{}, r.refuse(ctx, token, c, reason.Error())
		}
		return Refreshed{}, reason
	}
	outcome, err := r.settle(ctx, &found, rotation, token, c, now)
	if err != nil {
		return Refreshed{}, err
	}
	successor, err := token.successor().Encode(ctx, r.keys)
	if err != nil {
		return Refreshed{}, fmt.Errorf("session: encode the successor: %w", err)
	}
	return Refreshed{outcome, found.session, found.account, successor}, nil
}

// found is what one round trip tells.
type found struct {
	session   Session
	rotated   bool // the rotation's condition held
	missing   bool // there is no such session
	account   account.Account
	noAccount bool
}

// rotateAndLookUp rotates, reads the account and freshens the keys, all at once. The rotation is tried
// blindly: when its condition fails, the session comes back with the failure and no read is needed.
func (r *Refresher) rotateAndLookUp(ctx context.Context, rotation Rotation) (found, error) {
	var (
		wg                            sync.WaitGroup
		f                             found
		rotateErr, accountErr, keyErr error
	)
	wg.Go(func() { f.session, rotateErr = r.store.Rotate(ctx, rotation) })
	wg.Go(func() { f.account, accountErr = r.accounts.Account(ctx, rotation.AccountID) })
	wg.Go(func() { keyErr = r.keys.Freshen(ctx) })
	wg.Wait()

	f.rotated = rotateErr == nil
	f.missing = errors.Is(rotateErr, ErrNotFound)
	f.noAccount = errors.Is(accountErr, account.ErrNotFound)
	switch {
	case !f.rotated && !f.missing && !errors.Is(rotateErr, ErrStale):
		return found{}, fmt.Errorf("session: rotate: %w", rotateErr)
	case accountErr != nil && !f.noAccount:
		return found{}, fmt.Errorf("session: read account: %w", accountErr)
	case keyErr != nil:
		return found{}, fmt.Errorf("session: read keys: %w", keyErr)
	}
	return f, nil
}

// accountForbids returns ErrRefused when session or account are gone. A session whose epoch is behind is
// read once more: "end others" may have re-stamped it between the two reads.
func (r *Refresher) accountForbids(ctx context.Context, f *found) error {
	switch {
	case f.missing:
		return refuse("no such session")
	case f.noAccount:
		return refuse("no such account")
	case f.account.Disabled:
		return refuse("account disabled")
	case f.session.Epoch >= f.account.Epoch:
		return nil
	}
	again, err := r.store.Session(ctx, f.session.AccountID, f.session.ID)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && again.Epoch < f.account.Epoch:
		return refuse("epoch")
	case err != nil:
		return fmt.Errorf("session: read again: %w", err)
	}
	f.session.Epoch = again.Epoch
	return nil
}

// settle carries out what the table says and returns the case. When another request changes the session
// in between, the case is decided afresh from what it has become.
func (r *Refresher) settle(ctx context.Context, f *found, rotation Rotation, token RefreshToken, c client.Client, now time.Time) (Case, error) {
	s := &f.session
	for range tries {
		outcome := Rotate
		if !f.rotated {
			outcome = r.decide(*s, token.Generation, c, now)
		}
		var err error
		switch outcome {
		case Gone:
			return outcome, r.refuse(ctx, token, c, "expired, revoked or another client's")

		case RestoredTable:
			r.record(ctx, audit.RestoredTable, token, c)
			return outcome, refuse("newer than the table")

		case Rotate:
			if !f.rotated {
				*s, err = r.store.Rotate(ctx, rotation)
			}
			if err == nil {
				r.record(ctx, audit.Refresh, token, c)
				return outcome, nil
			}

		case Race:
			r.record(ctx, audit.RaceReplay, token, c)
			return outcome, nil

		case LateAllowed:
			*s, err = r.store.RecordLate(ctx, lateRetry(*s, token.Generation, now))
			if err == nil {
				r.record(ctx, audit.LateRetry, token, c)
				return outcome, nil
			}

		case Reuse:
			switch err := r.revoke(ctx, *s); {
			case errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked):
				return outcome, r.refuse(ctx, token, c, "revoked meanwhile")
			case err != nil:
				return outcome, err
			}
			r.record(ctx, audit.ReuseDetected, token, c)
			return outcome, refuse("reuse")
		}
		switch {
		case errors.Is(err, ErrNotFound):
			return outcome, r.refuse(ctx, token, c, "no such session")
		case !errors.Is(err, ErrStale):
			return outcome, fmt.Errorf("session: refresh: %w", err)
		}
	}
	return Gone, fmt.Errorf("%w: session: too many concurrent changes", oauth.ErrUnavailable)
}

// revoke ends a session because of reuse. Until that is confirmed nobody is told anything but "later".
// ErrNotFound and ErrRevoked say that it had ended meanwhile.
func (r *Refresher) revoke(ctx context.Context, s Session) error {
	err := revoke(ctx, r.store, r.now, Ending{AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Reason: ReasonReuse})
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked) {
		return err
	}
	return fmt.Errorf("%w: session: revoke after reuse: %w", oauth.ErrUnavailable, err)
}

func (r *Refresher) refuse(ctx context.Context, token RefreshToken, c client.Client, reason string) error {
	r.recordReason(ctx, audit.RefreshRefused, token, c, reason)
	return refuse(reason)
}

func (r *Refresher) record(ctx context.Context, name string, token RefreshToken, c client.Client) {
	r.recordReason(ctx, name, token, c, "")
}

func (r *Refresher) recordReason(ctx context.Context, name string, token RefreshToken, c client.Client, reason string) {
	r.trail.Record(ctx, audit.Event{
		Name: name, Subject: token.AccountID.String(), SessionID: token.SessionID.String(),
		ClientID: c.ID, Generation: token.Generation, Reason: reason,
	})
}
