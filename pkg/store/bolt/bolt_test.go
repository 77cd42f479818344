package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Store {
		return open(t, filepath.Join(storetest.Dir(t), "store"), now)
	})
}

func open(t *testing.T, path string, now func() time.Time) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func at(moment time.Time) func() time.Time { return func() time.Time { return moment } }

// content is one of everything, living past start by as long as each kind lives.
type content struct {
	account account.Account
	session session.Session
	client  client.Client
	entry   revocation.Entry
	attempt account.Bucket
	parts   map[keyring.Part][]byte
}

func newContent() content {
	owner := uuid.Must(uuid.NewV7())
	return content{
		account: account.Account{ID: owner, Username: "ada", Roles: []string{"admin"}, Epoch: 7},
		session: session.Session{
			AccountID: owner, ID: uuid.Must(uuid.NewV7()), ClientID: "app", Generation: 3,
			RotatedAt: start.Add(time.Millisecond), CreatedAt: start, AuthTime: start, AMR: []string{"pwd"},
			IdleExpiry: start.Add(time.Hour), Expiry: start.Add(24 * time.Hour), Epoch: 7,
		},
		client:  client.New("app", client.Native),
		entry:   revocation.Entry{At: start, Kind: revocation.Token, ID: "one"},
		attempt: account.Bucket{Kind: "account", Key: "ada", Window: 1, Limit: 1, Until: start.Add(15 * time.Minute)},
		parts: map[keyring.Part][]byte{
			keyring.Signing: []byte("s"), keyring.Refresh: []byte("r"), keyring.Public: []byte("p"),
		},
	}
}

func (c content) store(t *testing.T, s *bolt.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Take(ctx, c.attempt)
	for _, err := range []error{
		err,
		s.CreateAccount(ctx, c.account, "hash"),
		s.Create(ctx, c.session),
		s.PutClient(ctx, c.client),
		s.Append(ctx, c.entry),
		s.ReplaceParts(ctx, 0, c.parts),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEverythingOutlivesClosing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	c := newContent()
	first := open(t, path, at(start))
	c.store(t, first)
	closeStore(t, first)

	s, ctx := open(t, path, at(start.Add(time.Minute))), t.Context()
	acct, err := s.Account(ctx, c.account.ID)
	want(t, "account", acct, err, c.account)
	name, err := s.LoginName(ctx, "ada")
	want(t, "login name", name, err, account.LoginName{AccountID: c.account.ID, Hash: "hash"})
	sess, err := s.Session(ctx, c.session.AccountID, c.session.ID)
	want(t, "session", sess, err, c.session)
	app, err := s.Client(ctx, "app")
	want(t, "client", app, err, c.client)
	entries, err := s.Since(ctx, time.Time{})
	want(t, "revocations", entries, err, []revocation.Entry{c.entry})
	allowed, err := s.Take(ctx, c.attempt)
	want(t, "a second attempt allowed", allowed, err, false)
	for part, data := range c.parts {
		item, err := s.ReadPart(ctx, part)
		want(t, string(part), item, err, keyring.Item{Version: 1, Data: data})
	}
}

func want[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: error = %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// TestOpenDeletesWhatHasExpired counts items past the package under test: whatever has expired is never
// returned, deleted or not.
func TestOpenDeletesWhatHasExpired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	c := newContent()
	first := open(t, path, at(start))
	c.store(t, first)
	closeStore(t, first)
	for _, step := range []struct {
		now                            time.Time
		sessions, revocations, buckets int
	}{
		{start, 1, 1, 1},
		{c.attempt.Until.Add(2 * time.Minute), 1, 1, 0},
		{c.entry.ExpiresAt(), 1, 1, 0},
		{c.entry.ExpiresAt().Add(time.Millisecond), 1, 0, 0}, // the session is idle, not expired
		{c.session.Expiry.Add(-time.Millisecond), 1, 0, 0},
		{c.session.Expiry, 0, 0, 0},
	} {
		closeStore(t, open(t, path, at(step.now)))
		for bucket, want := range map[string]int{
			"sessions": step.sessions, "revocations": step.revocations, "attempts": step.buckets,
			"accounts": 1, "login names": 1, "clients": 1, "keyring": 3,
		} {
			if got := count(t, path, bucket); got != want {
				t.Errorf("%s after opening at %s = %d, want %d", bucket, step.now, got, want)
			}
		}
	}
}

// TestWritesDeleteWhatHasExpired: a store that is open for long must not grow for ever.
func TestWritesDeleteWhatHasExpired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	moment := start
	s := open(t, path, func() time.Time { return moment })
	c := newContent()
	c.store(t, s)

	moment = c.session.Expiry
	next := newContent()
	next.session.AccountID = c.session.AccountID
	next.session.Expiry = moment.Add(time.Hour)
	next.entry.At = moment
	next.attempt.Until = moment.Add(time.Minute)
	_, err := s.Take(t.Context(), next.attempt)
	if err := errors.Join(err, s.Create(t.Context(), next.session), s.Append(t.Context(), next.entry)); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	for _, bucket := range []string{"sessions", "revocations", "attempts"} {
		if got := count(t, path, bucket); got != 1 {
			t.Errorf("%s after writing beside an expired one = %d, want 1", bucket, got)
		}
	}
}

// TestLoginsDeleteTheOldestSessionsOfAnybody: a few at a time, so that no login waits for many.
func TestLoginsDeleteTheOldestSessionsOfAnybody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	moment := start
	s := open(t, path, func() time.Time { return moment })
	login := func(expiry time.Duration) session.Session {
		created := newContent().session // of an account of its own
		created.Expiry = start.Add(expiry)
		if err := s.Create(t.Context(), created); err != nil {
			t.Fatal(err)
		}
		return created
	}
	var lives []session.Session
	for hours := range 10 { // the last to log in expire first
		lives = append(lives, login(time.Duration(10-hours)*time.Hour))
	}
	moment = start.Add(9 * time.Hour)
	for _, left := range []int{6, 2, 1} { // nine have expired; a login deletes four
		login(24 * time.Hour)
		found := 0
		for _, created := range lives {
			if _, err := s.Session(t.Context(), created.AccountID, created.ID); err == nil {
				found++
			}
		}
		if _, err := s.Session(t.Context(), lives[0].AccountID, lives[0].ID); found != left || err != nil {
			t.Errorf("%d of the first sessions are left, the one that lives with error %v; want %d, without error", found, err, left)
		}
	}
	closeStore(t, s)
	if got := count(t, path, "session expiries"); got != 4 {
		t.Errorf("the index names %d sessions, want 4", got)
	}
}

// TestFileWithoutAnIndexOfExpiriesGetsOne: those of the version before had none.
func TestFileWithoutAnIndexOfExpiriesGetsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	c := newContent()
	s := open(t, path, at(start))
	c.store(t, s)
	closeStore(t, s)
	change(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("session expiries")) })
	closeStore(t, open(t, path, at(c.session.Expiry.Add(-time.Millisecond))))
	if got := count(t, path, "sessions"); got != 1 {
		t.Errorf("%d sessions just before the expiry, want 1", got)
	}
	closeStore(t, open(t, path, at(c.session.Expiry)))
	if got := count(t, path, "sessions"); got != 0 {
		t.Errorf("%d sessions at the expiry, want none", got)
	}
}

func count(t *testing.T, path, bucket string) (n int) {
	t.Helper()
	change(t, path, func(tx *bbolt.Tx) error {
		n = tx.Bucket([]byte(bucket)).Stats().KeyN
		return nil
	})
	return n
}

func TestFaultIsUnavailable(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "store"), at(start))
		closeStore(t, s)
		c := newContent()
		_, err := s.Session(t.Context(), c.session.AccountID, c.session.ID)
		for what, err := range map[string]error{"read": err, "write": s.Create(t.Context(), c.session)} {
			if !errors.Is(err, oauth.ErrUnavailable) || !errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
				t.Errorf("%s: error = %v, want ErrUnavailable that says why", what, err)
			}
		}
	})
	t.Run("unreadable record", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store")
		closeStore(t, open(t, path, at(start)))
		change(t, path, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("clients")).Put([]byte("app"), []byte(`{"kind":`))
		})
		if _, err := open(t, path, at(start)).Client(t.Context(), "app"); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("error = %v, want ErrUnavailable", err)
		}
	})
	t.Run("not all parts", func(t *testing.T) {
		s := open(t, filepath.Join(t.TempDir(), "store"), at(start))
		err := s.ReplaceParts(t.Context(), 0, map[keyring.Part][]byte{keyring.Signing: nil})
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("error = %v, want ErrUnavailable", err)
		}
		if _, err := s.ReadPart(t.Context(), keyring.Signing); !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("read afterwards: error = %v, want ErrMissing", err)
		}
	})
}

// TestUsernamesOfAttemptsAreNotStored: what people type into the field for the name may be a password.
func TestUsernamesOfAttemptsAreNotStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, at(start))
	b := newContent().attempt
	b.Key = "correct horse battery staple"
	if _, err := s.Take(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(b.Key)) {
		t.Errorf("the file contains %q", b.Key)
	}
}

// TestTenThousandSessionsAreListedPageByPage writes copies of one session past the store, all at once.
func TestTenThousandSessionsAreListedPageByPage(t *testing.T) {
	const count, limit = 10_000, 100
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path, time.Now)
	one := session.Session{AccountID: uuid.New(), ID: uuid.New(), ClientID: "app", IdleExpiry: time.Now().Add(time.Hour), Expiry: time.Now().Add(time.Hour)}
	if err := s.Create(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		sessions := tx.Bucket([]byte("sessions"))
		_, data := sessions.Cursor().First()
		for range count - 1 {
			id := uuid.New()
			if err := sessions.Put(append(one.AccountID[:], id[:]...), data); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}

	s = open(t, path, time.Now)
	seen := map[uuid.UUID]bool{}
	pages, before := 0, uuid.Nil
	for ; pages == 0 || before != uuid.Nil; pages++ {
		page, err := s.SessionsOf(t.Context(), one.AccountID, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range page.Sessions {
			seen[found.ID] = true
		}
		before = page.Next
	}
	if len(seen) != count || pages != count/limit {
		t.Errorf("%d sessions in %d pages, want %d in %d", len(seen), pages, count, count/limit)
	}
}
