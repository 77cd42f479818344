package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/session"
)

type revokeCommands struct {
	Token   revokeToken   `cmd:"" help:"Refuse one access token, named by its jti."`
	Session revokeSession `cmd:"" help:"End one session of an account."`
	Account revokeAccount `cmd:"" help:"End every session of an account."`
	Client  revokeClient  `cmd:"" help:"End every session of a client; people may log in again at once."`
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
		owner, err := a.find(ctx, c.Name, c.reading)
		if err != nil {
			return err
		}
		r := about(owner)
		r.Done, r.SessionID, r.subject = "revoked", c.SID.String(), fmt.Sprintf("session %s of %s", c.SID, nameOf(owner))
		r.Changed, err = a.operator().RevokeSession(ctx, owner.ID, c.SID)
		if errors.Is(err, session.ErrNotFound) {
			return fmt.Errorf("%s has no session %s", quoted(c.Name), c.SID)
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
	Yes bool   `help:"Really: everybody who uses the client has to log in again."`
}

// Help is shown by `wavepass revoke client --help`.
func (c *revokeClient) Help() string {
	return `For a client that leaks tokens: its access tokens are refused within the revocation bound, and its sessions have ended
after a minute at the latest, when functions have read the client again. People may log in again at once.

  wavepass revoke client web --yes`
}

// Run ends every session of the client.
func (c *revokeClient) Run(ctx context.Context, o output, in invocation) error {
	question := "this ends every session of the client " + c.ID
	if err := in.confirm(ctx, o, c.Yes, question, c.ID); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		since, err := a.operator().Clients().Revoke(ctx, c.ID)
		if err == nil {
			err = waitUntil(ctx, since)
		}
		return c.tell(o, a, result{
			Done: "revoked", Changed: true, ClientID: c.ID,
			subject: "every session and access token of the client " + c.ID + "; people may log in again now",
		}, explainClient(err, c.ID))
	})
}

// waitUntil waits for the rest of a second: sessions know the second in which they began, and one that begins in that in
// which its client was revoked counts as before.
func waitUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Until(at), time.Second)):
		return nil
	}
}
