package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/operate"
)

type accountCommands struct {
	Add         accountAdd         `cmd:"" help:"Register an account; the password is read from standard input."`
	Invite      accountInvite      `cmd:"" help:"Send a mail by which the owner of an address makes an account."`
	Uninvite    accountUninvite    `cmd:"" help:"Withdraw the invitations of an address."`
	Import      accountImport      `cmd:"" help:"Import accounts from a file of another system, or of account export."`
	ImportBatch accountImportBatch `cmd:"" hidden:""`
	List        accountList        `cmd:"" help:"List every account."`
	Search      accountSearch      `cmd:"" help:"Find accounts by id, login name, address, or the beginning of one."`
	Export      accountExport      `cmd:"" help:"Write every account that has a login name, one JSON object a line."`
	Show        accountShow        `cmd:"" help:"Show an account."`
	Disable     accountDisable     `cmd:"" help:"End every session and let the account log in no more."`
	Enable      accountEnable      `cmd:"" help:"Let an account that is disabled, or closed by its person, log in again."`
	Delete      accountDelete      `cmd:"" help:"Delete an account; everything that was issued for it is dead at once."`
	SetPassword accountSetPassword `cmd:"" help:"Replace the password, read from standard input, and end every session."`
	SetEmail    accountSetEmail    `cmd:"" help:"Replace the e-mail address, and end every session."`
	SetAccess   accountSetAccess   `cmd:"" help:"Replace roles, scopes or claims."`
}

// change makes one change of the account and prints it. change reports whether it changed anything.
func (c named) change(ctx context.Context, o output, in invocation, done, note string, change func(context.Context, *operate.Operator, account.Account) (bool, error)) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		found, err := a.find(ctx, c.Name, c.reading)
		if err != nil {
			return err
		}
		r := about(found)
		r.Done, r.note = done, note
		r.Changed, err = change(ctx, a.operator(), found)
		return c.tell(o, a, r, explainAccount(err, c.Name))
	})
}

type accountAdd struct {
	target
	Username string   `arg:"" help:"Username of the account."`
	Email    string   `help:"E-mail address. It counts as verified: you vouch for it." placeholder:"ADDRESS"`
	Role     []string `help:"A role; repeat it for more." placeholder:"NAME"`
	Scope    []string `help:"A scope that its tokens may carry; repeat it for more." placeholder:"NAME"`
	Claim    []string `help:"A claim of its tokens; repeat it for more." placeholder:"NAME=VALUE" sep:"none"`
}

// Help is shown by `wavepass account add --help`.
func (c *accountAdd) Help() string {
	return `On a terminal the password is asked for twice and not shown. In a script it is the one line of standard input:

  wavepass account add ada --role member --scope profile <password.txt`
}

// Run registers the account.
func (c *accountAdd) Run(ctx context.Context, o output, in invocation) error {
	own, err := claimsOf(c.Claim)
	if err != nil {
		return err
	}
	password, err := in.newPassword(ctx, o)
	if err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		created, err := a.operator().AddAccount(ctx, c.Username, password, c.Email, account.Access{Roles: c.Role, Scopes: c.Scope, Claims: own})
		r := about(created)
		r.Done, r.Changed = "added", true
		return c.tell(o, a, r, explainAccount(err, c.Username))
	})
}

type accountShow struct{ named }

// Help is shown by `wavepass account show --help`.
func (c *accountShow) Help() string { return "  wavepass account show ada --json" }

// Run prints the account.
func (c *accountShow) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		found, err := a.find(ctx, c.Name, c.reading)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return printJSON(o.out, accountForJSON(found))
		}
		return printAccount(o.out, found)
	})
}

func printAccount(out io.Writer, a account.Account) error {
	label := "username"
	if a.Username == "" {
		label = "subject"
	}
	_, err := fmt.Fprintf(out, "%-8s  %s\nid        %s\ne-mail    %s\nstate     %s\nroles     %s\nscopes    %s\nclaims    %s\nepoch     %d\n",
		label, nameOf(a), a.ID, addressOf(a.Email), state(a), strings.Join(a.Roles, " "), strings.Join(a.Scopes, " "), a.Claims, a.Epoch)
	return err
}

func addressOf(e account.Email) string {
	switch {
	case e.Address == "":
		return "–"
	case e.Verified():
		return e.Address
	}
	return e.Address + " (not verified)"
}

type accountDisable struct{ named }

// Help is shown by `wavepass account disable --help`.
func (c *accountDisable) Help() string {
	return `Its sessions and access tokens stay dead when it is enabled again. An account that its person has closed is kept: it is not removed any
more.

  wavepass account disable ada --table wavepass-TableXYZ`
}

// Run disables the account.
func (c *accountDisable) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "disabled", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		return m.Disable(ctx, a.ID)
	})
}

type accountEnable struct{ named }

// Help is shown by `wavepass account enable --help`.
func (c *accountEnable) Help() string {
	return `Also one that its person has closed, until it is removed: account show says when that is.

  wavepass account enable ada`
}

// Run enables the account.
func (c *accountEnable) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "enabled", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		return m.Enable(ctx, a.ID)
	})
}

type accountDelete struct {
	named
	Yes bool `help:"Really: it cannot be taken back."`
}

// Help is shown by `wavepass account delete --help`.
func (c *accountDelete) Help() string { return "  wavepass account delete ada --yes" }

// Run deletes the account.
func (c *accountDelete) Run(ctx context.Context, o output, in invocation) error {
	if err := in.confirm(ctx, o, c.Yes, "this deletes the account "+c.Name+" for good", c.Name); err != nil {
		return err
	}
	return c.change(ctx, o, in, "deleted", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		return true, m.Delete(ctx, a.ID)
	})
}

type accountSetPassword struct{ named }

// Help is shown by `wavepass account set-password --help`.
func (c *accountSetPassword) Help() string {
	return `On a terminal the password is asked for twice and not shown. In a script it is the one line of standard input:

  wavepass account set-password ada <password.txt`
}

// Run replaces the password.
func (c *accountSetPassword) Run(ctx context.Context, o output, in invocation) error {
	if err := c.mayHavePassword(ctx, o, in); err != nil {
		return err
	}
	password, err := in.newPassword(ctx, o)
	if err != nil {
		return err
	}
	return c.change(ctx, o, in, "password set", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		return true, m.SetPassword(ctx, a.ID, password)
	})
}

type accountSetEmail struct {
	target
	Name    string `arg:"" help:"Username of the account, or directory/subject of a back end's own user."`
	Address string `arg:"" optional:"" help:"The new address."`
	None    bool   `help:"Take the address away."`

	TellOld     bool `help:"Tell the old address, with a link that takes the change back." xor:"old"`
	KeepFromOld bool `help:"Do not tell the old address: somebody else has its mailbox." xor:"old"`
	reading
}

// Help is shown by `wavepass account set-email --help`.
func (c *accountSetEmail) Help() string {
	return `The address counts as verified: you vouch for it. A username that is the old address becomes the new one. Every session ends, as
links and codes in mails to the old address do.

Both addresses are told by mail before it is changed. The mail to the old one has a link by which its reader takes the change back, for 7 days, and with
it the account. So where there is an old address, say which it is: --tell-old when its mailbox is the person's, --keep-from-old when somebody else may have it.

  wavepass account set-email ada ada@example.com
  wavepass account set-email ada ada@example.org --tell-old
  wavepass account set-email ada --none --keep-from-old`
}

// Run replaces the address, or takes it away.
func (c *accountSetEmail) Run(ctx context.Context, o output, in invocation) error {
	if (c.Address == "") != c.None {
		return errors.New("want the new address, or --none to take the address away")
	}
	return named{c.target, c.Name, c.reading}.change(ctx, o, in, "e-mail address set", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		if old := a.Email.Address; old != "" && old != c.Address && !c.TellOld && !c.KeepFromOld {
			return false, fmt.Errorf("the account has the address %s: add --tell-old, and it gets a mail with a link that takes the change back for 7 days, or --keep-from-old when somebody else may have its mailbox", old)
		}
		return m.SetEmail(ctx, a, c.Address, c.KeepFromOld)
	})
}

type accountSetAccess struct {
	named
	Role     []string `help:"A role, in place of those there are; repeat it for more." placeholder:"NAME" xor:"roles"`
	NoRoles  bool     `help:"Take every role away." xor:"roles"`
	Scope    []string `help:"A scope that its tokens may carry, in place of those there are; repeat it for more." placeholder:"NAME" xor:"scopes"`
	NoScopes bool     `help:"Take every scope away." xor:"scopes"`
	Claim    []string `help:"A claim of its tokens, in place of those there are; repeat it for more." placeholder:"NAME=VALUE" xor:"claims" sep:"none"`
	NoClaims bool     `help:"Take every claim away." xor:"claims"`
}

// Help is shown by `wavepass account set-access --help`.
func (c *accountSetAccess) Help() string {
	return `Roles, claims, and scopes that are taken away, count from the next refresh on; a new scope from the next login on. For an
account that must lose a right at once, use wavepass revoke account as well. What is not named stays as it is.

A claim's value is a number, true, false, or text. Quotes make a text of what looks like another: --claim 'code="007"'.

  wavepass account set-access ada --role member --role editor --no-scopes
  wavepass account set-access ada --claim plan=pro --claim seats=5`
}

// Run replaces the roles or the scopes, as the flags say.
func (c *accountSetAccess) Run(ctx context.Context, o output, in invocation) error {
	own, err := claimsOf(c.Claim)
	if err != nil {
		return err
	}
	roles, scopes, claims := len(c.Role) > 0 || c.NoRoles, len(c.Scope) > 0 || c.NoScopes, len(c.Claim) > 0 || c.NoClaims
	if !roles && !scopes && !claims {
		return fmt.Errorf("nothing was named, so nothing is changed: want --role NAME or --no-roles, --scope NAME or --no-scopes, "+
			"--claim NAME=VALUE or --no-claims; `wavepass account show %s` shows what there is", c.Name)
	}
	return c.change(ctx, o, in, "access set", "Roles and claims count from the next refresh on, a new scope from the next login on.",
		func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
			access := a.Access()
			if roles {
				access.Roles = c.Role
			}
			if scopes {
				access.Scopes = c.Scope
			}
			if claims {
				access.Claims = own
			}
			return m.SetAccess(ctx, a, access)
		})
}
