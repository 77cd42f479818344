package bolt_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// TestClosedAccountIsRemovedAtItsTime with all that is kept of the person, and nothing of anybody else.
func TestClosedAccountIsRemovedAtItsTime(t *testing.T) {
	now := start
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, func() time.Time { return now })
	people := map[string]account.Account{}
	for _, name := range []string{"closed", "reopened", "open"} {
		a := account.Account{ID: uuid.Must(uuid.NewV7()), Username: name, Email: account.Email{Address: name + "@example.com"}, Epoch: 1}
		if err := errors.Join(
			s.CreateAccount(t.Context(), a, "hash"),
			s.PutConsent(t.Context(), consent.Consent{}, consent.Consent{AccountID: a.ID, ClientID: "app", Given: start}),
			s.Create(t.Context(), session.Session{AccountID: a.ID, ID: uuid.Must(uuid.NewV7()), Epoch: 1, IdleExpiry: start.Add(9999 * time.Hour), Expiry: start.Add(9999 * time.Hour)}),
		); err != nil {
			t.Fatal(err)
		}
		people[name] = a
	}
	remove := start.Add(account.Reopens)
	change := func(name string, at time.Time) {
		t.Helper()
		a := people[name]
		from := a.Epoch
		a.Epoch++
		a.RemoveAt, a.Disabled = at, !at.IsZero()
		people[name] = a
		err := s.ChangeAccount(t.Context(), account.Change{
			Account: a, From: from, Disable: &a.Disabled, Remove: &at, OldEmail: a.Email.Address,
			Entry: revocation.Entry{At: now, Kind: revocation.Account, ID: a.ID.String(), MinEpoch: a.Epoch},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change("closed", remove)
	change("reopened", remove)
	change("reopened", time.Time{})
	left := func() (names []string) {
		for _, name := range []string{"closed", "reopened", "open"} {
			a := people[name]
			_, accountErr := s.Account(t.Context(), a.ID)
			_, loginErr := s.LoginName(t.Context(), name)
			_, addressErr := s.OwnerOf(t.Context(), a.Email.Address)
			consents, consentErr := s.Consents(t.Context(), a.ID)
			page, listErr := s.SessionsOf(t.Context(), a.ID, uuid.Nil, 9)
			if err := errors.Join(consentErr, listErr); err != nil {
				t.Fatal(err)
			}
			gone := 0
			for _, err := range []error{accountErr, loginErr, addressErr} {
				if errors.Is(err, account.ErrNotFound) {
					gone++
				}
			}
			switch n := len(consents) + len(page.Sessions); {
			case gone == 0 && n == 2:
				names = append(names, name)
			case gone != 3 || n != 0:
				t.Errorf("%s: %d of account, name and address are gone, and %d of consent and session are left", name, gone, n)
			}
		}
		return names
	}
	login := func() {
		t.Helper()
		if err := s.Create(t.Context(), session.Session{AccountID: uuid.New(), ID: uuid.Must(uuid.NewV7()), IdleExpiry: now.Add(time.Hour), Expiry: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	now = remove.Add(-time.Second)
	login()
	want(t, "before its time", left(), nil, []string{"closed", "reopened", "open"})
	now = remove
	login()
	want(t, "after a login at its time", left(), nil, []string{"reopened", "open"})
}
