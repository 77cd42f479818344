package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// drillRecord is stored before a drill disables the test account, so that the next drill can undo it if this one is killed.
type drillRecord struct {
	Username string `json:"disabled"`
}

// recordPath returns the path of the record of a drill on this target: in the data folder, or for a table in the user's cache
// folder.
func (t target) recordPath() (string, error) {
	const name = "drill.json"
	if t.Table == "" {
		return filepath.Join(t.Data, name), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("note what the drill changes: %w", err)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{t.Table, os.Getenv("AWS_REGION"), os.Getenv("AWS_PROFILE")}, "\x00")))
	return filepath.Join(cache, "wavepass", hex.EncodeToString(sum[:8])+"-"+name), nil
}

// writeRecord records that the account is about to be disabled.
func (t target) writeRecord(username string) error {
	path, err := t.recordPath()
	if err != nil {
		return err
	}
	text, err := json.Marshal(drillRecord{username})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("note what the drill changes: %w", err)
	}
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("note what the drill changes: %w", err)
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("note what the drill changes: %w", err)
	}
	return os.Rename(path+".new", path)
}

// removeRecord deletes the record when the account is enabled again.
func (t target) removeRecord() error {
	path, err := t.recordPath()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// howToUndo returns the command that enables the account again.
func (t target) howToUndo(username string) string {
	words := []string{"wavepass", "account", "enable"}
	for _, word := range append(t.flags(), "--", username) {
		if strings.ContainsAny(word, " \t'\"\\$*?;&|<>()") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// undoLast enables the account again if the last drill was killed while it was disabled.
func (c *drillCommand) undoLast(ctx context.Context, o output, op operatorOf) error {
	path, err := c.recordPath()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var left drillRecord
	if err == nil {
		err = json.Unmarshal(text, &left)
	}
	if err != nil || left.Username == "" {
		return fmt.Errorf("%s, where the last drill noted which account it disabled, cannot be read: enable that account, and delete the file", path)
	}
	if err := op.EnableAccount(ctx, left.Username); err != nil {
		return fmt.Errorf("the last drill was interrupted and left %s disabled, and it cannot be enabled now: %w\nTo enable it yourself: %s\nTo forget it: delete %s",
			left.Username, err, c.howToUndo(left.Username), path)
	}
	fmt.Fprintf(o.log, "the last drill was interrupted: the account %s is enabled again\n", left.Username)
	return nil
}
