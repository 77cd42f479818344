package mailer_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// TestEachMailHasTheLinkOfItsPurpose checks the links and codes by what honours them.
func TestEachMailHasTheLinkOfItsPurpose(t *testing.T) {
	clock := testclock.New(deployment.Start)
	store, sealer := fakestore.New(clock.Now), fakestore.NewSealer()
	letters := mailer.NewLetters(deployment.Settings(io.Discard, clock.Now), store, sealer)
	links := link.New(keyring.NewLinkKeys(keyring.LinkConfig{Store: store, Sealer: sealer, Now: clock.Now}), clock.Now)
	add := func(address string, disabled bool) account.Account {
		t.Helper()
		a := account.Account{ID: uuid.New(), Username: address, Email: account.Email{Address: address}, Epoch: clock.Now().Unix(), Disabled: disabled}
		if err := store.CreateAccount(t.Context(), a, "hash of "+address); err != nil {
			t.Fatal(err)
		}
		return a
	}
	ada, gone := add("ada@example.com", false), add("gone@example.com", true)
	foreign := account.Account{ID: uuid.New(), Subject: account.Subject{Directory: "idp:up", ID: "fay"}, Email: account.Email{Address: "fay@example.com"}, Epoch: 1}
	s, _, err := session.Begin(session.Login{AccountID: foreign.ID, Epoch: 1, Client: client.OfPages()}, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.BeginSession(t.Context(), session.Beginning{Account: foreign, New: true, Session: s}); err != nil {
		t.Fatal(err)
	}
	ofAda := link.StateOf(ada, "hash of ada@example.com")
	for _, tc := range []struct {
		order mail.Order
		want  mail.Purpose // empty: nobody
		link  link.Purpose // 0: it changes nothing by itself
		code  bool
		state link.State
	}{
		{mail.Order{Purpose: mail.SignUp, Address: "new@example.com"}, mail.SignUp, link.SignUp, true, link.State{}},
		{mail.Order{Purpose: mail.SignUp, Address: "ada@example.com"}, mail.AccountExists, 0, false, link.State{}},
		{mail.Order{Purpose: mail.Invitation, Address: "new@example.com"}, mail.Invitation, link.Invite, false, link.State{}},
		{mail.Order{Purpose: mail.Invitation, Address: "gone@example.com"}, mail.AccountExists, 0, false, link.State{}},
		{mail.Order{Purpose: mail.Recover, Address: "ada@example.com"}, mail.Recover, link.Recover, true, ofAda},
		{mail.Order{Purpose: mail.Recover, Address: "new@example.com"}, "", 0, false, link.State{}},
		{mail.Order{Purpose: mail.Recover, Address: "gone@example.com"}, "", 0, false, link.State{}},
		{mail.Order{Purpose: mail.ConfirmAddress, Account: ada.ID, Address: "next@example.com"}, mail.ConfirmAddress, link.Confirm, true, ofAda},
		{mail.Order{Purpose: mail.ConfirmAddress, Account: foreign.ID, Address: "next@example.com"}, mail.ConfirmAddress, link.Confirm, true, link.StateOf(foreign, "")},
		{mail.Order{Purpose: mail.Recover, Address: foreign.Email.Address}, "", 0, false, link.State{}},
		{mail.Order{Purpose: mail.ConfirmAddress, Account: gone.ID, Address: "next@example.com"}, "", 0, false, link.State{}},
		{mail.Order{Purpose: mail.ConfirmAddress, Account: uuid.New(), Address: "next@example.com"}, "", 0, false, link.State{}},
		{mail.Order{Purpose: mail.AddressChanging, Account: ada.ID, Address: "ada@example.com", NewAddress: "next@example.com"}, mail.AddressChanging, link.TakeBack, false, link.State{}},
		{mail.Order{Purpose: mail.IdentityLinked, Account: ada.ID, Address: "ada@example.com"}, mail.IdentityLinked, 0, false, link.State{}},
		{mail.Order{Purpose: mail.AddressSet, Account: ada.ID, Address: "ada@example.com"}, mail.AddressSet, 0, false, link.State{}},
		{mail.Order{Purpose: mail.PasswordChanged, Account: ada.ID, Address: "ada@example.com"}, mail.PasswordChanged, 0, false, link.State{}},
	} {
		tc.order.At = clock.Now().Add(-time.Minute)
		what := string(tc.order.Purpose) + " to " + tc.order.Address
		got, err := letters.Letter(t.Context(), tc.order)
		if tc.want == "" {
			if !errors.Is(err, mail.ErrNobody) {
				t.Errorf("%s: %+v, %v, want that nobody gets it", what, got, err)
			}
			continue
		}
		if err != nil || got.Purpose != tc.want || (got.Code != "") != tc.code {
			t.Errorf("%s: %+v, %v, want %s, with a code: %t", what, got, err, tc.want, tc.code)
			continue
		}
		if tc.link == 0 {
			if got.Link != deployment.Issuer+"/recover" || !got.Until.IsZero() {
				t.Errorf("%s: %+v, want a link that changes nothing", what, got)
			}
			continue
		}
		at, err := url.Parse(got.Link)
		if err != nil || deployment.Issuer+at.Path != deployment.Issuer+tc.link.Path() || at.Host != "id.example.com" {
			t.Errorf("%s: link %s, want one to %s", what, got.Link, tc.link.Path())
			continue
		}
		said, err := links.Check(t.Context(), at.Query().Get("link"), tc.link, tc.state)
		wantUntil := tc.order.At.Add(tc.link.Life())
		if err != nil || said.Account != tc.order.Account && tc.order.Account != uuid.Nil || said.Address != tc.order.Address || !said.Expires.Equal(wantUntil) || !got.Until.Equal(wantUntil) {
			t.Errorf("%s: %+v, %v, want it good until %s", what, said, err, wantUntil)
		}
		if tc.code && links.CheckCode(t.Context(), got.Code, said, tc.state) != nil {
			t.Errorf("%s: its code is not good", what)
		}
	}
}

func TestLetterThatCannotBeLookedUpIsNoMailToNobody(t *testing.T) {
	clock := testclock.New(deployment.Start)
	store := fakestore.New(clock.Now)
	letters := mailer.NewLetters(deployment.Settings(io.Discard, clock.Now), store, fakestore.NewSealer())
	store.Before = func(context.Context, string) error { return oauth.ErrUnavailable }
	for _, purpose := range []mail.Purpose{mail.SignUp, mail.Recover, mail.ConfirmAddress} {
		if _, err := letters.Letter(t.Context(), mail.Order{Purpose: purpose, Address: "ada@example.com"}); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: %v, want that the table does not answer", purpose, err)
		}
	}
}
