package bolt

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
)

// accountRecord is an account under its id, 16 bytes.
type accountRecord struct {
	Username string           `json:"username"`
	Roles    []string         `json:"roles,omitempty"`
	Scopes   []string         `json:"scopes,omitempty"`
	Claims   jsontext.Value   `json:"claims,omitzero"`
	Disabled bool             `json:"disabled,omitzero"`
	RemoveAt int64            `json:"remove_at,omitzero"` // unix milliseconds
	Epoch    int64            `json:"epoch"`
	Endings  []account.Ending `json:"endings,omitempty"`

	Email           string `json:"email,omitzero"`
	EmailVerifiedAt int64  `json:"email_verified_at,omitzero"` // unix milliseconds
	Held            []held `json:"held,omitempty"`

	Directory string `json:"directory,omitzero"` // of its subject
	Subject   string `json:"subject,omitzero"`

	Identities []account.Subject `json:"identities,omitempty"`
	Proof      account.Proof     `json:"proof,omitzero"`
}

func recordOf(a account.Account) accountRecord {
	return accountRecord{
		a.Username, a.Roles, a.Scopes, rawClaims(a.Claims), a.Disabled, toMillis(a.RemoveAt), a.Epoch, a.Endings,
		a.Email.Address, toMillis(a.Email.VerifiedAt), recordHeld(a.Held), a.Subject.Directory, a.Subject.ID, a.Identities, a.Proof,
	}
}

func (r accountRecord) account(id uuid.UUID) account.Account {
	return account.Account{
		ID: id, Username: r.Username, Roles: r.Roles, Scopes: r.Scopes, Claims: claims.Set(r.Claims),
		Disabled: r.Disabled, RemoveAt: fromMillis(r.RemoveAt), Epoch: r.Epoch, Endings: r.Endings, Subject: account.Subject{Directory: r.Directory, ID: r.Subject},
		Identities: r.Identities, Email: account.Email{Address: r.Email, VerifiedAt: fromMillis(r.EmailVerifiedAt)}, Held: heldOf(r.Held), Proof: r.Proof,
	}
}

// rawClaims is nil for no claims, so that none are written.
func rawClaims(set claims.Set) jsontext.Value {
	if set == "" {
		return nil
	}
	return jsontext.Value(set)
}

// loginNameRecord is a login name under its canonical username.
type loginNameRecord struct {
	AccountID uuid.UUID `json:"account_id"`
	Hash      string    `json:"hash"`
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (found account.Account, err error) {
	err = s.read(ctx, "read account", func(tx *bbolt.Tx) error {
		record, err := getAccount(tx, id)
		found = record.account(id)
		return err
	})
	if err != nil {
		return account.Account{}, err
	}
	return found, nil
}

// LoginName implements account.Store.
func (s *Store) LoginName(ctx context.Context, username string) (found account.LoginName, err error) {
	err = s.read(ctx, "read login name", func(tx *bbolt.Tx) error {
		record, err := getLoginName(tx, username)
		found = account.LoginName(record)
		return err
	})
	return found, err
}

// AccountAndLogin implements account.Store.
func (s *Store) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (account.Account, account.LoginName, error) {
	var found accountRecord
	var login loginNameRecord
	err := s.read(ctx, "read account and login name", func(tx *bbolt.Tx) error {
		var accountErr, loginErr error
		found, accountErr = getAccount(tx, id)
		login, loginErr = getLoginName(tx, username)
		return cmp.Or(accountErr, loginErr)
	})
	if err != nil {
		return account.Account{}, account.LoginName{}, err
	}
	return found.account(id), account.LoginName(login), nil
}

func getAccount(tx *bbolt.Tx, id uuid.UUID) (accountRecord, error) {
	record, ok, err := get[accountRecord](tx.Bucket(accountBucket), id[:])
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return record, err
}

func getLoginName(tx *bbolt.Tx, username string) (loginNameRecord, error) {
	record, ok, err := get[loginNameRecord](tx.Bucket(loginNameBucket), []byte(username))
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return record, err
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
		if tx.Bucket(accountBucket).Get(a.ID[:]) != nil {
			return account.ErrExists
		}
		if err := putAddress(tx, a.ID, a.Email.Address); err != nil {
			return err
		}
		if err := put(names, []byte(a.Username), loginNameRecord{AccountID: a.ID, Hash: hash}); err != nil {
			return err
		}
		return put(tx.Bucket(accountBucket), a.ID[:], recordOf(a))
	})
}

// Rehash implements account.Rehasher.
func (s *Store) Rehash(ctx context.Context, username, from, to string) error {
	return s.write(ctx, "rehash", func(tx *bbolt.Tx) error {
		login, err := loginNameToChange(tx, username, account.Change{OldHash: from})
		if err != nil {
			return err
		}
		login.Hash = to
		return put(tx.Bucket(loginNameBucket), []byte(username), login)
	})
}

// ChangeAccount implements account.Changer.
func (s *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	return s.write(ctx, "change account", func(tx *bbolt.Tx) error { return s.changeAccount(tx, c) })
}

func (s *Store) changeAccount(tx *bbolt.Tx, c account.Change) error {
	a, err := accountToChange(tx, c)
	if err != nil {
		return err
	}
	if err := changeAddress(tx, &a, c); err != nil {
		return err
	}
	if err := changeLoginName(tx, &a, c); err != nil {
		return err
	}
	if err := keepSession(tx, c); err != nil {
		return err
	}
	if err := s.changeRemoval(tx, &a, c); err != nil {
		return err
	}
	if c.Unlink {
		if !slices.Equal(a.Identities, c.OldIdentities) {
			return account.ErrConflict
		}
		if err := deleteIdentities(tx, a); err != nil {
			return err
		}
		a.Identities = nil
	}
	a.Epoch, a.Endings = c.Account.Epoch, c.Account.Endings
	if c.Account.Proof.Epoch == a.Epoch {
		a.Proof = c.Account.Proof
	}
	if c.Disable != nil {
		a.Disabled = *c.Disable
	}
	if err := put(tx.Bucket(accountBucket), c.Account.ID[:], a); err != nil {
		return err
	}
	return s.appendEntry(tx, c.Entry)
}

// accountToChange returns the account, provided that it has the epoch that a change is from.
func accountToChange(tx *bbolt.Tx, c account.Change) (accountRecord, error) {
	a, err := getAccount(tx, c.Account.ID)
	if err == nil && a.Epoch != c.From {
		err = account.ErrConflict
	}
	return a, err
}

// loginNameToChange returns the login name, provided that it has the hash that a change is from.
func loginNameToChange(tx *bbolt.Tx, username string, c account.Change) (loginNameRecord, error) {
	login, err := getLoginName(tx, username)
	if errors.Is(err, account.ErrNotFound) || err == nil && login.Hash != c.OldHash {
		err = account.ErrConflict
	}
	return login, err
}

// changeLoginName replaces the hash, the name, or both, as the change says.
func changeLoginName(tx *bbolt.Tx, a *accountRecord, c account.Change) error {
	if c.Hash == "" && c.OldUsername == "" {
		return nil
	}
	login, err := loginNameToChange(tx, a.Username, c)
	if err != nil {
		return err
	}
	names := tx.Bucket(loginNameBucket)
	if c.OldUsername != "" {
		if a.Username != c.OldUsername {
			return account.ErrConflict
		}
		if names.Get([]byte(c.Account.Username)) != nil {
			return account.ErrExists
		}
		if err := names.Delete([]byte(a.Username)); err != nil {
			return err
		}
		a.Username = c.Account.Username
	}
	login.Hash = cmp.Or(c.Hash, login.Hash)
	return put(names, []byte(a.Username), login)
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
func (s *Store) SetAccess(ctx context.Context, id uuid.UUID, read, access account.Access) error {
	return s.write(ctx, "set access", func(tx *bbolt.Tx) error {
		a, err := getAccount(tx, id)
		if err != nil {
			return err
		}
		switch now := a.account(id).Access(); {
		case now.Equal(access):
			return nil
		case !now.Equal(read):
			return account.ErrConflict
		}
		a.Roles, a.Scopes, a.Claims = access.Roles, access.Scopes, rawClaims(access.Claims)
		return put(tx.Bucket(accountBucket), id[:], a)
	})
}

// DeleteAccount implements account.Keeper.
func (s *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	return s.write(ctx, "delete account", func(tx *bbolt.Tx) error {
		a, err := accountToChange(tx, c)
		switch {
		case err != nil:
			return err
		case !slices.Equal(a.Identities, c.Account.Identities):
			return account.ErrConflict
		}
		if err := tx.Bucket(accountBucket).Delete(c.Account.ID[:]); err != nil {
			return err
		}
		if err := deleteName(tx, a, c); err != nil {
			return err
		}
		if err := deleteAddress(tx, c.OldEmail); err != nil {
			return err
		}
		return s.appendEntry(tx, c.Entry)
	})
}

// deleteName deletes what leads to an account: its login name or the record of its subject, and those of its identities.
func deleteName(tx *bbolt.Tx, a accountRecord, c account.Change) error {
	if err := deleteIdentities(tx, a); err != nil {
		return err
	}
	if a.Username == "" {
		return tx.Bucket(subjectBucket).Delete(subjectKey(account.Subject{Directory: a.Directory, ID: a.Subject}))
	}
	if _, err := loginNameToChange(tx, a.Username, c); err != nil {
		return err
	}
	return tx.Bucket(loginNameBucket).Delete([]byte(a.Username))
}

func deleteIdentities(tx *bbolt.Tx, a accountRecord) error {
	for _, identity := range a.Identities {
		if err := tx.Bucket(subjectBucket).Delete(subjectKey(identity)); err != nil {
			return err
		}
	}
	return nil
}
