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
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// LoginParts is what a Login is made of; every field is needed.
type LoginParts struct {
	Accounts *account.Authenticator
	Sessions session.Creator
	MAC      session.Keys
	Signer   Signer
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
	return &Login{p, accessTokens{token.NewIssuer(p.Signer), p.Now}}
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
// *account.TooManyAttemptsError, oauth.ErrUnavailable, token.ErrTooLong.
func (l *Login) Grant(ctx context.Context, r LoginRequest) (Issued, error) {
	c := r.Client
	if !mayHoldRefreshTokens(c) {
		return Issued{}, client.ErrWrongKind
	}
	who, keyVersion, err := l.authenticate(ctx, r)
	if err != nil {
		l.recordFailure(ctx, c, err)
		return Issued{}, err
	}
	s, response, err := l.make(ctx, r, who, keyVersion)
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
	return Issued{response, c, s}, nil
}

// make makes the session and its tokens before anything is stored: a failure leaves no session that nobody
// holds.
func (l *Login) make(ctx context.Context, r LoginRequest, who account.Authenticated, keyVersion byte) (session.Session, oauth.TokenResponse, error) {
	s, refresh, err := session.Begin(session.Login{
		AccountID: who.Account.ID, Epoch: who.Epoch, AMR: passwordOnly,
		Client: r.Client, Remember: r.Remember, Device: r.Device, Network: r.Network,
	}, keyVersion, l.Now())
	if err != nil {
		return session.Session{}, oauth.TokenResponse{}, err
	}
	response, err := l.access.issue(ctx, r.At, s, who.Account, r.Client)
	if err != nil {
		return session.Session{}, oauth.TokenResponse{}, err
	}
	response.RefreshToken, err = refresh.Encode(ctx, l.MAC)
	return s, response, err
}

// authenticate checks the password and has the keys ready, in one round trip.
func (l *Login) authenticate(ctx context.Context, r LoginRequest) (account.Authenticated, byte, error) {
	var (
		wg                         sync.WaitGroup
		who                        account.Authenticated
		whoErr, macErr, signingErr error
	)
	wg.Go(func() { who, whoErr = l.Accounts.Authenticate(ctx, r.Username, r.Password, r.Network) })
	wg.Go(func() { macErr = l.MAC.Freshen(ctx) })
	wg.Go(func() { signingErr = l.Signer.Freshen(ctx) })
	wg.Wait()
	if whoErr != nil {
		return who, 0, whoErr
	}
	version, err := l.MAC.CurrentVersion(ctx)
	if err := errors.Join(macErr, signingErr, err); err != nil {
		l.Accounts.Settle(ctx, who) // the password was right
		return who, 0, fmt.Errorf("grant: keys: %w", err)
	}
	return who, version, nil
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
