package fakestore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// SetAccount puts a in place, uncounted. Its login name gets the hash, unless that is empty.
func (s *Store) SetAccount(a account.Account, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hash == "" {
		hash = s.logins[a.Username].Hash
	}
	s.accounts[a.ID] = a
	s.logins[a.Username] = account.LoginName{AccountID: a.ID, Hash: hash}
}

// DropAccount deletes an account but not its login name.
func (s *Store) DropAccount(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, id)
}

// DropLoginName deletes a login name.
func (s *Store) DropLoginName(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.logins, username)
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (found account.Account, err error) {
	err = s.do(ctx, "Account", func() error {
		a, ok := s.accounts[id]
		if !ok {
			return account.ErrNotFound
		}
		found = cloneAccount(a)
		return nil
	})
	return found, err
}

// LoginName implements account.Store.
func (s *Store) LoginName(ctx context.Context, username string) (found account.LoginName, err error) {
	err = s.do(ctx, "LoginName", func() error {
		l, ok := s.logins[username]
		if !ok {
			return account.ErrNotFound
		}
		found = l
		return nil
	})
	return found, err
}

// AccountAndLogin implements account.Store.
func (s *Store) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (found account.Account, login account.LoginName, err error) {
	err = s.do(ctx, "AccountAndLogin", func() error {
		a, known := s.accounts[id]
		l, named := s.logins[username]
		if !known || !named {
			return account.ErrNotFound
		}
		found, login = cloneAccount(a), l
		return nil
	})
	return found, login, err
}

// CreateAccount implements account.Creator.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	return s.do(ctx, "CreateAccount", func() error {
		taken, ok := s.logins[a.Username]
		switch {
		case ok && taken.AccountID != a.ID:
			return account.ErrExists
		case ok:
			return nil
		case s.hasOther(a.Email.Address, a.ID):
			return account.ErrAddressTaken
		}
		if _, ok := s.accounts[a.ID]; ok {
			return account.ErrExists
		}
		s.accounts[a.ID] = cloneAccount(a)
		s.logins[a.Username] = account.LoginName{AccountID: a.ID, Hash: hash}
		return nil
	})
}

// OwnerOf implements account.Addresses.
func (s *Store) OwnerOf(ctx context.Context, address string) (owner uuid.UUID, err error) {
	err = s.do(ctx, "OwnerOf", func() error {
		for _, a := range s.accounts {
			if address != "" && a.Email.Address == address {
				owner = a.ID
				return nil
			}
		}
		return account.ErrNotFound
	})
	return owner, err
}

// hasOther reports whether an account other than id has the address.
func (s *Store) hasOther(address string, id uuid.UUID) bool {
	for _, a := range s.accounts {
		if address != "" && a.Email.Address == address && a.ID != id {
			return true
		}
	}
	return false
}

// Rehash implements account.Rehasher.
func (s *Store) Rehash(ctx context.Context, username, from, to string) error {
	return s.do(ctx, "Rehash", func() error {
		login, ok := s.logins[username]
		if !ok || login.Hash != from {
			return account.ErrConflict
		}
		login.Hash = to
		s.logins[username] = login
		return nil
	})
}

// ChangeAccount implements account.Changer.
func (s *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	return s.do(ctx, "ChangeAccount", func() error { return s.change(c) })
}

func (s *Store) change(c account.Change) error {
	a, login, err := s.toChange(c, c.Hash != "" || c.OldUsername != "")
	if err != nil {
		return err
	}
	if _, taken := s.logins[c.Account.Username]; taken && c.OldUsername != "" {
		return account.ErrExists
	}
	if c.Email != nil && s.hasOther(c.Email.Address, a.ID) {
		return account.ErrAddressTaken
	}
	if c.Keep != uuid.Nil {
		kept, err := s.find(a.ID, c.Keep)
		if err != nil || kept.Epoch < c.From || !kept.Live(c.Entry.At) {
			return account.ErrNotKept
		}
		kept.Epoch = c.Account.Epoch
		s.sessions[kept.ID] = kept
	}
	a.Epoch, a.Endings = c.Account.Epoch, c.Account.Endings
	if c.Account.Proof.Epoch == a.Epoch {
		a.Proof = c.Account.Proof
	}
	if c.Disable != nil {
		a.Disabled = *c.Disable
	}
	if c.Email != nil {
		a.Email, a.Held = *c.Email, c.Account.Held
	}
	if c.Remove != nil {
		a.RemoveAt = *c.Remove
	}
	if c.Unlink {
		for _, identity := range a.Identities {
			delete(s.subjects, identity)
		}
		a.Identities = nil
	}
	if c.OldUsername != "" {
		s.logins[c.Account.Username] = login
		delete(s.logins, a.Username)
		a.Username = c.Account.Username
	}
	s.accounts[a.ID] = a
	if c.Hash != "" {
		login.Hash = c.Hash
		s.logins[a.Username] = login
	}
	return s.append(c.Entry)
}

// toChange returns the account, provided that it has the epoch that a change is from, and its login name, provided
// that it has the hash when that matters.
func (s *Store) toChange(c account.Change, hash bool) (account.Account, account.LoginName, error) {
	a, ok := s.accounts[c.Account.ID]
	if !ok {
		return account.Account{}, account.LoginName{}, account.ErrNotFound
	}
	login, ok := s.logins[a.Username]
	if a.Epoch != c.From || hash && (!ok || login.Hash != c.OldHash) || (c.Unlink || c.Remove != nil) && !slices.Equal(a.Identities, c.OldIdentities) {
		return account.Account{}, account.LoginName{}, account.ErrConflict
	}
	return a, login, nil
}

// SetAccess implements account.Keeper.
func (s *Store) SetAccess(ctx context.Context, id uuid.UUID, read, access account.Access) error {
	return s.do(ctx, "SetAccess", func() error {
		a, ok := s.accounts[id]
		if !ok {
			return account.ErrNotFound
		}
		if now := a.Access(); !now.Equal(read) && !now.Equal(access) {
			return account.ErrConflict
		}
		s.accounts[id] = cloneAccount(a.With(access))
		return nil
	})
}

// DeleteAccount implements account.Keeper.
func (s *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	return s.do(ctx, "DeleteAccount", func() error {
		a, _, err := s.toChange(c, c.Account.Username != "")
		switch {
		case err != nil:
			return err
		case !slices.Equal(a.Identities, c.Account.Identities):
			return account.ErrConflict
		}
		delete(s.accounts, a.ID)
		if a.Username != "" {
			delete(s.logins, a.Username)
		} else {
			delete(s.subjects, a.Subject)
		}
		for _, identity := range a.Identities {
			delete(s.subjects, identity)
		}
		return s.append(c.Entry)
	})
}

// ForgetConsents implements account.Forgetter, like Forget.
func (s *Store) ForgetConsents(ctx context.Context, _ uuid.UUID, _ time.Time) error {
	return s.do(ctx, "ForgetConsents", func() error { return nil })
}

// Forget implements account.Forgetter. It keeps everything: a test's time is short.
func (s *Store) Forget(ctx context.Context, _ uuid.UUID, _ time.Time) error {
	return s.do(ctx, "Forget", func() error { return nil })
}

func cloneAccount(a account.Account) account.Account {
	a.Roles, a.Scopes, a.Endings = slices.Clone(a.Roles), slices.Clone(a.Scopes), slices.Clone(a.Endings)
	a.Identities, a.Held = slices.Clone(a.Identities), slices.Clone(a.Held)
	return a
}

func cloneClient(c client.Client) client.Client {
	for _, list := range []*[]string{&c.Origins, &c.Redirects, &c.PostLogoutRedirects, &c.Audiences, &c.Scopes, &c.Introspects, &c.MayBegin, &c.MayGrant, &c.AMR} {
		*list = slices.Clone(*list)
	}
	c.SecretHash = slices.Clone(c.SecretHash)
	return c
}

// countOf is what a bucket is counted under: its limit and its end are the caller's.
func countOf(b account.Bucket) account.Bucket {
	return account.Bucket{Kind: b.Kind, Key: b.Key, Window: b.Window}
}

// Take implements account.Attempts.
func (s *Store) Take(ctx context.Context, b account.Bucket) (below bool, err error) {
	err = s.do(ctx, "Take", func() error {
		if until, inRow := s.forgotten[countOf(b)]; inRow && until.Before(b.Now) {
			delete(s.attempts, countOf(b))
		}
		if below = s.attempts[countOf(b)] < b.Limit; below {
			s.attempts[countOf(b)]++
			if b.InRow() {
				s.forgotten[countOf(b)] = b.Until
			}
		}
		return nil
	})
	return below && err == nil, err
}

// Refund implements account.Attempts.
func (s *Store) Refund(ctx context.Context, b account.Bucket) error {
	return s.do(ctx, "Refund", func() error {
		s.attempts[countOf(b)] = max(0, s.attempts[countOf(b)]-1)
		return nil
	})
}

// Clear implements account.Attempts.
func (s *Store) Clear(ctx context.Context, b account.Bucket) error {
	return s.do(ctx, "Clear", func() error {
		delete(s.attempts, countOf(b))
		return nil
	})
}

// Attempts returns how many attempts all buckets of a kind hold together, uncounted.
func (s *Store) Attempts(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for b, taken := range s.attempts {
		if b.Kind == kind {
			n += taken
		}
	}
	return n
}

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (found client.Client, err error) {
	err = s.do(ctx, "Client", func() error {
		c, ok := s.clients[id]
		if !ok {
			return client.ErrUnknown
		}
		found = cloneClient(c)
		return nil
	})
	return found, err
}

// PutClient implements client.Registrar.
func (s *Store) PutClient(ctx context.Context, c client.Client) error {
	return s.do(ctx, "PutClient", func() error {
		s.clients[c.ID] = cloneClient(c)
		return nil
	})
}

// ReplaceClient implements client.Registrar.
func (s *Store) ReplaceClient(ctx context.Context, read int64, c client.Client) error {
	return s.do(ctx, "ReplaceClient", func() error {
		switch found := s.clients[c.ID]; {
		case found.Revision == read:
			s.clients[c.ID] = cloneClient(c)
		case !found.Equal(c):
			return client.ErrChanged
		}
		return nil
	})
}

// Clients implements client.Lister.
func (s *Store) Clients(ctx context.Context) (list []client.Client, err error) {
	err = s.do(ctx, "Clients", func() error {
		for _, id := range slices.Sorted(maps.Keys(s.clients)) {
			list = append(list, cloneClient(s.clients[id]))
		}
		return nil
	})
	return list, err
}

// ReadPart implements keyring.Store.
func (s *Store) ReadPart(ctx context.Context, part keyring.Part) (item keyring.Item, err error) {
	err = s.do(ctx, "ReadPart", func() error {
		switch {
		case part == keyring.Links && s.links.Version != 0:
			item = cloneLinks(s.links)
			return nil
		case part == keyring.Links, s.version == 0:
			return keyring.ErrMissing
		}
		item = keyring.Item{Version: s.version, Data: slices.Clone(s.parts[part])}
		return nil
	})
	return item, err
}

// ReplaceParts implements keyring.Store.
func (s *Store) ReplaceParts(ctx context.Context, version int64, parts map[keyring.Part][]byte) error {
	return s.do(ctx, "ReplaceParts", func() error {
		if version != s.version {
			return keyring.ErrConflict
		}
		s.parts = map[keyring.Part][]byte{}
		for part, data := range parts {
			s.parts[part] = slices.Clone(data)
		}
		s.version++
		return nil
	})
}

// ReplaceLinks implements keyring.LinkStore.
func (s *Store) ReplaceLinks(ctx context.Context, version int64, data, states []byte) error {
	return s.do(ctx, "ReplaceLinks", func() error {
		if version != s.links.Version {
			return keyring.ErrConflict
		}
		s.links = cloneLinks(keyring.Item{Version: version + 1, Data: data, States: states})
		return nil
	})
}

func cloneLinks(item keyring.Item) keyring.Item {
	return keyring.Item{Version: item.Version, Data: slices.Clone(item.Data), States: slices.Clone(item.States)}
}
