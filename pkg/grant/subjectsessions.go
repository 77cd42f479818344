package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// find returns the account of a subject as its record remembers it. ErrNoSubject, oauth.ErrUnavailable.
func (g *Subjects) find(ctx context.Context, s account.Subject) (account.Account, error) {
	known, _, err := g.Directory.Subject(ctx, s, "")
	if errors.Is(err, account.ErrNotFound) {
		err = ErrNoSubject
	}
	return known, err
}

// List returns one page of a subject's sessions that may be used, newest first, as Devices.List does. ErrNoSubject,
// oauth.ErrUnavailable.
func (g *Subjects) List(ctx context.Context, s account.Subject, before uuid.UUID, limit int) (session.Page, error) {
	known, err := g.find(ctx, s)
	if err != nil {
		return session.Page{}, err
	}
	var (
		wg               sync.WaitGroup
		owner            account.Account
		page             session.Page
		ownerErr, allErr error
	)
	wg.Go(func() { owner, ownerErr = g.Reader.Account(ctx, known.ID) })
	wg.Go(func() { page, allErr = g.Sessions.SessionsOf(ctx, known.ID, before, limit) })
	wg.Wait()
	switch {
	case errors.Is(ownerErr, account.ErrNotFound):
		return session.Page{}, ErrNoSubject // deleted meanwhile
	case ownerErr != nil || allErr != nil:
		return session.Page{}, fmt.Errorf("grant: list sessions: %w", errors.Join(ownerErr, allErr))
	}
	usable, err := g.Owners.UsableOf(ctx, page.Sessions, owner)
	return session.Page{Sessions: usable, Next: page.Next}, err
}

// End ends one session of a subject, of whatever client it is. One that has ended already is no error. ErrNoSubject,
// session.ErrNotFound, oauth.ErrUnavailable.
func (g *Subjects) End(ctx context.Context, s account.Subject, id uuid.UUID) error {
	known, err := g.find(ctx, s)
	if err != nil {
		return err
	}
	target, err := g.Sessions.Session(ctx, known.ID, id)
	if err != nil {
		return fmt.Errorf("grant: end a session: %w", err)
	}
	ended, err := g.Revoker.End(ctx, target, session.ReasonEnded)
	if err == nil && ended {
		g.Trail.Record(ctx, eventOf(target, audit.SessionEnded))
	}
	return err
}

// EndAll ends every session of a subject. ErrNoSubject, oauth.ErrUnavailable.
func (g *Subjects) EndAll(ctx context.Context, s account.Subject) error {
	known, err := g.find(ctx, s)
	if err != nil {
		return err
	}
	owner, err := g.Reader.Account(ctx, known.ID) // its record does not remember why earlier sessions have ended
	if err == nil {
		err = g.Accounts.EndSessions(ctx, owner)
	}
	switch {
	case errors.Is(err, account.ErrNotFound):
		return ErrNoSubject
	case err != nil:
		return err
	}
	g.Trail.Record(ctx, audit.Event{Name: audit.AccountRevoked, Subject: known.ID.String()})
	return nil
}

// SubjectChange is what a service changes of a subject; nil leaves it as it is.
type SubjectChange struct {
	AccessChange
	Disabled *bool
}

// Change changes a subject. Disabling it ends its sessions. What is taken away is taken away first, and what is given comes last, so
// that a change that was not confirmed has given nothing too much. Errors: ErrNoSubject, a *NotGrantedError, those of
// account.CheckAccess, oauth.ErrUnavailable.
func (g *Subjects) Change(ctx context.Context, service client.Client, s account.Subject, c SubjectChange) error {
	known, err := g.find(ctx, s)
	if err != nil {
		return err
	}
	if access, err := c.of(service, known.Access()); err != nil {
		return err // before anything is changed
	} else if err := account.CheckAccess(access); err != nil {
		return err
	}
	if c.Disabled != nil && *c.Disabled {
		if err := g.disable(ctx, known.ID); err != nil {
			return err
		}
	}
	if err := g.changeAccess(ctx, service, known.ID, c.AccessChange); err != nil {
		return err
	}
	if c.Disabled != nil && !*c.Disabled {
		return g.enable(ctx, known.ID)
	}
	return nil
}

func (g *Subjects) disable(ctx context.Context, id uuid.UUID) error {
	changed, err := g.Accounts.Disable(ctx, id)
	return g.recordSwitch(ctx, audit.AccountDisabled, id, changed, err)
}

func (g *Subjects) enable(ctx context.Context, id uuid.UUID) error {
	changed, err := g.Accounts.Enable(ctx, id)
	return g.recordSwitch(ctx, audit.AccountEnabled, id, changed, err)
}

// recordSwitch leaves the event of a change that was made, even if it returned an error afterwards.
func (g *Subjects) recordSwitch(ctx context.Context, event string, id uuid.UUID, changed bool, err error) error {
	if changed {
		g.Trail.Record(ctx, audit.Event{Name: event, Subject: id.String()})
	}
	if errors.Is(err, account.ErrNotFound) {
		return ErrNoSubject
	}
	return err
}

// changeAccess changes what an account may do. When somebody else has changed it meanwhile, it begins again.
func (g *Subjects) changeAccess(ctx context.Context, service client.Client, id uuid.UUID, change AccessChange) error {
	if change == (AccessChange{}) {
		return nil
	}
	owner, err := g.Reader.Account(ctx, id)
	for range tries {
		if errors.Is(err, account.ErrNotFound) {
			return ErrNoSubject
		}
		if err != nil {
			return err
		}
		access, accessErr := change.of(service, owner.Access())
		if accessErr != nil {
			return accessErr
		}
		if owner, err = g.setAccess(ctx, owner, access); !errors.Is(err, account.ErrConflict) {
			return err
		}
		err = nil
	}
	return fmt.Errorf("%w: grant: the subject changes all the time", oauth.ErrUnavailable)
}
