package protocol_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
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

// touched reports whether anything was asked of the table but the keys.
func (v *visit) touched() bool {
	return len(v.arrived) > 1 || len(v.arrived) == 1 && !v.arrived["ReadPart"]
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

// around carries out one call as its visit wants it.
func around(ctx context.Context, method string, carryOut func() error) error {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		return carryOut()
	}
	first := v.arrive(method)
	if first {
		defer close(v.leaving(method))
	}
	if v.faults[method] == fails {
		return v.lose(method)
	}
	err := carryOut()
	v.carriedOut(method, err)
	switch {
	case v.faults[method] == replyLost:
		return v.lose(method)
	case v.faults[method] == repeated && first: // a later call is the function's own second try
		err = carryOut()
		v.carriedOut(method, err)
	}
	return err
}

// table is the table as functions see it.
type table struct{ *hooks.Store }

func newTable(store *fakestore.Store) table {
	return table{&hooks.Store{Store: store, Hooks: hooks.Hooks{Around: around}}}
}

// ChangeAccount stores a cheap hash in place of a new one: the next login is to cost nothing either.
func (t table) ChangeAccount(ctx context.Context, c account.Change) error {
	if c.Hash != "" {
		c.Hash = cheapHash(newPassword)
	}
	return t.Store.ChangeAccount(ctx, c)
}
