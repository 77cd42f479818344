package grant_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// operations name what belongs to a login, and take it back.
func operations() map[string]func(w *world, login oauth.TokenResponse) error {
	return map[string]func(w *world, login oauth.TokenResponse) error{
		"token": func(w *world, login oauth.TokenResponse) error {
			return w.operate().RevokeToken(w.t.Context(), uuid.MustParse(w.claims(login).ID))
		},
		"client": func(w *world, _ oauth.TokenResponse) error {
			if _, err := w.store.Client(w.t.Context(), "native"); errors.Is(err, client.ErrUnknown) {
				if err := w.store.PutClient(w.t.Context(), w.clients["native"]); err != nil {
					return err
				}
			}
			_, err := w.operate().Clients().Revoke(w.t.Context(), "native")
			if err == nil {
				w.clients["native"], err = w.store.Client(w.t.Context(), "native") // as functions read it within a minute
			}
			return err
		},
		"session": func(w *world, login oauth.TokenResponse) error {
			_, err := w.operate().RevokeSession(w.t.Context(), w.ada.ID, w.claims(login).Login.SessionID)
			return err
		},
		"account": func(w *world, _ oauth.TokenResponse) error {
			a, err := w.store.Account(w.t.Context(), w.ada.ID)
			if err != nil {
				return err
			}
			return w.operate().RevokeAccount(w.t.Context(), a)
		},
	}
}

func TestOperatorTakesBackWhatHeNamesAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		kind           revocation.Kind
		event          string
		refreshes      bool // the login may go on
		otherSession   bool // another session of the person lives on
		otherRefreshes bool
	}{
		"token":   {revocation.Token, audit.TokenRevoked, true, true, true},
		"client":  {revocation.Client, audit.ClientRevoked, false, false, false},
		"session": {revocation.Session, audit.SessionRevoked, false, true, true},
		"account": {revocation.Account, audit.AccountRevoked, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			login, other := w.mustLogin(), w.mustLogin()
			w.trail.Reset()
			for range 2 { // it may be repeated
				if err := operations()[name](w, login); err != nil {
					t.Fatal(err)
				}
			}
			if log := w.store.Log(); len(log) == 0 || log[0].Kind != c.kind {
				t.Errorf("log %v, want an entry of the kind %s", log, c.kind)
			}
			if events := w.events(); len(events) == 0 || events[0].Name != c.event {
				t.Errorf("events %v, want %s", events, c.event)
			}
			w.wantDenied(login)
			if c.otherSession {
				w.wantAccepted(other)
			} else {
				w.wantDenied(other)
			}
			for which, want := range map[string]bool{"login": c.refreshes, "other": c.otherRefreshes} {
				token := map[string]oauth.Secret{"login": login.RefreshToken, "other": other.RefreshToken}[which]
				if _, err := w.tryRefresh("native", token); (err == nil) != want {
					t.Errorf("refresh of %s: %v, want it accepted: %t", which, err, want)
				}
			}
		})
	}
}

func TestOperatorOfASessionThatIsNotThereOrHasEnded(t *testing.T) {
	w := newWorld(t)
	login := w.mustLogin()
	id := w.claims(login).Login.SessionID
	for name, c := range map[string]struct{ account, session uuid.UUID }{
		"unknown session":    {w.ada.ID, uuid.Max},
		"somebody else's id": {uuid.Max, id},
	} {
		if _, err := w.operate().RevokeSession(t.Context(), c.account, c.session); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	w.wantAccepted(login)
	for _, want := range []bool{true, false} {
		if ended, err := w.operate().RevokeSession(t.Context(), w.ada.ID, id); err != nil || ended != want {
			t.Errorf("ended %t, %v; want %t", ended, err, want)
		}
		w.clock.Advance(time.Second)
	}
	if s := w.stored(login); s.Reason != session.ReasonOperator {
		t.Errorf("reason %q, want operator", s.Reason)
	}
}

func TestOperationThatIsNotConfirmedLeavesNoEvent(t *testing.T) {
	for name, method := range map[string]string{"token": "Append", "client": "Append", "session": "Revoke", "account": "ChangeAccount"} {
		w := newWorld(t)
		login := w.mustLogin()
		w.trail.Reset()
		w.store.Before = hooks.Fail(method)
		if err := operations()[name](w, login); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
		if diff := cmp.Diff([]audit.Event(nil), w.events()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", name, diff)
		}
	}
}
