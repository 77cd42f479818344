package enrol_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
)

const (
	password    = "surf-the-canary-wave"
	newPassword = "a-newer-canary-wave"
	mailbox     = "ada@example.com"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	by   = enrol.Asker{Language: "de", Client: "app", Network: "203.0.113.0/24"}
)

type world struct {
	*enrol.Enroller
	t     *testing.T
	clock *testclock.Clock
	store *fakestore.Store
	links *link.Links
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: testclock.New(noon)}
	w.store = fakestore.New(w.clock.Now)
	sealer, err := seal.NewLocal(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.links = link.New(keyring.NewLinkKeys(keyring.LinkConfig{Store: w.store, Sealer: sealer, Now: w.clock.Now}), w.clock.Now)
	w.Enroller = enrol.New(enrol.Config{
		Store: w.store, Links: w.links, Mails: mail.NewDesk(w.store, mail.DefaultLimits, w.clock.Now),
		Access: account.Access{Scopes: []string{"profile"}}, Open: true, Now: w.clock.Now,
	})
	return w
}

// mailed is what the mail of a purpose to an address has in it, by the state of its account now.
func (w *world) mailed(purpose link.Purpose, address string) (byLink, byCode enrol.Proof) {
	w.t.Helper()
	ctx := w.t.Context()
	of := link.Link{Purpose: purpose, Address: address, Expires: w.clock.Now().Add(purpose.Life())}
	state := link.State{}
	if owner, err := w.store.OwnerOf(ctx, address); err == nil && purpose == link.Recover {
		a, login := w.account(owner)
		of.Account, state = owner, link.StateOf(a, login.Hash)
	}
	text, err := w.links.Make(ctx, of, state)
	if err != nil {
		w.t.Fatal(err)
	}
	code, err := w.links.Code(ctx, of, state)
	if err != nil {
		w.t.Fatal(err)
	}
	return enrol.Proof{Link: text}, enrol.Proof{Address: address, Code: code}
}

func (w *world) account(id uuid.UUID) (account.Account, account.LoginName) {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	login, err := w.store.LoginName(w.t.Context(), a.Username)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, login
}

func (w *world) signUp(proof enrol.Proof) (account.Account, error) {
	return w.SignUp(w.t.Context(), proof, oauth.NewSecret(password))
}

func (w *world) recover(proof enrol.Proof) error {
	_, err := w.Recover(w.t.Context(), proof, oauth.NewSecret(newPassword), by)
	return err
}

// ada has signed up.
func (w *world) ada() account.Account {
	w.t.Helper()
	proof, _ := w.mailed(link.SignUp, mailbox)
	a, err := w.signUp(proof)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) wantPassword(want string) {
	w.t.Helper()
	auth := account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now)
	if _, err := auth.Authenticate(w.t.Context(), mailbox, oauth.NewSecret(want), by.Network, nil); err != nil {
		w.t.Errorf("login with %q: %v", want, err)
	}
}

func (w *world) want(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func both(t *testing.T, test func(t *testing.T, pick func(byLink, byCode enrol.Proof) enrol.Proof)) {
	t.Run("link", func(t *testing.T) { test(t, func(l, _ enrol.Proof) enrol.Proof { return l }) })
	t.Run("code", func(t *testing.T) { test(t, func(_, c enrol.Proof) enrol.Proof { return c }) })
}

func TestSignUpMakesAnAccountOnce(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		w := newWorld(t)
		proof := pick(w.mailed(link.SignUp, mailbox))
		made, err := w.signUp(proof)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := w.account(made.ID)
		if a.Username != mailbox || a.Email != (account.Email{Address: mailbox, VerifiedAt: noon}) || !slices.Equal(a.Scopes, []string{"profile"}) {
			t.Errorf("account %+v", a)
		}
		w.wantPassword(password)
		w.wantAgain("sign up", made.ID, link.ErrDead, func() (account.Account, error) { return w.signUp(proof) })
		w.wantPassword(password)
	})
}

func TestBeforeTheVerificationNothingIsStoredOfSomebody(t *testing.T) {
	w := newWorld(t)
	if err := w.AskToSignUp(t.Context(), "Ada@Example.com", by); err != nil {
		t.Fatal(err)
	}
	orders := w.store.OrdersPlaced()
	if len(orders) != 1 || orders[0].Purpose != mail.SignUp || orders[0].Address != mailbox || orders[0].Language != "de" || orders[0].Client != "app" {
		t.Errorf("orders %+v", orders)
	}
	if calls := w.store.Calls(); !slices.Equal(calls, []string{"CountMail", "CountMail", "PutOrder"}) {
		t.Errorf("calls %v, want the order and its counts only", calls)
	}
}

// What is not looked up cannot show in the time of the answer.
func TestAskingCostsTheSameForAnyAddress(t *testing.T) {
	w := newWorld(t)
	w.ada()
	for what, ask := range map[string]func(context.Context, string, enrol.Asker) error{"sign up": w.AskToSignUp, "recover": w.AskToRecover} {
		for _, address := range []string{mailbox, "nobody@example.com"} {
			w.store.ForgetCalls()
			if err := ask(t.Context(), address, by); err != nil {
				t.Fatal(err)
			}
			if calls := w.store.Calls(); !slices.Equal(calls, []string{"CountMail", "CountMail", "PutOrder"}) {
				t.Errorf("%s with %s: calls %v", what, address, calls)
			}
		}
		w.want(what, ask(t.Context(), "no address", by), account.ErrAddress)
	}
}

func TestWrongCodeCostsTheSameForAnyAddress(t *testing.T) {
	w := newWorld(t)
	w.ada()
	var calls [2][]string
	for i, address := range []string{mailbox, "nobody@example.com"} {
		w.store.ForgetCalls()
		w.want(address, w.recover(enrol.Proof{Address: address, Code: "BCDFG-HJKLM"}), link.ErrDead)
		calls[i] = w.store.Calls()
	}
	if !slices.Equal(calls[0], calls[1]) {
		t.Errorf("calls %v for a known address, %v for an unknown one", calls[0], calls[1])
	}
}

func TestRecoveryEndsEverySessionAndTellsTheOwner(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		w := newWorld(t)
		before := w.ada()
		proof := pick(w.mailed(link.Recover, mailbox))
		w.want("recover", w.recover(proof), nil)
		after, _ := w.account(before.ID)
		if after.Epoch <= before.Epoch || after.EndedBecause(before.Epoch) != account.ReasonPasswordChanged || len(w.store.Log()) != 1 {
			t.Errorf("account %+v, log %v; want a higher epoch, and its entry", after, w.store.Log())
		}
		orders := w.store.OrdersPlaced()
		if len(orders) != 1 || orders[0].Purpose != mail.PasswordChanged || orders[0].Address != mailbox || orders[0].Account != before.ID {
			t.Errorf("orders %+v", orders)
		}
		w.wantPassword(newPassword)
		w.wantAgain("recover", before.ID, link.ErrDead, func() (account.Account, error) {
			return w.Recover(t.Context(), proof, oauth.NewSecret(newPassword), by)
		})
	})
}

func TestProofDiesWithAnyChangeAndInTime(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		for what, change := range map[string]func(*world, account.Account) error{
			"password": func(w *world, a account.Account) error {
				return account.NewEditor(w.store, w.clock.Now).SetPassword(t.Context(), a.ID, oauth.NewSecret("yet-another-canary"), account.PasswordRules{})
			},
			"address": func(w *world, a account.Account) error {
				return account.NewEditor(w.store, w.clock.Now).SetEmail(t.Context(), a.ID, account.Email{Address: "ada@example.org"})
			},
			"epoch": func(w *world, a account.Account) error {
				return account.NewEditor(w.store, w.clock.Now).EndSessions(t.Context(), a)
			},
			"disabled": func(w *world, a account.Account) error {
				_, err := account.NewEditor(w.store, w.clock.Now).Disable(t.Context(), a.ID)
				return err
			},
			"time": func(w *world, _ account.Account) error { w.clock.Advance(30 * time.Minute); return nil },
		} {
			w := newWorld(t)
			a := w.ada()
			proof := pick(w.mailed(link.Recover, mailbox))
			if err := change(w, a); err != nil {
				t.Fatal(err)
			}
			w.want(what, w.recover(proof), link.ErrDead)
		}
	})
}

func TestProofIsForItsPurposeAndAddressOnly(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		w := newWorld(t)
		w.ada()
		w.want("a sign-up's recovers", w.recover(pick(w.mailed(link.SignUp, mailbox))), link.ErrDead)
		_, err := w.signUp(pick(w.mailed(link.Recover, "new@example.com")))
		w.want("a recovery's signs up", err, link.ErrDead)
		w.wantPassword(password)
	})
	w := newWorld(t)
	_, code := w.mailed(link.SignUp, mailbox)
	code.Address = "eve@example.com"
	_, err := w.signUp(code)
	w.want("another address", err, link.ErrDead)
}

func TestTenWrongCodesADayAndTheLinkLivesOn(t *testing.T) {
	w := newWorld(t)
	w.ada()
	byLink, byCode := w.mailed(link.Recover, mailbox)
	for i := range 10 {
		if err := w.recover(enrol.Proof{Address: mailbox, Code: "BCDFG-HJKLM"}); !errors.Is(err, link.ErrDead) {
			t.Fatalf("wrong code %d: %v", i+1, err)
		}
	}
	var limited *account.TooManyAttemptsError
	if err := w.recover(byCode); !errors.As(err, &limited) || limited.RetryAfter != 12*time.Hour {
		t.Errorf("the right code after ten wrong ones: %v, want that it is not looked at until the day is over", err)
	}
	w.want("the link", w.recover(byLink), nil)
	w.wantPassword(newPassword)
}

func TestRefusedPasswordLeavesTheProofGood(t *testing.T) {
	both(t, func(t *testing.T, pick func(_, _ enrol.Proof) enrol.Proof) {
		w := newWorld(t)
		proof := pick(w.mailed(link.SignUp, mailbox))
		_, err := w.SignUp(t.Context(), proof, oauth.NewSecret("short"))
		w.want("sign up", err, account.ErrPassword)
		w.ada()
		proof = pick(w.mailed(link.Recover, mailbox))
		_, err = w.Recover(t.Context(), proof, oauth.NewSecret(mailbox), by)
		w.want("recover", err, account.ErrPassword)
		w.want("with a good one", w.recover(proof), nil)
	})
}

func TestSigningUpIsOpenOrByInvitation(t *testing.T) {
	w := newWorld(t)
	w.Open = false
	w.want("ask", w.AskToSignUp(t.Context(), mailbox, by), enrol.ErrClosed)
	byLink, byCode := w.mailed(link.SignUp, mailbox)
	for _, proof := range []enrol.Proof{byLink, byCode} {
		_, err := w.signUp(proof)
		w.want("a proof of before", err, enrol.ErrClosed)
	}
	invitation, _ := w.mailed(link.Invite, mailbox)
	w.clock.Advance(7*24*time.Hour - time.Second)
	made, err := w.signUp(invitation)
	w.want("an invitation", err, nil)
	w.wantAgain("sign up by invitation", made.ID, link.ErrDead, func() (account.Account, error) { return w.signUp(invitation) })
}

func TestWithdrawnInvitationIsDeadAndALaterOneIsGood(t *testing.T) {
	w := newWorld(t)
	before, _ := w.mailed(link.Invite, mailbox)
	other, _ := w.mailed(link.Invite, "eve@example.com")
	at := w.clock.Now().Truncate(time.Second)
	w.want("withdraw", w.store.Uninvite(t.Context(), mailbox, at, at.Add(7*24*time.Hour)), nil)
	_, err := w.signUp(before)
	w.want("a withdrawn one", err, link.ErrDead)
	_, err = w.signUp(other)
	w.want("one to somebody else", err, nil)
	w.clock.Advance(time.Second)
	later, _ := w.mailed(link.Invite, mailbox)
	w.store.Before = hooks.Fail("UninvitedAt")
	_, err = w.signUp(later)
	w.want("a fault", err, oauth.ErrUnavailable)
	w.store.Before = nil
	_, err = w.signUp(later)
	w.want("a later one", err, nil)
	_, err = w.signUp(before)
	w.want("a withdrawn one, later", err, link.ErrDead)
}

func TestUsedInvitationMakesNoOtherAccount(t *testing.T) {
	w := newWorld(t)
	invitation, _ := w.mailed(link.Invite, mailbox)
	w.store.Before = hooks.Fail("Uninvite")
	_, err := w.signUp(invitation)
	w.want("it cannot be noted that it is used", err, oauth.ErrUnavailable)
	w.store.Before = nil
	made, err := w.signUp(invitation)
	w.want("again", err, nil)
	w.clock.Advance(time.Second)
	w.want("another address", account.NewEditor(w.store, w.clock.Now).SetEmail(t.Context(), made.ID, account.Email{Address: "ada@elsewhere.example", VerifiedAt: w.clock.Now()}), nil)
	_, err = w.signUp(invitation)
	w.want("once more, when nobody has its address", err, link.ErrDead)
}

func TestLoginNameOfSomebodyElseIsNotTakenOver(t *testing.T) {
	w := newWorld(t)
	w.store.SetAccount(account.Account{ID: uuid.New(), Username: mailbox}, "hash")
	proof, _ := w.mailed(link.SignUp, mailbox)
	_, err := w.signUp(proof)
	w.want("sign up", err, account.ErrExists)
}
