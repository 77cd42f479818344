package grant

import (
	"context"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// Visits answers what the holder of a session handle may do. Nothing is kept from one request to the next, so whatever ends the session or
// changes its account counts from the next request on.
type Visits struct {
	owners *session.Owners
	uses   *session.Uses
}

// NewVisits returns a Visits.
func NewVisits(owners *session.Owners, uses *session.Uses) *Visits { return &Visits{owners, uses} }

// Visit is a request of somebody whose handle is good.
type Visit struct {
	// Claims are what an access token of the session would say now, but without an id, with all roles of the account, and with the
	// expiry of the session.
	Claims token.Claims
	Client client.Client

	session session.Session
}

// Open finds out who visits, in one round trip. Errors as session.Owners.OfHandle, and client.ErrWrongKind.
func (v *Visits) Open(ctx context.Context, at Place, h session.Handle, clientID string) (Visit, error) {
	s, a, c, err := v.owners.OfHandle(ctx, h, clientID)
	switch {
	case err != nil:
		return Visit{}, err
	case c.Transport() != client.AsHandle:
		return Visit{}, client.ErrWrongKind
	}
	claims := claimsOf(at, s, a, c, s.AuthTime)
	claims.ID, claims.Expiry, claims.Roles, claims.RolesOmitted = "", s.IdleExpiry, a.Roles, false
	return Visit{claims, c, s}, nil
}

// Used records the use of the session, as session.Uses.Record does. It is called once nothing refuses the request.
func (v *Visits) Used(ctx context.Context, visit Visit, network string) error {
	return v.uses.Record(ctx, visit.session, visit.Client, network)
}
