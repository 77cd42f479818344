package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// TestNothingRevokedIsAcceptedBeyondTheBound lets time pass, freezes the function, sets its clock, appends and
// breaks the log at random, and compares every answer with a list of what has been acknowledged.
func TestNothingRevokedIsAcceptedBeyondTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &modelWorld{T: t, begin: time.Now()}
		w.staleness = rapid.SampledFrom([]time.Duration{0, time.Second, bound}).Draw(t, "staleness")
		w.snapshot = revocation.NewSnapshot(w, w.staleness, w.now)
		t.Repeat(map[string]func(*rapid.T){
			"revoke":      func(*rapid.T) { w.revoke() },
			"revoke lots": func(*rapid.T) { w.revokeLots() },
			"check":       func(*rapid.T) { w.check() },
			"check again": func(*rapid.T) { w.check(); w.check() },
			"pass":        func(*rapid.T) { w.passSome() },
			"freeze":      func(*rapid.T) { w.freeze() },
			"set clock":   func(*rapid.T) { w.setClock() },
			"fault": func(*rapid.T) {
				w.fault = rapid.SampledFrom(faults).Draw(w.T, "fault")
			},
		})
		w.recovers()
	})
}

// What setClock, someTime and the fault of the log are drawn from.
var (
	faults = []string{"", "", "fails", "breaks off", "slow"}
	wrongs = []time.Duration{
		0, 0, time.Second, -time.Second, 40 * time.Second, 25 * time.Minute, -25 * time.Minute, 3 * time.Hour, -3 * time.Hour,
	}
	longests = []time.Duration{100 * time.Millisecond, time.Second, bound, time.Minute, 6 * time.Minute, 2 * time.Hour}
	allKinds = []revocation.Kind{revocation.Token, revocation.Session, revocation.Account, revocation.Client, revocation.Key}
)

// victim is a token and its revocation.
type victim struct {
	entry revocation.Entry
	acked time.Duration // the true time by which it was confirmed
	born  time.Duration // the true time at which the token was issued; it lives as long as any can
}

// modelWorld is the log, the function's clocks and the truth.
type modelWorld struct {
	*rapid.T
	begin     time.Time
	snapshot  *revocation.Snapshot
	staleness time.Duration

	elapsed time.Duration // true time
	awake   time.Duration // what the monotonic clock of the function has counted
	wrong   time.Duration // how far its wall clock is ahead of the truth
	frozen  bool          // since the last good query
	back    bool          // the wall clock was set back since then

	fault    string
	victims  []victim
	answered chan struct{} // closed when the query of the check under way is over
}

func (w *modelWorld) at(true time.Duration) time.Time { return w.begin.Round(0).Add(true) }

func (w *modelWorld) now() time.Time {
	return testclock.WallOnly(w.T, w.begin.Add(w.awake), w.elapsed+w.wrong-w.awake)
}

func (w *modelWorld) pass(d time.Duration) { w.elapsed += d; w.awake += d }

// freeze and setClock: where the wall clock goes back by as much as the function was frozen, both of its clocks
// deny that time has passed. No code can know, so that is left out.
func (w *modelWorld) freeze() {
	if d := w.someTime("frozen for"); !w.back {
		w.elapsed, w.frozen = w.elapsed+d, true
	}
}

func (w *modelWorld) someTime(label string) time.Duration {
	longest := rapid.SampledFrom(longests).Draw(w.T, label+", at most")
	return time.Duration(rapid.Int64Range(0, int64(longest)).Draw(w.T, label))
}

func (w *modelWorld) passSome() { w.pass(w.someTime("passes")) }

func (w *modelWorld) setClock() {
	wrong := rapid.SampledFrom(wrongs).Draw(w.T, "wrong by")
	if wrong > w.wrong || !w.frozen {
		w.back = w.back || wrong < w.wrong
		w.wrong = wrong
	}
}

// revoke appends an entry, stamped by a writer who may be slow and whose clock is a few seconds off.
func (w *modelWorld) revoke() {
	v := victim{entry: revocation.Entry{ID: fmt.Sprint("id-", len(w.victims)), MinEpoch: 8}, born: w.elapsed}
	v.entry.Kind = rapid.SampledFrom(allKinds).Draw(w.T, "kind")
	off := time.Duration(rapid.IntRange(-5000, 5000).Draw(w.T, "writer's clock, ms")) * time.Millisecond
	v.entry.At = w.at(w.elapsed + off).Truncate(time.Millisecond)
	w.pass(time.Duration(rapid.Int64Range(0, int64(revocation.SlowWrite)).Draw(w.T, "write takes")))
	v.acked = w.elapsed
	w.victims = append(w.victims, v)
}

func (w *modelWorld) revokeLots() {
	for range rapid.IntRange(2, 20).Draw(w.T, "lots") {
		w.revoke()
	}
}

func (w *modelWorld) Append(context.Context, revocation.Entry) error { panic("not called") }

// Since answers as a store does that tells by the function's clock what has expired. A sweep, which has a deadline,
// is answered after the query beside it, so that a run can be repeated.
func (w *modelWorld) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	_, sweep := ctx.Deadline()
	if sweep {
		<-w.answered
	} else {
		defer close(w.answered)
	}
	var entries []revocation.Entry
	for _, v := range w.victims {
		if !v.entry.At.Before(from) && w.now().Before(v.entry.ExpiresAt()) {
			entries = append(entries, v.entry)
		}
	}
	slices.SortFunc(entries, func(a, b revocation.Entry) int { return a.At.Compare(b.At) })
	switch {
	case w.fault == "fails":
		return nil, errOutage
	case w.fault == "breaks off":
		return entries[:len(entries)/2], errOutage
	case sweep:
	case w.fault == "slow":
		w.pass(w.someTime("answer takes"))
	default:
		w.frozen, w.back = false, false
	}
	return entries, nil
}

func (w *modelWorld) ask(subject revocation.Subject) error {
	w.answered = make(chan struct{})
	return w.snapshot.Check(context.Background(), subject)
}

func (v victim) subject() revocation.Subject {
	return map[revocation.Kind]revocation.Subject{
		revocation.Token: {TokenID: v.entry.ID}, revocation.Session: {SessionID: v.entry.ID},
		revocation.Account: {AccountID: v.entry.ID, Epoch: 7}, revocation.Client: {ClientID: v.entry.ID},
		revocation.Key: {KeyID: v.entry.ID},
	}[v.entry.Kind]
}

// check asks about some of the victims and about somebody whom nobody has revoked.
func (w *modelWorld) check() {
	for range min(3, len(w.victims)) {
		v := rapid.SampledFrom(w.victims).Draw(w.T, "victim")
		arrived := w.elapsed
		err := w.ask(v.subject())
		expired := !w.now().Before(w.at(v.born + oauth.MaxAccessLife)) // for the verifier, which has the same clock
		if err == nil && !expired && v.acked+w.staleness <= arrived {
			w.Fatalf("%s %s accepted %s after its revocation was confirmed, with a staleness of %s",
				v.entry.Kind, v.entry.ID, arrived-v.acked, w.staleness)
		}
	}
	if err := w.ask(tokenOf("nobody")); err != nil && (!errors.Is(err, oauth.ErrUnavailable) || w.fault == "") {
		w.Fatalf("who was never revoked: %v, the log's fault being %q", err, w.fault)
	}
}

// recovers: once the log can be read, the next request is answered.
func (w *modelWorld) recovers() {
	w.fault = ""
	w.check()
}
