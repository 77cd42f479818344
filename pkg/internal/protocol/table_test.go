package protocol_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// patience is how long a call waits for the one that is to come first. Code that does not make that call
// at all is judged by its answer, not by a deadlock.
const patience = 20 * time.Second

// fault is what befalls a call to the table.
type fault string

const (
	fine      fault = ""
	fails     fault = "fails"      // nothing is carried out
	replyLost fault = "reply lost" // carried out; the function learns nothing, or crashes
	repeated  fault = "repeated"   // carried out; the reply is lost and the table's client sends the call again
)

// visit is one request to a function: what befalls its calls to the table, and what these did. Hooks run
// one at a time: calls that go out together are put in order by waits.
type visit struct {
	id     string
	faults map[string]fault
	waits  map[string]string // a method is carried out only after this other one
	before map[string]func() // runs once, just before the method is carried out
	did    map[string]func() // runs whenever the method has changed something
	trail  int               // where the audit trail ended when it began

	mu      sync.Mutex
	arrived map[string]bool
	left    map[string]chan struct{}
	changed map[string]int // how often the method has changed something
	hit     bool           // a fault kept an answer from the function
}

type visitKey struct{}

// newVisit returns a visit and the context of its request.
func newVisit(ctx context.Context, number int, faults map[string]fault) (*visit, context.Context) {
	v := &visit{
		id: strconv.Itoa(number), faults: faults,
		waits: map[string]string{}, before: map[string]func(){}, did: map[string]func(){},
		arrived: map[string]bool{}, left: map[string]chan struct{}{}, changed: map[string]int{},
	}
	ctx = audit.WithCaller(ctx, audit.Caller{RequestID: v.id})
	return v, context.WithValue(ctx, visitKey{}, v)
}

// keysOnly reports whether nothing but reading the keys goes wrong.
func (v *visit) keysOnly() bool { return len(v.faults) == 1 && v.faults["ReadPart"] != fine }

func (v *visit) leaving(method string) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.left[method] == nil {
		v.left[method] = make(chan struct{})
	}
	return v.left[method]
}

func (v *visit) arrive(method string) (first bool) {
	if other := v.waits[method]; other != "" {
		select {
		case <-v.leaving(other):
		case <-time.After(patience):
		}
	}
	v.mu.Lock()
	first = !v.arrived[method]
	v.arrived[method] = true
	v.mu.Unlock()
	if hook := v.before[method]; hook != nil && first {
		hook()
	}
	return first
}

func (v *visit) carriedOut(method string, err error) {
	if err != nil {
		return
	}
	v.mu.Lock()
	v.changed[method]++
	v.mu.Unlock()
	if hook := v.did[method]; hook != nil {
		hook()
	}
}

func (v *visit) lose(method string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hit = true
	return fmt.Errorf("%w: %s: %s", oauth.ErrUnavailable, method, v.faults[method])
}

// do carries out one call as its visit wants it.
func do[T any](ctx context.Context, method string, carryOut func() (T, error)) (T, error) {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return carryOut()
	}
	first := v.arrive(method)
	if first {
		defer close(v.leaving(method))
	}
	var nothing T
	if v.faults[method] == fails {
		return nothing, v.lose(method)
	}
	result, err := carryOut()
	v.carriedOut(method, err)
	switch {
	case v.faults[method] == replyLost:
		return nothing, v.lose(method)
	case v.faults[method] == repeated && first: // a later call is the function's own second try
		result, err = carryOut()
		v.carriedOut(method, err)
	}
	return result, err
}

// table is the table as functions see it.
type table struct{ *fakestore.Store }

type empty = struct{}

func (t table) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	return do(ctx, "Session", func() (session.Session, error) { return t.Store.Session(ctx, account, id) })
}

func (t table) Rotate(ctx context.Context, r session.Rotation) (found session.Session, err error) {
	// A failed condition brings the session along, so the result counts with its error.
	return do(ctx, "Rotate", func() (session.Session, error) { return t.Store.Rotate(ctx, r) })
}

func (t table) RecordReplay(ctx context.Context, l session.Replay) (session.Session, error) {
	return do(ctx, "RecordReplay", func() (session.Session, error) { return t.Store.RecordReplay(ctx, l) })
}

func (t table) Revoke(ctx context.Context, e session.Ending) error {
	_, err := do(ctx, "Revoke", func() (empty, error) { return empty{}, t.Store.Revoke(ctx, e) })
	return err
}

func (t table) Create(ctx context.Context, s session.Session) error {
	_, err := do(ctx, "Create", func() (empty, error) { return empty{}, t.Store.Create(ctx, s) })
	return err
}

func (t table) CreateAfter(ctx context.Context, c account.Change, s session.Session) error {
	_, err := do(ctx, "CreateAfter", func() (empty, error) { return empty{}, t.Store.CreateAfter(ctx, c, s) })
	return err
}

func (t table) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	return do(ctx, "Account", func() (account.Account, error) { return t.Store.Account(ctx, id) })
}

func (t table) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	return do(ctx, "LoginName", func() (account.LoginName, error) { return t.Store.LoginName(ctx, username) })
}

func (t table) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (account.Account, account.LoginName, error) {
	type both struct {
		account account.Account
		login   account.LoginName
	}
	found, err := do(ctx, "AccountAndLogin", func() (both, error) {
		a, l, err := t.Store.AccountAndLogin(ctx, id, username)
		return both{a, l}, err
	})
	return found.account, found.login, err
}

// ChangeAccount stores a cheap hash in place of a new one: the next login is to cost nothing either.
func (t table) ChangeAccount(ctx context.Context, c account.Change) error {
	if c.Hash != "" {
		c.Hash = cheapHash(newPassword)
	}
	_, err := do(ctx, "ChangeAccount", func() (empty, error) { return empty{}, t.Store.ChangeAccount(ctx, c) })
	return err
}

func (t table) Append(ctx context.Context, e revocation.Entry) error {
	_, err := do(ctx, "Append", func() (empty, error) { return empty{}, t.Store.Append(ctx, e) })
	return err
}

func (t table) AppendOnce(ctx context.Context, e revocation.Entry, call string) (bool, error) {
	return do(ctx, "Append", func() (bool, error) { return t.Store.AppendOnce(ctx, e, call) })
}

func (t table) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	return do(ctx, "Since", func() ([]revocation.Entry, error) { return t.Store.Since(ctx, from) })
}

func (t table) ReadPart(ctx context.Context, part keyring.Part) (keyring.Item, error) {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok && v.faults["ReadPart"] == fails {
		return keyring.Item{}, v.lose("ReadPart")
	}
	return t.Store.ReadPart(ctx, part)
}
