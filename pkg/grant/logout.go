package grant

import (
	"context"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// LogoutParts are the parts of a Logout; every field is needed.
type LogoutParts struct {
	Sessions *session.Revoker
	Owners   *session.Owners
	Accounts *account.Editor
	MAC      session.Keys
	Trail    *audit.Trail
}

// Logout ends the sessions of people who present one of their refresh tokens.
type Logout struct{ LogoutParts }

// NewLogout returns a Logout.
func NewLogout(p LogoutParts) *Logout { return &Logout{p} }

// LogoutRequest is a request to log out.
type LogoutRequest struct {
	Client       client.Client
	RefreshToken oauth.Secret // for a site its session handle
	Everywhere   bool         // end every session of the account
}

// End ends the session of the token. It is no error when that session has ended already. It is no error either when it belongs
// to another client, and then it does not end. With Everywhere it ends every session of the account, and the token must be
// one that could be refreshed: otherwise the error is session.ErrRefused. When all sessions of the account have ended already,
// that is no error, so that people may repeat the request after a lost answer. oauth.ErrUnavailable when the end is not
// confirmed.
func (l *Logout) End(ctx context.Context, r LogoutRequest) error {
	if r.Client.Transport() == client.AsHandle {
		return l.endHandle(ctx, r)
	}
	token, err := parseToEnd(ctx, r.RefreshToken, l.MAC)
	switch {
	case errors.Is(err, session.ErrRefused) && !r.Everywhere:
		return nil // the token names no session: there is nothing to end
	case err != nil:
		return err
	}
	name, ended := audit.LoggedOut, true
	if r.Everywhere {
		name = audit.LoggedOutEverywhere
		err = l.endAll(ctx, token, r.Client)
	} else {
		ended, err = l.Sessions.Revoke(ctx, token, r.Client.ID, session.ReasonLogout)
	}
	switch {
	case errors.Is(err, session.ErrForeign), errors.Is(err, session.ErrAllEnded):
		return nil // another client's session, or everything has ended already
	case err != nil:
		return fmt.Errorf("grant: logout: %w", err)
	case !ended:
		return nil
	}
	l.Trail.Record(ctx, audit.Event{
		Name: name, Subject: token.AccountID.String(), SessionID: token.SessionID.String(), ClientID: r.Client.ID,
	})
	return nil
}

// endHandle is End for a site. The session is read first, because nothing but its secret says that the handle is not made up.
func (l *Logout) endHandle(ctx context.Context, r LogoutRequest) error {
	h, err := session.ParseHandle(r.RefreshToken)
	var s session.Session
	var owner account.Account
	if err == nil {
		s, owner, _, err = l.Owners.OfHandle(ctx, h, r.Client.ID)
	}
	var ended *session.EndedError
	switch {
	case errors.As(err, &ended) && s.Epoch < owner.Epoch:
		return nil // all sessions have ended already
	case errors.As(err, &ended) && r.Everywhere:
		return &session.RefusedError{Reason: ended.Reason, Detail: err.Error()}
	case errors.As(err, &ended), errors.Is(err, session.ErrForeign), errors.Is(err, session.ErrRefused) && !r.Everywhere:
		return nil // there is nothing to end
	case err != nil:
		return fmt.Errorf("grant: logout: %w", err)
	}
	name, done := audit.LoggedOut, true
	if r.Everywhere {
		name, err = audit.LoggedOutEverywhere, l.Accounts.EndSessions(ctx, owner)
	} else {
		done, err = l.Sessions.End(ctx, s, session.ReasonLogout)
	}
	switch {
	case errors.Is(err, account.ErrNotFound): // deleted meanwhile
		return nil
	case err != nil:
		return fmt.Errorf("grant: logout: %w", err)
	case done:
		l.Trail.Record(ctx, eventOf(s, name))
	}
	return nil
}

func (l *Logout) endAll(ctx context.Context, token session.RefreshToken, c client.Client) error {
	owner, err := l.Owners.Of(ctx, token, c)
	if err != nil {
		return err
	}
	if err := l.Accounts.EndSessions(ctx, owner); !errors.Is(err, account.ErrNotFound) {
		return err
	}
	return session.ErrAllEnded // the account was deleted meanwhile
}
