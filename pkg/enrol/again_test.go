package enrol_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// wantAgain repeats what has just used a proof: the answer is that of the first time, and nothing changes and nobody is told. It ends with what
// has to end it: another change, or half an hour.
func (w *world) wantAgain(what string, id uuid.UUID, then error, repeat func() (account.Account, error)) {
	w.t.Helper()
	before, login := w.account(id)
	orders := len(w.store.OrdersPlaced())
	for range 11 { // and it counts as no wrong code
		a, err := repeat()
		if err != nil || a.ID != id || a.Username != before.Username {
			w.t.Fatalf("%s again: %s %s, %v; want the answer of the first time, for %s", what, a.ID, a.Username, err, before.Username)
		}
	}
	if after, now := w.account(id); !reflect.DeepEqual(after, before) || now != login || len(w.store.OrdersPlaced()) != orders {
		w.t.Errorf("%s again: %+v, %d mails; want %+v and none", what, after, len(w.store.OrdersPlaced())-orders, before)
	}
	w.clock.Advance(31 * time.Minute)
	_, err := repeat()
	w.want(what+" after half an hour", err, then)
	w.clock.Advance(-31 * time.Minute)
	w.want("end its sessions", w.editor().EndSessions(w.t.Context(), before), nil)
	_, err = repeat()
	w.want(what+" after another change", err, then)
}

// TestOnlyTheVeryProofIsAnsweredAgain: another link to the same mailbox, of the same minute, tells nothing about the account.
func TestOnlyTheVeryProofIsAnsweredAgain(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		w := newWorld(t)
		a := w.ada()
		first := w.linkFor(link.Confirm, a.ID, elsewhere)
		w.clock.Advance(time.Second)
		second := w.linkFor(link.Confirm, a.ID, elsewhere)
		_, err := w.confirm(second)
		w.want("confirm", err, nil)
		_, err = w.confirm(first)
		w.want("with the link of the mail before", err, link.ErrDead)
		w.want("with the link at another route", w.recover(enrol.Proof{Link: second}), link.ErrDead)
		w.want("with the link at another route", w.takeBack(second), link.ErrDead)
		_, err = w.signUp(enrol.Proof{Link: second})
		w.want("with the link at another route", err, link.ErrDead)
		_, err = w.Keep(t.Context(), second)
		w.want("with the link at another route", err, link.ErrDead)
	})
}

// TestUsedProofTellsNoPassword: whoever finds a link that was used can guess no more often with it than with codes.
func TestUsedProofTellsNoPassword(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		for what, use := range map[string]func(w *world) func(password string) error{
			"sign up": func(w *world) func(string) error {
				proof := pick(w.mailed(link.SignUp, mailbox))
				return func(password string) error {
					_, err := w.SignUp(t.Context(), proof, oauth.NewSecret(password))
					return err
				}
			},
			"recover": func(w *world) func(string) error {
				w.ada()
				proof := pick(w.mailed(link.Recover, mailbox))
				return func(password string) error {
					_, err := w.Recover(t.Context(), proof, oauth.NewSecret(password), by)
					return err
				}
			},
			"take back": func(w *world) func(string) error {
				a := w.ada()
				text := w.linkFor(link.TakeBack, a.ID, mailbox)
				w.want("another address", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: elsewhere}), nil)
				return func(password string) error {
					_, err := w.TakeBack(t.Context(), text, oauth.NewSecret(password))
					return err
				}
			},
		} {
			w := newWorld(t)
			with := use(w)
			w.want(what, with(newPassword), nil)
			for range 10 {
				w.want(what+" with another password", with("yet-another-canary"), link.ErrDead)
			}
			var limited *account.TooManyAttemptsError
			if err := with(newPassword); !errors.As(err, &limited) {
				t.Errorf("%s with the right one after ten wrong ones: %v, want that it is not looked at", what, err)
			}
			w.wantPassword(newPassword)
		}
	})
}

// TestRequestThatIsSentTwiceAtOnce has a request carried out while the same is under way.
func TestRequestThatIsSentTwiceAtOnce(t *testing.T) {
	for what, use := range map[string]func(w *world, a account.Account) func() error{
		"recover": func(w *world, _ account.Account) func() error {
			proof, _ := w.mailed(link.Recover, mailbox)
			return func() error { return w.recover(proof) }
		},
		"confirm": func(w *world, a account.Account) func() error {
			text := w.linkFor(link.Confirm, a.ID, elsewhere)
			return func() error { _, err := w.confirm(text); return err }
		},
		"keep": func(w *world, a account.Account) func() error {
			text := w.linkFor(link.Keep, a.ID, mailbox)
			_, err := w.editor().Close(t.Context(), a, w.clock.Now().Add(account.Reopens))
			w.want("close", err, nil)
			return func() error { _, err := w.Keep(t.Context(), text); return err }
		},
	} {
		w := newWorld(t)
		a := w.ada()
		w.clock.Advance(time.Second)
		request := use(w, a)
		between := false
		w.store.Before = func(_ context.Context, method string) error {
			if method == "ChangeAccount" && !between {
				between = true
				w.want(what, request(), nil)
			}
			return nil
		}
		w.want(what+", sent twice", request(), nil)
		if now, _ := w.account(a.ID); !between || now.Proof.Epoch != now.Epoch {
			t.Errorf("%s: account %+v, want it changed by that request alone", what, now)
		}
	}
}
