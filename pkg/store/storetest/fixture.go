package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

const network = "203.0.113.0/24"

// parallel calls do n times at once and returns the errors in the order of i.
func parallel(n int, do func(i int) error) []error {
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// same compares what came with what was expected; nil and empty slices are equal, times by instant.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// wantErr ends the test unless err is want; a nil want means success.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error = %v, want %v", what, err, want)
	}
}

func newID(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	wantErr(t, "new id", err, nil)
	return id
}

// fresh returns a username, client id or entry id that no other test uses.
func fresh(t *testing.T, prefix string) string {
	t.Helper()
	return prefix + "-" + newID(t).String()
}

// newSession returns a session that lives for hours by the fixture's clock. Not stored.
func (f fixture) newSession(t *testing.T) session.Session {
	t.Helper()
	now := f.clock.Now()
	return session.Session{
		AccountID:     newID(t),
		ID:            newID(t),
		ClientID:      fresh(t, "c"),
		Scopes:        []string{"openid", "orders:read"},
		Generation:    3,
		RotatedAt:     now.Add(-time.Minute + 123*time.Millisecond),
		PriorRotation: now.Add(-2*time.Minute + 789*time.Millisecond),
		CreatedAt:     now.Add(-time.Hour + 456*time.Millisecond),
		AuthTime:      now.Add(-time.Hour),
		AMR:           []string{"pwd", "otp"},
		IdleExpiry:    now.Add(2 * time.Hour),
		Expiry:        now.Add(3 * time.Hour),
		Epoch:         1_700_000_000,
		Remembered:    true,
		Device:        "Zoë's phone #2\n\"ünïcode\" 🌊",
		Network:       "2001:db8:1:2::/64",
		UsedFrom:      network,
		Late:          []session.Late{{Generation: 1, At: now.Add(-3*time.Minute + time.Millisecond)}},
		Stale:         []session.Stale{{Generation: 0, Count: 16}, {Generation: 1, Count: 1}},
	}
}

// storedSession returns a session that is stored, after the given change.
func (f fixture) storedSession(t *testing.T, change func(*session.Session)) session.Session {
	t.Helper()
	s := f.newSession(t)
	if change != nil {
		change(&s)
	}
	wantErr(t, "create session", f.Create(t.Context(), s), nil)
	return s
}

// wantSession reads the session that want names and compares.
func (f fixture) wantSession(t *testing.T, what string, want session.Session) {
	t.Helper()
	got, err := f.Session(t.Context(), want.AccountID, want.ID)
	wantErr(t, what+": read session", err, nil)
	same(t, what+": stored session", got, want)
}

// entriesOf returns the live entries of the log that name id.
func (f fixture) entriesOf(t *testing.T, id string, from time.Time) []revocation.Entry {
	t.Helper()
	all, err := f.Since(t.Context(), from)
	wantErr(t, "revocation entries", err, nil)
	mine := slices.DeleteFunc(slices.Clone(all), func(e revocation.Entry) bool { return e.ID != id })
	slices.SortFunc(mine, func(a, b revocation.Entry) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return mine
}

// rotation is the next one of s, a minute after the last.
func rotation(s session.Session) session.Rotation {
	now := s.RotatedAt.Add(time.Minute + 77*time.Millisecond)
	return session.Rotation{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation,
		Now: now, Network: "198.51.100.0/24", IdleExpiry: s.IdleExpiry.Add(time.Minute),
	}
}

// rotated is what s becomes by r.
func rotated(s session.Session, r session.Rotation) session.Session {
	s.Generation++
	s.PriorRotation, s.RotatedAt = s.RotatedAt, r.Now
	s.UsedFrom, s.IdleExpiry = r.Network, r.IdleExpiry
	return s
}

// lateReplay records late retries in place of those that s has.
func lateReplay(s session.Session, late ...session.Late) session.Replay {
	return session.Replay{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Generation: s.Generation,
		WasLate: s.Late, Late: late, WasStale: s.Stale, Stale: s.Stale,
	}
}

// ending revokes s at the given time.
func ending(s session.Session, reason session.Reason, at time.Time) session.Ending {
	return session.Ending{
		AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Reason: reason,
		Entry: revocation.Entry{At: at, Kind: revocation.Session, ID: s.ID.String()},
	}
}

// newAccount returns an account with every field set. Not stored.
func newAccount(t *testing.T) account.Account {
	t.Helper()
	return account.Account{
		ID: newID(t), Username: fresh(t, "ünï#user"), Roles: []string{"admin", "a b#c"},
		Scopes: []string{"openid", "orders:read"}, Disabled: true, Epoch: 1_700_000_001, Claims: `{"beta":true,"plan":"<ä&b>","seats":5}`,
		Endings: []account.Ending{{Epoch: 1_700_000_000, Reason: account.ReasonDisabled}, {Epoch: 1_700_000_001, Reason: "a b#c"}},
		Proof:   account.Proof{Digest: "of a sign-up", Epoch: 1_600_000_000},
	}
}

// storedAccount returns an account that is stored and may log in.
func storedAccount(t *testing.T, store account.Creator, hash string) account.Account {
	t.Helper()
	a := newAccount(t)
	a.Disabled = false
	wantErr(t, "create account", store.CreateAccount(t.Context(), a, hash), nil)
	return a
}

// cancelled returns a context that is already done.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
