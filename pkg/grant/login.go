package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// LoginParts is what a Login is made of; every field is needed.
type LoginParts struct {
	Accounts *account.Authenticator
	Sessions session.Creator
	MAC      session.Keys
	Signing  SigningKeys
	Trail    *audit.Trail
	Now      func() time.Time
}

// Login exchanges a username and a password for tokens.
type Login struct {
	LoginParts
	access accessTokens
}

// NewLogin returns a Login.
func NewLogin(p LoginParts) *Login {
	return &Login{p, accessTokens{p.Trail, p.Now}}
}

// LoginRequest is what the caller sent, and where.
type LoginRequest struct {
	At       Place
	Client   client.Client
	Username string
	Password oauth.Secret
	Remember bool
	Device   string // a name for the list of sessions, may be empty
	Network  string // prefix of the caller's address
}

var passwordOnly = []string{"pwd"} // RFC 8176

// Grant logs in. Errors: client.ErrWrongKind, account.ErrInvalidCredentials,
// *account.TooManyAttemptsError, oauth.ErrUnavailable.
func (l *Login) Grant(ctx context.Context, r LoginRequest) (Issued, error) {
	c := r.Client
	if !mayHoldRefreshTokens(c) {
		return Issued{}, client.ErrWrongKind
	}
	who, mac, key, err := l.authenticate(ctx, r)
	if err != nil {
		l.recordFailure(ctx, c, err)
		return Issued{}, err
	}
	s, refresh, err := session.Begin(session.Login{
		AccountID: who.Account.ID, Epoch: who.Account.Epoch, AMR: passwordOnly, Scopes: grantable(c, who.Account),
		Client: c, Remember: r.Remember, Device: r.Device, Network: r.Network,
	}, l.Now())
	if err != nil {
		l.Accounts.Settle(ctx, who) // the password was right
		return Issued{}, err
	}
	if err := l.store(ctx, s, who); err != nil {
		return Issued{}, err
	}
	l.Trail.Record(ctx, audit.Event{
		Name: audit.Login, Subject: s.AccountID.String(), SessionID: s.ID.String(), ClientID: c.ID,
	})
	response := l.access.issue(ctx, key, r.At, s, who.Account, c)
	response.RefreshToken = refresh.Encode(mac)
	return Issued{response, c, s}, nil
}

// authenticate checks the password and obtains the keys, in one round trip.
func (l *Login) authenticate(ctx context.Context, r LoginRequest) (who account.Authenticated, mac keyring.MACKey, key keyring.SigningKey, err error) {
	var (
		wg     sync.WaitGroup
		keyErr error
	)
	wg.Go(func() { who, err = l.Accounts.Authenticate(ctx, r.Username, r.Password, r.Network) })
	wg.Go(func() { mac, key, keyErr = newestKeys(ctx, l.MAC, l.Signing) })
	wg.Wait()
	if err == nil && keyErr != nil {
		l.Accounts.Settle(ctx, who) // the password was right
		err = keyErr
	}
	return who, mac, key, err
}

// store creates the session and settles the attempts, in one round trip.
func (l *Login) store(ctx context.Context, s session.Session, who account.Authenticated) error {
	var (
		wg  sync.WaitGroup
		err error
	)
	wg.Go(func() { err = l.Sessions.Create(ctx, s) })
	wg.Go(func() { l.Accounts.Settle(ctx, who) })
	wg.Wait()
	if err != nil {
		return fmt.Errorf("grant: store the session: %w", err)
	}
	return nil
}

func (l *Login) recordFailure(ctx context.Context, c client.Client, err error) {
	var limited *account.TooManyAttemptsError
	switch {
	case errors.Is(err, account.ErrInvalidCredentials):
		l.Trail.Record(ctx, audit.Event{Name: audit.LoginFailed, ClientID: c.ID})
	case errors.As(err, &limited):
		l.Trail.Record(ctx, audit.Event{Name: audit.LoginLimited, ClientID: c.ID})
	}
}
