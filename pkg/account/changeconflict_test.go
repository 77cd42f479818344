package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// editTries is how often an edit may meet another one.
const editTries = 4

// meddle raises the epoch of ada, and does f, just before each of the first n edits reaches the store.
func meddle(w *world, n int, f func(*account.Account)) {
	w.store.Before = func(_ context.Context, method string) error {
		if method != "ChangeAccount" || n == 0 {
			return nil
		}
		n--
		other := w.ada
		other.Epoch += 10 + int64(n)
		f(&other)
		w.store.SetAccount(other, "")
		return nil
	}
}

func TestConflictIsRetriedWithWhatTheAccountHasBecome(t *testing.T) {
	for name, edit := range edits {
		for conflicts := 1; conflicts < editTries; conflicts++ {
			t.Run(fmt.Sprintf("%s, %d conflicts", name, conflicts), func(t *testing.T) {
				w, store, editor := editorWorld(t)
				w.ada.Epoch = start.Unix() + 1000 // beyond the clock, so that every raise shows
				w.store.SetAccount(w.ada, "")
				meddle(w, conflicts, func(a *account.Account) { a.Disabled = true })
				if err := edit(w, editor); err != nil {
					t.Fatal(err)
				}
				a, l := w.stored()
				want := w.ada.Epoch + 10 + 1 // the last other edit, and ours
				if a.Epoch != want || !a.Disabled {
					t.Errorf("epoch %d, disabled %t, want %d and what the others did", a.Epoch, a.Disabled, want)
				}
				if changed := l.Hash != cheap(password); changed != (name == "set password") {
					t.Errorf("password hash changed: %t", changed)
				}
				wantLog := []revocation.Entry{{At: start, Kind: revocation.Account, ID: w.ada.ID.String(), MinEpoch: want}}
				if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
					t.Errorf("revocation log (-want +got):\n%s", diff)
				}
				if last := store.asked[len(store.asked)-1]; len(store.asked) != conflicts+1 || last.From != want-1 {
					t.Errorf("%d edits sent, the last from epoch %d, want %d and %d", len(store.asked), last.From, conflicts+1, want-1)
				}
			})
		}
	}
}

func TestConflictsWithoutEndAreGivenUp(t *testing.T) {
	for name, edit := range edits {
		w, store, editor := editorWorld(t)
		w.store.Before = func(_ context.Context, method string) error {
			if method == "ChangeAccount" {
				return account.ErrConflict
			}
			return nil
		}
		w.wantUnchanged(func() {
			err := edit(w, editor)
			if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, account.ErrConflict) {
				t.Errorf("%s: error %v, want ErrUnavailable and no conflict", name, err)
			}
		})
		if len(store.asked) != editTries {
			t.Errorf("%s: %d edits sent, want %d", name, len(store.asked), editTries)
		}
	}
}

func TestNewPasswordIsHashedOnceHoweverOftenItMeetsOthers(t *testing.T) {
	w, _, editor := editorWorld(t)
	meddle(w, 3, func(*account.Account) {})
	var err error
	got := hashes(func() { err = edits["set password"](w, editor) })
	if err != nil || got != 1 {
		t.Errorf("%d hashes computed, error %v, want exactly one and none", got, err)
	}
}

func TestAccountThatGoesAwayMeanwhileIsNotFound(t *testing.T) {
	for name, edit := range edits {
		w, _, editor := editorWorld(t)
		w.store.Before = func(_ context.Context, method string) error {
			if method != "ChangeAccount" {
				return nil
			}
			w.store.DropAccount(w.ada.ID)
			return account.ErrConflict
		}
		if err := edit(w, editor); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
	}
}

func TestEditThatIsNotConfirmedIsUnavailable(t *testing.T) {
	for name, edit := range edits {
		for how, fault := range map[string]struct {
			fail    func(*fakestore.Store)
			applied bool
		}{
			"account not read":  {func(s *fakestore.Store) { s.Before = hooks.Fail("Account") }, false},
			"account reply":     {func(s *fakestore.Store) { s.After = hooks.Fail("Account") }, false},
			"write not applied": {func(s *fakestore.Store) { s.Before = hooks.Fail("ChangeAccount") }, false},
			"write reply lost":  {func(s *fakestore.Store) { s.After = hooks.Fail("ChangeAccount") }, true},
		} {
			if name == "end sessions" && strings.HasPrefix(how, "account") {
				continue // it has been read before
			}
			t.Run(name+", "+how, func(t *testing.T) {
				w, _, editor := editorWorld(t)
				fault.fail(w.store)
				err := edit(w, editor)
				if !errors.Is(err, oauth.ErrUnavailable) || strings.Contains(err.Error(), "canary") {
					t.Errorf("error %v, want ErrUnavailable, and no password in it", err)
				}
				w.store.Before, w.store.After = nil, nil
				if applied := len(w.store.Log()) > 0; applied != fault.applied {
					t.Errorf("applied %t, want %t", applied, fault.applied)
				}
				if err := edit(w, editor); err != nil {
					t.Errorf("second try: %v, want success", err)
				}
			})
		}
	}
}

func TestConflictWhoseSecondReadFailsIsUnavailable(t *testing.T) {
	for name, edit := range edits {
		w, store, editor := editorWorld(t)
		w.store.Before = func(_ context.Context, method string) error {
			switch {
			case method == "ChangeAccount":
				return account.ErrConflict
			case method == "Account" && len(store.asked) > 0:
				return oauth.ErrUnavailable
			}
			return nil
		}
		if err := edit(w, editor); !errors.Is(err, oauth.ErrUnavailable) || len(store.asked) != 1 {
			t.Errorf("%s: error %v after %d edits, want ErrUnavailable after one", name, err, len(store.asked))
		}
	}
}

// An edit that took long was stamped too early for readers to be sure to see it. It cannot be repeated as it
// is, so it is made once more: the epoch rises twice, and the second entry is on time.
func TestSlowEditIsMadeAgainWithANewStamp(t *testing.T) {
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			w, _, editor := editorWorld(t)
			slow := true
			w.store.After = func(_ context.Context, method string) error {
				if method == "ChangeAccount" && slow {
					slow = false
					w.clock.Advance(revocation.SlowWrite + time.Millisecond)
				}
				return nil
			}
			if err := edit(w, editor); err != nil {
				t.Fatal(err)
			}
			later := start.Add(revocation.SlowWrite + time.Millisecond)
			want := []revocation.Entry{
				{At: start, Kind: revocation.Account, ID: w.ada.ID.String(), MinEpoch: start.Unix()},
				{At: later, Kind: revocation.Account, ID: w.ada.ID.String(), MinEpoch: later.Unix()},
			}
			if diff := cmp.Diff(want, w.store.Log()); diff != "" {
				t.Errorf("revocation log (-want +got):\n%s", diff)
			}
			if a, _ := w.stored(); a.Epoch != later.Unix() {
				t.Errorf("epoch %d, want %d", a.Epoch, later.Unix())
			}
		})
	}
}

func TestEditThatStaysSlowIsGivenUp(t *testing.T) {
	for name, edit := range edits {
		w, store, editor := editorWorld(t)
		w.store.After = func(_ context.Context, method string) error {
			if method == "ChangeAccount" {
				w.clock.Advance(time.Minute)
			}
			return nil
		}
		if err := edit(w, editor); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", name, err)
		}
		if len(store.asked) > 3*editTries {
			t.Errorf("%s: %d edits sent, want an end sooner", name, len(store.asked))
		}
	}
}
