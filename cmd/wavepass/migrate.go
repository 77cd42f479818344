package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// migrateCommand brings what an older version has stored to the form of this one.
type migrateCommand struct {
	folder
	Table  string `help:"Migrate this DynamoDB table in the cloud; region and credentials as for the AWS CLI." placeholder:"NAME" type:"given"`
	DryRun bool   `help:"Say what would be done, and change nothing."`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown by `wavepass migrate --help`.
func (c *migrateCommand) Help() string {
	return `A table is migrated once every function is of this version: until then the functions write the older form, which both
versions understand, and afterwards only this version understands what is stored. A data folder is migrated while
no wavepass local uses it. The command may be repeated: it goes on where it was interrupted.

  wavepass migrate --table wavepass-TableXYZ --dry-run`
}

// Run says what there is to do, does it and says what was done.
func (c *migrateCommand) Run(ctx context.Context, o output, in invocation) error {
	said := o.out
	if c.JSON {
		o.out = o.log
	}
	done, what, err := c.migrate(ctx, o, in)
	if err != nil && !errors.Is(err, operate.ErrNotKept) || !c.JSON {
		return err
	}
	return errors.Join(err, printJSON(said, migrationJSON{what, done.From, done.To, done.Items, !c.DryRun && !done.Done()}))
}

// migrationJSON is a migration as --json prints it.
type migrationJSON struct {
	Target     string `json:"target"`
	From       int    `json:"from"`
	To         int    `json:"to"`
	LoginNames int    `json:"login_names"`
	Changed    bool   `json:"changed"`
}

// migrate says what it does to o, and returns what there was to do.
func (c *migrateCommand) migrate(ctx context.Context, o output, in invocation) (planned schema.Migration, what string, err error) {
	what, migrate, err := c.open(ctx)
	if err != nil {
		return planned, what, err
	}
	planned, err = migrate(ctx, true)
	if err != nil {
		return planned, what, explainSchema(err, what, "")
	}
	if planned.Done() {
		_, err := fmt.Fprintf(o.out, "%s has schema number %d: there is nothing to migrate\n", what, planned.To)
		return planned, what, err
	}
	fmt.Fprintf(o.out, "%s has schema number %d; to do:\n", what, planned.From)
	if planned.From != planned.To {
		fmt.Fprintf(o.out, "  raise the number to %d: from then on only this version and later ones understand what is written\n", planned.To)
	}
	fmt.Fprintf(o.out, "  take the epoch, which stands on the account, from %s\n", loginNames(planned.Items))
	if c.DryRun {
		return planned, what, nil
	}
	done, err := migrate(ctx, false)
	if err != nil {
		return planned, what, fmt.Errorf("%w; what was done stays done: run the command again", err)
	}
	fmt.Fprintf(o.out, "done: the schema number is %d, and %s migrated\n", done.To, loginNames(done.Items))
	return planned, what, target{folder: c.folder, Table: c.Table}.run(ctx, o, in, func(ctx context.Context, a admin) error {
		return a.operator().Migrated(ctx, done.Items)
	})
}

func loginNames(count int) string {
	if count == 1 {
		return "1 login name"
	}
	return fmt.Sprintf("%d login names", count)
}

// open returns what there is to migrate, in words, and the function that migrates it.
func (c *migrateCommand) open(ctx context.Context) (what string, migrate func(context.Context, bool) (schema.Migration, error), err error) {
	switch {
	case c.Table != "" && c.DynamoDB != "":
		return "", nil, errors.New("--table is in the cloud and --dynamodb on this machine: want one of them")
	case c.Table != "":
		cfg, err := settings(map[string]string{"TABLE_NAME": c.Table})
		if err != nil {
			return "", nil, err
		}
		table, _, err := cloudTable(ctx, c.Table, cfg)
		if err != nil {
			return "", nil, err
		}
		return "the table " + c.Table, table.Migrate, nil
	case c.DynamoDB != "":
		table, err := c.localTable()
		if err != nil {
			return "", nil, err
		}
		return "the table at " + c.DynamoDB, table.Migrate, nil
	}
	file := filepath.Join(c.Data, databaseName)
	if _, err := os.Stat(file); err != nil {
		return "", nil, fmt.Errorf("%s holds no data to migrate: %w", c.Data, err)
	}
	return c.Data, func(_ context.Context, dryRun bool) (schema.Migration, error) { return bolt.Migrate(file, dryRun) }, nil
}

// explainSchema says what to do about a store that another version has made. flags name it to a command.
func explainSchema(err error, what, flags string) error {
	switch {
	case errors.Is(err, schema.ErrOlder):
		return fmt.Errorf("%s was made by an older version of Wavepass: run `wavepass migrate%s` once, and then this again", what, flags)
	case errors.Is(err, schema.ErrNewer):
		return fmt.Errorf("%s was made by a newer version of Wavepass: use that version", what)
	}
	return err
}
