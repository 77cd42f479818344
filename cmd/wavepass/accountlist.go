package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/account"
)

type accountList struct {
	target
	Limit int `help:"How many at most; 0: all." default:"0"`
}

// Help is shown by `wavepass account list --help`.
func (c *accountList) Help() string {
	return `They come in no order. In the cloud this reads the whole table, sessions too.

  wavepass account list --json | jq -r '.[] | select(.disabled) | .id'`
}

// accountJSON is an account as --json prints it.
type accountJSON struct {
	Username  string         `json:"username"` // empty for a back end's own user
	Email     string         `json:"email,omitzero"`
	Verified  bool           `json:"email_verified,omitzero"`
	Directory string         `json:"directory,omitzero"`
	Subject   string         `json:"subject,omitzero"`
	Linked    []string       `json:"identities,omitempty"` // of identity providers, as directory/subject
	ID        string         `json:"id"`
	Disabled  bool           `json:"disabled"`
	RemoveAt  time.Time      `json:"removed_at,omitzero"` // its person has closed it
	Roles     []string       `json:"roles"`
	Scopes    []string       `json:"scopes"`
	Claims    map[string]any `json:"claims,omitempty"`
	Epoch     int64          `json:"epoch"`
}

func accountForJSON(a account.Account) accountJSON {
	var linked []string
	for _, identity := range a.Identities {
		linked = append(linked, identity.String())
	}
	return accountJSON{a.Username, a.Email.Address, a.Email.Verified(), a.Subject.Directory, a.Subject.ID, linked, a.ID.String(), a.Disabled, a.RemoveAt, a.Roles, a.Scopes, a.Claims.Map(), a.Epoch}
}

func state(a account.Account) string {
	switch {
	case !a.RemoveAt.IsZero():
		return "closed by its person, removed after " + a.RemoveAt.Format(time.RFC3339)
	case a.Disabled:
		return "disabled"
	}
	return "may log in"
}

// Run prints the accounts as they come.
func (c *accountList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		list := newAccountTable(o.out, c.JSON)
		for found, err := range a.store.Accounts(ctx) {
			if err != nil {
				return err
			}
			if err := list.add(found); err != nil {
				return err
			}
			if list.rows == c.Limit {
				break
			}
		}
		return list.end()
	})
}

// rowsInMemory is after how many rows a table is printed as far as it goes.
const rowsInMemory = 500

// accountTable prints accounts, and keeps few of them.
type accountTable struct {
	out  io.Writer
	json bool
	rows int
	text *tabwriter.Writer
}

func newAccountTable(out io.Writer, json bool) *accountTable {
	return &accountTable{out: out, json: json, text: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
}

func (t *accountTable) add(a account.Account) error {
	t.rows++
	if t.json {
		before := ",\n  "
		if t.rows == 1 {
			before = "[\n  "
		}
		row, err := json.Marshal(accountForJSON(a), json.FormatNilSliceAsNull(false), json.Deterministic(true), jsontext.WithIndentPrefix("  "), jsontext.WithIndent("  "))
		if err == nil {
			_, err = io.WriteString(t.out, before+string(row))
		}
		return err
	}
	if t.rows == 1 {
		fmt.Fprintln(t.text, "ACCOUNT\tID\tSTATE\tROLES\tSCOPES")
	}
	fmt.Fprintf(t.text, "%s\t%s\t%s\t%s\t%s\n", nameOf(a), a.ID, state(a), orNone(a.Roles), orNone(a.Scopes))
	if t.rows%rowsInMemory == 0 {
		return t.text.Flush()
	}
	return nil
}

func (t *accountTable) end() error {
	switch {
	case !t.json:
		return t.text.Flush()
	case t.rows == 0:
		_, err := io.WriteString(t.out, "[]\n")
		return err
	}
	_, err := io.WriteString(t.out, "\n]\n")
	return err
}

// orNone prints a list in one cell of a table.
func orNone(list []string) string {
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, " ")
}
