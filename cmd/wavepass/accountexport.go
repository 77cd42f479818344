package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/accountfile"
)

// exportBatch is how many accounts have their hashes read at once.
const exportBatch = 32

type accountExport struct {
	target
	To                 string `help:"The file, which is only you may read; it is not there yet. Without it the accounts are printed." placeholder:"FILE" type:"given"`
	WithPasswordHashes bool   `help:"Password hashes too. Whoever has the file can guess passwords as fast as their machines are."`
}

// Help is shown by wavepass account export --help.
func (c *accountExport) Help() string {
	return `It is what account import takes as --format jsonl. Sessions, times and the accounts of back ends, which have no login name, are not in it. In
the cloud it reads the whole table.

  wavepass account export --with-password-hashes --to accounts.jsonl`
}

// Run prints the accounts, or writes the file. A running wavepass local prints: the file is written by the caller of the command.
func (c *accountExport) Run(ctx context.Context, o output, in invocation) error {
	if c.WithPasswordHashes && c.To == "" && in.open == nil {
		if _, typed := in.terminal(); typed {
			return errors.New("password hashes are not for a terminal: name a file with --to")
		}
	}
	if c.To == "" || in.open != nil {
		return c.run(ctx, o, in, func(ctx context.Context, a admin) error { return a.export(ctx, o.out, c.WithPasswordHashes) })
	}
	file, err := os.OpenFile(c.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	to := output{file, o.log}
	err = c.run(ctx, to, in, func(ctx context.Context, a admin) error { return a.export(ctx, file, c.WithPasswordHashes) })
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(c.To)) // half of the accounts must not be taken for all
	}
	return nil
}

// export writes every account that has a login name.
func (a admin) export(ctx context.Context, out io.Writer, hashes bool) error {
	buffered := bufio.NewWriter(out)
	var batch []account.Account
	flush := func() error {
		err := a.exportBatch(ctx, buffered, batch, hashes)
		batch = batch[:0]
		return err
	}
	for one, err := range a.store.Accounts(ctx) {
		if err != nil {
			return err
		}
		if one.Username == "" {
			continue
		}
		if batch = append(batch, one); len(batch) == exportBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return errors.Join(flush(), buffered.Flush())
}

// exportBatch reads the hashes of some accounts at once, and writes their lines. One that was deleted meanwhile is left out.
func (a admin) exportBatch(ctx context.Context, out io.Writer, batch []account.Account, hashes bool) error {
	logins, errs := make([]account.LoginName, len(batch)), make([]error, len(batch))
	if hashes {
		var wg sync.WaitGroup
		for i, one := range batch {
			wg.Go(func() { logins[i], errs[i] = a.store.LoginName(ctx, one.Username) })
		}
		wg.Wait()
	}
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for i, one := range batch {
		switch {
		case errors.Is(errs[i], account.ErrNotFound):
			continue
		case errs[i] != nil:
			return errs[i]
		}
		if err := lines.Encode(accountfile.RecordOf(one, logins[i].Hash)); err != nil {
			return err
		}
	}
	return nil
}
