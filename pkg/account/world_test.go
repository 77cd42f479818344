package account_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	password  = "surf-the-canary-wave"
	network   = "203.0.113.0/24"
	elsewhere = "198.51.100.0/24"
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limits = account.Limits{
		Account: account.Limit{Count: 3, Window: 15 * time.Minute},
		Network: account.Limit{Count: 5, Window: 10 * time.Minute},
	}
)

// phc is an argon2id hash of password with these costs, as another program might have made it.
func phc(password string, memory, passes uint32, threads uint8, keyLen uint32) string {
	salt := []byte("saltsaltsaltsalt")
	key := argon2.IDKey([]byte(password), salt, passes, memory, threads, keyLen)
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, passes, threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// cheap is a hash for the tests that are not about its cost.
func cheap(password string) string { return phc(password, 8, 1, 1, 32) }

// accepted is a password that may be set.
func accepted(t *testing.T, password string) account.NewPassword {
	t.Helper()
	got, err := account.PasswordRules{}.Accept(oauth.NewSecret(password))
	if err != nil {
		t.Fatalf("password of %d bytes: %v", len(password), err)
	}
	return got
}

// world is one account, "ada", and the authenticator that knows her.
type world struct {
	t     *testing.T
	clock *testclock.Clock
	store *fakestore.Store
	ada   account.Account
	auth  *account.Authenticator
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: testclock.New(start)}
	w.store = fakestore.New(w.clock.Now)
	w.ada = account.Account{
		ID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), Username: "ada", Roles: []string{"admin"}, Epoch: 42,
	}
	w.store.SetAccount(w.ada, cheap(password))
	w.auth = account.NewAuthenticator(w.store, w.store, limits, w.clock.Now)
	return w
}

func (w *world) try(username, password string) (account.Authenticated, error) {
	w.t.Helper()
	return w.auth.Authenticate(w.t.Context(), username, oauth.NewSecret(password), network, nil)
}

func (w *world) wantIn(username, password string) account.Authenticated {
	w.t.Helper()
	got, err := w.try(username, password)
	if err != nil {
		w.t.Fatalf("login of %q: %v, want success", username, err)
	}
	return got
}

func (w *world) wantInvalid(username, password string) {
	w.t.Helper()
	got, err := w.try(username, password)
	w.wantNobody(got)
	if !errors.Is(err, account.ErrInvalidCredentials) || err.Error() != account.ErrInvalidCredentials.Error() { // not even the text may differ
		w.t.Fatalf("login of %q: %v, want ErrInvalidCredentials as it is", username, err)
	}
}

func (w *world) wantTooMany(username, password string, retryAfter time.Duration) {
	w.t.Helper()
	got, err := w.try(username, password)
	w.wantNobody(got)
	var limited *account.TooManyAttemptsError
	if !errors.As(err, &limited) {
		w.t.Fatalf("login of %q: %v, want TooManyAttemptsError", username, err)
	}
	if limited.RetryAfter != retryAfter {
		w.t.Errorf("retry after %s, want %s", limited.RetryAfter, retryAfter)
	}
}

func (w *world) wantUnavailable(username, password string) {
	w.t.Helper()
	got, err := w.try(username, password)
	w.wantNobody(got)
	if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, account.ErrInvalidCredentials) {
		w.t.Fatalf("login of %q: %v, want ErrUnavailable", username, err)
	}
}

func (w *world) wantNobody(got account.Authenticated) {
	w.t.Helper()
	if got.Account.ID != uuid.Nil {
		w.t.Errorf("an error, and yet account %s came", got.Account.ID)
	}
}

func (w *world) wantAttempts(account, network int) {
	w.t.Helper()
	if a, n := w.store.Attempts("account"), w.store.Attempts("network"); a != account || n != network {
		w.t.Errorf("attempts counted: %d of the account, %d of the network, want %d and %d", a, n, account, network)
	}
}

func (w *world) wantCalls(names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.store.Calls(); !slices.Equal(got, names) {
		w.t.Errorf("store calls %q, want %q", got, names)
	}
}

// hashes counts how many full argon2id hashes f computes: each takes 19 MiB, and nothing else takes much.
func hashes(f func()) int {
	before := allocated()
	f()
	const mib = 1 << 20
	return int((allocated() - before + 9*mib) / (19 * mib))
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// recorder keeps the buckets that were taken from.
type recorder struct {
	*fakestore.Store
	mu    sync.Mutex
	taken []account.Bucket
}

func (r *recorder) Take(ctx context.Context, b account.Bucket) (bool, error) {
	r.mu.Lock()
	if !b.InRow() {
		r.taken = append(r.taken, b)
	}
	r.mu.Unlock()
	return r.Store.Take(ctx, b)
}

// buckets returns those of one login, the account's first.
func buckets(t *testing.T, username, network string, at time.Time) [2]account.Bucket {
	t.Helper()
	r := &recorder{Store: fakestore.New(func() time.Time { return at })}
	auth := account.NewAuthenticator(r, r, limits, func() time.Time { return at })
	_, _ = auth.Authenticate(t.Context(), username, oauth.NewSecret("wrong-password"), network, nil)
	slices.SortFunc(r.taken, func(a, b account.Bucket) int { return strings.Compare(a.Kind, b.Kind) })
	if len(r.taken) != 2 {
		t.Fatalf("%d buckets, want 2", len(r.taken))
	}
	return [2]account.Bucket(r.taken)
}
