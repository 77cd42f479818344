// Package mail owns what Wavepass writes to people: orders for mails, how many an address gets, and the one attempt to send
// each. What they say is package texts. It does not decide who may ask for a mail, nor what a link in it is worth.
//
// No answer waits for a mail. A function that wants one places an order in the table, and the function mailer, which the
// table's stream starts, sends it. An order holds no link and no code, so who can read the table can use nothing that is in it.
package mail

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Purpose says why a mail is sent, and so which text it has.
type Purpose string

// The purposes. Orders have all of them but AccountExists, which is what becomes of SignUp when the address has an account:
// whoever places the order never looks, so that the answer takes as long for any address.
const (
	SignUp          Purpose = "signup"           // verify the address of a sign-up
	AccountExists   Purpose = "account_exists"   // somebody signed up with the address of an account
	Recover         Purpose = "recover"          // choose a new password; nothing is sent when the address has no account
	ConfirmAddress  Purpose = "confirm_address"  // to the new address of an account
	Invitation      Purpose = "invitation"       // sign up by invitation
	PasswordChanged Purpose = "password_changed" // told after it was
	AddressChanging Purpose = "address_changing" // to the old address, with a link that takes the change back
	AddressSet      Purpose = "address_set"      // to the new address, when an operator has set it
	IdentityLinked  Purpose = "identity_linked"  // somebody has come from a provider who has the address there, and is let in from now on
	Deletion        Purpose = "deletion"         // the account will be deleted; with a link that keeps it
)

// Purposes are all of them.
func Purposes() []Purpose {
	return []Purpose{SignUp, AccountExists, Recover, ConfirmAddress, Invitation, PasswordChanged, AddressChanging, AddressSet, IdentityLinked, Deletion}
}

// isNotice reports whether a mail tells of something that has happened, which nobody is to be able to keep from the owner of
// the account.
func (p Purpose) isNotice() bool {
	return slices.Contains([]Purpose{PasswordChanged, AddressChanging, AddressSet, IdentityLinked, Deletion}, p)
}

// OrderLife is how long after it was placed an order may still be carried out. A link in a mail that comes later is of no use to
// anybody who still waits for it.
const OrderLife = 10 * time.Minute

// Order asks for one mail.
type Order struct {
	ID         uuid.UUID // version 7
	Purpose    Purpose
	Account    uuid.UUID // zero for SignUp, Recover and Invitation: the mailer finds the account by the address, if there is one
	Address    string    // where the mail goes
	NewAddress string    // of AddressChanging: the address that the account is to have; empty: none
	Language   string    // a BCP 47 tag, as the person's browser or app has it; may be empty
	Client     string    // id of the client that the person came from; may be empty
	At         time.Time // milliseconds
}

// ErrTaken says that there is no order of that id to carry out: it is unknown, too old, or somebody has taken it already.
var ErrTaken = errors.New("mail: no such order, or it was taken before")

// Orders keeps orders.
type Orders interface {
	// PutOrder stores an order. It may be repeated. An error is oauth.ErrUnavailable.
	PutOrder(ctx context.Context, o Order) error
}

// Taker takes orders.
type Taker interface {
	// TakeOrder notes in one conditional write that an order is carried out, and returns it, unless another call has taken it or
	// it is older than OrderLife. call names the caller's call, which may be repeated: of any number of calls exactly one gets
	// the order. ErrTaken otherwise. After oauth.ErrUnavailable the order may be taken.
	TakeOrder(ctx context.Context, id uuid.UUID, call string) (Order, error)
}

// Counter counts mails.
type Counter interface {
	// CountMail counts one mail at the time now under name, unless r.Count were counted in the time r.Window before, and reports
	// whether it did. However many call at once, no more than r.Count are counted in any time of that length. When it is
	// repeated after a lost reply, it may count twice. An error is oauth.ErrUnavailable.
	CountMail(ctx context.Context, name string, r Rate, now time.Time) (bool, error)
}

// Rate is how many mails may be counted in any time as long as the window: it slides, and is not aligned to the clock.
type Rate struct {
	Count  int
	Window time.Duration
}

// Mail is one mail, ready to be sent.
type Mail struct {
	Purpose Purpose // for what counts mails; nothing of it is sent
	To      string  // one address
	Subject string  // one line
	Text    string
	HTML    string
}

// Sender sends mails.
type Sender interface {
	// Send tries to send a mail, once: whatever happens, it sends no second one. When it fails, the mail may have been sent
	// nevertheless, unless the error is ErrRejected, ErrPaused, ErrThrottled, ErrUnverified, ErrForbidden or ErrUnreachable.
	Send(ctx context.Context, m Mail) error
}

// Why a mail was surely not sent.
var (
	ErrRejected    = errors.New("mail: rejected")                       // this mail, for its address or its content
	ErrPaused      = errors.New("mail: sending is paused")              // of the whole account of the provider
	ErrThrottled   = errors.New("mail: over the rate or the quota")     // of the account of the provider
	ErrUnverified  = errors.New("mail: the sender is not verified")     // its address or domain, or in a sandbox the receiver's
	ErrForbidden   = errors.New("mail: not allowed to send")            // by IAM
	ErrUnreachable = errors.New("mail: the provider was not reachable") // no connection was made
)
