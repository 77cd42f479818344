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

	"github.com/wavepass/wavepass/cmd/wavepass/internal/drill"
)

// drillRecord is stored before a drill changes anything, so that the next drill can undo it if this one is killed.
type drillRecord struct {
	Disabled string         `json:"disabled,omitempty"` // the account
	Role     string         `json:"role,omitempty"`     // the account that has drill.Role
	Policy   *changedPolicy `json:"policy,omitempty"`
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

// record returns what a drill has noted, nothing if there is no note.
func (t target) record() (r drillRecord, err error) {
	path, err := t.recordPath()
	if err != nil {
		return r, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || r == (drillRecord{}) {
		return r, fmt.Errorf("%s, where the last drill noted what it changed, cannot be read: see that the test account is enabled and no policy "+
			"asks for the role %s, and delete the file", path, drill.Role)
	}
	return r, nil
}

// note changes the record. One that has nothing left to undo is deleted.
func (t target) note(change func(*drillRecord)) error {
	r, err := t.record()
	if err != nil {
		return err
	}
	change(&r)
	path, err := t.recordPath()
	if err != nil {
		return err
	}
	if r == (drillRecord{}) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := writeDurably(path, r); err != nil {
		return fmt.Errorf("note what the drill changes: %w", err)
	}
	return nil
}

func writeDurably(path string, r drillRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// howToEnable returns the command that enables the account again.
func (t target) howToEnable(username string) string {
	words := []string{"wavepass", "account", "enable"}
	for _, word := range append(t.flags(), "--", username) {
		if strings.ContainsAny(word, " \t'\"\\$*?;&|<>()") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// undoLast takes back what the last drill changed, if it was killed before it could.
func (c *drillCommand) undoLast(ctx context.Context, o output, op operatorOf) error {
	left, err := c.record()
	if err != nil {
		return err
	}
	if left.Disabled != "" {
		if err := op.EnableAccount(ctx, left.Disabled); err != nil {
			return c.cannotUndo(left.Disabled+" disabled", "enable it yourself: "+c.howToEnable(left.Disabled), err)
		}
		fmt.Fprintf(o.log, "the last drill was interrupted: the account %s is enabled again\n", left.Disabled)
	}
	if left.Policy != nil {
		if err := op.ReleaseRoute(ctx); err != nil {
			return c.cannotUndo(left.Policy.Route+" closed", "open it yourself: take the role "+drill.Role+" out of the policy of the API "+left.Policy.API, err)
		}
		fmt.Fprintf(o.log, "the last drill was interrupted: the policy of %s is as it was before\n", left.Policy.Route)
	}
	if left.Role != "" {
		if err := op.TakeRole(ctx, left.Role, drill.Role); err != nil {
			return c.cannotUndo(left.Role+" with the role "+drill.Role, "take it away yourself: wavepass account set-access", err)
		}
		fmt.Fprintf(o.log, "the last drill was interrupted: the account %s has its own roles again\n", left.Role)
	}
	return nil
}

func (c *drillCommand) cannotUndo(what, how string, err error) error {
	path, _ := c.recordPath()
	return fmt.Errorf("the last drill was interrupted and left %s, and this cannot be undone now: %w\nTo %s\nTo forget it: delete %s", what, err, how, path)
}
