package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
)

type accountCommands struct {
	Add         accountAdd         `cmd:"" help:"Register an account; the password is read from standard input."`
	Show        accountShow        `cmd:"" help:"Show an account."`
	Disable     accountDisable     `cmd:"" help:"End every session and let the account log in no more."`
	Enable      accountEnable      `cmd:"" help:"Let a disabled account log in again."`
	Delete      accountDelete      `cmd:"" help:"Delete an account; everything that was issued for it is dead at once."`
	SetPassword accountSetPassword `cmd:"" help:"Replace the password, read from standard input, and end every session."`
	SetAccess   accountSetAccess   `cmd:"" help:"Replace roles and scopes; they count from the next refresh on."`
}

// find returns the account of a username.
func (a admin) find(ctx context.Context, username string) (account.Account, error) {
	_, login, err := account.FindLogin(ctx, a.store, username)
	if err != nil {
		return account.Account{}, explainAccount(err, username)
	}
	found, err := a.store.Account(ctx, login.AccountID)
	return found, explainAccount(err, username)
}

// explainAccount says what to do about an error of an account.
func explainAccount(err error, username string) error {
	switch {
	case errors.Is(err, account.ErrNotFound):
		return fmt.Errorf("there is no account %s", username)
	case errors.Is(err, account.ErrExists):
		return fmt.Errorf("the username %s is taken", username)
	}
	return err
}

type named struct {
	target
	Username string `arg:"" help:"Username of the account."`
}

// change makes one change of the account and says so.
func (c named) change(ctx context.Context, o output, in invocation, said string, change func(*operate.Operator, account.Account) (bool, error)) error {
	return c.run(ctx, o, in, func(a admin) error {
		found, err := a.find(ctx, c.Username)
		if err != nil {
			return err
		}
		changed, err := change(a.operator(), found)
		if err != nil {
			return explainAccount(err, c.Username)
		}
		if !changed {
			said = "no change: already " + said
		}
		_, err = fmt.Fprintf(o.out, "%s  %s (%s)\n", said, found.Username, found.ID)
		return err
	})
}

type access struct {
	Role  []string `help:"A role; repeat it for more." placeholder:"NAME"`
	Scope []string `help:"A scope that its tokens may carry; repeat it for more." placeholder:"NAME"`
}

type accountAdd struct {
	named
	access
}

// Run registers the account.
func (c *accountAdd) Run(ctx context.Context, o output, in invocation) error {
	password, err := in.secret(ctx, o, "Password: ")
	if err != nil {
		return err
	}
	return c.run(ctx, o, in, func(a admin) error {
		created, err := a.operator().AddAccount(ctx, c.Username, password, c.Role, c.Scope)
		if err != nil {
			return explainAccount(err, c.Username)
		}
		_, err = fmt.Fprintf(o.out, "added  %s (%s)\n", created.Username, created.ID)
		return err
	})
}

type accountShow struct{ named }

// Run prints the account.
func (c *accountShow) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(a admin) error {
		found, err := a.find(ctx, c.Username)
		if err != nil {
			return err
		}
		state := "may log in"
		if found.Disabled {
			state = "disabled"
		}
		_, err = fmt.Fprintf(o.out, "username  %s\nid        %s\nstate     %s\nroles     %s\nscopes    %s\nepoch     %d\n",
			found.Username, found.ID, state, strings.Join(found.Roles, " "), strings.Join(found.Scopes, " "), found.Epoch)
		return err
	})
}

type accountDisable struct{ named }

// Run disables the account.
func (c *accountDisable) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "disabled", func(m *operate.Operator, a account.Account) (bool, error) { return m.Disable(ctx, a.ID) })
}

type accountEnable struct{ named }

// Run enables the account.
func (c *accountEnable) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "enabled", func(m *operate.Operator, a account.Account) (bool, error) { return m.Enable(ctx, a.ID) })
}

type accountDelete struct {
	named
	Yes bool `help:"Really: it cannot be taken back."`
}

// Run deletes the account.
func (c *accountDelete) Run(ctx context.Context, o output, in invocation) error {
	if !c.Yes {
		return fmt.Errorf("this deletes the account %s for good; add --yes if that is what you want", c.Username)
	}
	return c.change(ctx, o, in, "deleted", func(m *operate.Operator, a account.Account) (bool, error) { return true, m.Delete(ctx, a.ID) })
}

type accountSetPassword struct{ named }

// Run replaces the password.
func (c *accountSetPassword) Run(ctx context.Context, o output, in invocation) error {
	password, err := in.secret(ctx, o, "New password: ")
	if err != nil {
		return err
	}
	return c.change(ctx, o, in, "password set", func(m *operate.Operator, a account.Account) (bool, error) {
		return true, m.SetPassword(ctx, a.ID, password)
	})
}

type accountSetAccess struct {
	named
	access
}

// Run replaces roles and scopes by what is given; what is not given is taken away.
func (c *accountSetAccess) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "access set", func(m *operate.Operator, a account.Account) (bool, error) {
		return m.SetAccess(ctx, a.ID, c.Role, c.Scope)
	})
}

var errNoSecret = errors.New("no password on standard input: for example `wavepass account add ada <password.txt`")

// oneLine is a password as it was typed or piped.
func oneLine(text string) (oauth.Secret, error) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case line == "":
		return oauth.Secret{}, errNoSecret
	case strings.TrimSpace(rest) != "":
		return oauth.Secret{}, errors.New("more than one line on standard input: want the password alone")
	}
	return oauth.NewSecret(line), nil
}
