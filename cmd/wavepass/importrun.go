package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/wavepass/wavepass/pkg/accountfile"
)

// importState is kept beside the file between two runs of an import that did not come to its end.
type importState struct {
	Of        string `json:"of"` // file, format and deployment, as a hash
	Records   int    `json:"records"`
	Imported  int    `json:"imported"`
	Unchanged int    `json:"unchanged"`
	Bad       int    `json:"bad"`
	BadBytes  int64  `json:"bad_bytes"` // of the list of bad lines
	UnderWay  string `json:"under_way"` // the next batch, once it is being stored
}

// What was there of a batch that is under way, judged by its first account.
const (
	nothingWasThere = "new"
	wasThereBefore  = "known"
)

// importRun is one run over a file.
type importRun struct {
	to     importer
	dry    bool
	state  importState
	file   string // of the state
	bad    *os.File
	size   int64
	begun  time.Time
	told   time.Time
	stored func()
}

// beginImport reads how far an earlier run has come.
func beginImport(c *accountImport, file *os.File, to importer) (*importRun, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.File, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w; it has to be a file and no pipe", c.File, err)
	}
	fmt.Fprintf(sum, "\x00%s\x00%s", c.Format, to.name)
	r := &importRun{to: to, dry: c.DryRun, file: c.File + ".progress", size: size, begun: time.Now(), stored: c.stored}
	of := hex.EncodeToString(sum.Sum(nil))
	if !r.dry {
		switch text, err := os.ReadFile(r.file); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case json.Unmarshal(text, &r.state) != nil || r.state.Of != of:
			return nil, fmt.Errorf("%s is of an interrupted import of another file, format or deployment; perhaps %s has changed since. "+
				"Put that back and run the same command, or remove %[1]s to begin anew: accounts that are there already are left as they are", r.file, c.File)
		}
	}
	r.state.Of = of
	if r.bad, err = os.OpenFile(c.Bad, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := r.resumeList(); err != nil {
		return nil, errors.Join(err, r.bad.Close())
	}
	return r, nil
}

// resumeList takes off the list of bad lines what was written after the state was.
func (r *importRun) resumeList() error {
	info, err := r.bad.Stat()
	if err != nil {
		return err
	}
	if info.Size() < r.state.BadBytes {
		return fmt.Errorf("%s is not the list of the import that was interrupted: name that with --bad, or remove %s to begin anew", r.bad.Name(), r.file)
	}
	if err := r.bad.Truncate(r.state.BadBytes); err != nil {
		return err
	}
	_, err = r.bad.Seek(r.state.BadBytes, io.SeekStart)
	return err
}

// badLine is a line of the list of bad ones.
type badLine struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// importing is a batch that is being read.
type importing struct {
	records int // of the file, bad ones too
	bytes   int
	good    []accountfile.Record
	numbers []int // of the good ones
	bad     []badLine
}

// all stores the rest of the file. After an error or Ctrl-C the same command goes on with it.
func (r *importRun) all(ctx context.Context, o output, reader *accountfile.Reader, read *countingReader) error {
	for range r.state.Records {
		if _, err := reader.Next(); err != nil {
			return err
		}
	}
	if r.state.Records > 0 {
		o.progress("going on after %d lines", r.state.Records)
	}
	start := read.n
	for last := false; !last; {
		batch, err := r.next(reader)
		last = errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		done := r.state.Records
		switch err := r.store(ctx, batch); {
		case err == nil:
		case r.dry:
			return err
		default:
			said := fmt.Sprintf("stopped after %d lines, nothing is half done; run the same command again to go on", done)
			if ctx.Err() != nil {
				fmt.Fprintln(o.log, said) // of a command that was interrupted, no more than this is said
				err = ctx.Err()
			}
			return fmt.Errorf("%s: %w", said, err)
		}
		if r.stored != nil {
			r.stored()
		}
		r.tell(o, read.n, start)
	}
	if r.dry {
		return nil
	}
	if err := os.Remove(r.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// next reads a batch. io.EOF beside the last.
func (r *importRun) next(reader *accountfile.Reader) (b importing, err error) {
	for len(b.good) < importBatch && len(b.bad) < importBatch && b.bytes < importBatchBytes {
		line, err := reader.Next()
		if err != nil {
			return b, err
		}
		b.records++
		if line.Err != nil {
			b.bad = append(b.bad, badLine{line.Number, line.Err.Error()})
			continue
		}
		text, err := json.Marshal(line.Record)
		if err != nil {
			return b, err
		}
		b.bytes += len(text)
		b.good, b.numbers = append(b.good, line.Record), append(b.numbers, line.Number)
	}
	return b, nil
}

// store notes that a batch is under way, stores it, and then notes that it is stored.
func (r *importRun) store(ctx context.Context, b importing) error {
	if b.records == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	resumed := r.state.UnderWay != ""
	if err := r.begin(ctx, b.good); err != nil {
		return err
	}
	lines, err := r.to.store(ctx, b.good, r.dry)
	if err != nil {
		return err
	}
	if len(lines) != len(b.good) {
		return fmt.Errorf("of %d accounts %d were answered for", len(b.good), len(lines))
	}
	for i, line := range lines {
		switch {
		case line.Refused != "":
			b.bad = append(b.bad, badLine{b.numbers[i], line.Refused})
		case line.Created, resumed && r.state.UnderWay == nothingWasThere: // the run before has stored it and not come to note it
			r.state.Imported++
		default:
			r.state.Unchanged++
		}
	}
	r.state.UnderWay = ""
	r.state.Records += b.records
	r.state.Bad += len(b.bad)
	return r.note(b.bad)
}

// begin notes that a batch is under way and whether its accounts were there before: if this run is killed, the next cannot see that any more.
func (r *importRun) begin(ctx context.Context, good []accountfile.Record) error {
	if r.dry || r.state.UnderWay != "" || len(good) == 0 {
		return nil
	}
	first, err := r.to.store(ctx, good[:1], true)
	if err != nil {
		return err
	}
	r.state.UnderWay = nothingWasThere
	if len(first) == 1 && !first[0].Created && first[0].Refused == "" {
		r.state.UnderWay = wasThereBefore
	}
	return r.noteState()
}

// note adds the bad lines to their list and replaces the state, in this order: a state counts for no more than the list has.
func (r *importRun) note(bad []badLine) error {
	var list bytes.Buffer
	for _, line := range bad {
		if err := json.NewEncoder(&list).Encode(line); err != nil {
			return err
		}
	}
	n, err := r.bad.Write(list.Bytes())
	if err != nil {
		return err
	}
	r.state.BadBytes += int64(n)
	if r.dry {
		return nil
	}
	return r.noteState()
}

func (r *importRun) noteState() error {
	text, err := json.Marshal(r.state)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(r.file+".new", r.file)
}

// tell says once a second how far the import is.
func (r *importRun) tell(o output, read, start int64) {
	if now := time.Now(); now.Sub(r.told) >= time.Second {
		r.told = now
		o.progress("%s", progressOf(r.state, now.Sub(r.begun), read-start, r.size-read))
	}
}

// progressOf says how many lines there were, how fast they go, and how long the rest of the bytes takes at the pace so far.
func progressOf(s importState, taken time.Duration, done, left int64) string {
	text := fmt.Sprintf("%d lines, %d bad", s.Records, s.Bad)
	if taken <= 0 || done <= 0 {
		return text
	}
	rest := time.Duration(float64(taken) * float64(left) / float64(done)).Round(time.Second)
	return fmt.Sprintf("%s, %.0f KB a second, %s left", text, float64(done)/1000/taken.Seconds(), rest)
}

func (r *importRun) result() importResult {
	done := "imported"
	if r.dry {
		done = "to be imported"
	}
	result := importResult{
		Done: done, Changed: r.state.Imported > 0 && !r.dry, Target: r.to.name, Imported: r.state.Imported, Unchanged: r.state.Unchanged, Bad: r.state.Bad,
		Seconds: time.Since(r.begun).Seconds(),
	}
	if result.Bad > 0 {
		result.BadFile = r.bad.Name()
	}
	return result
}

// countingReader counts what was read.
type countingReader struct {
	from io.Reader
	n    int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}
