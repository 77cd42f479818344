package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/zalando/go-keyring"
)

// A keeper keeps one record. What changes it holds the lock.
type keeper interface {
	load() (record, error) // a *signedOutError when there is none
	save(record) error     // the record before is there until the new one is
	remove() error
	lock(context.Context) (unlock func(), err error)
	String() string // where the record is
}

var errNobody = &signedOutError{"nobody is logged in"}

// open returns where the session of a client of a service is kept: in the file, if there is one, else in the keyring, if there is one.
func open(way string, s *service) (keeper, error) {
	configs, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(configs, "wavepass-native")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := private(folder, "folder", "700"); err != nil {
		return nil, err
	}
	name := strings.NewReplacer("://", "-", ":", "_").Replace(s.url) + "-" + strings.NewReplacer("/", "_", ":", "_", "\\", "_").Replace(s.client)
	file := inFile{filepath.Join(folder, name+".json")}
	ring := inKeyring{s.url + " " + s.client, file.path}
	switch way {
	case "file":
		return file, nil
	case "keyring":
		if err := ring.works(); err != nil {
			return nil, fmt.Errorf("there is no keyring that can be used (%w); --store file keeps the session in %s", err, file.path)
		}
		return ring, nil
	case "auto":
		if _, err := os.Lstat(file.path); err == nil || ring.works() != nil {
			return file, nil
		}
		return ring, nil
	}
	return nil, usageError(fmt.Sprintf("--store %q: keyring, file or auto", way))
}

// private refuses what other people on this machine can read.
func private(path, what, mode string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 { // there, the folder belongs to the person
		return fmt.Errorf("others can read the %s %s, and what is in it may have been copied: run `chmod %s` on it, then `native logout --everywhere`", what, path, mode)
	}
	return nil
}

// inFile keeps the record in a file that only its owner can read.
type inFile struct{ path string }

func (f inFile) String() string { return "the file " + f.path }

func (f inFile) load() (record, error) {
	if err := private(f.path, "file", "600"); errors.Is(err, os.ErrNotExist) {
		return record{}, errNobody
	} else if err != nil {
		return record{}, err
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return record{}, err
	}
	return parse(text, f)
}

func parse(text []byte, from keeper) (r record, err error) {
	if err := json.Unmarshal(text, &r); err != nil || r.RefreshToken == "" {
		return record{}, fmt.Errorf("%s holds no session; remove it, and run `native login`", from)
	}
	return r, nil
}

// save writes a second file and renames it. Its name is always the same, so that a kill in between leaves no token behind for good.
func (f inFile) save(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	beside := f.path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(beside, f.path)
}

func (f inFile) remove() error {
	for _, path := range []string{f.path + ".new", f.path} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

const waitForOthers = time.Minute // longer than a process repeats a request

// lock waits for other processes. The system releases the lock of a process that ends, however it ends.
func (f inFile) lock(ctx context.Context) (unlock func(), err error) {
	bounded, cancel := context.WithTimeout(ctx, waitForOthers)
	defer cancel()
	l := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(bounded, 20*time.Millisecond); err != nil {
		_ = l.Close()
		if bounded.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("another process has held %s for a minute; end it, or try again", l.Path())
		}
		return nil, fmt.Errorf("%s cannot be locked: %w", l.Path(), err)
	}
	return func() { _ = l.Close() }, nil
}

const inKeyringOf = "wavepass-native"

// inKeyring keeps the record in the system's keyring: Keychain, Credential Manager, or a Secret Service by D-Bus.
type inKeyring struct{ name, path string }

func (k inKeyring) String() string { return "the system's keyring" }

// works reports why the keyring cannot be asked, if it cannot.
func (k inKeyring) works() error {
	_, err := bounded(func() (string, error) { return keyring.Get(inKeyringOf, k.name) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

func (k inKeyring) load() (record, error) {
	text, err := bounded(func() (string, error) { return keyring.Get(inKeyringOf, k.name) })
	if errors.Is(err, keyring.ErrNotFound) {
		return record{}, errNobody
	}
	if err != nil {
		return record{}, err
	}
	return parse([]byte(text), k)
}

func (k inKeyring) save(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = bounded(func() (string, error) { return "", keyring.Set(inKeyringOf, k.name, string(text)) })
	return err
}

func (k inKeyring) remove() error {
	_, err := bounded(func() (string, error) { return "", keyring.Delete(inKeyringOf, k.name) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// lock is a file also here: no keyring has locks.
func (k inKeyring) lock(ctx context.Context) (unlock func(), err error) {
	return inFile{k.path}.lock(ctx)
}

// bounded ends the wait for a keyring that asks for its password where nobody sees the question, as on a server without a screen.
func bounded(ask func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := ask()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-time.After(30 * time.Second):
		return "", errors.New("the keyring does not answer; is it locked?")
	}
}
