package operate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// Imports wait for each other's answers: on a laptop many share a commit, and a table takes as many at once without being overrun.
const (
	importsAtOnce      = 32
	fewestImports      = 4 // at once, for a store that is overrun
	importTries        = 12
	firstImportPause   = 100 * time.Millisecond // doubled at each try
	longestImportPause = 8 * time.Second
)

// ErrIDTaken says that another account has the id of one that is imported.
var ErrIDTaken = errors.New("operate: another account has its id")

// Import is an account that comes from elsewhere, with its id.
type Import struct {
	Account account.Account
	Hash    string // what is stored of its password; empty: it has none
}

// Imported is what became of an import.
type Imported struct {
	Created bool  // false without an error: it was there before
	Refused error // ErrIDTaken, account.ErrExists, account.ErrAddressTaken, ErrTooManyRoles
}

// ImportAccounts stores accounts, many at once. Of two that cannot both be there, the first is stored. To import an account again
// changes nothing, even if it has been changed since. With dry nothing is stored. The error is of the whole: some may be stored then, and
// the call may be repeated.
func (o *Operator) ImportAccounts(ctx context.Context, list []Import, dry bool) ([]Imported, error) {
	fits, err := o.rolesFit(ctx)
	if err != nil {
		return nil, err
	}
	results, errs := make([]Imported, len(list)), make([]error, len(list))
	one := func(i int) (tries int) {
		results[i], tries, errs[i] = o.importPatiently(ctx, list[i], fits, dry)
		return tries
	}
	atOnce, after := apart(list)
	places, given := make(chan struct{}, importsAtOnce), atomic.Int64{}
	var wg sync.WaitGroup
	for _, i := range atOnce {
		places <- struct{}{}
		wg.Go(func() {
			if one(i) > 1 && given.Add(1) <= importsAtOnce-fewestImports {
				return // the store was overrun: the rest is stored with one place less
			}
			<-places
		})
	}
	wg.Wait()
	for _, i := range after {
		one(i)
	}
	created := 0
	for _, result := range results {
		if result.Created {
			created++
		}
	}
	err = errors.Join(errs...)
	if created == 0 || dry {
		return results, err
	}
	return results, errors.Join(err, o.record(ctx, audit.Event{Name: audit.AccountsImported, Count: created}))
}

// apart returns which accounts can be stored at once, and which come after them because they have an id, a login name or an address of
// one before them.
func apart(list []Import) (atOnce, after []int) {
	seen := map[string]bool{}
	for i, one := range list {
		again := false
		for _, name := range []string{"id " + one.Account.ID.String(), "login " + one.Account.Username, "address " + one.Account.Email.Address} {
			again = again || seen[name] && name != "address "
			seen[name] = true
		}
		if again {
			after = append(after, i)
		} else {
			atOnce = append(atOnce, i)
		}
	}
	return atOnce, after
}

// importPatiently tries again while the store is overrun.
func (o *Operator) importPatiently(ctx context.Context, one Import, fits func(account.Account) error, dry bool) (_ Imported, tries int, _ error) {
	if err := fits(one.Account); err != nil {
		return Imported{Refused: err}, 0, nil
	}
	for try, pause := 1, firstImportPause; ; try, pause = try+1, min(2*pause, longestImportPause) {
		created, err := o.importOne(ctx, one, dry)
		switch {
		case err == nil:
			// What is there after a try that was not confirmed was stored by it.
			return Imported{Created: created || try > 1}, try, nil
		case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrAddressTaken), errors.Is(err, ErrIDTaken):
			return Imported{Refused: err}, try, nil
		case !errors.Is(err, oauth.ErrUnavailable) || try == importTries:
			return Imported{}, try, fmt.Errorf("operate: import: %w", err)
		}
		select {
		case <-ctx.Done():
			return Imported{}, try, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// importOne reports whether the account was stored now; false without an error when it was there before.
func (o *Operator) importOne(ctx context.Context, one Import, dry bool) (bool, error) {
	var login account.LoginName
	var found account.Account
	var loginErr, idErr error
	var reads sync.WaitGroup
	reads.Go(func() { _, login, loginErr = account.FindLogin(ctx, o.store, one.Account.Username) })
	reads.Go(func() { found, idErr = o.store.Account(ctx, one.Account.ID) })
	reads.Wait()
	switch {
	case loginErr == nil && login.AccountID == one.Account.ID:
		return false, nil
	case loginErr == nil:
		return false, account.ErrExists
	case !errors.Is(loginErr, account.ErrNotFound):
		return false, loginErr
	case idErr == nil && found.Username == one.Account.Username:
		return false, nil // stored since the login name was looked up, by a try whose answer was lost
	case idErr == nil:
		return false, ErrIDTaken
	case !errors.Is(idErr, account.ErrNotFound):
		return false, idErr
	}
	if dry {
		return true, nil
	}
	err := o.store.CreateAccount(ctx, one.Account, one.Hash)
	return err == nil, err
}
