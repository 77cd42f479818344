package account

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// faultRefundTime bounds a refund after a fault, so that reporting an outage does not add to the wait.
const faultRefundTime = 400 * time.Millisecond

// Authenticator checks passwords. Safe for concurrent use.
type Authenticator struct {
	store interface {
		Store
		Rehasher
	}
	attempts Attempts
	limits   Limits
	now      func() time.Time
	hashing  chan struct{} // a hash takes 19 MiB and a core, so no more run at once than there are cores
}

// NewAuthenticator returns an Authenticator over store that counts in attempts.
func NewAuthenticator(store interface {
	Store
	Rehasher
}, attempts Attempts, limits Limits, now func() time.Time) *Authenticator {
	return &Authenticator{
		store: store, attempts: attempts, limits: limits, now: now,
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// Authenticated is the result of a correct password.
type Authenticated struct {
	Account Account // read together with the hash; a session that begins takes its epoch
	hash    string
	buckets buckets
}

type buckets struct{ account, network Bucket }

// checks bounds how often a password is checked again because the login name has changed meanwhile.
const checks = 3

// Authenticate checks the password of a username for a caller from network, a prefix of the caller's address. It counts the
// attempt before it checks the password. A hash that was imported is replaced by one of our own. After success, call Settle beside the next write. Errors: a *FailedError for an
// unknown username, a wrong password or a disabled account, which all cost the same; a *TooManyAttemptsError;
// oauth.ErrUnavailable.
func (a *Authenticator) Authenticate(ctx context.Context, username string, password oauth.Secret, network string) (Authenticated, error) {
	name, err := CanonicalUsername(username)
	if err != nil {
		name = "" // treated like an unknown username
	}
	now := a.now()
	counted := buckets{
		account: newBucket("account", name+"\x00"+network, a.limits.Account, now),
		network: newBucket("network", network, a.limits.Network, now),
	}
	stored, login, err := a.takeAndLookUp(ctx, counted, username, now)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Authenticated{}, err
	}
	for range checks {
		found, newest, fits, err := a.check(ctx, stored, login, password)
		switch {
		case err != nil:
			a.refundAfterFault(ctx, counted.account, counted.network)
			return Authenticated{}, err
		case newest != login:
			login = newest // it has changed since the hash was read, so the new hash has to be checked
		case !fits || found.Disabled:
			return Authenticated{}, &FailedError{AccountID: login.AccountID}
		default:
			hash, err := a.rehash(ctx, stored, login, password)
			if err == nil {
				return Authenticated{Account: found, hash: hash, buckets: counted}, nil
			}
			if errors.Is(err, ErrConflict) { // perhaps the password was changed meanwhile, so what there is now has to be checked
				login, err = a.store.LoginName(ctx, stored)
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				a.refundAfterFault(ctx, counted.account, counted.network)
				return Authenticated{}, err
			}
		}
	}
	a.refundAfterFault(ctx, counted.account, counted.network)
	return Authenticated{}, fmt.Errorf("%w: account: the password changes all the time", oauth.ErrUnavailable)
}

// Settle takes back the attempts that a successful login was counted as. It ignores errors, because the counts end with their
// window.
func (a *Authenticator) Settle(ctx context.Context, success Authenticated) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.attempts.Clear(ctx, success.buckets.account) })
	wg.Go(func() { _ = a.attempts.Refund(ctx, success.buckets.network) })
	wg.Wait()
}

// takeAndLookUp counts the attempt in both buckets and reads the login name, in one round trip. stored is the form under which
// the name is stored.
func (a *Authenticator) takeAndLookUp(ctx context.Context, b buckets, username string, now time.Time) (stored string, login LoginName, err error) {
	var (
		wg                               sync.WaitGroup
		accountOK, networkOK             bool
		loginErr, accountErr, networkErr error
	)
	wg.Go(func() { accountOK, accountErr = a.attempts.Take(ctx, b.account) })
	wg.Go(func() { networkOK, networkErr = a.attempts.Take(ctx, b.network) })
	wg.Go(func() {
		if stored, login, loginErr = FindLogin(ctx, a.store, username); errors.Is(loginErr, ErrUsername) {
			stored = ""
			login, loginErr = a.store.LoginName(ctx, stored) // there is none, and it costs the same
		}
	})
	wg.Wait()

	failed := errors.Join(accountErr, networkErr)
	if loginErr != nil && !errors.Is(loginErr, ErrNotFound) {
		failed = errors.Join(failed, loginErr)
	}
	if failed == nil && accountOK && networkOK {
		return stored, login, loginErr
	}
	// The password will not be checked, so a bucket that has counted the attempt gets it back.
	var until time.Time
	var taken []Bucket
	for bucket, ok := range map[Bucket]bool{b.account: accountOK, b.network: networkOK} {
		if ok {
			taken = append(taken, bucket)
		} else if bucket.Until.After(until) {
			until = bucket.Until
		}
	}
	if failed != nil {
		a.refundAfterFault(ctx, taken...)
		return "", LoginName{}, failed
	}
	a.refund(ctx, taken...)
	return "", LoginName{}, &TooManyAttemptsError{RetryAfter: until.Sub(now)}
}

// check reports whether a password fits a login name. Meanwhile it reads the account and the login name together. If newest
// equals login, the epoch of the account belongs to the hash that was checked. For an unknown username, whose LoginName is
// zero, it reads and hashes as much, so that the answer takes as long and fails as often.
func (a *Authenticator) check(ctx context.Context, stored string, login LoginName, password oauth.Secret) (_ Account, newest LoginName, fits bool, _ error) {
	var (
		wg      sync.WaitGroup
		found   Account
		readErr error
	)
	wg.Go(func() { found, newest, readErr = a.store.AccountAndLogin(ctx, login.AccountID, stored) })
	fits, hashErr := a.verify(ctx, login, password)
	wg.Wait()
	switch {
	case hashErr != nil:
		return Account{}, LoginName{}, false, hashErr
	case errors.Is(readErr, ErrNotFound):
		return Account{}, login, false, nil
	case readErr != nil:
		return Account{}, LoginName{}, false, readErr
	}
	return found, newest, fits, nil
}

// rehash replaces a hash that was imported by one of our own, of the whole password in the form that is hashed here. It returns
// the hash that the login name has from then on. ErrConflict when the login name has another hash than was checked.
func (a *Authenticator) rehash(ctx context.Context, stored string, checked LoginName, password oauth.Secret) (string, error) {
	prepared, err := opaque(password.Reveal())
	if _, imported := OfImport(checked.Hash); !imported || err != nil { // one with a control character in it fits as it is, and no hash of ours is made of it
		return checked.Hash, nil
	}
	var hash string
	if err := a.oneOfFew(ctx, func() { hash = hashPassword(prepared) }); err != nil {
		return "", err
	}
	return hash, a.store.Rehash(ctx, stored, checked.Hash, hash)
}

// verify reports whether a password fits the hash of a login name.
func (a *Authenticator) verify(ctx context.Context, login LoginName, password oauth.Secret) (fits bool, err error) {
	if imported, ok := parseImported(login.Hash); ok && len(password.Reveal()) <= maxPassword*utf8.UTFMax {
		err := a.oneOfFew(ctx, func() { fits = imported.Fits(password.Reveal()) })
		return fits, err
	}
	hash := login.Hash
	if hash == "" {
		hash = decoyHash
	}
	prepared, err := opaque(password.Reveal())
	if err != nil {
		prepared, hash = "", decoyHash // no account has such a password; the work is the same
	}
	err = a.oneOfFew(ctx, func() { fits = verifyPassword(hash, prepared) })
	return fits, err
}

// oneOfFew computes a hash when it is its turn. oauth.ErrUnavailable when ctx ends before.
func (a *Authenticator) oneOfFew(ctx context.Context, compute func()) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return oauth.ErrUnavailable
	}
	compute()
	return nil
}

// refundAfterFault takes back attempts that were counted before a fault of the service.
func (a *Authenticator) refundAfterFault(ctx context.Context, taken ...Bucket) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), faultRefundTime)
	defer cancel()
	a.refund(ctx, taken...)
}

// refund takes attempts back. Like Settle it ignores errors.
func (a *Authenticator) refund(ctx context.Context, taken ...Bucket) {
	var wg sync.WaitGroup
	for _, b := range taken {
		wg.Go(func() { _ = a.attempts.Refund(ctx, b) })
	}
	wg.Wait()
}
