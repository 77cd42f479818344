package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/session"
)

// ErrManaged says that the account is one of a service's own users, which the service looks after.
var ErrManaged = errors.New("grant: a service looks after the account")

// Close closes the account of the caller, see Closer, in the language of the mail that tells them. When the answer was lost, the caller's session has ended, and
// the mail says why. Errors: those of Prove and Closer.Close.
func (p *Password) Close(ctx context.Context, r ProofRequest, language string) (time.Time, error) {
	a, err := p.Prove(ctx, r)
	if err != nil {
		return time.Time{}, err
	}
	closer := Closer{Editor: p.Editor, Forgetter: p.forgetter, Mails: p.mails, Trail: p.Trail, Now: p.Now}
	return closer.Close(ctx, a, Closing{Event: r.event(audit.AccountClosed), Language: language, Network: r.Network})
}

// Closer closes accounts; every field is needed.
type Closer struct {
	Editor    *account.Editor
	Forgetter account.Forgetter
	Mails     *mail.Desk
	Trail     *audit.Trail
	Now       func() time.Time
}

// Closing says how an account is closed.
type Closing struct {
	Event    audit.Event // audit.AccountClosed, as it is left
	Language string      // of the mail that tells the person, as in mail.Order
	Network  string      // prefix of the caller's address
}

// Close closes an account whose person has just shown that it is theirs: every session ends, nobody logs in, and the account and
// what is kept of the person is removed at the time that it returns, unless they take it back. The mail is ordered before anything
// ends. Errors: ErrManaged, session.ErrEnded when another change came between, oauth.ErrUnavailable.
func (c Closer) Close(ctx context.Context, a account.Account, how Closing) (time.Time, error) {
	if a.Username == "" && !strings.HasPrefix(a.Subject.Directory, directoryOf("")) {
		return time.Time{}, ErrManaged
	}
	at := c.Now().Add(account.Reopens).Truncate(time.Second)
	if err := c.Forgetter.Forget(ctx, a.ID, at); err != nil {
		return time.Time{}, fmt.Errorf("grant: close an account: %w", err)
	}
	if a.Email.Address != "" {
		notice := mail.Order{Purpose: mail.Deletion, Account: a.ID, Address: a.Email.Address, Language: how.Language, Client: how.Event.ClientID}
		if err := c.Mails.Place(ctx, notice, how.Network); err != nil {
			return time.Time{}, err
		}
	}
	at, err := c.Editor.Close(ctx, a, at)
	switch {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrConflict):
		return time.Time{}, session.ErrEnded // another change has ended every session meanwhile
	case err != nil:
		return time.Time{}, fmt.Errorf("grant: close an account: %w", err)
	}
	// What was allowed since Forget. A request that is under way may still allow something, which then stays: ids and scopes, of use to nobody.
	_ = c.Forgetter.ForgetConsents(ctx, a.ID, at)
	c.Trail.Record(ctx, how.Event)
	return at, nil
}
