// Package outbox is where the mails of `wavepass local` go: a folder, and a page that shows what is in it. Nothing leaves this machine.
package outbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/mail"
)

// Folder keeps mails. Safe for concurrent use.
type Folder struct {
	root *os.Root
	now  func() time.Time
}

// Open opens a folder, which is created where it is missing, readable by its owner only: the links in mails are good.
func Open(path string, now func() time.Time) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Folder{root, now}, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

const (
	textEnding = ".txt"
	htmlEnding = ".html"
	partEnding = ".part" // of a text that is being written
	stamp      = "20060102-150405.000"
	maxTo      = 80 // characters of an address in the name of a file
)

// Send implements mail.Sender. A mail is two files, for example 20260301-120000.000_recover_ada@example.com_KX7Q.txt and .html. The text is
// written last, and makes the mail one.
func (f *Folder) Send(_ context.Context, m mail.Mail) error {
	now := f.now().UTC()
	to := unusual.ReplaceAllString(m.To, "_")
	name := fmt.Sprintf("%s_%s_%s_%s", now.Format(stamp), m.Purpose, to[:min(len(to), maxTo)], rand.Text()[:4])
	text := fmt.Sprintf("To: %s\nSubject: %s\nDate: %s\n\n%s", m.To, m.Subject, now.Format(time.RFC3339), m.Text)
	if err := f.root.WriteFile(name+htmlEnding, []byte(m.HTML), 0o600); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	err := f.root.WriteFile(name+partEnding, []byte(text), 0o600)
	if err == nil {
		err = f.root.Rename(name+partEnding, name+textEnding) // nobody reads half a mail
	}
	if err != nil {
		_ = f.root.Remove(name + partEnding)
		return errors.Join(fmt.Errorf("outbox: %w", err), f.root.Remove(name+htmlEnding))
	}
	return nil
}

var (
	unusual  = regexp.MustCompile(`[^A-Za-z0-9@._+-]`)
	mailName = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}\.[0-9]{3}_[a-z_]+_[A-Za-z0-9@._+-]+$`)
)

// letter is a mail as it was read.
type letter struct {
	Name, To, Subject, Date string
	Lines                   []string // of the text
}

// names are those of the mails, the newest first, at most limit.
func (f *Folder) names(limit int) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), textEnding); ok && mailName.MatchString(name) && entry.Type().IsRegular() {
			all = append(all, name)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(b, a) })
	return all[:min(len(all), limit)], nil
}

// read reads the text of a mail. The error is fs.ErrNotExist for what is none.
func (f *Folder) read(name string) (letter, error) {
	if !mailName.MatchString(name) {
		return letter{}, fs.ErrNotExist
	}
	data, err := f.root.ReadFile(name + textEnding)
	if err != nil {
		return letter{}, err
	}
	l := letter{Name: name}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for _, header := range []struct {
		name  string
		value *string
	}{{"To: ", &l.To}, {"Subject: ", &l.Subject}, {"Date: ", &l.Date}, {"", new(string)}} {
		lines.Scan()
		*header.value = strings.TrimPrefix(lines.Text(), header.name)
	}
	for lines.Scan() {
		l.Lines = append(l.Lines, lines.Text())
	}
	return l, lines.Err()
}
