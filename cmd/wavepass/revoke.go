package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/operate"
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

// Help is shown by `wavepass revoke token --help`.
func (c *revokeToken) Help() string {
	return `Its session lives on and gets another token by a refresh. Whether there ever was such a token is not known.

  wavepass revoke token 01a21387-1fd4-7da5-a8e9-f1b457d61d00`
}

// Run denies the token.
func (c *revokeToken) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		return c.tell(o, a, result{
			Done: "revoked", Changed: true, TokenID: c.JTI.String(), subject: "token " + c.JTI.String() + ", within the revocation bound",
		}, a.operator().RevokeToken(ctx, c.JTI))
	})
}

type revokeSession struct {
	named
	SID uuid.UUID `arg:"" help:"The session's id, sid in its tokens."`
}

// Help is shown by `wavepass revoke session --help`.
func (c *revokeSession) Help() string {
	return `  wavepass session list ada
  wavepass revoke session ada 01a21387-1fd4-7da5-a8e9-f1b457d61d00`
}

// Run ends the session.
func (c *revokeSession) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		owner, err := a.find(ctx, c.Username)
		if err != nil {
			return err
		}
		r := about(owner)
		r.Done, r.SessionID, r.subject = "revoked", c.SID.String(), fmt.Sprintf("session %s of %s", c.SID, owner.Username)
		r.Changed, err = a.operator().RevokeSession(ctx, owner.ID, c.SID)
		if errors.Is(err, session.ErrNotFound) {
			return fmt.Errorf("%s has no session %s", c.Username, c.SID)
		}
		return c.tell(o, a, r, err)
	})
}

type revokeAccount struct{ named }

// Help is shown by `wavepass revoke account --help`.
func (c *revokeAccount) Help() string {
	return `Every device has to log in again, and may: wavepass account disable is for people who may not.

  wavepass revoke account ada`
}

// Run ends every session of the account.
func (c *revokeAccount) Run(ctx context.Context, o output, in invocation) error {
	return c.change(ctx, o, in, "revoked", "", func(ctx context.Context, m *operate.Operator, a account.Account) (bool, error) {
		return true, m.RevokeAccount(ctx, a)
	})
}

type revokeClient struct {
	target
	ID  string `arg:"" help:"Client id."`
	Yes bool   `help:"Really: everybody who uses the client is refused until their app refreshes, for an hour."`
}

// Help is shown by `wavepass revoke client --help`.
func (c *revokeClient) Help() string {
	return `A brake for a client that leaks access tokens: also those of the next hour are refused, so for that time the client
is of no use. Its refresh tokens live on.

  wavepass revoke client web --yes`
}

// Run denies the client's access tokens.
func (c *revokeClient) Run(ctx context.Context, o output, in invocation) error {
	question := "this refuses everybody who uses the client " + c.ID + " for an hour"
	if err := in.confirm(ctx, o, c.Yes, question, c.ID); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		switch _, err := a.store.Client(ctx, c.ID); {
		case errors.Is(err, client.ErrUnknown):
			return fmt.Errorf("there is no client %s", c.ID)
		case err != nil:
			return err
		}
		return c.tell(o, a, result{
			Done: "revoked", Changed: true, ClientID: c.ID,
			subject: "every access token of the client " + c.ID + ", also those of the next hour; its refresh tokens live on",
		}, a.operator().RevokeClient(ctx, c.ID))
	})
}
