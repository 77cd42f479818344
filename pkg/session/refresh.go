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
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// tries bounds how often a refresh begins again because another request has changed the session.
const tries = 4

// Accounts reads accounts, as account.Store does.
type Accounts interface {
	Account(ctx context.Context, id uuid.UUID) (account.Account, error)
}

// Refresher exchanges refresh tokens. Safe for concurrent use.
type Refresher struct {
	store    Store
	accounts Accounts
	keys     Keys
	rules    Rules
	trail    *audit.Trail
	now      func() time.Time
}

// NewRefresher returns a Refresher that carries out rules.
func NewRefresher(store Store, accounts Accounts, keys Keys, rules Rules, trail *audit.Trail, now func() time.Time) *Refresher {
	return &Refresher{store, accounts, keys, rules, trail, now}
}

// Refreshed is a refresh that succeeded.
type Refreshed struct {
	Case    Case // Young, Kept, Rotate, Race or LateAllowed
	Session Session
	Account account.Account
	Token   oauth.Secret // the successor of the presented token; the presented token itself when the case is Young or Kept
}

// Refresh exchanges the presented token of client c; network is a prefix of the caller's address. Errors: a *RefusedError for
// every refusal of the token; ErrTarget when it is good, and the session is not for the target; ErrOvertaken when the client should come again with a newer token;
// oauth.ErrUnavailable when the outcome is not known, and then the token is good for another try.
func (r *Refresher) Refresh(ctx context.Context, presented oauth.Secret, c client.Client, target Target, network string) (Refreshed, error) {
	token, key, err := ParseRefreshToken(ctx, presented, r.keys)
	if err != nil {
		return Refreshed{}, err
	}
	arrived := r.now()
	rotation := Rotation{
		AccountID: token.AccountID, SessionID: token.SessionID, ClientID: c.ID, Generation: token.Generation,
		Target: target, MinAge: r.rules.MinAge, Now: arrived.Truncate(time.Millisecond), Network: network,
		IdleExpiry: idleExpiry(arrived, c.IdleLife, token.Expiry),
	}
	if c.KeepsRefreshToken() {
		rotation.Keep, rotation.MinAge = true, UseInterval
	}
	f, err := r.rotateAndLookUp(ctx, rotation, key)
	if err != nil {
		return Refreshed{}, err
	}
	p := Presented{Generation: token.Generation, Client: c, Target: target, Arrived: arrived}
	outcome, err := r.settle(ctx, &f, rotation, p)
	r.record(ctx, outcome, token, c, err)
	if err != nil {
		return Refreshed{}, err
	}
	if outcome != Young && outcome != Kept {
		token = token.successor()
	}
	return Refreshed{outcome, f.session, f.account, token.Encode(key)}, nil
}

// found is what Refresh knows of the session and its account.
type found struct {
	session Session
	rotated bool            // the rotation was written
	missing bool            // there is no such session
	account account.Account // deletedAccount when there is none
}

// rotateAndLookUp rotates, reads the account and renews the keys, all at once. It does not read the session first: when the
// condition of the rotation fails, the store returns the session.
func (r *Refresher) rotateAndLookUp(ctx context.Context, rotation Rotation, key keyring.MACKey) (found, error) {
	var (
		wg                            sync.WaitGroup
		f                             found
		rotateErr, accountErr, keyErr error
	)
	wg.Go(func() { f.session, rotateErr = r.store.Rotate(ctx, rotation) })
	wg.Go(func() { f.account, accountErr = readAccount(ctx, r.accounts, rotation.AccountID) })
	wg.Go(func() { keyErr = r.keys.Renew(ctx, key) })
	wg.Wait()

	f.rotated = rotateErr == nil
	f.missing = errors.Is(rotateErr, ErrNotFound) || keyErr != nil // taking a key out of the keyring ends its sessions
	switch {
	case !f.rotated && !f.missing && !errors.Is(rotateErr, ErrStale):
		return found{}, fmt.Errorf("session: rotate: %w", rotateErr)
	case accountErr != nil || f.missing:
		return f, accountErr
	}
	again, err := readAgainIfBehind(ctx, r.store, f.session, f.account)
	f.session.Epoch = again.Epoch
	f.missing = errors.Is(err, ErrNotFound)
	if err != nil && !f.missing {
		return found{}, fmt.Errorf("session: read again: %w", err)
	}
	return f, nil
}

// settle decides the case and carries it out. When another request has changed the session meanwhile, it decides again by
// the changed session.
func (r *Refresher) settle(ctx context.Context, f *found, rotation Rotation, p Presented) (Case, error) {
	for range tries {
		p.Now = r.now()
		outcome := r.decide(*f, p)
		err := r.write(ctx, f, outcome, rotation, p)
		switch {
		case errors.Is(err, ErrStale):
			continue
		case errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked):
			return Gone, refuse("ended meanwhile")
		case err != nil:
			return outcome, fmt.Errorf("%w: session: refresh: %w", oauth.ErrUnavailable, err)
		}
		return outcome, r.answer(*f, outcome, p)
	}
	return Gone, fmt.Errorf("%w: session: too many concurrent changes", oauth.ErrUnavailable)
}

func (r *Refresher) decide(f found, p Presented) Case {
	switch {
	case f.missing:
		return Gone
	case f.rotated && !p.Client.KeepsRefreshToken() && Usable(f.session, f.account, p.Client, p.Arrived) == nil:
		return Rotate
	}
	return r.rules.Decide(f.session, f.account, p)
}

// write makes the write of a case, if it has one that is not made yet.
func (r *Refresher) write(ctx context.Context, f *found, outcome Case, rotation Rotation, p Presented) (err error) {
	s := f.session
	switch outcome {
	case Rotate:
		if !f.rotated {
			rotation.MinAge = 0 // the rules have decided that the token is old enough
			f.session, err = r.store.Rotate(ctx, rotation)
		}
	case Kept:
		if !f.rotated && p.since(s.RotatedAt) >= UseInterval { // the clock that noted the last use was wrong
			rotation.MinAge = 0
			f.session, err = r.store.Rotate(ctx, rotation)
		}
	case LateAllowed:
		f.session, err = r.store.RecordReplay(ctx, lateReplay(s, p.Generation, p.Arrived))
	case StaleAllowed:
		f.session, err = r.store.RecordReplay(ctx, staleReplay(s, p.Generation))
	case Reuse:
		err = revoke(ctx, r.store, r.now, Ending{AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Reason: ReasonReuse})
	}
	return err
}

// answer returns the error of a case that is no success.
func (r *Refresher) answer(f found, outcome Case, p Presented) error {
	switch outcome {
	case Gone:
		if f.missing {
			return refuse("no such session")
		}
		detail := "another client's"
		if ended := Usable(f.session, f.account, p.Client, p.Arrived); f.session.ClientID == p.Client.ID && ended != nil {
			detail = ended.Error()
		}
		return &RefusedError{Reason: r.rules.Reason(f.session, f.account, p), Detail: detail}
	case RestoredTable:
		return &RefusedError{Reason: BecauseRestored, Detail: "newer than the table"}
	case Reuse:
		return refuse("reuse")
	case OtherTarget:
		return ErrTarget
	case Overtaken, StaleAllowed:
		return ErrOvertaken
	}
	return nil
}

// event returns the name of the audit event of a case.
func (c Case) event() string {
	return [...]string{
		Gone: audit.RefreshRefused, RestoredTable: audit.RestoredTable, Young: audit.RaceReplay, Rotate: audit.Refresh, Kept: audit.Refresh,
		Race: audit.RaceReplay, LateAllowed: audit.LateRetry, Overtaken: audit.Overtaken, StaleAllowed: audit.StaleToken,
		Reuse: audit.ReuseDetected, OtherTarget: audit.RefreshRefused,
	}[c]
}

// record leaves the event of a refresh, unless its outcome is not known.
func (r *Refresher) record(ctx context.Context, outcome Case, token RefreshToken, c client.Client, err error) {
	if errors.Is(err, oauth.ErrUnavailable) {
		return
	}
	e := audit.Event{
		Name: outcome.event(), Subject: token.AccountID.String(), SessionID: token.SessionID.String(),
		ClientID: c.ID, Generation: token.Generation,
	}
	var refused *RefusedError
	if outcome == Gone && errors.As(err, &refused) {
		e.Reason = refused.Detail
	}
	if outcome == OtherTarget {
		e.Reason = "another resource"
	}
	r.trail.Record(ctx, e)
}
