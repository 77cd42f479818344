package account

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// faultRefundTime bounds a refund after a fault, so that reporting an outage does not add to the wait.
const faultRefundTime = 400 * time.Millisecond

// Authenticator checks passwords. Safe for concurrent use.
type Authenticator struct {
	store    Store
	attempts Attempts
	limits   Limits
	now      func() time.Time
	hashing  chan struct{} // a hash takes 19 MiB and a core: no more at once than there are cores
}

// NewAuthenticator returns an Authenticator over store that counts in attempts.
func NewAuthenticator(store Store, attempts Attempts, limits Limits, now func() time.Time) *Authenticator {
	return &Authenticator{
		store: store, attempts: attempts, limits: limits, now: now,
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// Authenticated is the result of a password that fits.
type Authenticated struct {
	Account Account // as it stood beside the hash that the password fits: its epoch is the new session's
	hash    string
	buckets buckets
}

type buckets struct{ account, network Bucket }

// restarts bounds how often the login name may change while its password is checked.
const restarts = 3

// Authenticate checks the password of a username for a caller from network, a prefix of their address as
// the gateway saw it. The attempt is counted before the password is looked at. Unknown usernames, wrong
// passwords and disabled accounts cost the same and are all a *FailedError; over the limit it is
// a *TooManyAttemptsError. After success, call Settle beside the next write.
func (a *Authenticator) Authenticate(ctx context.Context, username string, password oauth.Secret, network string) (Authenticated, error) {
	name, err := CanonicalUsername(username)
	if err != nil {
		name = "" // nobody's: goes on like an unknown one
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
	for range restarts {
		found, beside, fits, err := a.check(ctx, stored, login, password)
		switch {
		case err != nil:
			a.refundAfterFault(ctx, counted.account, counted.network)
			return Authenticated{}, err
		case beside != login:
			login = beside // it was changed meanwhile: what was checked says nothing any more
		case !fits || found.Disabled:
			return Authenticated{}, &FailedError{AccountID: login.AccountID}
		default:
			return Authenticated{Account: found, hash: login.Hash, buckets: counted}, nil
		}
	}
	a.refundAfterFault(ctx, counted.account, counted.network)
	return Authenticated{}, fmt.Errorf("%w: account: the password changes all the time", oauth.ErrUnavailable)
}

// Settle gives back what a successful login counted. A failure is passed over: the next window starts
// from nothing anyway.
func (a *Authenticator) Settle(ctx context.Context, success Authenticated) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.attempts.Clear(ctx, success.buckets.account) })
	wg.Go(func() { _ = a.attempts.Refund(ctx, success.buckets.network) })
	wg.Wait()
}

// takeAndLookUp counts the attempt in both buckets and reads the login name, in one round trip. It returns the form
// under which the name is stored.
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
			login, loginErr = a.store.LoginName(ctx, stored) // nobody's, at the same cost
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
	// Refused or failed: what one bucket counted for nothing goes back.
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

// check looks whether a password fits a login name, and reads meanwhile the account and the login name once more, as
// they are at one moment: where that login name is the same, the account's epoch belongs to it. The zero LoginName
// is nobody's. It is read and hashed for all the same: the answer must not come sooner, nor fail less often.
func (a *Authenticator) check(ctx context.Context, stored string, login LoginName, password oauth.Secret) (Account, LoginName, bool, error) {
	var (
		wg      sync.WaitGroup
		found   Account
		beside  LoginName
		readErr error
	)
	wg.Go(func() { found, beside, readErr = a.store.AccountAndLogin(ctx, login.AccountID, stored) })
	fits, hashErr := a.fits(ctx, login, password)
	wg.Wait()
	switch {
	case hashErr != nil:
		return Account{}, LoginName{}, false, hashErr
	case errors.Is(readErr, ErrNotFound):
		return Account{}, login, false, nil
	case readErr != nil:
		return Account{}, LoginName{}, false, readErr
	}
	return found, beside, fits, nil
}

func (a *Authenticator) fits(ctx context.Context, login LoginName, password oauth.Secret) (bool, error) {
	hash := login.Hash
	if hash == "" {
		hash = decoyHash
	}
	prepared, err := opaque(password.Reveal())
	if err != nil {
		prepared, hash = "", decoyHash // no password at all: same work, no match
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return false, oauth.ErrUnavailable
	}
	return verifyPassword(hash, prepared), nil
}

// refundAfterFault gives back what our own fault has cost the caller.
func (a *Authenticator) refundAfterFault(ctx context.Context, taken ...Bucket) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), faultRefundTime)
	defer cancel()
	a.refund(ctx, taken...)
}

// refund is best effort, like Settle.
func (a *Authenticator) refund(ctx context.Context, taken ...Bucket) {
	var wg sync.WaitGroup
	for _, b := range taken {
		wg.Go(func() { _ = a.attempts.Refund(ctx, b) })
	}
	wg.Wait()
}
