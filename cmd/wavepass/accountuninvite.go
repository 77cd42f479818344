package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/account"
)

type accountUninvite struct {
	target
	Address string `arg:"" help:"E-mail address that was invited."`
}

// Help is shown by `wavepass account uninvite --help`.
func (c *accountUninvite) Help() string {
	return `The links of all invitations to the address are dead from then on, also of one whose mail is still on its way. The address may be invited again.

  wavepass account uninvite ada@example.com`
}

// Run withdraws the invitations of an address.
func (c *accountUninvite) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		address, err := a.operator().Uninvite(ctx, c.Address)
		r := result{Done: "uninvited", Changed: true, Email: address, subject: address, note: "Invitations to this address are dead, if there were any."}
		return c.tell(o, a, r, c.explain(err))
	})
}

// explain says what to do about an error.
func (c *accountUninvite) explain(err error) error {
	switch {
	case errors.Is(err, account.ErrAddress):
		return fmt.Errorf("%s: want an address like name@example.com, in ASCII before the @", quoted(c.Address))
	case errors.Is(err, account.ErrAddressTaken):
		return fmt.Errorf("an account has the address %s by now, so there is no invitation to withdraw: see `wavepass account search %s`", quoted(c.Address), c.Address)
	}
	return err
}
