package grant

import (
	"context"
	"errors"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// YoungLogin is how old the login of a session may be where it stands for a password.
const YoungLogin = 10 * time.Minute

var (
	// ErrOldLogin says that the caller's account has no password, and the login of the session is older than YoungLogin.
	ErrOldLogin = errors.New("grant: the login is too old to prove anything")
	// ErrPasswordMissing says that the account has a password, and none was given.
	ErrPasswordMissing = errors.New("grant: the password of the account is missing")
)

// ProofRequest is what somebody who is logged in gives to show that the account is theirs, before a change by which a thief of
// the session could keep it.
type ProofRequest struct {
	Caller
	Client  client.Client // of the caller's session
	Current oauth.Secret
	Network string       // prefix of the caller's address
	Devices oauth.Secret // what the device was given at earlier logins
}

// Prove returns the account of the caller once its password is shown to be known, or when it has none, once the session is shown to
// be of a young login. Guesses count as those at the login. Errors: client.ErrWrongKind, session.ErrEnded when the caller's session has
// ended, ErrPasswordMissing, ErrOldLogin, account.ErrInvalidCredentials, *account.TooManyAttemptsError, oauth.ErrUnavailable.
func (p *Password) Prove(ctx context.Context, r ProofRequest) (account.Account, error) {
	if r.Client.Transport() == client.NoSession {
		return account.Account{}, client.ErrWrongKind
	}
	own, owner, err := p.owners.Living(ctx, r.Holder)
	switch {
	case err != nil:
		return account.Account{}, err
	case owner.Username == "" && p.Now().Sub(own.AuthTime) > YoungLogin:
		return account.Account{}, ErrOldLogin
	case owner.Username == "":
		return owner, nil
	case r.Current.IsZero():
		return account.Account{}, ErrPasswordMissing
	}
	who, keys, err := p.authenticate(ctx, owner.Username, r.Current, r.Network, p.presented(r.Devices, r.Client.ID))
	if err != nil {
		p.recordFailure(ctx, err, owner.Username, keys.mac, r.event(audit.PasswordFailed), audit.PasswordLimited)
		return account.Account{}, err
	}
	p.Accounts.Settle(ctx, who)
	if who.Account.ID != owner.ID {
		return account.Account{}, session.ErrEnded // the account was deleted meanwhile, and its name registered again
	}
	return who.Account, nil
}
