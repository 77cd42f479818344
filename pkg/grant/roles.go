package grant

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// ErrAccountEnded says that the account, whose roles were looked up, has ended the token's session.
var ErrAccountEnded = errors.New("grant: the account is gone, disabled, or has ended the session")

// RolesOf looks up the roles that a token of an account is without (docs/adr/0047). Errors: ErrAccountEnded, oauth.ErrUnavailable.
func RolesOf(ctx context.Context, accounts session.Accounts, c token.Claims) ([]string, error) {
	id, err := uuid.Parse(c.Subject)
	if err != nil {
		return nil, fmt.Errorf("grant: the token's subject is no account: %w", err)
	}
	a, err := accounts.Account(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound), err == nil && (a.Disabled || a.Epoch > c.Login.Epoch):
		return nil, ErrAccountEnded
	case err != nil:
		return nil, fmt.Errorf("grant: roles of the account: %w", err)
	}
	return a.Roles, nil
}
