package session_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// owner asks whose the token of generation g is.
func (w *world) owner(g uint32, clientID string) (account.Account, error) {
	token := w.first
	token.Generation = g
	return session.NewOwners(w.store, w.store, w.registered(), w.clock.Now).Of(w.t.Context(), token, client.New(clientID, client.Native))
}

// registry finds the clients that are in it.
type registry map[string]client.Client

func (r registry) Find(_ context.Context, id string) (client.Client, error) {
	c, ok := r[id]
	switch {
	case !ok:
		return client.Client{}, client.ErrUnknown
	case c.Kind == "":
		return client.Client{}, oauth.ErrUnavailable
	}
	return c, nil
}

// registered is the registry with the client of the world alone.
func (w *world) registered() registry { return registry{w.client.ID: w.client} }

// wantNoOwner expects the refusal, and that it wrote nothing.
func (w *world) wantNoOwner(g uint32, clientID, reason string) {
	w.t.Helper()
	log := w.store.Log()
	stored, _ := w.store.GetSession(w.id)
	got, err := w.owner(g, clientID)
	wantRefusal(w.t, err, reason)
	if diff := cmp.Diff(account.Account{}, got); diff != "" {
		w.t.Errorf("refused, and yet an account came (-want +got):\n%s", diff)
	}
	after, _ := w.store.GetSession(w.id)
	if diff := cmp.Diff(stored, after) + cmp.Diff(log, w.store.Log()); diff != "" {
		w.t.Errorf("the refusal wrote (-before +after):\n%s", diff)
	}
}

func TestOwnerOfTheNewestTokenAndOfTheOneBefore(t *testing.T) {
	for _, test := range []struct{ stored, presented uint32 }{
		{0, 0}, {1, 1}, {1, 0}, {7, 7}, {7, 6}, {math.MaxUint32, math.MaxUint32}, {math.MaxUint32, math.MaxUint32 - 1},
	} {
		w := newWorld(t, client.Native)
		w.account.Roles, w.account.Scopes = []string{"admin"}, []string{"read"}
		w.store.SetAccount(w.account, "")
		w.rotatedLongAgo(test.stored)
		w.wantUntouched(func() {
			got, err := w.owner(test.presented, "app")
			if err != nil {
				t.Fatalf("session at %d, token of %d: %v, want the account", test.stored, test.presented, err)
			}
			if diff := cmp.Diff(w.account, got); diff != "" {
				t.Errorf("session at %d, token of %d: account (-want +got):\n%s", test.stored, test.presented, diff)
			}
		})
		w.wantEvents()
	}
}

func TestOwnerOfAnyOtherGenerationIsRefused(t *testing.T) {
	for _, test := range []struct{ stored, presented uint32 }{
		{2, 0}, {7, 5}, {7, 0}, {0, 1}, {7, 8}, {7, 9}, {0, math.MaxUint32}, {1, math.MaxUint32}, {math.MaxUint32, 0}, {math.MaxUint32, 1},
	} {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.Generation = test.stored }) // within every window: that makes no odds
		t.Logf("session at %d, token of %d", test.stored, test.presented)
		w.wantNoOwner(test.presented, "app", "an old token")
	}
}

func TestOwnerIsReadInOneRoundTrip(t *testing.T) {
	w := newWorld(t, client.Native)
	w.store.Before = hooks.Meet(10*time.Second, "Session", "Account")
	if _, err := w.owner(0, "app"); err != nil {
		t.Fatal(err)
	}
	w.wantCalls("Session", "Account")
}

func TestOwnerOfASessionThatCannotBeRefreshedIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*world)
	}{
		"no session": {session.BecauseEnded, func(w *world) { w.store.DropSession(w.id) }},
		"another account's session": {session.BecauseEnded, func(w *world) {
			w.first.AccountID = uuid.MustParse("0190b0e4-7e00-7000-8000-000000000002")
		}},
		"revoked":      {session.BecauseEnded, func(w *world) { w.change(func(s *session.Session) { s.RevokedAt = start }) }},
		"idle expiry":  {session.BecauseIdle, func(w *world) { w.clock.Set(w.stored().IdleExpiry) }},
		"after expiry": {session.BecauseIdle, func(w *world) { w.clock.Set(w.stored().Expiry.Add(time.Hour)) }},
		"absolute expiry": {session.BecauseAbsolute, func(w *world) {
			w.change(func(s *session.Session) { s.IdleExpiry = s.Expiry.Add(time.Hour) })
			w.clock.Set(w.stored().Expiry)
		}},
		"account disabled": {session.BecauseDisabled, func(w *world) {
			w.account.Disabled = true
			w.store.SetAccount(w.account, "")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			test.change(w)
			w.wantNoOwner(0, "app", test.reason)
		})
	}
	t.Run("another client's", func(t *testing.T) {
		for _, id := range []string{"other", "", "App"} {
			newWorld(t, client.Native).wantNoOwner(0, id, "another client's")
		}
	})
}

// ended are the ways in which all sessions of an account end at once.
var ended = map[string]func(*world){
	"account deleted": func(w *world) { w.store.DropAccount(w.account.ID) },
	"epoch raised": func(w *world) {
		w.account.Epoch++
		w.store.SetAccount(w.account, "")
	},
}

func TestOwnerWhoseSessionsHaveAllEndedIsTold(t *testing.T) {
	for name, end := range ended {
		w := newWorld(t, client.Native)
		end(w)
		if _, err := w.owner(0, "app"); !errors.Is(err, session.ErrAllEnded) {
			t.Errorf("%s: error %v, want ErrAllEnded", name, err)
		}
		if _, err := w.owner(0, "other"); !errors.Is(err, session.ErrRefused) {
			t.Errorf("%s, another client: error %v, want ErrRefused", name, err)
		}
		w.change(func(s *session.Session) { s.Generation += 2 })
		if _, err := w.owner(0, "app"); !errors.Is(err, session.ErrRefused) {
			t.Errorf("%s, an old token: error %v, want ErrRefused", name, err)
		}
	}
}

// The reasons are for the newest token and the one before, and not for one that may have been the reuse.
func TestOwnerOfAnEndedSessionIsToldWhy(t *testing.T) {
	for _, test := range []struct {
		generation uint32
		clientID   string
		ended      session.Reason
		want       string
	}{
		{7, "app", session.ReasonLogout, session.BecauseEnded},
		{6, "app", session.ReasonEnded, session.BecauseEndedElsewhere},
		{7, "app", session.ReasonReuse, session.BecauseReuse},
		{6, "app", session.ReasonReuse, ""},
		{5, "app", session.ReasonLogout, ""},
		{8, "app", session.ReasonLogout, ""},
		{7, "other", session.ReasonLogout, ""},
	} {
		w := newWorld(t, client.Native)
		w.rotatedLongAgo(7)
		w.change(func(s *session.Session) { s.RevokedAt, s.Reason = start, test.ended })
		_, err := w.owner(test.generation, test.clientID)
		var refused *session.RefusedError
		if !errors.As(err, &refused) || refused.Reason != test.want {
			t.Errorf("generation %d of client %s, ended by %s: %v, want a refusal because of %q", test.generation, test.clientID, test.ended, err, test.want)
		}
	}
}

func TestOwnerUntilTheLastMomentOfASession(t *testing.T) {
	for name, end := range map[string]func(session.Session) time.Time{
		"idle":     func(s session.Session) time.Time { return s.IdleExpiry },
		"absolute": func(s session.Session) time.Time { return s.Expiry },
	} {
		w := newWorld(t, client.Native)
		if name == "absolute" {
			w.change(func(s *session.Session) { s.IdleExpiry = s.Expiry.Add(time.Hour) })
		}
		w.clock.Set(end(w.stored()).Add(-1))
		if _, err := w.owner(0, "app"); err != nil {
			t.Errorf("a nanosecond before the %s expiry: %v, want the account", name, err)
		}
	}
}

// A session of a newer epoch is one that was re-stamped between the two reads.
func TestOwnerOfASessionOfANewerEpoch(t *testing.T) {
	w := newWorld(t, client.Native)
	w.change(func(s *session.Session) { s.Epoch++ })
	if got, err := w.owner(0, "app"); err != nil || got.ID != w.account.ID {
		t.Errorf("account %s, error %v, want %s", got.ID, err, w.account.ID)
	}
}

func TestOwnerThatCannotBeReadIsUnavailable(t *testing.T) {
	for _, method := range []string{"Session", "Account"} {
		for name, fail := range map[string]func(*fakestore.Store){
			"no answer":  func(s *fakestore.Store) { s.Before = hooks.Fail(method) },
			"reply lost": func(s *fakestore.Store) { s.After = hooks.Fail(method) },
		} {
			t.Run(method+", "+name, func(t *testing.T) {
				w := newWorld(t, client.Native)
				fail(w.store)
				w.wantUntouched(func() {
					got, err := w.owner(0, "app")
					wantUnavailable(t, err)
					if got.ID != uuid.Nil {
						t.Errorf("unavailable, and yet account %s came", got.ID)
					}
				})
			})
		}
	}
}

// What one read says for certain is not made doubtful by the other.
func TestOwnerThatIsGoneIsRefusedWhateverTheOtherReadSays(t *testing.T) {
	for name, test := range map[string]struct {
		fails string
		drop  func(*world)
	}{
		"session": {"Account", func(w *world) { w.store.DropSession(w.id) }},
		"account": {"Session", func(w *world) { w.store.DropAccount(w.account.ID) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			test.drop(w)
			w.store.Before = hooks.Fail(test.fails)
			w.wantNoOwner(0, "app", session.BecauseEnded)
		})
	}
}

// "End others" may keep a session between the two reads: it is then read once more.
func TestOwnerOfASessionThatIsKeptBetweenTheReads(t *testing.T) {
	for name, test := range map[string]struct {
		epoch int64 // that the session is kept with
		lives bool
	}{"kept": {200, true}, "kept through an earlier change": {199, false}, "not kept": {100, false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, client.Native)
			var raised atomic.Bool
			w.store.After = func(_ context.Context, method string) error {
				if method == "Session" && w.store.Count("Session") == 1 {
					w.account.Epoch = 200
					w.store.SetAccount(w.account, "")
					w.change(func(s *session.Session) { s.Epoch = test.epoch })
					raised.Store(true)
				}
				return nil
			}
			w.store.Before = func(_ context.Context, method string) error {
				for method == "Account" && !raised.Load() { // the account is read last
					runtime.Gosched()
				}
				return nil
			}
			s, a, err := session.NewOwners(w.store, w.store, w.registered(), w.clock.Now).
				Living(t.Context(), session.Holder{AccountID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), SessionID: w.id, ClientID: "app"})
			if test.lives && (err != nil || s.Epoch != 200 || a.Epoch != 200) {
				t.Errorf("session of epoch %d, account of epoch %d, %v; want both of 200", s.Epoch, a.Epoch, err)
			}
			if !test.lives && !errors.Is(err, session.ErrEnded) {
				t.Errorf("error %v, want ErrEnded", err)
			}
			w.wantCalls("Session", "Account", "Session")
		})
	}
}

func TestOwnerWhoseSecondReadFailsIsUnavailable(t *testing.T) {
	w := newWorld(t, client.Native)
	w.account.Epoch++
	w.store.SetAccount(w.account, "")
	w.store.Before = func(_ context.Context, method string) error {
		if method == "Session" && w.store.Count("Session") == 2 {
			return oauth.ErrUnavailable
		}
		return nil
	}
	_, err := w.owner(0, "app")
	wantUnavailable(t, err)
}
