package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	maxAccess     = 100 // roles, and scopes, of one account
	maxAccessName = 64  // bytes of a role or a scope
)

// ErrAccess says that a list is not acceptable as the roles or the scopes of an account.
var ErrAccess = errors.New("account: want at most 100 roles and 100 scopes of 1 to 64 printable ASCII characters without space, quote or backslash (RFC 6749 §3.3), " +
	"and scopes of 512 bytes together")

// Administrator makes the changes that people cannot make for themselves. Safe for concurrent use.
type Administrator struct {
	*Editor
	store interface {
		Store
		Keeper
	}
}

// NewAdministrator returns an Administrator over store.
func NewAdministrator(store interface {
	Store
	Changer
	Keeper
}, now func() time.Time) *Administrator {
	return &Administrator{NewEditor(store, now), store}
}

// SetAccess replaces roles, scopes and claims, which were read just now. Sessions live on: an access token keeps what it says until it expires, after
// oauth.MaxAccessLife at most, and the next refresh gives what is new. To take a right away at once, call EndSessions
// afterwards. Errors: those of CheckAccess; ErrConflict when somebody else has replaced them meanwhile; ErrNotFound,
// oauth.ErrUnavailable.
func (d *Administrator) SetAccess(ctx context.Context, id uuid.UUID, read, access Access) error {
	if err := CheckAccess(access); err != nil {
		return err
	}
	if err := d.store.SetAccess(ctx, id, read, access); err != nil {
		return fmt.Errorf("account: set access: %w", err)
	}
	return nil
}

// CheckAccess returns ErrAccess when the lists are not acceptable as the roles and the scopes of an account, and
// claims.ErrInvalid when the claims are not.
func CheckAccess(access Access) error {
	if !validAccess(access.Roles) || !validAccess(access.Scopes) || len(strings.Join(access.Scopes, " ")) > oauth.MaxScope {
		return ErrAccess
	}
	if canonical, err := claims.Parse(string(access.Claims)); err != nil || canonical != access.Claims {
		return fmt.Errorf("account: %w", cmp.Or(err, claims.ErrInvalid))
	}
	return nil
}

// validAccess reports whether a list is of scope-tokens (RFC 6749 §3.3) and within the limits.
func validAccess(list []string) bool {
	for _, name := range list {
		if !oauth.ValidScope(name) || len(name) > maxAccessName {
			return false
		}
	}
	return len(list) <= maxAccess
}

// Delete removes the account and its login name. The name may be registered again, for an account with another id. Sessions and
// access tokens of the account are refused from then on. Errors: ErrNotFound, also when it was deleted before;
// oauth.ErrUnavailable when the deletion is not confirmed, and then it may be repeated.
func (d *Administrator) Delete(ctx context.Context, id uuid.UUID) error {
	a, err := d.store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("account: delete: %w", err)
	}
	return d.untilSettled(ctx, a, func(a Account) error {
		if a.Username == "" {
			return d.try(a, edit{}, func(c Change) error { return d.store.DeleteAccount(ctx, c) })
		}
		a, login, err := d.store.AccountAndLogin(ctx, a.ID, a.Username)
		if err != nil {
			return fmt.Errorf("account: delete: %w", err)
		}
		return d.try(a, edit{oldHash: login.Hash}, func(c Change) error { return d.store.DeleteAccount(ctx, c) })
	})
}
