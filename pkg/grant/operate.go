package grant

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// OperateParts is what an Operate is made of; every field is needed.
type OperateParts struct {
	Sessions session.Reader
	Revoker  *session.Revoker
	Accounts *account.Editor
	Log      revocation.Log
	Trail    *audit.Trail
	Now      func() time.Time
}

// Operate takes back what an operator names, without holding any of it. After oauth.ErrUnavailable nothing is
// confirmed, and every method may be repeated.
type Operate struct{ OperateParts }

// NewOperate returns an Operate.
func NewOperate(p OperateParts) *Operate { return &Operate{p} }

// RevokeToken denies one access token by its jti. Whether it ever was is not known.
func (o *Operate) RevokeToken(ctx context.Context, id uuid.UUID) error {
	return o.deny(ctx, revocation.Token, id.String(), audit.Event{Name: audit.TokenRevoked, TokenID: id.String()})
}

// RevokeClient denies every access token of a client, also those that it gets within the life of the entry, an
// hour: a brake for a client that leaks. Its refresh tokens stay as they are.
func (o *Operate) RevokeClient(ctx context.Context, id string) error {
	return o.deny(ctx, revocation.Client, id, audit.Event{Name: audit.ClientRevoked, ClientID: id})
}

func (o *Operate) deny(ctx context.Context, kind revocation.Kind, id string, event audit.Event) error {
	if err := revocation.Deny(ctx, o.Log, o.Now, kind, id); err != nil {
		return fmt.Errorf("grant: deny: %w", err)
	}
	o.Trail.Record(ctx, event)
	return nil
}

// RevokeSession ends one session of an account. It reports whether it lived; session.ErrNotFound when there is
// none.
func (o *Operate) RevokeSession(ctx context.Context, account, id uuid.UUID) (bool, error) {
	found, err := o.Sessions.Session(ctx, account, id)
	if err != nil {
		return false, fmt.Errorf("grant: read the session: %w", err)
	}
	ended, err := o.Revoker.End(ctx, found, session.ReasonOperator)
	if err == nil && ended {
		o.Trail.Record(ctx, audit.Event{
			Name: audit.SessionRevoked, Subject: account.String(), SessionID: id.String(), ClientID: found.ClientID,
			Reason: string(session.ReasonOperator),
		})
	}
	return ended, err
}

// RevokeAccount ends every session of an account. account.ErrNotFound when there is none.
func (o *Operate) RevokeAccount(ctx context.Context, a account.Account) error {
	if err := o.Accounts.EndSessions(ctx, a); err != nil {
		return fmt.Errorf("grant: end sessions: %w", err)
	}
	o.Trail.Record(ctx, audit.Event{Name: audit.AccountRevoked, Subject: a.ID.String()})
	return nil
}
