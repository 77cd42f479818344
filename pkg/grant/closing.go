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

// Close closes the account of the caller, in the language of the mail that tells them: every session ends, nobody logs in, and the account and
// what is kept of the person is removed at the time that it returns, unless they take it back. The mail is ordered before anything
// ends. When the answer was lost, the caller's session has ended, and the mail says why. Errors: those of Prove, ErrManaged.
func (p *Password) Close(ctx context.Context, r ProofRequest, language string) (time.Time, error) {
	a, err := p.Prove(ctx, r)
	switch {
	case err != nil:
		return time.Time{}, err
	case a.Username == "" && !strings.HasPrefix(a.Subject.Directory, directoryOf("")):
		return time.Time{}, ErrManaged
	}
	at := p.Now().Add(account.Reopens).Truncate(time.Second)
	if err := p.forgetter.Forget(ctx, a.ID, at); err != nil {
		return time.Time{}, fmt.Errorf("grant: close an account: %w", err)
	}
	if a.Email.Address != "" {
		notice := mail.Order{Purpose: mail.Deletion, Account: a.ID, Address: a.Email.Address, Language: language, Client: r.Client.ID}
		if err := p.mails.Place(ctx, notice, r.Network); err != nil {
			return time.Time{}, err
		}
	}
	at, err = p.Editor.Close(ctx, a, at)
	switch {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrConflict):
		return time.Time{}, session.ErrEnded // another change has ended every session meanwhile
	case err != nil:
		return time.Time{}, fmt.Errorf("grant: close an account: %w", err)
	}
	_ = p.forgetter.ForgetConsents(ctx, a.ID, at) // what was allowed since Forget; from now on nobody is signed in to allow anything
	p.Trail.Record(ctx, r.event(audit.AccountClosed))
	return at, nil
}
