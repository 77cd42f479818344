package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

type accountSearch struct {
	target
	Text  string `arg:"" help:"An account id, a login name, an address, or the beginning of a login name or an address with a * behind it." type:"given"`
	Limit int    `help:"How many at most." default:"100"`
}

// Help is shown by wavepass account search --help.
func (c *accountSearch) Help() string {
	return `An id, a whole login name and a whole address are looked up. The beginning of one is compared with every account: in the cloud that reads
the whole table, until --limit accounts are found.

  wavepass account search ada@example.com
  wavepass account search 'ada*' --limit 20 --json`
}

// Run prints the accounts that are found.
func (c *accountSearch) Run(ctx context.Context, o output, in invocation) error {
	if c.Limit < 1 {
		return errors.New("--limit: want at least 1")
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		list := newAccountTable(o.out, c.JSON)
		beginning, isBeginning := strings.CutSuffix(c.Text, "*")
		search := func() error { return a.searchWhole(ctx, c.Text, list.add) }
		if isBeginning {
			search = func() error { return a.searchBeginning(ctx, beginning, c.Limit, list.add) }
		}
		if err := search(); err != nil {
			return err
		}
		if list.rows == 0 && !c.JSON {
			fmt.Fprintln(o.log, "no account is found")
		}
		return list.end()
	})
}

// searchWhole looks an id, a login name and an address up.
func (a admin) searchWhole(ctx context.Context, text string, found func(account.Account) error) error {
	seen := map[uuid.UUID]bool{}
	byID := func() (account.Account, error) {
		id, err := uuid.Parse(text)
		if err != nil {
			return account.Account{}, account.ErrNotFound
		}
		return a.store.Account(ctx, id)
	}
	byAddress := func() (account.Account, error) {
		address, err := account.CanonicalAddress(text)
		if err != nil {
			return account.Account{}, account.ErrNotFound
		}
		id, err := a.store.OwnerOf(ctx, address)
		if err != nil {
			return account.Account{}, err
		}
		return a.store.Account(ctx, id)
	}
	for _, lookUp := range []func() (account.Account, error){byID, func() (account.Account, error) { return a.findUsername(ctx, text) }, byAddress} {
		one, err := lookUp()
		switch {
		case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrUsername), err == nil && seen[one.ID]:
			continue
		case err != nil:
			return err
		}
		seen[one.ID] = true
		if err := found(one); err != nil {
			return err
		}
	}
	return nil
}

// searchBeginning compares every account, until it has found enough.
func (a admin) searchBeginning(ctx context.Context, beginning string, limit int, found func(account.Account) error) error {
	// A beginning of a name may be one that no name could be as a whole, so it is only brought into lower case.
	beginning = strings.ToLower(beginning)
	for one, err := range a.store.Accounts(ctx) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(one.Username, beginning) && (beginning == "" || !strings.HasPrefix(one.Email.Address, beginning)) {
			continue
		}
		if err := found(one); err != nil {
			return err
		}
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}
