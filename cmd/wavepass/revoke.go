package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

type revokeCommands struct {
	Token   revokeToken   `cmd:"" help:"Refuse one access token, named by its jti."`
	Session revokeSession `cmd:"" help:"End one session of an account."`
	Account revokeAccount `cmd:"" help:"End every session of an account."`
	Client  revokeClient  `cmd:"" help:"Refuse every access token of a client for the next hour."`
}

type revokeToken struct {
	target
	JTI uuid.UUID `arg:"" help:"The token's jti."`
}

// Run denies the token.
func (c *revokeToken) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(a admin) error {
		if err := a.operator().RevokeToken(ctx, c.JTI); err != nil {
			return err
		}
		_, err := fmt.Fprintf(o.out, "revoked  token %s, within the revocation bound\n", c.JTI)
		return err
	})
}

type revokeSession struct {
	named
	SID uuid.UUID `arg:"" help:"The session's id, sid in its tokens."`
}

// Run ends the session.
func (c *revokeSession) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(a admin) error {
		owner, err := a.find(ctx, c.Username)
		if err != nil {
			return err
		}
		ended, err := a.operator().RevokeSession(ctx, owner.ID, c.SID)
		switch {
		case errors.Is(err, session.ErrNotFound):
			return fmt.Errorf("%s has no session %s", c.Username, c.SID)
		case err != nil:
			return err
		case !ended:
			_, err = fmt.Fprintf(o.out, "the session %s had ended before\n", c.SID)
			return err
		}
		_, err = fmt.Fprintf(o.out, "revoked  session %s of %s\n", c.SID, owner.Username)
		return err
	})
}

type revokeAccount struct{ named }

// Run ends every session of the account.
func (c *revokeAccount) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(a admin) error {
		owner, err := a.find(ctx, c.Username)
		if err != nil {
			return err
		}
		if err := a.operator().RevokeAccount(ctx, owner); err != nil {
			return explainAccount(err, c.Username)
		}
		_, err = fmt.Fprintf(o.out, "revoked  every session of %s (%s)\n", owner.Username, owner.ID)
		return err
	})
}

type revokeClient struct {
	target
	ID string `arg:"" help:"Client id."`
}

// Run denies the client's access tokens.
func (c *revokeClient) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(a admin) error {
		switch _, err := a.store.Client(ctx, c.ID); {
		case errors.Is(err, client.ErrUnknown):
			return fmt.Errorf("there is no client %s", c.ID)
		case err != nil:
			return err
		}
		if err := a.operator().RevokeClient(ctx, c.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(o.out, "revoked  every access token of the client %s, also those of the next hour; its refresh tokens live on\n", c.ID)
		return err
	})
}
