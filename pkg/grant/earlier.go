package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// earlierTime bounds how long a login waits for an earlier session to be read, and to be ended.
const earlierTime = time.Second

// Earlier ends the session that a browser has at a site when somebody logs in with it again. Once its cookie is
// replaced, nobody can use that session any more but with a copy of the cookie.
type Earlier struct {
	owners   *session.Owners
	sessions *session.Revoker
	trail    *audit.Trail
}

// NewEarlier returns an Earlier.
func NewEarlier(owners *session.Owners, sessions *session.Revoker, trail *audit.Trail) *Earlier {
	return &Earlier{owners, sessions, trail}
}

// ReplaceWith logs somebody in with login, at the client c, and then ends the session that the handle opens, which the browser had before;
// the zero Handle is none. The session is looked up while login checks the password. A handle that opens no usable session of the client ends
// nothing; with one that does, its holder could log out just as well. The earlier session never costs the login: when it could not be ended,
// notEnded says why, and it lives on until it expires.
func (e *Earlier) ReplaceWith(ctx context.Context, login func() (Issued, error), h session.Handle, c client.Client) (issued Issued, notEnded, err error) {
	var earlier session.Session
	var openErr error
	var wg sync.WaitGroup
	if h.SessionID != uuid.Nil {
		wg.Go(func() { earlier, openErr = e.open(ctx, h, c) })
	}
	issued, err = login()
	wg.Wait() // also when the login was refused: a function that has answered is frozen, with all that it has begun
	switch {
	case err != nil:
		return Issued{}, nil, err
	case openErr != nil:
		return issued, openErr, nil
	case earlier.ID == uuid.Nil:
		return issued, nil, nil
	case earlier.AccountID == issued.Session.AccountID && earlier.Epoch < issued.Session.Epoch:
		return issued, nil, nil // the login has ended all others
	}
	return issued, e.end(ctx, earlier), nil
}

// open returns the session of a handle, the zero one when there is none to end.
func (e *Earlier) open(ctx context.Context, h session.Handle, c client.Client) (session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, earlierTime)
	defer cancel()
	s, _, _, err := e.owners.OfHandle(ctx, h, c.ID)
	switch {
	case errors.Is(err, session.ErrRefused), errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrForeign):
		return session.Session{}, nil
	case err != nil:
		return session.Session{}, fmt.Errorf("grant: read the earlier session: %w", err)
	}
	return s, nil
}

func (e *Earlier) end(ctx context.Context, s session.Session) error {
	ctx, cancel := context.WithTimeout(ctx, earlierTime)
	defer cancel()
	ended, err := e.sessions.End(ctx, s, session.ReasonReplaced)
	switch {
	case err != nil:
		return fmt.Errorf("grant: end the earlier session: %w", err)
	case ended:
		event := eventOf(s, audit.LoggedOut)
		event.Reason = string(session.ReasonReplaced)
		e.trail.Record(ctx, event)
	}
	return nil
}
