package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	keyFilePrefix = "wavepass-key-1:" // then base64 of the key and a line feed
	maxKeyFile    = 256               // bytes; a longer file is refused
)

// OpenKeyFile returns a sealer under the key in the file at path. If there is no file, it creates one with a new key that only
// its owner may read; if several processes do so at once, all get the same key. The folder must exist. A file that others may
// read, or that has no key, is refused; the error says what to do, and does not contain the file's content.
func OpenKeyFile(path string) (*Local, error) {
	key, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return nil, fmt.Errorf("seal: create key file: %w", err)
		}
		key, err = readKeyFile(path) // this process's new file, or that of another process
	}
	if err != nil {
		return nil, fmt.Errorf("seal: key file: %w", err)
	}
	defer clear(key)
	return NewLocal(key)
}

func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat() // of the open file, because the path may name another one by now
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file: name another", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows": // Windows has no such bits
		return nil, fmt.Errorf("%s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, err
	}
	encoded, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), keyFilePrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%s holds no key: restore it from a backup, or delete it together with the data that it sealed", path)
	}
	return key, nil
}

// createKeyFile writes a new key to path unless there is a file. The file gets its name only when it is complete, because after
// a crash half a key could open nothing.
func createKeyFile(path string) error {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	defer clear(key)
	folder := filepath.Dir(path)
	file, err := os.CreateTemp(folder, filepath.Base(path)+".new-*") // O_EXCL, mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(keyFilePrefix + base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	// Link does not replace a file, as Rename would.
	if err := os.Link(file.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes the new name durable, so that nothing that is sealed under the key outlives it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // Windows cannot open folders
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
