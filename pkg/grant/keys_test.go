package grant_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/revocation"
)

func (w *world) keeper() *operate.Keys {
	return operate.NewKeys(operate.KeysParts{
		Ring: keyring.New(keyring.Config{Store: w.store, Sealer: w.sealer, Algorithm: keyring.ES256, Now: w.clock.Now}),
		Log:  w.store, Trail: audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now), Now: w.clock.Now,
	})
}

func (w *world) key(state keyring.State) string {
	w.t.Helper()
	keys, err := w.keeper().Ring.List(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		if key.State == state && !key.IsMAC() {
			return key.ID
		}
	}
	w.t.Fatalf("no %s key", state)
	return ""
}

func TestRevokedKeyDeniesItsTokensAndPeopleGoOn(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	current := w.claims(login).SigningID
	w.trail.Reset()
	w.clock.Advance(10 * time.Second)
	steps, err := w.keeper().Revoke(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	next := w.key(keyring.Current)
	want := []keyring.Step{
		{What: keyring.WasRevoked, Key: current}, {What: keyring.WasPromoted, Key: next},
		{What: keyring.WasPublished, Key: w.key(keyring.Next)},
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	w.wantEvents("key_revoked", "key_promoted", "key_published")
	wantLog := []revocation.Entry{{At: start.Add(10 * time.Second), Kind: revocation.Key, ID: current}}
	if diff := cmp.Diff(wantLog, w.store.Log()); diff != "" {
		t.Errorf("revocation log (-want +got):\n%s", diff)
	}
	w.wantDenied(login)

	// The issuing function reads its keys again within a minute of when it did last; a cold one at once.
	w.clock.Advance(50 * time.Second)
	second := w.mustRefresh(login.RefreshToken)
	if got := w.claims(second).SigningID; got != next {
		t.Errorf("refreshed with a token signed by %s, want %s", got, next)
	}
	w.wantAccepted(second)
}

func TestKeyThatIsNotInTheSetIsNotDenied(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	w.trail.Reset()
	for _, id := range []string{"", "typo", "mac:1"} {
		if _, err := w.keeper().Revoke(t.Context(), id); !errors.Is(err, keyring.ErrUnknownKey) {
			t.Errorf("%q: %v, want ErrUnknownKey", id, err)
		}
	}
	w.wantNothingRevoked()
	w.wantEvents()
}

func TestKeyIsDeniedBeforeItLeavesTheSet(t *testing.T) {
	for name, test := range map[string]struct {
		fail   string
		denied bool
	}{
		"nothing denied, nothing changed": {"Append", false},
		"denied, not replaced":            {"ReplaceParts", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login := w.mustLogin()
			current := w.key(keyring.Current)
			w.trail.Reset()
			w.store.Before = hooks.Fail(test.fail)
			_, err := w.keeper().Revoke(t.Context(), current)
			if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, operate.ErrOnlyDenied) != test.denied {
				t.Fatalf("error %v, want ErrUnavailable, and ErrOnlyDenied: %t", err, test.denied)
			}
			w.store.Before = nil
			w.wantEvents()
			if got := w.key(keyring.Current); got != current {
				t.Errorf("current is %s, want %s as before", got, current)
			}
			if !test.denied {
				w.wantAccepted(login)
			} else {
				w.wantDenied(login)
			}
			if _, err := w.keeper().Revoke(t.Context(), current); err != nil {
				t.Errorf("repeated: %v", err)
			}
			w.wantDenied(login)
			w.wire()
			w.wantAccepted(w.mustRefresh(login.RefreshToken))
		})
	}
}

// Who cannot open the keyring could only do the half that refuses everybody.
func TestKeyIsNotDeniedByWhoCannotReplaceIt(t *testing.T) {
	for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh} {
		w := newWorld(t)
		login := w.mustLogin()
		w.trail.Reset()
		w.sealer.refuse(part)
		if _, err := w.keeper().Revoke(t.Context(), w.key(keyring.Current)); !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, operate.ErrOnlyDenied) {
			t.Errorf("%s not opened: %v, want ErrUnavailable and nothing denied", part, err)
		}
		w.wantNothingRevoked()
		w.wantAccepted(login)
	}
}

func TestScheduleAndPeopleLeaveAnEventOfEveryStep(t *testing.T) {
	w := newWorld(t)
	w.mustLogin()
	w.trail.Reset()
	keeper := w.keeper()
	if steps, err := keeper.Rotate(t.Context()); err != nil || len(steps) != 0 {
		t.Errorf("nothing is due: %v, %v", steps, err)
	}
	w.wantEvents()
	w.clock.Advance(keyring.DefaultPeriod)
	first := w.key(keyring.Current)
	if _, err := keeper.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := w.events()
	if len(events) != 6 || events[3].Name != "key_retired" || events[3].KeyID != first {
		t.Errorf("events %+v, want six, the fourth key_retired of %s", events, first)
	}
	w.wantEvents("key_retired", "key_promoted", "key_published", "key_retired", "key_promoted", "key_published")
	if _, err := keeper.Promote(t.Context(), w.key(keyring.Next)); err != nil {
		t.Fatal(err)
	}
	w.wantEvents("key_retired", "key_promoted", "key_published")
	if _, err := keeper.Promote(t.Context(), first); !errors.Is(err, keyring.ErrNotNext) {
		t.Errorf("promote a retired key: %v, want ErrNotNext", err)
	}
	w.wantEvents()
}

// After a backup is restored, an old refresh token could be good again. Reset kills them all.
func TestResetEndsEverySessionAndNoAccessToken(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	if _, err := w.keeper().Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wire()
	response, err := w.tryRefresh("native", login.RefreshToken)
	wantRefused(t, response, err)
	w.wantAccepted(login)
	again := w.mustLogin()
	w.wantAccepted(w.mustRefresh(again.RefreshToken))
}
