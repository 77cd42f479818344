package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/revocation"
)

var changeTests = []subtest{
	{"ChangeReachesAccountLoginNameAndLog", changeReaches},
	{"ChangeWithoutHashKeepsIt", changeKeepsHash},
	{"OtherEpochIsErrConflictAndChangesNothing", changeConflict},
	{"OtherHashIsErrConflictAndChangesNothing", changeOtherHash},
	{"ChangeLeavesAloneWhatItDoesNotName", changeLeaves},
	{"ChangeFollowsChange", changeTwice},
	{"UnknownAccountIsErrNotFoundAndAppendsNothing", changeUnknown},
	{"ChangeAgainIsAConflictWithItself", changeAgain},
	{"OneOfManyParallelChangesWins", changeParallel},
}

const otherHash = "$argon2id$v=19$m=19456,t=2,p=1$b3RoZXJvdGhlcm90aGVybw$b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q"

// changeOf raises the epoch of a by 7, and disables it. The password hash of a is expected to be hash.
func changeOf(f fixture, a account.Account, newHash string) account.Change {
	changed := a
	changed.Epoch, changed.Disabled = a.Epoch+7, true
	changed.Endings = append(slices.Clone(a.Endings), account.Ending{Epoch: changed.Epoch, Reason: account.ReasonDisabled})
	return account.Change{
		Account: changed, From: a.Epoch, Hash: newHash, OldHash: hash, Disable: new(true),
		Entry: revocation.Entry{At: f.clock.Now(), Kind: revocation.Account, ID: a.ID.String(), MinEpoch: changed.Epoch},
	}
}

// enabled stores an account that can log in.
func enabled(t *testing.T, f fixture) account.Account {
	t.Helper()
	a := newAccount(t)
	a.Disabled = false
	wantErr(t, "create account", f.CreateAccount(t.Context(), a, hash), nil)
	return a
}

func changeReaches(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, otherHash)
	c.Account.Proof = account.Proof{Digest: "a digest", Epoch: c.Account.Epoch}
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "after the change", c.Account, otherHash)
	same(t, "after the change"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry})
}

func changeKeepsHash(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, "")
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "after the change", c.Account, hash)
}

func changeConflict(t *testing.T, f fixture) {
	a := enabled(t, f)
	for _, from := range []int64{a.Epoch - 1, a.Epoch + 1, a.Epoch + 7} {
		c := changeOf(f, a, otherHash)
		c.From = from
		wantErr(t, "change from another epoch", f.ChangeAccount(t.Context(), c), account.ErrConflict)
		f.wantAccount(t, "after the conflict", a, hash)
		same(t, "after the conflict"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{})
	}
}

// changeOtherHash: a new hash is meant for the password that was looked at, also when the epoch is the same.
func changeOtherHash(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, otherHash)
	c.OldHash = "another hash"
	wantErr(t, "change from another hash", f.ChangeAccount(t.Context(), c), account.ErrConflict)
	wantErr(t, "deletion with another hash", f.DeleteAccount(t.Context(), c), account.ErrConflict)
	f.wantAccount(t, "after the conflict", a, hash)
	same(t, "after the conflict"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{})

	c.Hash = "" // now the password does not matter
	wantErr(t, "change without a hash", f.ChangeAccount(t.Context(), c), nil)
	f.wantAccount(t, "after the change", c.Account, hash)
}

func changeLeaves(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, "")
	c.Disable, c.Account = nil, c.Account.With(account.Access{})
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	want := a
	want.Epoch, want.Endings = c.Account.Epoch, c.Account.Endings
	f.wantAccount(t, "after the change", want, hash)
}

// The second change finds the epoch of the first in both items, or fails.
func changeTwice(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, "")
	wantErr(t, "first change", f.ChangeAccount(t.Context(), c), nil)
	f.clock.Advance(time.Second)
	again := changeOf(f, c.Account, otherHash)
	wantErr(t, "second change", f.ChangeAccount(t.Context(), again), nil)
	f.wantAccount(t, "after two changes", again.Account, otherHash)
	same(t, "after two changes"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{c.Entry, again.Entry})
}

func changeUnknown(t *testing.T, f fixture) {
	a := newAccount(t)
	wantErr(t, "change", f.ChangeAccount(t.Context(), changeOf(f, a, otherHash)), account.ErrNotFound)
	same(t, "of an unknown account"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{})
	_, err := f.LoginName(t.Context(), a.Username)
	wantErr(t, "login name of an unknown account", err, account.ErrNotFound)
}

func changeAgain(t *testing.T, f fixture) {
	a := enabled(t, f)
	c := changeOf(f, a, otherHash)
	wantErr(t, "change", f.ChangeAccount(t.Context(), c), nil)
	wantErr(t, "change again", f.ChangeAccount(t.Context(), c), account.ErrConflict)
	f.wantAccount(t, "after the repetition", c.Account, otherHash)
}

func changeParallel(t *testing.T, f fixture) {
	a := enabled(t, f)
	changes := make([]account.Change, 20)
	for i := range changes {
		changes[i] = changeOf(f, a, "")
		changes[i].Account.Epoch += int64(i)
		changes[i].Entry.MinEpoch = changes[i].Account.Epoch
	}
	var wins []account.Change
	for i, err := range parallel(len(changes), func(i int) error { return f.ChangeAccount(t.Context(), changes[i]) }) {
		switch {
		case err == nil:
			wins = append(wins, changes[i])
		case !errors.Is(err, account.ErrConflict):
			t.Errorf("change %d: %v, want ErrConflict", i, err)
		}
	}
	if len(wins) != 1 {
		t.Fatalf("%d of 20 changes succeeded, want 1", len(wins))
	}
	f.wantAccount(t, "after 20 changes", wins[0].Account, hash)
	same(t, "after 20 changes"+": entries", f.entriesOf(t, a.ID.String(), time.Time{}), []revocation.Entry{wins[0].Entry})
}
