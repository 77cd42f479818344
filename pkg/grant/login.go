package grant

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// Login exchanges a username and a password for tokens.
type Login struct{ beginner }

// NewLogin returns a Login.
func NewLogin(p BeginParts) *Login { return &Login{beginner{p}} }

// LoginRequest is a request to log in.
type LoginRequest struct {
	At        Place
	Client    client.Client
	Username  string
	Password  oauth.Secret
	Remember  bool
	Device    string       // a name for the list of sessions, may be empty
	Network   string       // prefix of the caller's address
	Devices   oauth.Secret // what the device was given at earlier logins
	EndOthers bool         // end every other session of the account
}

// Grant logs in. Errors: client.ErrWrongKind, account.ErrInvalidCredentials, *account.TooManyAttemptsError,
// oauth.ErrUnavailable.
func (l *Login) Grant(ctx context.Context, r LoginRequest) (Issued, error) {
	c := r.Client
	if !c.TakesPasswords() {
		return Issued{}, client.ErrWrongKind
	}
	device := l.presented(r.Devices, c.ID)
	who, keys, err := l.authenticate(ctx, r.Username, r.Password, r.Network, device)
	if err != nil {
		l.recordFailure(ctx, err, r.Username, keys.mac, audit.Event{Name: audit.LoginFailed, ClientID: c.ID}, audit.LoginLimited)
		return Issued{}, err
	}
	login := session.Login{Client: c, Remember: r.Remember, Device: r.Device, Network: r.Network}
	issued, err := l.begin(ctx, r.At, who, login, keys, func(s *session.Session) error {
		if !r.EndOthers {
			return l.Sessions.Create(ctx, *s)
		}
		return l.Editor.EndAndBegin(ctx, who, func(change account.Change) error { return l.createAfter(ctx, change, s) })
	})
	switch {
	case errors.Is(err, account.ErrNotFound):
		return Issued{}, account.ErrInvalidCredentials // the account was deleted meanwhile
	case err != nil:
		return Issued{}, err
	}
	issued.Devices = device.with(keys.mac, who.Account.ID, who.Digest())
	l.Trail.Record(ctx, eventOf(issued.Session, audit.Login))
	if r.EndOthers {
		l.Trail.Record(ctx, eventOf(issued.Session, audit.OthersEnded))
	}
	return issued, nil
}
