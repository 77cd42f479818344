package bolt

import (
	"bytes"
	"context"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// accountsPerRead bounds how long one transaction keeps the file from being compacted while a caller looks at what
// it was given.
const accountsPerRead = 500

// Accounts implements account.Lister.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[account.Account, error] {
	return func(yield func(account.Account, error) bool) {
		for after := []byte(nil); ; {
			var page []account.Account
			err := s.read(ctx, "list accounts", func(tx *bbolt.Tx) error {
				cursor := tx.Bucket(accountBucket).Cursor()
				for key, data := cursor.Seek(after); key != nil && len(page) < accountsPerRead; key, data = cursor.Next() {
					if bytes.Equal(key, after) {
						continue
					}
					var record accountRecord
					if err := json.Unmarshal(data, &record); err != nil {
						return err
					}
					page = append(page, record.account(uuid.UUID(key)))
				}
				return nil
			})
			if err != nil {
				yield(account.Account{}, err)
				return
			}
			for _, a := range page {
				if !yield(a, nil) {
					return
				}
			}
			if len(page) < accountsPerRead {
				return
			}
			after = bytes.Clone(page[len(page)-1].ID[:])
		}
	}
}

// FindSession implements session.Finder.
func (s *Store) FindSession(ctx context.Context, id uuid.UUID) (session.Session, error) {
	var found session.Session
	err := s.read(ctx, "find session", func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(sessionBucket).Cursor()
		for key, data := cursor.First(); key != nil; key, data = cursor.Next() {
			if !bytes.HasSuffix(key, id[:]) {
				continue
			}
			var record sessionRecord
			if err := json.Unmarshal(data, &record); err != nil {
				return err
			}
			found = record.session(uuid.UUID(key[:len(id)]), id)
			return nil
		}
		return session.ErrNotFound
	})
	return found, err
}
