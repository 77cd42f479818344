package storetest

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

var assertionTests = []subtest{
	{"FirstUseWins", assertionFirst},
	{"RepeatedByItsOwnCallIsTheFirst", assertionRepeated},
	{"OfManyParallelUsesOneIsFirst", assertionParallel},
	{"ExpiredIsForgotten", assertionExpired},
	{"CancelledIsUnavailable", assertionCancelled},
}

func assertionName(t *testing.T) [sha256.Size]byte { return sha256.Sum256([]byte(fresh(t, "jti"))) }

func (f fixture) use(t *testing.T, what string, name [sha256.Size]byte, until time.Time, call string, want bool) {
	t.Helper()
	first, err := f.UseAssertion(t.Context(), name, until, call)
	wantErr(t, what, err, nil)
	if first != want {
		t.Errorf("%s: first = %v, want %v", what, first, want)
	}
}

func assertionFirst(t *testing.T, f fixture) {
	name, until := assertionName(t), f.clock.Now().Add(6*time.Minute)
	f.use(t, "first", name, until, "a", true)
	f.use(t, "second", name, until, "b", false)
	f.use(t, "third, later", name, until.Add(time.Minute), "c", false)
	f.use(t, "another name", assertionName(t), until, "d", true)
	f.clock.Advance(6*time.Minute - time.Second)
	f.use(t, "just before the end", name, until, "e", false)
}

// assertionRepeated: the SDK sends a write again whose reply was lost.
func assertionRepeated(t *testing.T, f fixture) {
	name, until := assertionName(t), f.clock.Now().Add(time.Minute)
	for range 3 {
		f.use(t, "the same call", name, until, "a", true)
	}
	f.use(t, "another call", name, until, "b", false)
}

func assertionParallel(t *testing.T, f fixture) {
	name, until := assertionName(t), f.clock.Now().Add(time.Minute)
	firsts := make([]bool, 50)
	for i, err := range parallel(len(firsts), func(i int) (err error) {
		firsts[i], err = f.UseAssertion(t.Context(), name, until, fresh(t, "call"))
		return err
	}) {
		wantErr(t, "use "+string(rune('a'+i%26)), err, nil)
	}
	count := 0
	for _, first := range firsts {
		if first {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d of %d uses were first, want one", count, len(firsts))
	}
}

func assertionExpired(t *testing.T, f fixture) {
	name, until := assertionName(t), f.clock.Now().Add(time.Minute)
	f.use(t, "first", name, until, "a", true)
	f.clock.Advance(time.Minute)
	f.use(t, "a minute later", name, until.Add(time.Minute), "b", true)
	f.use(t, "again", name, until.Add(time.Minute), "c", false)
}

func assertionCancelled(t *testing.T, f fixture) {
	first, err := f.UseAssertion(cancelled(t), assertionName(t), f.clock.Now().Add(time.Minute), "a")
	if first || !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("cancelled: first %v, error %v; want ErrUnavailable", first, err)
	}
}
