package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Limits are how many mails there may be.
type Limits struct {
	Address Rate // to one address; recoveries and each kind of notice are counted apart, by the same rate
	Network Rate // that are asked for from one network
}

// DefaultLimits let a person try again, and nobody fill a mailbox with our mails.
var DefaultLimits = Limits{Address: Rate{5, time.Hour}, Network: Rate{60, time.Hour}}

var (
	// ErrOrder says that an order is wrong in itself.
	ErrOrder = errors.New("mail: not an order")
	// ErrTooMany says that too many mails were asked for from a network. It says nothing about an address.
	ErrTooMany = errors.New("mail: too many from this network")
	// ErrFull says that an address has been sent as many mails as it may be. Only operators are told.
	ErrFull = errors.New("mail: too many to this address")
)

// Desk takes orders. Safe for concurrent use.
type Desk struct {
	store  DeskStore
	limits Limits
	now    func() time.Time
}

// DeskStore is what a Desk asks of a store.
type DeskStore interface {
	Orders
	Counter
}

// NewDesk returns a Desk over a store.
func NewDesk(store DeskStore, limits Limits, now func() time.Time) *Desk {
	return &Desk{store, limits, now}
}

// Place counts an order and stores it, under an id and a time that it gives it. network is a prefix of the caller's address; without
// one nothing is counted by network. An order beyond the limit of its address is passed over without a word,
// since whoever asks need not be the owner of the address. The cost does not depend on whether the address is anybody's.
// Errors: ErrOrder, ErrTooMany, oauth.ErrUnavailable.
func (d *Desk) Place(ctx context.Context, o Order, network string) error {
	if err := d.place(ctx, o, network); !errors.Is(err, ErrFull) {
		return err
	}
	return nil
}

// PlaceForOperator is Place for an operator, who is told when the order is beyond the limit of its address: then nothing is stored.
// Errors: ErrOrder, ErrFull, oauth.ErrUnavailable.
func (d *Desk) PlaceForOperator(ctx context.Context, o Order) error { return d.place(ctx, o, "") }

func (d *Desk) place(ctx context.Context, o Order, network string) error {
	if err := o.check(); err != nil {
		return err
	}
	now := d.now().UTC().Truncate(time.Millisecond)
	if network != "" && !o.Purpose.isNotice() {
		counted, err := d.store.CountMail(ctx, "network\x00"+network, d.limits.Network, now)
		switch {
		case err != nil:
			return fmt.Errorf("mail: %w", err)
		case !counted:
			return ErrTooMany
		}
	}
	counted, err := d.store.CountMail(ctx, o.counted()+"\x00"+o.Address, d.limits.Address, now)
	switch {
	case err != nil:
		return err
	case !counted:
		return ErrFull
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	o.ID, o.At = id, now
	return d.store.PutOrder(ctx, o)
}

// counted says under what an order is counted. With one count for all, somebody who has taken over a session could ask for mails until
// the owner is not told any more that the address or the password changes. And anybody could keep the owner from a recovery by sign-ups:
// other recoveries do not, since the owner gets their links.
func (o Order) counted() string {
	if o.Purpose.isNotice() || o.Purpose == Recover {
		return string(o.Purpose)
	}
	return "asked"
}

func (o Order) check() error {
	switch {
	case !slices.Contains(Purposes(), o.Purpose) || o.Purpose == AccountExists:
		return fmt.Errorf("%w: its purpose is %q", ErrOrder, o.Purpose)
	case !isAddress(o.Address):
		return fmt.Errorf("%w: it goes to no address", ErrOrder)
	case o.NewAddress != "" && (o.Purpose != AddressChanging || !isAddress(o.NewAddress)):
		return fmt.Errorf("%w: a new address belongs to %s and to no other", ErrOrder, AddressChanging)
	case len(o.Language) > maxTag || len(o.Client) > maxTag:
		return fmt.Errorf("%w: language and client have at most %d bytes", ErrOrder, maxTag)
	}
	return nil
}

const (
	maxAddress = 254 // bytes, RFC 5321 §4.5.3.1.3 less the brackets
	maxTag     = 128
)

// isAddress reports whether a text is one bare address, and nothing that a line of a header would read as more than that. The
// address of an account has passed stricter checks.
func isAddress(text string) bool {
	if len(text) > maxAddress || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>()[]",;:\`, r) }) {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && parsed.Name == ""
}
