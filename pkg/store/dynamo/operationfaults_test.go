package dynamo_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

// TestOperationsUnderFaults lets every call of every operation meet every fault.
func TestOperationsUnderFaults(t *testing.T) {
	const forEver = 0
	faults := []struct {
		name       string
		fault      faultproxy.Fault
		times      int
		writesOnly bool
		survived   bool // the user gets his answer; otherwise he is told to come back, and then gets it
	}{
		{"lost reply", faultproxy.DropResponse, 1, false, true},
		{"lost request", faultproxy.DropRequest, 1, false, true},
		{"throttled twice", faultproxy.Throttle, 2, false, true},
		{"three conflicts", faultproxy.Conflict, 3, true, true},
		{"throttled for ever", faultproxy.Throttle, forEver, false, false},
		{"access denied", faultproxy.AccessDenied, forEver, false, false},
	}
	eachOperation(t, func(t *testing.T, w *world, op userOperation) {
		for _, at := range op.steps(w.observe(op)) {
			if op.racing && at.key != "CLIENT" && !strings.HasPrefix(at.key, "KEYRING#") {
				continue // as in a later login
			}
			for _, f := range faults {
				if f.writesOnly && !at.writes {
					continue
				}
				sent, done := op.prepare(w)
				w.events()
				w.proxy.Inject(at.rule(f.fault, f.times))
				got := w.send(t.Context(), sent)
				w.proxy.Heal()
				err := checkDetails(got)
				if !f.survived && !at.bestEffort() && !op.doesWithout(at) {
					err = checkUnavailable(sent, got)
					got = w.send(t.Context(), sent)
				}
				if err := errors.Join(err, op.check(got, done), w.checkTrail(op)); err != nil {
					t.Errorf("%s at %s: %v", f.name, at, err)
				}
			}
		}
	})
}

// doesWithout reports whether the answer is the same when the step fails.
func (op userOperation) doesWithout(at step) bool {
	return slices.ContainsFunc(op.spares, func(prefix string) bool { return strings.HasPrefix(at.String(), prefix) })
}

// TestOperationsWithoutATable refuses every call of an operation, not one alone.
func TestOperationsWithoutATable(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op userOperation) {
		for name, fault := range map[string]faultproxy.Fault{
			"throttled for ever": faultproxy.Throttle, "table missing": faultproxy.TableMissing,
			"access denied": faultproxy.AccessDenied, "internal error": faultproxy.InternalError,
		} {
			sent, done := op.prepare(w)
			w.events()
			w.proxy.Inject(faultproxy.Rule{Fault: fault})
			refused := w.send(t.Context(), sent)
			err := errors.Join(checkUnavailable(sent, refused), checkPrompt(refused))
			w.proxy.Heal()
			if err := errors.Join(err, op.check(w.send(t.Context(), sent), done), w.checkTrail(op)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestCrashAfterAWriteHarmsNobody ends the invocation when one of its writes was carried out. Whoever waited
// for its answer asks again, and meets another instance of the function.
func TestCrashAfterAWriteHarmsNobody(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op userOperation) {
		for _, at := range op.steps(w.observe(op)) {
			if !at.writes {
				continue
			}
			sent, done := op.prepare(w)
			w.events()
			ctx, end := context.WithCancel(t.Context())
			w.proxy.Inject(at.rule(crash(end), 1))
			w.send(ctx, sent)
			end()
			w.proxy.Heal()
			w.restart()
			expected := op
			got := w.send(t.Context(), sent)
			if op.again != 0 && got.status == op.again {
				expected.status, expected.code = op.again, cmp.Or(op.againCode, map[int]string{400: "invalid_grant", 401: "invalid_token"}[op.again])
			}
			if err := errors.Join(expected.check(got, done), w.checkTrail(op)); err != nil {
				t.Errorf("crash after %s: %v", at, err)
			}
		}
	})
}

// hanging is an operation of which something hangs.
type hanging struct {
	w    *world
	op   userOperation
	at   string
	rest bool // the answer does not depend on what hangs
	sent request
	done func(outcome) error
	got  outcome
}

// hang prepares the operation in a world of its own and injects the rule.
func hang(t *testing.T, table string, op userOperation, rule faultproxy.Rule, patience time.Duration) *hanging {
	h := &hanging{w: newWorld(t, engine(t), table), op: op}
	h.sent, h.done = op.prepare(h.w)
	h.w.patience(patience)
	rule.Fault = faultproxy.Hang
	h.w.proxy.Inject(rule)
	return h
}

// sendAll sends at once what hangs: the deadlines are real, and tests would wait for one after the other.
func sendAll(t *testing.T, all []*hanging) {
	var wg sync.WaitGroup
	for _, h := range all {
		wg.Go(func() { h.got = h.w.send(t.Context(), h.sent) })
	}
	wg.Wait()
}

// healed is an error unless the hanging operation was answered as it should be, and can be made afterwards.
func (h *hanging) healed(t *testing.T) error {
	h.w.proxy.Heal()
	h.w.patience(patient)
	err, got := checkDetails(h.got), h.got
	if !h.rest {
		err, got = checkUnavailable(h.sent, got), h.w.send(t.Context(), h.sent)
	}
	return errors.Join(err, h.op.check(got, h.done), h.w.checkTrail(h.op))
}

func TestHangEndsByOurOwnDeadline(t *testing.T) {
	endpoint := engine(t)
	table, other := newTable(t, endpoint), newTable(t, endpoint)
	all := []*hanging{hang(t, other, firstLogin, faultproxy.Rule{}, 0)}
	for _, op := range userOperations {
		all = append(all, hang(t, table, op, faultproxy.Rule{}, 0))
	}
	late := errors.New("never tried")
	for range 3 { // a machine that does much else may be late once
		sendAll(t, all)
		var errs []error
		for _, h := range all {
			errs = append(errs, checkPrompt(h.got))
		}
		if late = errors.Join(errs...); late == nil {
			break
		}
	}
	if late != nil {
		t.Error(late)
	}
	for _, h := range all {
		if err := h.healed(t); err != nil {
			t.Errorf("%s: %v", h.op.name, err)
		}
	}
}

// TestHangOfOneCallHarmsNobody has every call of every operation hang by itself.
func TestHangOfOneCallHarmsNobody(t *testing.T) {
	endpoint := engine(t)
	table := newTable(t, endpoint)
	// More than the service has, for the calls that do not hang, on a machine that may be busy.
	const patience = 1500 * time.Millisecond
	// Some at a time: what was prepared is good for less than a minute, and the calls that do not hang must not be late either.
	for some := range slices.Chunk(userOperations, 8) {
		var all []*hanging
		for _, op := range some {
			for _, at := range op.steps(newWorld(t, endpoint, table).observe(op)) {
				h := hang(t, table, op, at.rule(nil, 0), patience)
				h.at, h.rest = at.String(), at.bestEffort() || op.doesWithout(at)
				all = append(all, h)
			}
		}
		sendAll(t, all)
		for _, h := range all {
			if err := h.healed(t); err != nil {
				t.Errorf("%s, %s hangs: %v", h.op.name, h.at, err)
			}
		}
	}
}
