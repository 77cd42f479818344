package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/mail"
)

type accountInvite struct {
	target
	Address  string `arg:"" help:"E-mail address of the person."`
	Language string `help:"Language of the mail, a tag like de." placeholder:"TAG" default:"en"`
}

// Help is shown by `wavepass account invite --help`.
func (c *accountInvite) Help() string {
	return `The link in the mail is good once and for 7 days. The person chooses a password there, and logs in with the address.

  wavepass account invite ada@example.com --language de`
}

// Run orders the mail.
func (c *accountInvite) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		note, err := c.outlook(a, in.open != nil)
		if err != nil {
			return err
		}
		address, err := a.operator().Invite(ctx, c.Address, c.Language)
		r := result{Done: "invited", Changed: true, Email: address, subject: address, note: note}
		return c.tell(o, a, r, c.explain(err))
	})
}

// outlook says what becomes of the mail, and fails where nothing good would.
func (c *accountInvite) outlook(a admin, running bool) (string, error) {
	switch {
	case a.cloud:
		return "The stack sends the mail if it has MailFrom, and honours the link with SignUp=invite or open.", nil
	case !running:
		return "", errors.New("mails are sent only while the service runs: start it with SIGNUP=invite wavepass local, and invite them again")
	case a.cfg.SignUp != "invite" && a.cfg.SignUp != "open":
		return "", fmt.Errorf("the running wavepass local has SIGNUP=%s, so it would refuse the link: start it with SIGNUP=invite, or with open", a.cfg.SignUp)
	}
	return "The mail goes to the outbox. Its link is good for 7 days.", nil
}

// explain says what to do about an error.
func (c *accountInvite) explain(err error) error {
	switch {
	case errors.Is(err, account.ErrAddress):
		return fmt.Errorf("%s: want an address like name@example.com, in ASCII before the @", quoted(c.Address))
	case errors.Is(err, account.ErrAddressTaken):
		return fmt.Errorf("an account has the address %s already: see `wavepass account search %s`", quoted(c.Address), c.Address)
	case errors.Is(err, mail.ErrFull):
		return fmt.Errorf("%s was sent %d mails in the last hour, which is the limit: try again later", quoted(c.Address), mail.DefaultLimits.Address.Count)
	case errors.Is(err, mail.ErrOrder):
		return fmt.Errorf("--language: want a tag like de or pt-BR, not %s", quoted(c.Language))
	}
	return err
}
