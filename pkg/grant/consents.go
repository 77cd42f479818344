package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	endedPage   = 100 // how many sessions are read at once to be ended
	endedAtOnce = 8   // how many of them end side by side
)

// ConsentsParts are the parts of a Consents; every field is needed.
type ConsentsParts struct {
	Given    consent.Store
	Sessions session.Lister
	Owners   *session.Owners
	Revoker  *session.Revoker
	Trail    *audit.Trail
	Now      func() time.Time
}

// Consents shows people what they have allowed applications, and takes it back. The rest is as for Devices: they present an access token,
// whose session must be usable, and what fails may be repeated.
type Consents struct{ ConsentsParts }

// NewConsents returns a Consents.
func NewConsents(p ConsentsParts) *Consents { return &Consents{p} }

// List returns what the caller allows applications that are registered, in the order of their ids.
func (s *Consents) List(ctx context.Context, c Caller) ([]consent.Consent, error) {
	var (
		wg              sync.WaitGroup
		given           []consent.Consent
		ownErr, listErr error
	)
	wg.Go(func() { _, _, ownErr = s.Owners.Living(ctx, c.Holder) })
	wg.Go(func() { given, listErr = s.Given.Consents(ctx, c.AccountID) })
	wg.Wait()
	switch {
	case ownErr != nil:
		return nil, ownErr
	case listErr != nil:
		return nil, fmt.Errorf("grant: list consents: %w", listErr)
	}
	clients, errs := make([]client.Client, len(given)), make([]error, len(given))
	for i, one := range given {
		wg.Go(func() { clients[i], errs[i] = s.Owners.ClientOf(ctx, one.ClientID) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var counts []consent.Consent
	for i, one := range given {
		if one.Covers(nil, clients[i]) {
			counts = append(counts, one)
		}
	}
	return counts, nil
}

// TakeBack makes the caller allow a client nothing any more, and ends its sessions of the account, those too that wait for their codes.
// consent.ErrNotFound, and nothing has changed, when the caller has allowed it nothing and people are not asked about it.
//
// The consent goes first. A code that is offered at the same time is then seen among the sessions, or does not find the consent when it is
// exchanged (session.Codes).
func (s *Consents) TakeBack(ctx context.Context, c Caller, clientID string) error {
	if !client.ValidID(clientID) && !client.IsURL(clientID) {
		return consent.ErrNotFound
	}
	var (
		wg                          sync.WaitGroup
		of                          client.Client
		ownErr, clientErr, givenErr error
	)
	wg.Go(func() { _, _, ownErr = s.Owners.Living(ctx, c.Holder) })
	wg.Go(func() { of, clientErr = s.Owners.ClientOf(ctx, clientID) })
	wg.Go(func() { _, givenErr = s.Given.Consent(ctx, c.AccountID, clientID) })
	wg.Wait()
	switch nothing := errors.Is(givenErr, consent.ErrNotFound); {
	case ownErr != nil:
		return ownErr
	case clientErr != nil:
		return clientErr
	case nothing && !of.AsksConsent():
		return consent.ErrNotFound
	case !nothing && givenErr != nil:
		return fmt.Errorf("grant: take back a consent: %w", givenErr)
	}
	if err := s.Given.TakeBackConsent(ctx, c.AccountID, clientID); err != nil {
		return fmt.Errorf("grant: take back a consent: %w", err)
	}
	ended, err := s.endAll(ctx, c.AccountID, clientID)
	if err != nil {
		return err
	}
	s.Trail.Record(ctx, audit.Event{
		Name: audit.ConsentTaken, Subject: c.AccountID.String(), SessionID: c.SessionID.String(), ClientID: clientID, Count: ended,
	})
	return nil
}

// endAll ends every session of an account at a client, and returns how many it was. After an error, another call goes on with those that are left.
func (s *Consents) endAll(ctx context.Context, account uuid.UUID, clientID string) (int, error) {
	var (
		count  atomic.Int32
		before uuid.UUID
	)
	for {
		page, err := s.Sessions.SessionsOf(ctx, account, before, endedPage)
		if err != nil {
			return 0, fmt.Errorf("grant: list sessions: %w", err)
		}
		errs := make([]error, len(page.Sessions))
		places := make(chan struct{}, endedAtOnce)
		var wg sync.WaitGroup
		for i, one := range page.Sessions {
			if one.ClientID != clientID || !one.Live(s.Now()) {
				continue
			}
			places <- struct{}{}
			wg.Go(func() {
				defer func() { <-places }()
				ended, err := s.Revoker.End(ctx, one, session.ReasonEnded)
				if ended {
					count.Add(1)
				}
				errs[i] = err
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return 0, err
		}
		if before = page.Next; before == uuid.Nil {
			return int(count.Load()), nil
		}
	}
}
