package operate

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// RevokeToken denies one access token by its jti. It does not know whether there is such a token.
func (o *Operator) RevokeToken(ctx context.Context, id uuid.UUID) error {
	return o.deny(ctx, revocation.Token, id.String(), audit.Event{Name: audit.TokenRevoked, TokenID: id.String()})
}

func (o *Operator) deny(ctx context.Context, kind revocation.Kind, id string, event audit.Event) error {
	if err := revocation.Deny(ctx, o.store, o.now, kind, id); err != nil {
		return fmt.Errorf("operate: deny: %w", err)
	}
	return o.record(ctx, event)
}

// RevokeSession ends one session of an account. It reports whether this call revoked it. session.ErrNotFound when there is
// none.
func (o *Operator) RevokeSession(ctx context.Context, account, id uuid.UUID) (bool, error) {
	found, err := o.store.Session(ctx, account, id)
	if err != nil {
		return false, fmt.Errorf("operate: read the session: %w", err)
	}
	ended, err := o.sessions.End(ctx, found, session.ReasonOperator)
	if err != nil || !ended {
		return false, err
	}
	return true, o.record(ctx, audit.Event{
		Name: audit.SessionRevoked, Subject: account.String(), SessionID: id.String(), ClientID: found.ClientID,
		Reason: string(session.ReasonOperator),
	})
}
