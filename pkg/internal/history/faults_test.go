package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// table is every store contract of the core.
type table interface {
	account.Store
	account.Creator
	account.Changer
	account.Keeper
	account.Attempts
	keyring.Store
	revocation.Log
	revocation.Once
	session.Store
	session.Creator
	session.Lister
}

type fault string

const (
	none      fault = ""
	dropped   fault = "request dropped"
	replyLost fault = "reply lost after the write"
	repeated  fault = "reply lost, request repeated below the store"
	throttled fault = "throttled three times"
	conflict  fault = "conflict"
	delayed   fault = "delayed"
)

// errInjected is what a call fails with here. It tells these failures, whose effect is over when they
// return, from those of the store itself.
var errInjected = errors.New("fault of this test")

// faulty is a table whose calls fail now and then.
type faulty struct {
	table

	mu       sync.Mutex
	random   *rand.Rand
	on       bool
	throttle int // calls that are still refused
	injected map[fault]int
}

func newFaulty(inner table, seed uint64) *faulty {
	return &faulty{table: inner, random: rand.New(rand.NewPCG(seed, 1)), injected: map[fault]int{}}
}

func (f *faulty) enable(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.throttle = on, 0
}

// draw decides what befalls a call, and how long it is delayed.
func (f *faulty) draw() (fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		return none, 0
	}
	drawn := none
	if f.throttle > 0 {
		f.throttle--
		return throttled, 0
	}
	switch p := f.random.Float64(); {
	case p < 0.02:
		drawn = dropped
	case p < 0.04:
		drawn = replyLost
	case p < 0.06:
		drawn = repeated
	case p < 0.063:
		drawn, f.throttle = throttled, 2
	case p < 0.075:
		drawn = conflict
	case p < 0.12:
		drawn = delayed
	}
	if drawn != none {
		f.injected[drawn]++
	}
	return drawn, time.Duration(f.random.IntN(3_000)) * time.Microsecond
}

// call carries out one call, or not. conflicting is what a conflict looks like to the caller.
func (f *faulty) call(name string, conflicting error, work func() error) error {
	befallen, wait := f.draw()
	lost := fmt.Errorf("%w: %s: %s: %w", oauth.ErrUnavailable, name, befallen, errInjected)
	switch befallen {
	case dropped, throttled:
		return lost
	case replyLost:
		_ = work()
		return lost
	case repeated:
		_ = work()
	case conflict:
		if conflicting != nil {
			return conflicting
		}
		return lost
	case delayed:
		time.Sleep(wait)
	}
	return work()
}

func (f *faulty) Account(ctx context.Context, id uuid.UUID) (got account.Account, err error) {
	err = f.call("Account", nil, func() error { got, err = f.table.Account(ctx, id); return err })
	return got, err
}

func (f *faulty) LoginName(ctx context.Context, username string) (got account.LoginName, err error) {
	err = f.call("LoginName", nil, func() error { got, err = f.table.LoginName(ctx, username); return err })
	return got, err
}

func (f *faulty) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (a account.Account, l account.LoginName, err error) {
	err = f.call("AccountAndLogin", nil, func() error { a, l, err = f.table.AccountAndLogin(ctx, id, username); return err })
	return a, l, err
}

// raisedKey is the key of an *atomic.Bool in a context that learns whether a change of the account was tried.
type raisedKey struct{}

func (f *faulty) ChangeAccount(ctx context.Context, c account.Change) error {
	if raised, asked := ctx.Value(raisedKey{}).(*atomic.Bool); asked {
		raised.Store(true)
	}
	return f.call("ChangeAccount", account.ErrConflict, func() error { return f.table.ChangeAccount(ctx, c) })
}

func (f *faulty) CreateAfter(ctx context.Context, c account.Change, s session.Session) error {
	return f.call("CreateAfter", account.ErrConflict, func() error { return f.table.CreateAfter(ctx, c, s) })
}

func (f *faulty) Take(ctx context.Context, b account.Bucket) (below bool, err error) {
	err = f.call("Take", nil, func() error { below, err = f.table.Take(ctx, b); return err })
	return below, err
}

func (f *faulty) Refund(ctx context.Context, b account.Bucket) error {
	return f.call("Refund", nil, func() error { return f.table.Refund(ctx, b) })
}

func (f *faulty) Clear(ctx context.Context, b account.Bucket) error {
	return f.call("Clear", nil, func() error { return f.table.Clear(ctx, b) })
}

func (f *faulty) ReadPart(ctx context.Context, p keyring.Part) (got keyring.Item, err error) {
	err = f.call("ReadPart", nil, func() error { got, err = f.table.ReadPart(ctx, p); return err })
	return got, err
}

func (f *faulty) Append(ctx context.Context, e revocation.Entry) error {
	return f.call("Append", nil, func() error { return f.table.Append(ctx, e) })
}

func (f *faulty) AppendOnce(ctx context.Context, e revocation.Entry, call string) (stored bool, err error) {
	err = f.call("Append", nil, func() error { stored, err = f.table.AppendOnce(ctx, e, call); return err })
	return stored, err
}

func (f *faulty) Since(ctx context.Context, from time.Time) (got []revocation.Entry, err error) {
	err = f.call("Since", nil, func() error { got, err = f.table.Since(ctx, from); return err })
	return got, err
}

func (f *faulty) Create(ctx context.Context, s session.Session) error {
	return f.call("Create", nil, func() error { return f.table.Create(ctx, s) })
}

func (f *faulty) Session(ctx context.Context, acct, id uuid.UUID) (got session.Session, err error) {
	err = f.call("Session", nil, func() error { got, err = f.table.Session(ctx, acct, id); return err })
	return got, err
}

func (f *faulty) Rotate(ctx context.Context, r session.Rotation) (got session.Session, err error) {
	err = f.call("Rotate", nil, func() error { got, err = f.table.Rotate(ctx, r); return err })
	return got, err
}

func (f *faulty) RecordReplay(ctx context.Context, l session.Replay) (got session.Session, err error) {
	err = f.call("RecordReplay", nil, func() error { got, err = f.table.RecordReplay(ctx, l); return err })
	return got, err
}

func (f *faulty) Revoke(ctx context.Context, e session.Ending) error {
	return f.call("Revoke", nil, func() error { return f.table.Revoke(ctx, e) })
}
