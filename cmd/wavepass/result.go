package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/operate"
)

// result is what a command that changes something says at its end.
type result struct {
	Done      string    `json:"done"`    // in one word, what is so now
	Changed   bool      `json:"changed"` // false: it was so before
	Target    string    `json:"target"`  // the deployment that was worked on
	Username  string    `json:"username,omitzero"`
	Directory string    `json:"directory,omitzero"`
	SubjectID string    `json:"subject,omitzero"`
	AccountID string    `json:"account_id,omitzero"`
	Email     string    `json:"email,omitzero"`
	SessionID string    `json:"session_id,omitzero"`
	ClientID  string    `json:"client_id,omitzero"`
	TokenID   string    `json:"token_id,omitzero"`
	Secret    string    `json:"secret,omitzero"` // shown this once
	API       string    `json:"api,omitzero"`
	Provider  string    `json:"provider,omitzero"`
	Resource  string    `json:"resource,omitzero"`
	Changes   []string  `json:"changes,omitzero"`
	Keys      []keyStep `json:"keys,omitzero"`

	subject, note string // for people: what it was done to, and what follows from it
}

// keyStep is what happened to a key.
type keyStep struct {
	What string `json:"what"`
	Key  string `json:"kid"`
}

// about is the beginning of a result of a change of an account.
func about(a account.Account) result {
	return result{
		Username: a.Username, Directory: a.Subject.Directory, SubjectID: a.Subject.ID, AccountID: a.ID.String(),
		subject: fmt.Sprintf("%s (%s)", nameOf(a), a.ID),
	}
}

// aboutKeys is a result of a change of keys.
func aboutKeys(done string, steps []keyring.Step, note string) result {
	r := result{Done: done, Changed: len(steps) > 0, Keys: []keyStep{}, note: note}
	for _, step := range steps {
		r.Keys = append(r.Keys, keyStep{string(step.What), step.Key})
	}
	return r
}

// tell ends a command that changes something: it prints the result, unless err says that nothing is known to be
// done. A change whose event could not be stored is told, and is an error.
func (t target) tell(o output, a admin, r result, err error) error {
	if err != nil && !errors.Is(err, operate.ErrNotKept) {
		return err
	}
	r.Target = a.name
	if t.JSON {
		return errors.Join(err, printJSON(o.out, r))
	}
	_, failed := io.WriteString(o.out, r.text())
	return errors.Join(err, failed)
}

func (r result) text() string {
	var out strings.Builder
	switch {
	case r.Keys != nil:
		for _, step := range r.Keys {
			fmt.Fprintf(&out, "%-9s  %s\n", step.What, step.Key)
		}
	case r.Changed:
		fmt.Fprintf(&out, "%s  %s\n", r.Done, r.subject)
	default:
		fmt.Fprintf(&out, "no change: %s before  %s\n", r.Done, r.subject)
	}
	if r.note != "" {
		fmt.Fprintln(&out, r.note)
	}
	fmt.Fprintf(&out, "in %s\n", r.Target)
	return out.String()
}

func printJSON(out io.Writer, value any) error {
	if err := json.MarshalWrite(out, value, jsontext.WithIndent("  "), json.FormatNilSliceAsNull(false)); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
