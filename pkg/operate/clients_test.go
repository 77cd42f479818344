package operate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// stored is the record of a client, tombstones too.
func (w *world) stored(id string) client.Client {
	w.t.Helper()
	c, err := w.store.Client(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// usable reports whether a session of the client that began then may be used, and whether its access tokens are accepted.
func (w *world) usable(id string, began time.Time) (sessions, tokens bool) {
	w.t.Helper()
	c, err := client.NewRegistry(w.store, w.clock.Now).Find(w.ctx, id)
	if err != nil && !errors.Is(err, client.ErrUnknown) {
		w.t.Fatal(err)
	}
	now := w.clock.Now()
	s := session.Session{ClientID: id, Epoch: w.ada.Epoch, CreatedAt: began, IdleExpiry: now.Add(time.Hour), Expiry: now.Add(time.Hour)}
	denied := revocation.NewSnapshot(w.store, 0, w.clock.Now).Check(w.ctx, revocation.Subject{ClientID: id, Began: began.Unix()})
	if denied != nil && !errors.Is(denied, revocation.ErrRevoked) {
		w.t.Fatal(denied)
	}
	return session.Usable(s, w.ada, c, now) == nil, denied == nil
}

func (w *world) wantUsable(what, id string, began time.Time, want bool) {
	w.t.Helper()
	if sessions, tokens := w.usable(id, began); sessions != want || tokens != want {
		w.t.Errorf("%s: session usable %t, access token accepted %t; want %t", what, sessions, tokens, want)
	}
}

// wantAdded adds the client and returns its record.
func (w *world) wantAdded(c client.Client) client.Client {
	w.t.Helper()
	if _, err := w.Clients().Add(w.ctx, c); err != nil {
		w.t.Fatalf("add %s: %v", c.ID, err)
	}
	return w.stored(c.ID)
}

func TestClientThatWasRevokedLogsInAtOnceAndNothingBeforeIsRevived(t *testing.T) {
	w := newWorld(t)
	w.wantAdded(client.New("app", client.Native))
	w.wantUsable("a login with the new client", "app", w.clock.Now(), true)
	w.clock.Advance(time.Hour + 300*time.Millisecond)
	before := w.clock.Now()
	since, err := w.Clients().Revoke(w.ctx, "app")
	if err != nil || !since.Equal(before.Truncate(time.Second).Add(time.Second)) {
		t.Fatalf("revoked with sessions of %s on, %v; want of the next second on", since, err)
	}
	w.wantUsable("a login of before", "app", before, false)
	w.clock.Set(since)
	w.wantUsable("a login of after", "app", since, true)
	w.wantUsable("a login of before, later", "app", before, false)
	if _, err := w.Clients().Revoke(w.ctx, "gone"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("revoke an unknown client: %v, want ErrUnknown", err)
	}
}

func TestClientThatComesBackRevivesNothing(t *testing.T) {
	w := newWorld(t)
	was := w.wantAdded(client.New("app", client.Native))
	w.clock.Advance(time.Hour)
	removed := w.clock.Now()
	if err := w.Clients().Remove(w.ctx, was); err != nil {
		t.Fatal(err)
	}
	w.wantUsable("a login of before the removal", "app", removed.Add(-time.Minute), false)
	if _, err := w.Clients().Find(w.ctx, "app"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("find a removed client: %v, want ErrUnknown", err)
	}
	if tombstone := w.stored("app"); tombstone.Kind != client.Removed || tombstone.Since.Before(removed) {
		t.Errorf("the tombstone is %+v", tombstone)
	}
	late := removed.Add(50 * time.Second) // by a function that did not know yet
	w.clock.Set(late)
	w.wantUsable("a login by a function that does not know of the removal", "app", late, false)

	var tooSoon *operate.RemovedError
	if _, err := w.Clients().Add(w.ctx, client.New("app", client.Browser)); !errors.As(err, &tooSoon) {
		t.Fatalf("added again after 50 s: %v, want a RemovedError", err)
	}
	w.clock.Set(tooSoon.Until)
	back := w.wantAdded(client.New("app", client.Browser))
	w.wantUsable("a login of the new client, at once", "app", w.clock.Now(), true)
	w.wantUsable("a login of before the removal", "app", removed.Add(-time.Minute), false)
	w.wantUsable("a login by a function that did not know", "app", late, false)
	if back.Revision != 3 || back.Kind != client.Browser {
		t.Errorf("the record that came back is %+v, want revision 3 of a browser", back)
	}
}

func TestAnotherKindEndsTheSessionsAndNothingElseDoes(t *testing.T) {
	w := newWorld(t)
	app := client.New("app", client.Native)
	app.Scopes, app.Audiences = []string{"a", "b"}, []string{"x"}
	was := w.wantAdded(app)
	w.clock.Advance(time.Minute)
	fewer := was
	fewer.Scopes, fewer.Audiences, fewer.AccessLife = []string{"a"}, []string{"y"}, time.Minute
	if changed, err := w.Clients().Change(w.ctx, was, fewer); !changed || err != nil {
		t.Fatalf("changed %t, %v", changed, err)
	}
	w.wantUsable("with other scopes", "app", start, true)
	was = w.stored("app")
	other := client.New("app", client.Browser)
	if changed, err := w.Clients().Change(w.ctx, was, other); !changed || err != nil {
		t.Fatalf("changed %t, %v", changed, err)
	}
	w.wantUsable("of another kind", "app", start, false)
	if got := w.stored("app"); got.Kind != client.Browser || got.Revision != 3 {
		t.Errorf("stored %+v, want revision 3 of a browser", got)
	}
	other.Scopes = []string{"c"}
	if changed, err := w.Clients().Change(w.ctx, was, other); !errors.Is(err, client.ErrChanged) {
		t.Errorf("changed %t by what was read before, %v; want ErrChanged", changed, err)
	}
}

// TestRemovalThatBreaksOffIsRepeated loses each write of a removal, before and after it was made.
func TestRemovalThatBreaksOffIsRepeated(t *testing.T) {
	for _, method := range []string{"Append", "ReplaceClient"} {
		for _, made := range []bool{false, true} {
			w := newWorld(t)
			was := w.wantAdded(client.New("app", client.Native))
			w.clock.Advance(time.Minute)
			lost := func(context.Context) error { return oauth.ErrUnavailable }
			hook := hooks.Once(method, lost)
			if w.store.Before = hook; made {
				w.store.Before, w.store.After = nil, hook
			}
			if err := w.Clients().Remove(w.ctx, was); !errors.Is(err, oauth.ErrUnavailable) {
				t.Fatalf("%s lost: %v, want ErrUnavailable", method, err)
			}
			found, err := w.Clients().Find(w.ctx, "app")
			if err == nil {
				err = w.Clients().Remove(w.ctx, found)
			} else if errors.Is(err, client.ErrUnknown) && method == "ReplaceClient" && made {
				err = nil // it had come through
			}
			if err != nil {
				t.Errorf("%s lost, made %t: repeated: %v", method, made, err)
			}
			w.wantUsable(method+" lost, a login of before", "app", start, false)
		}
	}
}

func TestServiceGetsASecretOfWhichAHashIsKept(t *testing.T) {
	w := newWorld(t)
	w.wantAdded(client.New("partner", client.Service))
	if w.stored("partner").Authenticate(oauth.NewSecret("")) == nil {
		t.Error("a service without a secret authenticates with an empty one")
	}
	first, err := w.Clients().RotateSecret(w.ctx, "partner")
	second, err2 := w.Clients().RotateSecret(w.ctx, "partner")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	c := w.stored("partner")
	if c.Authenticate(second) != nil || c.Authenticate(first) == nil || !strings.HasPrefix(second.Reveal(), "wpcs_") || len(second.Reveal()) < 48 {
		t.Errorf("secrets of %d characters: want the newest and no other to be good", len(second.Reveal()))
	}
	if strings.Contains(w.lines.String(), second.Reveal()) {
		t.Error("the trail tells the secret")
	}
	w.wantAdded(client.New("app", client.Native))
	if _, err := w.Clients().RotateSecret(w.ctx, "app"); !errors.Is(err, operate.ErrNoSecret) {
		t.Errorf("a secret for an app: %v, want ErrNoSecret", err)
	}
}

func TestWhatIsRefusedWritesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(*world) error
		want error
	}{
		"a second client of an id": {func(w *world) error { _, err := w.Clients().Add(w.ctx, client.New("app", client.Native)); return err }, operate.ErrClientExists},
		"the reserved id": {func(w *world) error {
			_, err := w.Clients().Add(w.ctx, client.New("wavepass", client.Site))
			return err
		}, operate.ErrReservedClient},
		"the reserved client away": {func(w *world) error { return w.Clients().Remove(w.ctx, client.New("wavepass", client.Site)) }, operate.ErrReservedClient},
		"the reserved client otherwise": {func(w *world) error {
			_, err := w.Clients().Change(w.ctx, client.New("wavepass", client.Site), client.New("wavepass", client.Native))
			return err
		}, operate.ErrReservedClient},
		"a bad origin": {func(w *world) error {
			bad := w.stored("app")
			bad.Origins = []string{"https://app.example.com/"}
			_, err := w.Clients().Change(w.ctx, w.stored("app"), bad)
			return err
		}, nil},
	} {
		w := newWorld(t)
		w.put(client.New("app", client.Browser))
		err := test.do(w)
		var problem client.Problem
		if test.want != nil && !errors.Is(err, test.want) || test.want == nil && !errors.As(err, &problem) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if calls := w.store.Calls(); slices.Contains(calls, "ReplaceClient") || slices.Contains(calls, "Append") || len(w.events()) > 0 {
			t.Errorf("%s: it was refused, and yet something was written: %v", name, calls)
		}
	}
}

func TestEventsOfClientsNameTheFields(t *testing.T) {
	w := newWorld(t)
	was := w.wantAdded(client.New("app", client.Native))
	changed := was
	changed.Scopes, changed.FirstParty = []string{"a"}, false
	if _, err := w.Clients().Change(w.ctx, was, changed); err != nil {
		t.Fatal(err)
	}
	if events := w.events(); len(events) != 2 || events[1].Name != audit.ClientChanged || events[1].Reason != "first_party scopes" {
		t.Errorf("events %+v, want the names of the fields", events)
	}
}
