package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

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

// NewAuthenticator returns an Authenticator over store that counts in attempts. Zero limits are DefaultLimits.
func NewAuthenticator(store interface {
	Store
	Rehasher
}, attempts Attempts, limits Limits, now func() time.Time) *Authenticator {
	return &Authenticator{
		store: store, attempts: attempts, limits: cmp.Or(limits, DefaultLimits), now: now,
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// Authenticated is the result of a correct password.
type Authenticated struct {
	Account Account // read together with the hash; a session that begins takes its epoch
	hash    string
	buckets buckets
}

// Digest returns what tokens of known devices are bound to: a new password gives another one.
func (a Authenticated) Digest() HashDigest { return DigestOf(a.hash) }

// HashDigest tells password hashes apart, and tells nothing about them.
type HashDigest [sha256.Size]byte

// DigestOf returns the digest of a password hash.
func DigestOf(hash string) HashDigest { return sha256.Sum256([]byte(hash)) }

// Digest returns the digest of the password hash.
func (l LoginName) Digest() HashDigest { return DigestOf(l.Hash) }

// KnownDevice returns the name of the device that the caller presented, if somebody has logged in on it with the login name and its
// password as it is; otherwise the name is empty.
type KnownDevice func(ctx context.Context, login LoginName) string

// buckets are what an attempt is counted in; a zero one is not counted in.
type buckets struct{ account, network, inRow Bucket }

// all lists those that the attempt is counted in.
func (b buckets) all() []Bucket {
	return slices.DeleteFunc([]Bucket{b.account, b.network, b.inRow}, func(b Bucket) bool { return b.Kind == "" })
}

// checks bounds how often a password is checked again because the login name has changed meanwhile.
const checks = 3

// Authenticate checks the password of a username for a caller from network, a prefix of the caller's address. It counts the
// attempt before it tells whether the password fits. On a known device (nil: there is none) nobody else's failures count, only those of the
// device itself. Elsewhere at most 100 attempts in a row may fail for one password, over all networks. A hash that was imported is replaced by one of our own. After success, call Settle beside the next write. Errors: a *FailedError for an
// unknown username, a wrong password or a disabled account, which all cost the same; a *TooManyAttemptsError;
// oauth.ErrUnavailable.
func (a *Authenticator) Authenticate(ctx context.Context, username string, password oauth.Secret, network string, device KnownDevice) (Authenticated, error) {
	name, err := CanonicalUsername(username)
	if err != nil {
		name = "" // treated like an unknown username
	}
	now := a.now()
	counted := buckets{
		account: newBucket(KindAccount, name+"\x00"+network, a.limits.Account, now),
		network: newBucket(KindNetwork, network, a.limits.Network, now),
	}
	stored, login, limited, err := a.takeAndLookUp(ctx, counted, username, now)
	switch {
	case err != nil:
		return Authenticated{}, err
	case limited != nil:
		counted = buckets{} // what one of them had counted was given back
	}
	for range checks {
		row := inRow(ctx, device, login, name, now)
		if limited != nil && row.Kind != KindDevice {
			return Authenticated{}, limited
		}
		found, newest, fits, below, err := a.countAndCheck(ctx, stored, login, password, row)
		if counted.inRow = (Bucket{}); below {
			counted.inRow = row
		}
		switch {
		case err != nil:
			a.refundAfterFault(ctx, counted.all()...)
			return Authenticated{}, err
		case !below && row.Kind == KindDevice:
			device = nil // it is known no more, and the attempt counts like any other
		case !below:
			if limited == nil {
				a.refund(ctx, counted.account) // the network's count stays, because a hash was computed
			}
			return Authenticated{}, &TooManyAttemptsError{RetryAfter: forgetting}
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
				a.refundAfterFault(ctx, counted.all()...)
				return Authenticated{}, err
			}
		}
	}
	a.refundAfterFault(ctx, counted.all()...)
	return Authenticated{}, fmt.Errorf("%w: account: the password changes all the time", oauth.ErrUnavailable)
}

// Settle takes back the attempts that a successful login was counted as. It ignores errors, because the counts end with their
// window.
func (a *Authenticator) Settle(ctx context.Context, success Authenticated) {
	var wg sync.WaitGroup
	for _, b := range success.buckets.all() {
		if b.InRow() || b.Kind == KindAccount && success.buckets.inRow.Kind != KindDevice {
			wg.Go(func() { _ = a.attempts.Clear(ctx, b) })
		} else {
			wg.Go(func() { _ = a.attempts.Refund(ctx, b) }) // on a known device, what others have counted stays
		}
	}
	wg.Wait()
}

// inRow returns the bucket that counts failures in a row: that of the device if it is known, else that of the password, and for an unknown
// username that of the name. So the bucket of a password that is replaced is never used again.
func inRow(ctx context.Context, device KnownDevice, login LoginName, name string, now time.Time) Bucket {
	if login.AccountID == uuid.Nil {
		return newBucketInRow(KindPassword, name, now)
	}
	if device != nil {
		if known := device(ctx, login); known != "" {
			return newBucketInRow(KindDevice, known, now)
		}
	}
	digest := login.Digest()
	return newBucketInRow(KindPassword, login.AccountID.String()+"\x00"+string(digest[:]), now)
}

// countAndCheck is check, and counts the attempt meanwhile. When the bucket was not below its limit, nothing of the check may be told.
func (a *Authenticator) countAndCheck(ctx context.Context, stored string, login LoginName, password oauth.Secret, b Bucket) (found Account, newest LoginName, fits, below bool, _ error) {
	var (
		wg                sync.WaitGroup
		takeErr, checkErr error
	)
	wg.Go(func() { below, takeErr = a.attempts.Take(ctx, b) })
	found, newest, fits, checkErr = a.check(ctx, stored, login, password)
	wg.Wait()
	if err := errors.Join(takeErr, checkErr); err != nil || !below {
		return Account{}, LoginName{}, false, below && takeErr == nil, err
	}
	return found, newest, fits, true, nil
}

// takeAndLookUp counts the attempt in the buckets of the network and reads the login name, in one round trip. stored is the form under which
// the name is stored. limited says that a bucket was full, and counts unless the device is known; an unknown username is no error.
func (a *Authenticator) takeAndLookUp(ctx context.Context, b buckets, username string, now time.Time) (stored string, login LoginName, limited, err error) {
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
		return stored, login, nil, nil
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
		return "", LoginName{}, nil, failed
	}
	a.refund(ctx, taken...)
	return stored, login, &TooManyAttemptsError{RetryAfter: until.Sub(now)}, nil
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
