package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// whenTheClientBegan is the table of when a client may have begun, beside a session that began at start.
var whenTheClientBegan = map[string]struct {
	since time.Time
	lives bool
}{
	"not known":           {time.Time{}, true},
	"before":              {start.Add(-time.Second), true},
	"in the same instant": {start, true},
	"a moment later":      {start.Add(time.Millisecond), false},
	"a month later":       {start.AddDate(0, 1, 0), false},
}

func TestSessionThatBeganBeforeItsClientIsGone(t *testing.T) {
	for name, test := range whenTheClientBegan {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.CreatedAt = start })
		w.client.Since = test.since
		stored, _ := w.store.GetSession(w.id)
		if err := session.Usable(stored, w.account, w.client, w.clock.Now()); (err == nil) != test.lives {
			t.Errorf("%s: Usable %v, want it to live: %v", name, err, test.lives)
		}
		refreshed, err := w.refresh(0)
		if test.lives && (err != nil || refreshed.Case != session.Rotate) || !test.lives && !errors.Is(err, session.ErrRefused) {
			t.Errorf("%s: refresh %v, %v; want it to live: %v", name, refreshed.Case, err, test.lives)
		}
		var refused *session.RefusedError
		if errors.As(err, &refused) && refused.Reason != session.BecauseEnded {
			t.Errorf("%s: its client is told %q, want %q", name, refused.Reason, session.BecauseEnded)
		}
	}
}

func TestHolderOfATokenIsAskedForTheClient(t *testing.T) {
	for name, test := range whenTheClientBegan {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.CreatedAt = start })
		w.client.Since = test.since
		if _, _, err := w.living("app"); (err == nil) != test.lives || err != nil && !errors.Is(err, session.ErrEnded) {
			t.Errorf("%s: Living %v, want it to live: %v", name, err, test.lives)
		}
		if _, err := w.ownerOf(0, w.client); (err == nil) != test.lives || err != nil && !errors.Is(err, session.ErrRefused) {
			t.Errorf("%s: Of %v, want it to live: %v", name, err, test.lives)
		}
	}
}

func TestSessionOfAClientThatIsRegisteredNoMoreIsGone(t *testing.T) {
	w := newWorld(t, client.Native)
	if _, _, err := w.living("app"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"gone", ""} {
		if _, _, err := w.living(id); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Living at the client %q: %v, want ErrEnded", id, err)
		}
	}
	w.client.Kind = "" // as the registry of these tests says that it cannot be read
	if _, _, err := w.living("app"); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("Living while clients cannot be read: %v, want ErrUnavailable", err)
	}
}

// TestListLeavesOutSessionsOfOtherTimesOfTheirClients has sessions of several clients on one page.
func TestListLeavesOutSessionsOfOtherTimesOfTheirClients(t *testing.T) {
	w := newWorld(t, client.Native)
	web := client.New("web", client.Browser)
	web.Since = start.Add(time.Second)
	known := registry{"app": client.New("app", client.Native), "web": web}
	var page []session.Session
	for _, at := range []struct {
		device, client string
		began          time.Time
	}{
		{"app", "app", start}, {"web before", "web", start}, {"web after", "web", start.Add(time.Second)}, {"gone", "gone", start}, {"app too", "app", start},
	} {
		s, _ := w.store.GetSession(w.id)
		s.ID, s.Device, s.ClientID, s.CreatedAt = uuid.New(), at.device, at.client, at.began
		page = append(page, s)
	}
	owners := session.NewOwners(w.store, w.store, known, w.clock.Now)
	usable, err := owners.UsableOf(t.Context(), page, w.account)
	var devices []string
	for _, s := range usable {
		devices = append(devices, s.Device)
	}
	if want := []string{"app", "web after", "app too"}; err != nil || !slices.Equal(devices, want) {
		t.Errorf("usable: %q, %v; want %q", devices, err, want)
	}
	known["web"] = client.Client{ID: "web"}
	if usable, err := owners.UsableOf(t.Context(), page, w.account); !errors.Is(err, oauth.ErrUnavailable) || len(usable) > 0 {
		t.Errorf("while a client cannot be read: %d sessions, %v; want none and ErrUnavailable", len(usable), err)
	}
}

// living asks for the session of the world as the holder of an access token of that client does.
func (w *world) living(clientID string) (s session.Session, a account.Account, err error) {
	owners := session.NewOwners(w.store, w.store, w.registered(), w.clock.Now)
	return owners.Living(context.Background(), session.Holder{AccountID: w.account.ID, SessionID: w.id, ClientID: clientID})
}

func (w *world) ownerOf(g uint32, c client.Client) (any, error) {
	token := w.first
	token.Generation = g
	return session.NewOwners(w.store, w.store, w.registered(), w.clock.Now).Of(w.t.Context(), token, c)
}
