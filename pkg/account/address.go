package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
)

// Bounds of an address in bytes (RFC 5321 §4.5.3.1, with the two angle brackets of a path taken off).
const (
	maxAddress   = 254
	maxLocalPart = 64
)

var (
	// ErrAddress says that a text is not acceptable as an e-mail address.
	ErrAddress = errors.New("e-mail address: want name@domain, in 254 bytes: before the @ 1 to 64 letters, digits and marks of ASCII, without spaces, quotes " +
		"and two dots side by side; after it a domain with a dot")
	// ErrAddressTaken says that another account has the address.
	ErrAddressTaken = errors.New("account: e-mail address taken")
)

// Email is the address of an account. An address belongs to one account at most.
type Email struct {
	Address    string    // canonical, see CanonicalAddress; empty: the account has none
	VerifiedAt time.Time // when it was known that mail to it reaches the person, in milliseconds; zero: that is not known
}

// Verified reports whether mail to the address is known to reach the person.
func (e Email) Verified() bool { return !e.VerifiedAt.IsZero() }

// Addresses finds accounts by their addresses.
type Addresses interface {
	// OwnerOf returns the id of the account that has the canonical address, verified or not, strongly consistent. Errors:
	// ErrNotFound, oauth.ErrUnavailable.
	OwnerOf(ctx context.Context, address string) (uuid.UUID, error)
}

// domains are looked up, so they are mapped and checked as for a look-up in the DNS (UTS 46, RFC 5891 §5).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// CanonicalAddress returns the form under which an address is stored and mailed to: in lower case, with the domain in ASCII
// (punycode). The part before the @ is what most services give out, a dot-atom of ASCII (RFC 5322 §3.2.3): SES takes no other, and
// servers that tell capitals apart there have died out. The error is ErrAddress.
func CanonicalAddress(address string) (string, error) {
	if len(address) > maxAddress || !utf8.ValidString(address) {
		return "", ErrAddress
	}
	local, domain, _ := strings.Cut(address, "@")
	if !isDotAtom(local) || len(local) > maxLocalPart {
		return "", ErrAddress
	}
	ascii, err := domains.ToASCII(domain)
	top := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if err != nil || top == ascii || strings.Trim(top, "0123456789") == "" {
		return "", ErrAddress
	}
	canonical := strings.ToLower(local) + "@" + ascii
	if len(canonical) > maxAddress {
		return "", ErrAddress
	}
	return canonical, nil
}

// isDotAtom reports whether a text is characters of atoms with single dots between them (RFC 5322 §3.2.3).
func isDotAtom(text string) bool {
	for atom := range strings.SplitSeq(text, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomText(r) }) {
			return false
		}
	}
	return true
}

func isAtomText(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// TakesBack is how long somebody can take a change of their address back.
const TakesBack = 7 * 24 * time.Hour

// maxHeld bounds the size of an account item.
const maxHeld = 10

// Held is a time in which an account had one address, in milliseconds. Until is zero for the address that it has.
type Held struct{ From, Until time.Time }

// HeldSince returns when the account got its address; zero while it has its first.
func (a Account) HeldSince() time.Time {
	if len(a.Held) == 0 {
		return time.Time{}
	}
	return a.Held[len(a.Held)-1].From
}

// heldAt returns the place in Held of an address that the account had at a time, in whole seconds, and has no more. It is one at most, as
// long as notices of a change are not mailed in the second of the change before.
func (a Account) heldAt(at time.Time) (place int, ok bool) {
	place = slices.IndexFunc(a.Held, func(h Held) bool {
		return h.From.Truncate(time.Second).Before(at) && !h.Until.Before(at)
	})
	return place, place >= 0
}

// HadAnotherAt reports whether at a time, in whole seconds, the account had an address that it has lost since, and was not given back any
// that it had before.
func (a Account) HadAnotherAt(at time.Time) bool {
	_, ok := a.heldAt(at)
	return ok
}

// moved is Held after the account has lost its address at a time.
func (a Account) moved(at time.Time) []Held {
	held := slices.Clone(a.Held)
	if len(held) == 0 {
		held = []Held{{}}
	}
	held[len(held)-1].Until = at
	held = slices.DeleteFunc(held, func(h Held) bool { return at.Sub(h.Until) > TakesBack })
	if n := len(held); n > maxHeld { // the oldest is the one that the owner may have had
		held[n-2].Until = at
		held = held[:n-1]
	}
	return append(held, Held{From: at})
}

// gaveBack is Held after the account has got back the address that it had at a time before.
func (a Account) gaveBack(had, at time.Time) []Held {
	place, _ := a.heldAt(had)
	return append(slices.Clone(a.Held[:max(0, place)]), Held{From: at})
}

// SetEmail replaces the address of an account and ends every session; an empty one takes it away. A login name that is the old
// address becomes the new one. Errors: ErrAddress when the address is not canonical, ErrAddressTaken and ErrExists when another
// account has it as its address or as its login name, ErrNotFound, oauth.ErrUnavailable.
func (e *Editor) SetEmail(ctx context.Context, id uuid.UUID, email Email) error {
	if canonical, err := CanonicalAddress(email.Address); email.Address != "" && canonical != email.Address {
		return cmp.Or(err, ErrAddress)
	}
	a, err := e.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: set address: %w", err)
	}
	change := edit{reason: ReasonEndedElsewhere, email: &email}
	if a.Username == "" {
		return e.change(ctx, a, change)
	}
	return e.withLogin(ctx, a, change, e.write(ctx))
}

// usernameFor returns the login name that an account has with another address, and the one before if that is another. People who
// log in by their address do so by the new one. Those whose address is taken away keep the login name.
func usernameFor(a Account, email Email) (old, username string) {
	if a.Username == "" || a.Username != a.Email.Address || email.Address == "" || email.Address == a.Email.Address {
		return "", a.Username
	}
	return a.Username, email.Address
}

// Reset replaces the password of an account, unless the new one is the zero NewPassword, and its address if email is not nil, and ends
// every session, on the condition that account and login name are as they were read. It does not try again: whoever allowed it has allowed it for that state. Errors: ErrConflict
// when something has changed since, ErrNotFound, ErrAddressTaken, ErrExists, oauth.ErrUnavailable. proof is the digest of what has allowed it.
func (e *Editor) Reset(ctx context.Context, a Account, login LoginName, password NewPassword, email *Email, proof string) error {
	return e.try(a, resets(password, edit{oldHash: login.Hash, email: email, proof: proof}), e.write(ctx))
}

// resets is a change with a new password, unless that is the zero one.
func resets(password NewPassword, change edit) edit {
	change.reason = ReasonEndedElsewhere
	if !password.prepared.IsZero() {
		change.reason, change.hash = ReasonPasswordChanged, password.hash()
	}
	return change
}

// GiveBack is Reset with an address, and takes every identity from the account: one may have been linked by an address that the
// account had in the meantime. Those of the owner are linked again as at first. The address is the one that the account had at the time had;
// what it lost after that is no longer one that it had. A closed account is open again.
func (e *Editor) GiveBack(ctx context.Context, a Account, login LoginName, password NewPassword, email Email, had time.Time, proof string) error {
	change := edit{oldHash: login.Hash, email: &email, had: had, unlink: true, proof: proof}
	if a.Closed(e.now()) {
		change.disable, change.remove = new(false), &time.Time{}
	}
	return e.try(a, resets(password, change), e.write(ctx))
}
