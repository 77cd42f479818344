package enrol_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const elsewhere = "eve@example.org"

// linkFor is the link of a mail about an account.
func (w *world) linkFor(purpose link.Purpose, id uuid.UUID, address string) string {
	w.t.Helper()
	a, login := w.account(id)
	state := link.StateOf(a, login.Hash)
	if purpose == link.TakeBack || purpose == link.Keep {
		state = link.State{}
	}
	text, err := w.links.Make(w.t.Context(), link.Link{Purpose: purpose, Account: id, Address: address, Expires: w.clock.Now().Add(purpose.Life())}, state)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) editor() *account.Editor { return account.NewEditor(w.store, w.clock.Now) }

func (w *world) confirm(text string) (account.Account, error) {
	return w.Confirm(w.t.Context(), enrol.Proof{Link: text}, by)
}

func (w *world) takeBack(text string) error {
	_, err := w.TakeBack(w.t.Context(), text, oauth.NewSecret(newPassword))
	return err
}

func TestNewAddressIsConfirmedOnceAndTheOldOneIsTold(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	if err := enrol.AskToChange(t.Context(), w.Mails, a.ID, "Eve@Example.org", by); err != nil {
		t.Fatal(err)
	}
	text := w.linkFor(link.Confirm, a.ID, elsewhere)
	_, err := w.confirm(text)
	w.want("confirm", err, nil)
	now, _ := w.account(a.ID)
	if now.Email != (account.Email{Address: elsewhere, VerifiedAt: noon}) || now.Username != elsewhere || now.Epoch <= a.Epoch {
		t.Errorf("account %+v, want the new address, as its login name too, and a higher epoch", now)
	}
	orders := w.store.OrdersPlaced()
	if len(orders) != 2 || orders[0].Purpose != mail.ConfirmAddress || orders[0].Address != elsewhere || orders[0].Account != a.ID ||
		orders[1].Purpose != mail.AddressChanging || orders[1].Address != mailbox || orders[1].NewAddress != elsewhere || orders[1].Account != a.ID {
		t.Errorf("orders %+v", orders)
	}
	w.wantAgain("confirm", a.ID, link.ErrDead, func() (account.Account, error) { return w.confirm(text) })
}

func TestAddressOfAnotherAccountIsNotTaken(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	proof, _ := w.mailed(link.SignUp, elsewhere)
	if _, err := w.signUp(proof); err != nil {
		t.Fatal(err)
	}
	before := len(w.store.OrdersPlaced())
	_, err := w.confirm(w.linkFor(link.Confirm, a.ID, elsewhere))
	w.want("confirm", err, account.ErrAddressTaken)
	if now, _ := w.account(a.ID); now.Email.Address != mailbox || len(w.store.OrdersPlaced()) != before {
		t.Errorf("address %s, %d mails ordered; want nothing changed and nobody told", now.Email.Address, len(w.store.OrdersPlaced())-before)
	}
}

func TestLinksOfBeforeStayDeadWhenTheAddressComesBack(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	before, _ := w.mailed(link.Recover, mailbox)
	for _, address := range []string{elsewhere, mailbox} {
		w.clock.Advance(time.Second)
		_, err := w.confirm(w.linkFor(link.Confirm, a.ID, address))
		w.want(address, err, nil)
	}
	w.want("recover", w.recover(before), link.ErrDead)
}

// TestThiefCannotKeepAnAccountByItsAddress: they know the password, and change everything they can.
func TestThiefCannotKeepAnAccountByItsAddress(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	text := w.linkFor(link.TakeBack, a.ID, mailbox) // in the mail that the change has ordered
	_, err := w.confirm(w.linkFor(link.Confirm, a.ID, elsewhere))
	w.want("the thief's address", err, nil)
	w.want("their password", w.editor().SetPassword(t.Context(), a.ID, oauth.NewSecret("yet-another-canary"), account.PasswordRules{}), nil)
	w.want("another address", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: "eve@example.net"}), nil)
	w.clock.Advance(7*24*time.Hour - time.Second)
	stolen, _ := w.account(a.ID)
	between := false
	w.store.Before = func(ctx context.Context, method string) error { // and one more change at the last moment
		if method != "ChangeAccount" || between {
			return nil
		}
		between = true
		return w.editor().EndSessions(ctx, stolen)
	}
	w.want("take back", w.takeBack(text), nil)
	now, _ := w.account(a.ID)
	if now.Email.Address != mailbox || !now.Email.Verified() || now.Username != mailbox || now.Epoch <= stolen.Epoch {
		t.Errorf("account %+v, want the address of before and a higher epoch", now)
	}
	w.wantPassword(newPassword)
	w.wantAgain("take back", a.ID, link.ErrDead, func() (account.Account, error) { return w.TakeBack(t.Context(), text, oauth.NewSecret(newPassword)) })
}

// TestThiefCannotCloseAnAccountThatTheyHaveMoved: the mail that keeps a closed account goes to their address, so the owner's link opens the account again.
func TestThiefCannotCloseAnAccountThatTheyHaveMoved(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	text := w.linkFor(link.TakeBack, a.ID, mailbox)
	w.want("the thief's address", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: elsewhere}), nil)
	moved, _ := w.account(a.ID)
	moved.Identities = []account.Subject{{Directory: "idp:up", ID: "eve"}}
	w.store.SetAccount(moved, "")
	kept := w.linkFor(link.Keep, a.ID, elsewhere)
	_, err := w.editor().Close(t.Context(), moved, w.clock.Now().Add(account.Reopens))
	w.want("close", err, nil)
	_, err = w.TakeBack(t.Context(), text, oauth.NewSecret("short"))
	w.want("a refused password", err, account.ErrPassword)
	if now, _ := w.account(a.ID); !now.Disabled {
		t.Error("a refused password has opened the account")
	}
	w.clock.Advance(7*24*time.Hour - time.Second)
	w.want("take back", w.takeBack(text), nil)
	now, _ := w.account(a.ID)
	if now.Email.Address != mailbox || now.Disabled || !now.RemoveAt.IsZero() || len(now.Identities) != 0 {
		t.Errorf("account %+v, want the address of before, open, without a removal and identities", now)
	}
	w.wantPassword(newPassword)
	_, err = w.Keep(t.Context(), kept)
	w.want("the thief's link", err, link.ErrDead)
}

// TestLinkToKeepIsForTheAddressOfTheAccount: an operator who moves a closed account takes the mail's link away.
func TestLinkToKeepIsForTheAddressOfTheAccount(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	first := w.linkFor(link.Keep, a.ID, mailbox)
	_, err := w.editor().Close(t.Context(), a, w.clock.Now().Add(account.Reopens))
	w.want("close", err, nil)
	w.want("another address", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: elsewhere}), nil)
	_, err = w.Keep(t.Context(), first)
	w.want("by the mail to the old address", err, link.ErrDead)
	_, err = w.Keep(t.Context(), w.linkFor(link.Keep, a.ID, elsewhere))
	w.want("by one to the new address", err, nil)
}

// An operator's word counts for more than a mail's.
func TestDisabledAccountIsNotTakenBack(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	text := w.linkFor(link.TakeBack, a.ID, mailbox)
	w.want("another address", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: elsewhere}), nil)
	moved, _ := w.account(a.ID)
	_, err := w.editor().Close(t.Context(), moved, w.clock.Now().Add(account.Reopens))
	w.want("close", err, nil)
	_, err = w.editor().Disable(t.Context(), a.ID)
	w.want("disable", err, nil)
	w.want("take back", w.takeBack(text), link.ErrDead)
	if now, _ := w.account(a.ID); now.Email.Address != elsewhere || !now.Disabled {
		t.Errorf("account %+v, want it as it was", now)
	}
}

func TestTakingBackEndsAfterSevenDaysAndIsForOneAddress(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	text := w.linkFor(link.TakeBack, a.ID, mailbox)
	w.want("nothing was changed", w.takeBack(text), link.ErrDead)
	w.want("change", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: elsewhere}), nil)
	w.want("another purpose", w.takeBack(w.linkFor(link.Confirm, a.ID, mailbox)), link.ErrDead)
	_, err := w.TakeBack(t.Context(), text, oauth.NewSecret("short"))
	w.want("a refused password", err, account.ErrPassword)
	w.clock.Advance(7 * 24 * time.Hour)
	w.want("too late", w.takeBack(text), link.ErrDead)
	if now, _ := w.account(a.ID); now.Email.Address != elsewhere {
		t.Errorf("address %s, want it as it was", now.Email.Address)
	}
}

// TestThiefGetsNothingBackAfterTheOwner: the thief moves the account through a mailbox of their own, which is mailed a link as well.
func TestThiefGetsNothingBackAfterTheOwner(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	move := func(to string) (back string) {
		t.Helper()
		w.clock.Advance(time.Minute)
		now, _ := w.account(a.ID)
		back = w.linkFor(link.TakeBack, a.ID, now.Email.Address)
		_, err := w.confirm(w.linkFor(link.Confirm, a.ID, to))
		w.want("move to "+to, err, nil)
		return back
	}
	owners := move(elsewhere)
	thiefs := move("eve@example.net")
	w.want("the thief moves on", w.takeBack(thiefs), nil)
	w.want("the owner", w.takeBack(owners), nil)
	w.clock.Advance(6*24*time.Hour + 23*time.Hour)
	w.want("the thief, after the owner", w.takeBack(thiefs), link.ErrDead)
	if now, _ := w.account(a.ID); now.Email.Address != mailbox {
		t.Errorf("address %s, want %s", now.Email.Address, mailbox)
	}
	again := move(elsewhere)
	w.want("the owner, after a second theft", w.takeBack(again), nil)
}

// TestDeadLinkStaysDead: after the owner has taken the address back, they move to another mailbox of theirs, and an operator corrects it.
func TestDeadLinkStaysDead(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	links := map[string]string{} // mailed to an address
	move := func(to string) {
		t.Helper()
		w.clock.Advance(time.Minute)
		now, _ := w.account(a.ID)
		links[now.Email.Address] = w.linkFor(link.TakeBack, a.ID, now.Email.Address)
		_, err := w.confirm(w.linkFor(link.Confirm, a.ID, to))
		w.want("move to "+to, err, nil)
	}
	move(elsewhere)
	move("eve@example.net")
	owners, thiefs := links[mailbox], links[elsewhere]
	w.clock.Advance(time.Minute)
	w.want("the owner takes back", w.takeBack(owners), nil)
	w.clock.Advance(time.Hour) // from then on the very link is answered no more either
	want := func(what string, texts ...string) {
		t.Helper()
		before, _ := w.account(a.ID)
		for i, text := range texts {
			w.want(fmt.Sprintf("%s: link %d", what, i), w.takeBack(text), link.ErrDead)
		}
		if now, _ := w.account(a.ID); now.Email != before.Email {
			t.Errorf("%s: address %v, want %v", what, now.Email, before.Email)
		}
	}
	want("taken back", owners, thiefs)
	move("ada@example.net")
	want("the owner has moved", owners, thiefs)
	for _, email := range []account.Email{{Address: "ada@example.org", VerifiedAt: w.clock.Now()}, {Address: "ada@elsewhere.example"}, {}} {
		w.clock.Advance(time.Minute)
		w.want("an operator", w.editor().SetEmail(t.Context(), a.ID, email), nil)
		want("an operator has moved it", owners, thiefs)
	}
	w.want("set", w.editor().SetEmail(t.Context(), a.ID, account.Email{Address: "ada@example.net"}), nil)
	move("eve@example.edu")
	move("eve@example.info")
	want("after a second theft", owners, thiefs)
	w.want("the owner, after a second theft", w.takeBack(links["ada@example.net"]), nil)
	w.clock.Advance(time.Hour)
	want("taken back again", owners, thiefs, links["eve@example.edu"], links["ada@example.net"])
}

// TestThiefWhoMovesOftenKeepsNothing: what an account remembers of its addresses is bounded.
func TestThiefWhoMovesOftenKeepsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	owners := w.linkFor(link.TakeBack, a.ID, mailbox)
	thiefs := make([]string, 30)
	for i := range thiefs {
		w.clock.Advance(time.Minute)
		now, _ := w.account(a.ID)
		if i > 0 {
			thiefs[i-1] = w.linkFor(link.TakeBack, a.ID, now.Email.Address)
		}
		_, err := w.confirm(w.linkFor(link.Confirm, a.ID, fmt.Sprintf("eve%d@example.org", i)))
		w.want("move", err, nil)
	}
	if now, _ := w.account(a.ID); len(now.Held) > 11 {
		t.Errorf("%d times are remembered, want a bound", len(now.Held))
	}
	w.clock.Advance(time.Minute)
	w.want("the thief, once", w.takeBack(thiefs[20]), nil)
	w.want("the owner", w.takeBack(owners), nil)
	for i, text := range thiefs[:29] {
		w.want(fmt.Sprint("the thief ", i), w.takeBack(text), link.ErrDead)
	}
}

func TestAddressMovesOnceASecond(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	_, err := w.confirm(w.linkFor(link.Confirm, a.ID, elsewhere))
	w.want("first", err, nil)
	n := len(w.store.OrdersPlaced())
	text := w.linkFor(link.Confirm, a.ID, "eve@example.net")
	w.clock.Advance(time.Second - time.Millisecond)
	_, err = w.confirm(text)
	w.want("in the same second", err, oauth.ErrUnavailable)
	if got := len(w.store.OrdersPlaced()); got != n {
		t.Errorf("%d mails were ordered, want none", got-n)
	}
	w.clock.Advance(time.Millisecond)
	_, err = w.confirm(text)
	w.want("in the next", err, nil)
}

func TestCodeConfirmsAnAddressAndWrongOnesDisturbNoLink(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	confirm := func(id uuid.UUID, address, code string) error {
		_, err := w.Confirm(t.Context(), enrol.Proof{Account: id, Address: address, Code: code}, by)
		return err
	}
	code := func(address string) string {
		t.Helper()
		now, login := w.account(a.ID)
		made, err := w.links.Code(t.Context(), link.Link{Purpose: link.Confirm, Account: a.ID, Address: address}, link.StateOf(now, login.Hash))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	good := code(elsewhere)
	w.want("for another address", confirm(a.ID, "eve@example.net", good), link.ErrDead)
	w.want("of another account", confirm(uuid.New(), elsewhere, good), link.ErrDead)
	w.want("no address", confirm(a.ID, "eve", good), account.ErrAddress)
	for i := range 9 { // one was counted above
		w.want(fmt.Sprint("wrong ", i), confirm(a.ID, fmt.Sprintf("eve%d@example.org", i), "BCDFG-BCDFG"), link.ErrDead)
	}
	var limited *account.TooManyAttemptsError
	if err := confirm(a.ID, elsewhere, good); !errors.As(err, &limited) {
		t.Errorf("after ten wrong codes: %v, want that there were too many", err)
	}
	_, err := w.confirm(w.linkFor(link.Confirm, a.ID, elsewhere))
	w.want("the link", err, nil)
	w.clock.Advance(24 * time.Hour)
	w.want("a code, the next day", confirm(a.ID, "Eve@Example.net", code("eve@example.net")), nil)
	w.want("again", confirm(a.ID, "eve@example.net", code("eve@example.net")), nil) // of a new mail: the address counts as verified anew
	if now, _ := w.account(a.ID); now.Email.Address != "eve@example.net" {
		t.Errorf("address %s", now.Email.Address)
	}
}

// TestAddressOfAnAccountWithoutAPassword: its people come from a provider.
func TestAddressOfAnAccountWithoutAPassword(t *testing.T) {
	w := newWorld(t)
	a, err := account.NewForSubject(account.Subject{Directory: "idp:up", ID: "ada"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	a.Email = account.Email{Address: mailbox, VerifiedAt: noon}
	s, _, err := session.Begin(session.Login{AccountID: a.ID, Epoch: a.Epoch, Client: client.OfPages()}, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.store.BeginSession(t.Context(), session.Beginning{Account: a, New: true, Session: s})
	w.want("an account of a provider", err, nil)
	mailed := func(purpose link.Purpose, address string) string {
		t.Helper()
		now, err := w.store.Account(t.Context(), a.ID)
		w.want("read", err, nil)
		state := link.StateOf(now, "")
		if purpose == link.TakeBack {
			state = link.State{}
		}
		text, err := w.links.Make(t.Context(), link.Link{Purpose: purpose, Account: a.ID, Address: address, Expires: w.clock.Now().Add(purpose.Life())}, state)
		w.want("make", err, nil)
		return text
	}
	back := mailed(link.TakeBack, mailbox)
	got, err := w.confirm(mailed(link.Confirm, elsewhere))
	w.want("confirm", err, nil)
	if now, _ := w.store.Account(t.Context(), a.ID); now.Email.Address != elsewhere || now.Epoch <= a.Epoch || now.Username != "" || got.Username != "" {
		t.Errorf("account %+v, want the new address, no login name, and its sessions ended", now)
	}
	w.want("recover", w.recover(enrol.Proof{Link: mailed(link.Recover, elsewhere)}), link.ErrDead)
	_, err = w.TakeBack(t.Context(), back, oauth.Secret{})
	w.want("take back, without a password", err, nil)
	if now, _ := w.store.Account(t.Context(), a.ID); now.Email.Address != mailbox || now.Subject != a.Subject {
		t.Errorf("account %+v, want the address of before", now)
	}
}

// TestThiefComesInByNoIdentity: with an address of their own, whose domain a provider may speak for, they have linked an identity.
func TestThiefComesInByNoIdentity(t *testing.T) {
	w := newWorld(t)
	a := w.ada()
	text := w.linkFor(link.TakeBack, a.ID, mailbox)
	_, err := w.confirm(w.linkFor(link.Confirm, a.ID, elsewhere))
	w.want("the thief's address", err, nil)
	stolen, _ := w.account(a.ID)
	stolen.Subject = account.Subject{Directory: "idp:up", ID: "eve"}
	stolen.Identities = []account.Subject{stolen.Subject}
	s, _, err := session.Begin(session.Login{AccountID: a.ID, Epoch: stolen.Epoch, Client: client.OfPages()}, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.store.BeginSession(t.Context(), session.Beginning{Account: stolen, Linked: true, Session: s})
	w.want("the thief's identity", err, nil)

	w.want("take back", w.takeBack(text), nil)
	if now, _ := w.account(a.ID); len(now.Identities) != 0 {
		t.Errorf("identities %v, want none", now.Identities)
	}
	_, _, err = w.store.Subject(t.Context(), stolen.Subject, "")
	w.want("where the identity leads", err, account.ErrNotFound)
}
