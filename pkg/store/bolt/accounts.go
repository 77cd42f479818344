package bolt

import (
	"context"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
)

// accountRecord is an account under its id, 16 bytes.
type accountRecord struct {
	Username string   `json:"username"`
	Roles    []string `json:"roles,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	Disabled bool     `json:"disabled,omitzero"`
	Epoch    int64    `json:"epoch"`
}

// loginNameRecord is a login name under its canonical username.
type loginNameRecord struct {
	AccountID uuid.UUID `json:"account_id"`
	Hash      string    `json:"hash"`
	Epoch     int64     `json:"epoch"`
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	var record accountRecord
	err := s.read(ctx, "read account", func(tx *bbolt.Tx) (err error) {
		var ok bool
		record, ok, err = get[accountRecord](tx.Bucket(accountBucket), id[:])
		if err == nil && !ok {
			err = account.ErrNotFound
		}
		return err
	})
	if err != nil {
		return account.Account{}, err
	}
	return account.Account{
		ID: id, Username: record.Username, Roles: record.Roles, Scopes: record.Scopes,
		Disabled: record.Disabled, Epoch: record.Epoch,
	}, nil
}

// LoginName implements account.Store.
func (s *Store) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	var record loginNameRecord
	err := s.read(ctx, "read login name", func(tx *bbolt.Tx) (err error) {
		var ok bool
		record, ok, err = get[loginNameRecord](tx.Bucket(loginNameBucket), []byte(username))
		if err == nil && !ok {
			err = account.ErrNotFound
		}
		return err
	})
	if err != nil {
		return account.LoginName{}, err
	}
	return account.LoginName(record), nil
}

// CreateAccount implements account.Creator.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	return s.write(ctx, "create account", func(tx *bbolt.Tx) error {
		names := tx.Bucket(loginNameBucket)
		taken, ok, err := get[loginNameRecord](names, []byte(a.Username))
		switch {
		case err != nil:
			return err
		case ok && taken.AccountID != a.ID:
			return account.ErrExists
		case ok:
			return nil
		}
		err = put(names, []byte(a.Username), loginNameRecord{AccountID: a.ID, Hash: hash, Epoch: a.Epoch})
		if err != nil {
			return err
		}
		return put(tx.Bucket(accountBucket), a.ID[:], accountRecord{
			Username: a.Username, Roles: a.Roles, Scopes: a.Scopes, Disabled: a.Disabled, Epoch: a.Epoch,
		})
	})
}

// ChangeAccount implements account.Changer.
func (s *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	return s.write(ctx, "change account", func(tx *bbolt.Tx) error {
		a, login, err := toChange(tx, c)
		if err != nil {
			return err
		}
		if err := keepSession(tx, c); err != nil {
			return err
		}
		a.Epoch, a.Disabled, login.Epoch = c.Account.Epoch, c.Account.Disabled, c.Account.Epoch
		if c.Hash != "" {
			login.Hash = c.Hash
		}
		if err := put(tx.Bucket(accountBucket), c.Account.ID[:], a); err != nil {
			return err
		}
		if err := put(tx.Bucket(loginNameBucket), []byte(a.Username), login); err != nil {
			return err
		}
		return s.appendEntry(tx, c.Entry)
	})
}

// toChange returns the account and its login name, provided that both have the epoch that a change is from.
func toChange(tx *bbolt.Tx, c account.Change) (accountRecord, loginNameRecord, error) {
	a, ok, err := get[accountRecord](tx.Bucket(accountBucket), c.Account.ID[:])
	switch {
	case err != nil:
		return accountRecord{}, loginNameRecord{}, err
	case !ok:
		return accountRecord{}, loginNameRecord{}, account.ErrNotFound
	}
	login, ok, err := get[loginNameRecord](tx.Bucket(loginNameBucket), []byte(a.Username))
	switch {
	case err != nil:
		return accountRecord{}, loginNameRecord{}, err
	case !ok || a.Epoch != c.From || login.Epoch != c.From:
		return accountRecord{}, loginNameRecord{}, account.ErrConflict
	}
	return a, login, nil
}

// keepSession gives the session that a change keeps, if it keeps one, the new epoch.
func keepSession(tx *bbolt.Tx, c account.Change) error {
	if c.Keep == uuid.Nil {
		return nil
	}
	sessions, key := tx.Bucket(sessionBucket), sessionKey(c.Account.ID, c.Keep)
	kept, ok, err := get[sessionRecord](sessions, key)
	switch {
	case err != nil:
		return err
	case !ok || kept.Epoch < c.From || !kept.session(c.Account.ID, c.Keep).Live(c.Entry.At):
		return account.ErrNotKept
	}
	kept.Epoch = c.Account.Epoch
	return put(sessions, key, kept)
}

// SetAccess implements account.Keeper.
func (s *Store) SetAccess(ctx context.Context, id uuid.UUID, roles, scopes []string) error {
	return s.write(ctx, "set access", func(tx *bbolt.Tx) error {
		accounts := tx.Bucket(accountBucket)
		a, ok, err := get[accountRecord](accounts, id[:])
		switch {
		case err != nil:
			return err
		case !ok:
			return account.ErrNotFound
		}
		a.Roles, a.Scopes = roles, scopes
		return put(accounts, id[:], a)
	})
}

// DeleteAccount implements account.Keeper.
func (s *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	return s.write(ctx, "delete account", func(tx *bbolt.Tx) error {
		a, _, err := toChange(tx, c)
		if err != nil {
			return err
		}
		if err := tx.Bucket(accountBucket).Delete(c.Account.ID[:]); err != nil {
			return err
		}
		if err := tx.Bucket(loginNameBucket).Delete([]byte(a.Username)); err != nil {
			return err
		}
		return s.appendEntry(tx, c.Entry)
	})
}
