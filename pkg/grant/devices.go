package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/session"
)

// DevicesParts are the parts of a Devices; every field is needed.
type DevicesParts struct {
	Sessions interface {
		session.Reader
		session.Lister
	}
	Owners   *session.Owners
	Revoker  *session.Revoker
	Accounts *account.Editor
	Trail    *audit.Trail
}

// Devices shows people their sessions and ends them. They present an access token that an authorizer has accepted. Every method
// checks that the session of that token may still be used, and returns session.ErrEnded otherwise. It returns
// oauth.ErrUnavailable when the store fails or does not confirm the change, and may then be repeated.
type Devices struct{ DevicesParts }

// NewDevices returns a Devices.
func NewDevices(p DevicesParts) *Devices { return &Devices{p} }

// Caller is the holder of an access token, as the authorizer found them.
type Caller struct{ session.Holder }

// List returns one page of the caller's sessions that may be used, newest first, in one round trip. A page
// may be empty although another follows. before is the Next of the previous page, zero for the first page.
func (d *Devices) List(ctx context.Context, c Caller, before uuid.UUID, limit int) (session.Page, error) {
	var (
		wg             sync.WaitGroup
		own            session.Session
		owner          account.Account
		page           session.Page
		ownErr, allErr error
	)
	wg.Go(func() { own, owner, ownErr = d.Owners.Living(ctx, c.Holder) })
	wg.Go(func() { page, allErr = d.Sessions.SessionsOf(ctx, c.AccountID, before, limit) })
	wg.Wait()
	switch {
	case ownErr != nil:
		return session.Page{}, ownErr
	case allErr != nil:
		return session.Page{}, fmt.Errorf("grant: list sessions: %w", allErr)
	}
	for i, s := range page.Sessions {
		if s.ID == own.ID {
			page.Sessions[i] = own // EndOthers may have raised its epoch between the two reads
		}
	}
	usable, err := d.Owners.UsableOf(ctx, page.Sessions, owner)
	return session.Page{Sessions: usable, Next: page.Next}, err
}

// End ends one session of the caller's account, which may be the caller's own. It returns session.ErrNotFound when
// the account has no session with that id. A session that has ended already is no error, also when it is the caller's
// own: the caller may be repeating a request whose answer was lost.
func (d *Devices) End(ctx context.Context, c Caller, id uuid.UUID) error {
	var (
		wg                sync.WaitGroup
		target            session.Session
		ownErr, targetErr error
	)
	wg.Go(func() { _, _, ownErr = d.Owners.Living(ctx, c.Holder) })
	wg.Go(func() { target, targetErr = d.Sessions.Session(ctx, c.AccountID, id) })
	wg.Wait()
	switch {
	case errors.Is(ownErr, session.ErrEnded) && id == c.SessionID:
		return nil
	case ownErr != nil:
		return ownErr
	case targetErr != nil:
		return fmt.Errorf("grant: end a session: %w", targetErr)
	}
	ended, err := d.Revoker.End(ctx, target, session.ReasonEnded)
	if err == nil && ended {
		event := c.event(audit.SessionEnded)
		event.SessionID, event.By = id.String(), c.SessionID.String()
		d.Trail.Record(ctx, event)
	}
	return err
}

// EndOthers ends every session of the account except the caller's. The caller's access token is denied with those of the
// others, and a refresh gets a new one.
func (d *Devices) EndOthers(ctx context.Context, c Caller) error {
	return d.endMany(ctx, c, audit.OthersEnded, func(owner account.Account) error {
		return d.Accounts.EndOthers(ctx, owner, c.SessionID)
	})
}

// EndAll ends every session of the account, the caller's too.
func (d *Devices) EndAll(ctx context.Context, c Caller) error {
	return d.endMany(ctx, c, audit.LoggedOutEverywhere, func(owner account.Account) error {
		return d.Accounts.EndSessions(ctx, owner)
	})
}

func (d *Devices) endMany(ctx context.Context, c Caller, event string, end func(account.Account) error) error {
	_, owner, err := d.Owners.Living(ctx, c.Holder)
	if err != nil {
		return err
	}
	switch err := end(owner); {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrNotKept):
		return session.ErrEnded // meanwhile the account was deleted, or the caller's session has ended
	case err != nil:
		return fmt.Errorf("grant: end sessions: %w", err)
	}
	d.Trail.Record(ctx, c.event(event))
	return nil
}

func (c Caller) event(name string) audit.Event {
	return audit.Event{Name: name, Subject: c.AccountID.String(), SessionID: c.SessionID.String(), ClientID: c.ClientID}
}
