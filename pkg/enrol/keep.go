package enrol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/link"
)

// keepSlack is by how much the expiry of a link to keep an account and the time of its removal may differ: the mail is ordered before the
// account is closed.
const keepSlack = 5 * time.Minute

// Keep opens the account again that its person has closed, by the link of the mail that told them. Sessions that have ended stay ended. Errors:
// link.ErrDead, also when the account was closed at another time or an operator has disabled it since; oauth.ErrUnavailable.
func (e *Enroller) Keep(ctx context.Context, text string) (account.Account, error) {
	digest := Proof{Link: text}.digest(link.Keep)
	said, err := e.Links.Check(ctx, text, link.Keep, link.State{})
	if err != nil {
		return account.Account{}, err
	}
	for range changeTries {
		a, err := e.Store.Account(ctx, said.Account)
		switch {
		case errors.Is(err, account.ErrNotFound):
			return account.Account{}, link.ErrDead
		case err != nil:
			return account.Account{}, fmt.Errorf("enrol: keep: %w", err)
		case e.madeBy(a, digest):
			return a, nil
		case a.Proof.Digest == digest, // it has opened the account before, which was closed again
			!a.Closed(e.Now()), a.Email.Address != said.Address, a.RemoveAt.Sub(said.Expires).Abs() > keepSlack:
			return account.Account{}, link.ErrDead
		}
		switch err := e.editor.Reopen(ctx, a, digest); {
		case err == nil:
			return a, nil
		case !errors.Is(err, account.ErrConflict): // else the account is another by now: perhaps by this very request, sent twice
			return account.Account{}, deadOr(err)
		}
	}
	return account.Account{}, errTooManyChanges
}
