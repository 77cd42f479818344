// Package bolt keeps every store of the domain in one bbolt file: the embedded default, for a laptop and
// for tests. It holds the same contracts as the cloud's store, by storetest.
//
// Every write checks its condition in the transaction that writes, and bbolt runs one writing transaction
// at a time, so conditions never race; writes that wait at the same time share a commit. What has expired is deleted on Open, and during writes where it
// costs next to nothing: creating a session, appending a revocation or counting an attempt deletes a few of the
// oldest. Nothing relies on that: what must not count when expired is compared with the clock.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

var (
	// ErrInUse says that another process has the file open.
	ErrInUse = errors.New("in use by another process")
	// ErrFormat says that the file is not a store, or one that this program is too old to read.
	ErrFormat = errors.New("not a store that this version can read")
)

const lockTimeout = time.Second

// One bucket an entity.
var (
	metaBucket       = []byte("meta")
	sessionBucket    = []byte("sessions")
	expiryBucket     = []byte("session expiries")
	accountBucket    = []byte("accounts")
	loginNameBucket  = []byte("login names")
	addressBucket    = []byte("addresses")
	attemptBucket    = []byte("attempts")
	rowBucket        = []byte("attempts in a row")
	rowEndBucket     = []byte("ends of attempts in a row")
	revocationBucket = []byte("revocations")
	keyringBucket    = []byte("keyring")
	clientBucket     = []byte("clients")
	auditBucket      = []byte("audit events")
	policyBucket     = []byte("policies")
	providerBucket   = []byte("providers")
	resourceBucket   = []byte("resources")
	ticketBucket     = []byte("tickets")
	pushedBucket     = []byte("pushed requests")
	uninvitedBucket  = []byte("withdrawn invitations")
	consentBucket    = []byte("consents")
	orderBucket      = []byte("mail orders")
	mailsBucket      = []byte("mails")
	subjectBucket    = []byte("subjects")
	begunBucket      = []byte("begun")
	begunEndBucket   = []byte("begun, by their end")
	assertionBucket  = []byte("assertion expiries")
	removalBucket    = []byte("removals")

	assertionNameBucket = []byte("assertions")

	formatKey = []byte("format") // holds the schema number
)

// Store is one open file. Safe for concurrent use.
type Store struct {
	db      *bbolt.DB
	commits committer
	now     func() time.Time
}

// Open opens the file at path, readable by its owner only, and creates it when it is absent; the folder
// must be there. now is the clock that expiries are compared with. Errors are ErrInUse, after a second,
// schema.ErrOlder, ErrFormat, and those of the file system. A file that was refused is as it was; a damaged one may stay
// locked until this process ends.
func Open(path string, now func() time.Time) (*Store, error) {
	s, err := openFile(path, now)
	if err != nil {
		return nil, err
	}
	if err := surviving(func() error { return s.db.Update(s.prepare) }); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	return s, nil
}

// openFile opens the database and looks at nothing in it.
func openFile(path string, now func() time.Time) (*Store, error) {
	// bbolt makes a new database of an empty file. Ours was never empty: somebody has emptied it.
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return nil, fmt.Errorf("bolt: open %s: %w: it is empty", path, ErrFormat)
	}
	var db *bbolt.DB
	err := surviving(func() (err error) {
		if db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout}); err != nil {
			return err
		}
		if err := db.View(isWhole(path)); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	})
	var system *fs.PathError
	var number syscall.Errno
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("bolt: open %s: %w", path, ErrInUse)
	case errors.As(err, &system), errors.As(err, &number), errors.Is(err, ErrFormat):
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	case err != nil: // by bbolt, of what is in the file
		return nil, fmt.Errorf("bolt: open %s: %w: %w", path, ErrFormat, err)
	}
	return &Store{db: db, commits: committer{db: db}, now: now}, nil
}

// isWhole fails for a file that ends before its last page: it was cut off, by a full disk or a copy.
func isWhole(path string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() < tx.Size() {
			err = fmt.Errorf("%w: it was cut off: %d bytes of %d", ErrFormat, info.Size(), tx.Size())
		}
		return err
	}
}

// surviving returns ErrFormat where bbolt panics: it takes for granted that the pages of a file fit together. They are
// read through a memory map, so beyond the end of a file there is a fault instead of an error.
func surviving(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if damage := recover(); damage != nil {
			err = fmt.Errorf("%w: damaged: %v", ErrFormat, damage)
		}
	}()
	return do()
}

// Close waits for the transactions that are under way and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// prepare checks the schema number, creates what a new file lacks and deletes what has expired.
func (s *Store) prepare(tx *bbolt.Tx) error {
	if bucket, _ := tx.Cursor().First(); bucket != nil && tx.Bucket(metaBucket) == nil {
		return fmt.Errorf("%w: another program's database", ErrFormat)
	}
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	if err := checkSchema(meta); err != nil {
		return err
	}
	for _, name := range [][]byte{
		sessionBucket, accountBucket, loginNameBucket, attemptBucket, revocationBucket, keyringBucket, clientBucket, auditBucket, policyBucket, providerBucket, resourceBucket, ticketBucket, pushedBucket, uninvitedBucket, consentBucket,
		orderBucket, mailsBucket,
		subjectBucket, begunBucket, begunEndBucket, rowBucket, rowEndBucket,
		assertionBucket, assertionNameBucket, addressBucket, removalBucket,
	} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if err := indexExpiries(tx); err != nil {
		return err
	}
	return s.purge(tx)
}

func (s *Store) purge(tx *bbolt.Tx) error {
	return errors.Join(
		purgeSessions(tx, s.now(), all),
		purgeRemovals(tx, s.now(), all),
		purgeAttempts(tx, s.now(), all),
		purgeRevocations(tx, s.now(), all),
		purgeAssertions(tx, s.now(), all),
		purgeEvents(tx, s.now(), all),
		purgeBegun(tx, s.now(), all),
		purgeOrders(tx.Bucket(orderBucket), s.now(), all),
	)
}

// read runs do in a transaction that sees one state of the file.
func (s *Store) read(ctx context.Context, what string, do func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return outcome(what, err)
	}
	return outcome(what, s.db.View(do))
}

// write runs do in one transaction, maybe more than once; when do fails, nothing of it is written.
func (s *Store) write(ctx context.Context, what string, do func(*bbolt.Tx) error) error {
	return outcome(what, s.commits.write(ctx, do))
}

// answers are the errors by which the contracts tell what they found. Any other is a fault.
var answers = []error{
	account.ErrNotFound, account.ErrExists, account.ErrConflict, account.ErrNotKept, account.ErrAddressTaken,
	client.ErrUnknown, client.ErrChanged,
	keyring.ErrMissing, keyring.ErrConflict,
	session.ErrNotFound, session.ErrStale, session.ErrRevoked, session.ErrBegun,
	mail.ErrTaken,
}

func outcome(what string, err error) error {
	if err == nil {
		return nil
	}
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return answer
		}
	}
	return fmt.Errorf("%w: bolt: %s: %w", oauth.ErrUnavailable, what, err)
}

// get decodes the record at key, and reports whether there is one.
func get[T any](b *bbolt.Bucket, key []byte) (record T, ok bool, err error) {
	data := b.Get(key)
	if data == nil {
		return record, false, nil
	}
	err = json.Unmarshal(data, &record)
	return record, err == nil, err
}

func put[T any](b *bbolt.Bucket, key []byte, record T) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return b.Put(key, data)
}

// toMillis is how times are stored; the zero time is 0.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
