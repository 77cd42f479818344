package bolt

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// subjectRecord is the account of a subject as it was when a session last began, under directory, zero byte and id. Neither has
// a zero byte.
type subjectRecord struct {
	AccountID uuid.UUID     `json:"account_id"`
	Account   accountRecord `json:"account"`
}

func subjectKey(s account.Subject) []byte { return []byte(s.Directory + "\x00" + s.ID) }

// begunRecord is a session.Begun under a hash of its subject and key.
type begunRecord struct {
	Body      string    `json:"body"`
	AccountID uuid.UUID `json:"account_id"`
	SessionID uuid.UUID `json:"session_id"`
	Until     int64     `json:"until"` // unix seconds
}

func begunKey(s account.Subject, key string) []byte {
	sum := sha256.Sum256(append(subjectKey(s), "\x00"+key...))
	return sum[:]
}

// Subject implements session.Directory.
func (s *Store) Subject(ctx context.Context, subject account.Subject, key string) (known account.Account, begun session.Begun, err error) {
	err = s.read(ctx, "read subject", func(tx *bbolt.Tx) error {
		var err error
		if begun, err = getBegun(tx, subject, key, s.now()); err != nil {
			return err
		}
		found, ok, err := get[subjectRecord](tx.Bucket(subjectBucket), subjectKey(subject))
		if err == nil && !ok {
			err = account.ErrNotFound
		}
		known = found.Account.account(found.AccountID)
		return err
	})
	switch {
	case errors.Is(err, account.ErrNotFound):
		return account.Account{}, begun, err
	case err != nil:
		return account.Account{}, session.Begun{}, err
	}
	return known, begun, nil
}

// getBegun returns what was begun with a key, the zero Begun when that is nothing or its time is over.
func getBegun(tx *bbolt.Tx, subject account.Subject, key string, now time.Time) (session.Begun, error) {
	if key == "" {
		return session.Begun{}, nil
	}
	r, _, err := get[begunRecord](tx.Bucket(begunBucket), begunKey(subject, key))
	if until := time.Unix(r.Until, 0).UTC(); err == nil && now.Before(until) {
		return session.Begun{Key: key, Body: r.Body, AccountID: r.AccountID, SessionID: r.SessionID, Until: until}, nil
	}
	return session.Begun{}, err
}

// BeginSession implements session.Directory.
func (s *Store) BeginSession(ctx context.Context, b session.Beginning) (changed account.Account, err error) {
	err = s.write(ctx, "begin session", func(tx *bbolt.Tx) error {
		if tx.Bucket(sessionBucket).Get(sessionKey(b.Session.AccountID, b.Session.ID)) != nil {
			return nil // this very write was made before, and its answer was lost
		}
		subjects, name := tx.Bucket(subjectBucket), subjectKey(b.Account.Subject)
		if changed, err = ownerToBegin(tx, b, name); err != nil {
			return err
		}
		if err := putBegun(tx, b); err != nil {
			return err
		}
		record := recordOf(b.Account)
		copied := record
		copied.Email, copied.EmailVerifiedAt, copied.Held, copied.Identities, copied.Proof = "", 0, nil, nil, account.Proof{} // they change without a beginning, so a copy would be out of date
		if err := put(subjects, name, subjectRecord{b.Account.ID, copied}); err != nil {
			return err
		}
		if b.New {
			if err := putAddress(tx, b.Account.ID, b.Account.Email.Address); err != nil {
				return err
			}
			if err := put(tx.Bucket(accountBucket), b.Account.ID[:], record); err != nil {
				return err
			}
		}
		if b.Linked {
			if err := addIdentities(tx, b.Account); err != nil {
				return err
			}
		}
		return s.create(tx, b.Session)
	})
	return changed, err
}

// ownerToBegin checks the condition of the account, and returns the account when it is another than the beginning has.
func ownerToBegin(tx *bbolt.Tx, b session.Beginning, name []byte) (account.Account, error) {
	if b.New || b.Linked {
		found, ok, err := get[subjectRecord](tx.Bucket(subjectBucket), name)
		if err == nil && ok && (b.Linked || found.AccountID != b.Account.ID) {
			err = account.ErrExists
		}
		if err != nil || b.New {
			return account.Account{}, err
		}
	}
	record, err := getAccount(tx, b.Account.ID)
	if err != nil {
		return account.Account{}, err
	}
	if found := record.account(b.Account.ID); found.Epoch != b.Account.Epoch || !found.Access().Equal(b.Account.Access()) {
		return found, account.ErrConflict
	}
	return account.Account{}, nil
}

// addIdentities stores with an account which identities lead to it.
func addIdentities(tx *bbolt.Tx, a account.Account) error {
	record, err := getAccount(tx, a.ID)
	if err != nil {
		return err
	}
	record.Identities = a.Identities
	return put(tx.Bucket(accountBucket), a.ID[:], record)
}

// putBegun stores what is begun with an idempotency key, if there is one.
func putBegun(tx *bbolt.Tx, b session.Beginning) error {
	if b.Begun.Key == "" {
		return nil
	}
	before, err := getBegun(tx, b.Account.Subject, b.Begun.Key, b.Session.CreatedAt)
	switch {
	case err != nil:
		return err
	case before.SessionID != uuid.Nil && before.SessionID != b.Session.ID:
		return session.ErrBegun
	}
	if err := purgeBegun(tx, b.Session.CreatedAt, few); err != nil {
		return err
	}
	key := begunKey(b.Account.Subject, b.Begun.Key)
	if err := tx.Bucket(begunEndBucket).Put(expiryKey(b.Begun.Until, key), nil); err != nil {
		return err
	}
	return put(tx.Bucket(begunBucket), key, begunRecord{b.Begun.Body, b.Begun.AccountID, b.Begun.SessionID, b.Begun.Until.Unix()})
}

// purgeBegun deletes at most limit records whose time is over.
func purgeBegun(tx *bbolt.Tx, now time.Time, limit int) error {
	over, err := purgeBefore(tx.Bucket(begunEndBucket), now.Add(time.Millisecond), limit)
	if err != nil {
		return err
	}
	begun, behindTime := tx.Bucket(begunBucket), len(appendTime(nil, now))
	for _, end := range over {
		record, ok, err := get[begunRecord](begun, end[behindTime:])
		if err != nil {
			return err
		}
		if ok && time.Unix(record.Until, 0).After(now) {
			continue // the key was used again
		}
		if err := begun.Delete(end[behindTime:]); err != nil {
			return err
		}
	}
	return nil
}
