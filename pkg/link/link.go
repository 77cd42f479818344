// Package link makes and reads the links and the codes in mails. A link holds everything: what it is for, whose it is, which
// address it was mailed to and until when it is good, under a MAC. Nothing is stored for it. The MAC also covers the state of the
// account, which is not in the link: so a link dies as soon as the password, the address or the epoch changes, and its own use is
// such a change.
//
// The package looks nothing up: the caller reads the account that a link names and gives its state.
package link

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// Purpose is what a link or a code is good for.
type Purpose byte

// The purposes. Their numbers are in links that are under way: do not change one.
const (
	SignUp   Purpose = 1 // make an account with the address
	Recover  Purpose = 2 // choose a new password
	Confirm  Purpose = 3 // give the account the address
	TakeBack Purpose = 4 // give the account the address back, with a new password
	Invite   Purpose = 5 // make an account with the address, by invitation
	Keep     Purpose = 6 // keep the account that its person has closed
)

// Life is how long after it was made a link of the purpose is good.
func (p Purpose) Life() time.Duration {
	switch p {
	case TakeBack:
		return account.TakesBack
	case Keep:
		return account.Reopens
	case Invite:
		return 7 * 24 * time.Hour
	}
	return 30 * time.Minute
}

// AskToRecoverPath is where somebody asks for a new password.
const AskToRecoverPath = "/recover"

// Path is below the issuer where a link of the purpose is used: its page, and the form of that. The link is in the query, as `link`.
func (p Purpose) Path() string {
	switch p {
	case SignUp, Invite:
		return "/signup/verify"
	case Recover:
		return AskToRecoverPath + "/finish"
	case Confirm:
		return "/email/confirm"
	case TakeBack:
		return "/email/takeback"
	case Keep:
		return "/account/keep"
	}
	return "/"
}

// Link is what a link says.
type Link struct {
	Purpose Purpose
	Account uuid.UUID // zero for SignUp and Invite
	Address string    // canonical; where the link was mailed to
	Expires time.Time // whole seconds
}

// State is what a link depends on: it is dead when any of it is not as it was when the link was made. The zero State is that of
// SignUp and Invite, which depend on the address being nobody's, and of TakeBack, which has to live through a change of everything by
// a person who has taken the account over. Keep has none either: its mail is ordered before the account is closed, and it is good for that closing only.
type State struct {
	Hash  string // of the password
	Email account.Email
	Epoch int64
}

// StateOf returns the state of an account.
func StateOf(a account.Account, hash string) State { return State{hash, a.Email, a.Epoch} }

// ErrDead says that a link or a code is not good: it was never made, was changed, is for something else, has expired, was used, or
// the account has changed since.
var ErrDead = errors.New("link: not good, or not good any more")

// Keys are the keys of links, as keyring.NewLinkKeys returns them.
type Keys interface {
	Current(ctx context.Context) (keyring.MACKey, error)
	Key(ctx context.Context, version byte) (keyring.MACKey, error)
	All(ctx context.Context) ([]keyring.MACKey, error)
}

// Links makes and checks links and codes. Safe for concurrent use.
type Links struct {
	keys Keys
	now  func() time.Time
}

// New returns Links with these keys.
func New(keys Keys, now func() time.Time) *Links { return &Links{keys, now} }

const (
	maxText   = 512 // characters of a link: the longest address makes 411
	macLen    = 32
	headLen   = 1 + 1 + 4 + 16 // key version, purpose, expiry, account
	linkLabel = "wavepass link\x00"
)

// Make returns the text of a link for a state, in characters that need no escaping in an address. Errors: oauth.ErrUnavailable.
func (l *Links) Make(ctx context.Context, of Link, state State) (string, error) {
	key, err := l.keys.Current(ctx)
	if err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	payload := []byte{key.Version(), byte(of.Purpose)}
	payload = binary.BigEndian.AppendUint32(payload, uint32(of.Expires.Unix()))
	payload = append(payload, of.Account[:]...)
	payload = append(payload, of.Address...)
	return base64.RawURLEncoding.EncodeToString(append(payload, key.Sum(bound(linkLabel, payload, state))...)), nil
}

// Read returns what a link says, without looking whether it is true: it names the account whose state Check wants. Only for that.
// The error is ErrDead.
func Read(text string) (Link, error) {
	said, _, _, err := parse(text)
	return said, err
}

func parse(text string) (said Link, payload, mac []byte, err error) {
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") { // the decoder passes over line breaks, which would make a second text of one link
		return Link{}, nil, nil, ErrDead
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= headLen+macLen {
		return Link{}, nil, nil, ErrDead
	}
	payload, mac = raw[:len(raw)-macLen], raw[len(raw)-macLen:]
	said = Link{
		Purpose: Purpose(payload[1]),
		Expires: time.Unix(int64(binary.BigEndian.Uint32(payload[2:])), 0).UTC(),
		Account: uuid.UUID(payload[6:headLen]),
		Address: string(payload[headLen:]),
	}
	return said, payload, mac, nil
}

// Check returns what a link says if it is good for the purpose and the state of the account that it names. Errors: ErrDead,
// oauth.ErrUnavailable.
func (l *Links) Check(ctx context.Context, text string, purpose Purpose, state State) (Link, error) {
	said, payload, mac, err := parse(text)
	switch {
	case err != nil:
		return Link{}, err
	case !l.now().Before(said.Expires):
		return Link{}, ErrDead // before its key is looked for: that may be gone
	}
	key, err := l.keys.Key(ctx, payload[0])
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return Link{}, ErrDead
	case err != nil:
		return Link{}, fmt.Errorf("link: %w", err)
	}
	if !hmac.Equal(mac, key.Sum(bound(linkLabel, payload, state))) || said.Purpose != purpose {
		return Link{}, ErrDead
	}
	return said, nil
}

// bound is the message of a MAC. The label tells links from codes; each part has its length before it.
func bound(label string, payload []byte, s State) []byte {
	message := []byte(label)
	var verified int64
	if s.Email.Verified() {
		verified = s.Email.VerifiedAt.UnixMilli()
	}
	for _, part := range []string{string(payload), s.Hash, s.Email.Address} {
		message = binary.BigEndian.AppendUint32(message, uint32(len(part)))
		message = append(message, part...)
	}
	message = binary.BigEndian.AppendUint64(message, uint64(verified))
	return binary.BigEndian.AppendUint64(message, uint64(s.Epoch))
}
