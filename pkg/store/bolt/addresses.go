package bolt

import (
	"context"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
)

// addressRecord says whose an address is, under the canonical address.
type addressRecord struct {
	AccountID uuid.UUID `json:"account_id"`
}

// OwnerOf implements account.Addresses.
func (s *Store) OwnerOf(ctx context.Context, address string) (owner uuid.UUID, err error) {
	err = s.read(ctx, "read address", func(tx *bbolt.Tx) error {
		found, ok, err := get[addressRecord](tx.Bucket(addressBucket), []byte(address))
		if err == nil && !ok {
			err = account.ErrNotFound
		}
		owner = found.AccountID
		return err
	})
	return owner, err
}

// putAddress gives an account its address, provided that no other account has it.
func putAddress(tx *bbolt.Tx, id uuid.UUID, address string) error {
	if address == "" {
		return nil
	}
	found, ok, err := get[addressRecord](tx.Bucket(addressBucket), []byte(address))
	switch {
	case err != nil:
		return err
	case ok && found.AccountID != id:
		return account.ErrAddressTaken
	}
	return put(tx.Bucket(addressBucket), []byte(address), addressRecord{id})
}

func deleteAddress(tx *bbolt.Tx, address string) error {
	if address == "" {
		return nil
	}
	return tx.Bucket(addressBucket).Delete([]byte(address))
}

// held is when an account had an address, in unix milliseconds.
type held struct {
	From  int64 `json:"from,omitzero"`
	Until int64 `json:"until,omitzero"`
}

func recordHeld(times []account.Held) []held {
	var list []held
	for _, h := range times {
		list = append(list, held{toMillis(h.From), toMillis(h.Until)})
	}
	return list
}

func heldOf(list []held) []account.Held {
	var times []account.Held
	for _, h := range list {
		times = append(times, account.Held{From: fromMillis(h.From), Until: fromMillis(h.Until)})
	}
	return times
}

// changeAddress replaces the address of an account, if the change has one.
func changeAddress(tx *bbolt.Tx, a *accountRecord, c account.Change) error {
	if c.Email == nil {
		return nil
	}
	if a.Email != c.OldEmail {
		return account.ErrConflict
	}
	if err := deleteAddress(tx, c.OldEmail); err != nil {
		return err
	}
	a.Email, a.EmailVerifiedAt, a.Held = c.Email.Address, toMillis(c.Email.VerifiedAt), recordHeld(c.Account.Held)
	return putAddress(tx, c.Account.ID, c.Email.Address)
}
