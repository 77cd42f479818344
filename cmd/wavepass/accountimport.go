package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/wavepass/wavepass/pkg/accountfile"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/operate"
)

const (
	importBatch      = 500       // accounts that are stored before the next are read
	importBatchBytes = 300 << 10 // of their lines: a running server is sent them in one call
	importGC         = 25        // the heap may grow by that much, in percent, before what is free of it is used again
	maxSideFile      = 64 << 10  // bytes of a file that an import needs besides
)

type accountImport struct {
	target
	File       string `arg:"" help:"The file." type:"given"`
	Format     string `enum:"auth0,cognito,devise,firebase,jsonl,supabase" required:"" help:"Where it comes from: auth0, cognito, devise, firebase, supabase; or jsonl, what account export writes."`
	HashConfig string `help:"With firebase: a file with the project's password hash parameters." placeholder:"FILE" type:"given"`
	PepperFile string `help:"With devise: a file with the pepper, if config.pepper is set." placeholder:"FILE" type:"given"`
	Bad        string `help:"Where lines that cannot be imported are listed, with their reasons; by default FILE.bad, of a dry run FILE.dry-run.bad." placeholder:"FILE" type:"given"`
	DryRun     bool   `help:"Check every line, and store nothing."`

	stored func() // a test's: called after each batch
}

// Help is shown by wavepass account import --help.
func (c *accountImport) Help() string {
	return `An account that is there already is left as it is, so an import may be repeated. One that was interrupted goes on where it was, when
the same command is run again. Login names and addresses that other accounts have are bad lines. docs/import.md says how each file is
made, and what of it is lost.

  wavepass account import users.json --format firebase --hash-config hash-config.txt --dry-run
  wavepass account import users.json --format firebase --hash-config hash-config.txt`
}

// importResult is what the command says at its end.
type importResult struct {
	Done      string  `json:"done"`
	Changed   bool    `json:"changed"`
	Target    string  `json:"target"`
	Imported  int     `json:"imported"`
	Unchanged int     `json:"unchanged"`
	Bad       int     `json:"bad"`
	BadFile   string  `json:"bad_file,omitzero"`
	Seconds   float64 `json:"seconds"`
}

func (r importResult) text() string {
	var out strings.Builder
	if r.Changed {
		fmt.Fprintf(&out, "%s  %d accounts", r.Done, r.Imported)
	} else {
		fmt.Fprintf(&out, "no change: no account was %s", r.Done)
	}
	fmt.Fprintf(&out, "; %d were there before, %d lines are bad\n", r.Unchanged, r.Bad)
	if r.Bad > 0 {
		fmt.Fprintf(&out, "the bad lines and their reasons are in %s\n", r.BadFile)
	}
	if r.Seconds > 0 {
		fmt.Fprintf(&out, "%.1f s, %.0f lines a second\n", r.Seconds, float64(r.Imported+r.Unchanged+r.Bad)/r.Seconds)
	}
	fmt.Fprintf(&out, "in %s\n", r.Target)
	return out.String()
}

// Run imports the file, batch by batch.
func (c *accountImport) Run(ctx context.Context, o output, in invocation) error {
	defer debug.SetGCPercent(debug.SetGCPercent(importGC))
	options, err := c.options(ctx)
	if err != nil {
		return err
	}
	to, err := c.importer(ctx, o, in)
	if err != nil {
		return err
	}
	defer to.close()
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	unlock, err := lockImport(c.File)
	if err != nil {
		return err
	}
	defer unlock()
	if c.Bad == "" {
		c.Bad = c.File + ".bad"
		if c.DryRun { // the list of an import that was interrupted stays as it is
			c.Bad = c.File + ".dry-run.bad"
		}
	}
	run, err := beginImport(c, file, to)
	if err != nil {
		return err
	}
	defer run.bad.Close()
	counted := &countingReader{from: file}
	reader, err := accountfile.NewReader(accountfile.Format(c.Format), counted, options)
	if err != nil {
		return err
	}
	if err := run.all(ctx, o, reader, counted); err != nil {
		return c.explain(err)
	}
	return c.print(o, run.result())
}

// lockImport locks a file beside the one that is imported: on Windows a locked file is read by nobody else, not even by the same process.
func lockImport(file string) (unlock func(), err error) {
	path := file + ".lock"
	held := flock.New(path)
	got, err := held.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	mine, _ := held.Stat()
	there, _ := os.Stat(path)
	if !got || !os.SameFile(mine, there) { // another import has it, or has removed it since it was opened here
		_ = held.Close()
		return nil, fmt.Errorf("another import of %s is under way: wait for its end", file)
	}
	return func() {
		open := os.Remove(path) // while it is held, so that it is nobody else's
		_ = held.Close()
		if open != nil { // Windows removes no file that is open, not even another's
			_ = os.Remove(path)
		}
	}, nil
}

func (c *accountImport) print(o output, r importResult) error {
	if c.JSON {
		return printJSON(o.out, r)
	}
	_, err := io.WriteString(o.out, r.text())
	return err
}

// options reads the files that the format needs besides.
func (c *accountImport) options(ctx context.Context) (o accountfile.Options, err error) {
	for _, side := range []struct {
		flag, file, format string
		into               *string
	}{{"--hash-config", c.HashConfig, "firebase", &o.HashConfig}, {"--pepper-file", c.PepperFile, "devise", &o.Pepper}} {
		if side.file == "" {
			continue
		}
		if c.Format != side.format {
			return o, fmt.Errorf("%s is for --format %s", side.flag, side.format)
		}
		text, err := invocation{input: &input{}}.file(ctx, side.file, maxSideFile)
		if err != nil {
			return o, err
		}
		*side.into = strings.TrimRight(string(text), "\r\n")
	}
	if c.Format == "firebase" && c.HashConfig == "" {
		return o, errors.New("--format firebase needs --hash-config FILE: the text that the console shows as the password hash parameters")
	}
	return o, nil
}

// importedLine is what became of one record of a batch.
type importedLine struct {
	Created bool   `json:"created,omitzero"`
	Refused string `json:"refused,omitzero"`
}

// importer stores batches: in a store that is open, or by the wavepass local that runs.
type importer struct {
	store func(ctx context.Context, batch []accountfile.Record, dry bool) ([]importedLine, error)
	name  string // of the deployment
	close func()
}

// importer opens the target, or finds that a wavepass local runs with it.
func (c *accountImport) importer(ctx context.Context, o output, in invocation) (importer, error) {
	if err := c.check(); err != nil {
		return importer{}, err
	}
	if c.Operator != "" {
		in.operator = c.Operator
	}
	if c.Table == "" {
		ask := c.askingImporter(in.operator)
		if asked, err := ask(ctx, nil, true, nil); asked {
			return importer{func(ctx context.Context, batch []accountfile.Record, dry bool) (lines []importedLine, err error) {
				_, err = ask(ctx, batch, dry, &lines)
				return lines, err
			}, c.folder.name(), func() {}}, err
		}
	}
	a, err := c.open(ctx, o)
	if err != nil {
		return importer{}, c.explain(err)
	}
	return importer{func(ctx context.Context, batch []accountfile.Record, dry bool) ([]importedLine, error) {
		return a.importBatch(audit.WithActor(ctx, audit.Operator(in.operator)), batch, dry)
	}, a.name, a.close}, nil
}

// askingImporter has the wavepass local that runs with the folder store a batch. It reports whether there is one.
func (c *accountImport) askingImporter(operator string) func(context.Context, []accountfile.Record, bool, *[]importedLine) (bool, error) {
	return func(ctx context.Context, batch []accountfile.Record, dry bool, lines *[]importedLine) (bool, error) {
		args := []string{"account", "import-batch"}
		if dry {
			args = append(args, "--dry-run")
		}
		var text, answer bytes.Buffer
		for _, record := range batch {
			if err := json.NewEncoder(&text).Encode(record); err != nil {
				return true, err
			}
		}
		call := invocation{args: args, operator: operator, input: &input{read: text.String()}}
		asked, err := askRunning(ctx, c.folder, call, output{&answer, io.Discard})
		if !asked || err != nil || lines == nil {
			return asked, err
		}
		return true, json.Unmarshal(answer.Bytes(), lines)
	}
}

// importBatch stores a batch. Lines that the store refuses have their reasons.
func (a admin) importBatch(ctx context.Context, batch []accountfile.Record, dry bool) ([]importedLine, error) {
	list := make([]operate.Import, len(batch))
	for i, record := range batch {
		made, hash, err := record.Account(time.Now())
		if err != nil {
			return nil, err
		}
		list[i] = operate.Import{Account: made, Hash: hash}
	}
	results, err := a.operator().ImportAccounts(ctx, list, dry)
	if err != nil {
		return nil, err
	}
	lines := make([]importedLine, len(results))
	for i, result := range results {
		lines[i].Created = result.Created
		if result.Refused != nil {
			lines[i].Refused = result.Refused.Error()
		}
	}
	return lines, nil
}

// accountImportBatch is what account import asks of a wavepass local that runs.
type accountImportBatch struct {
	DryRun bool
}

// Run stores the records on standard input.
func (c *accountImportBatch) Run(ctx context.Context, o output, in invocation) error {
	if in.open == nil {
		return errors.New("this is asked of a running wavepass local: use wavepass account import")
	}
	reader, err := accountfile.NewReader(accountfile.JSONL, in.input.from, accountfile.Options{})
	if err != nil {
		return err
	}
	var batch []accountfile.Record
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, line.Err); err != nil {
			return err
		}
		batch = append(batch, line.Record)
	}
	lines, err := in.open.importBatch(audit.WithActor(ctx, audit.Operator(in.operator)), batch, c.DryRun)
	if err != nil {
		return err
	}
	return json.NewEncoder(o.out).Encode(lines)
}
