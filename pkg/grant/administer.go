package grant

import (
	"context"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Administer makes the changes of account.Administrator and records each that was made. Errors are its.
type Administer struct {
	Accounts *account.Administrator
	Trail    *audit.Trail
}

// Disable ends every session and lets nobody log in.
func (m Administer) Disable(ctx context.Context, id uuid.UUID) error {
	return m.record(ctx, audit.AccountDisabled, id, m.Accounts.Disable(ctx, id))
}

// Enable takes Disable back.
func (m Administer) Enable(ctx context.Context, id uuid.UUID) error {
	return m.record(ctx, audit.AccountEnabled, id, m.Accounts.Enable(ctx, id))
}

// Delete removes the account with all that was issued for it.
func (m Administer) Delete(ctx context.Context, id uuid.UUID) error {
	return m.record(ctx, audit.AccountDeleted, id, m.Accounts.Delete(ctx, id))
}

// SetPassword replaces the password and ends every session.
func (m Administer) SetPassword(ctx context.Context, id uuid.UUID, password oauth.Secret) error {
	return m.record(ctx, audit.PasswordSet, id, m.Accounts.SetPassword(ctx, id, password))
}

// SetAccess replaces roles and scopes, from the next refresh on.
func (m Administer) SetAccess(ctx context.Context, id uuid.UUID, roles, scopes []string) error {
	return m.record(ctx, audit.AccessSet, id, m.Accounts.SetAccess(ctx, id, roles, scopes))
}

func (m Administer) record(ctx context.Context, name string, id uuid.UUID, err error) error {
	if err == nil {
		m.Trail.Record(ctx, audit.Event{Name: name, Subject: id.String()})
	}
	return err
}
