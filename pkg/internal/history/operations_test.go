package history_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// holding is what a client holds of one session.
type holding struct {
	id      uuid.UUID
	client  client.Client
	refresh oauth.Secret
	access  oauth.Secret
}

// generationOf reads a refresh token as docs/design.md §4 lays it out.
func generationOf(refresh oauth.Secret) uint32 {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(refresh.Reveal(), "wprt_"))
	if err != nil || len(raw) < 38 {
		panic("a refresh token of an unknown form was issued")
	}
	return binary.BigEndian.Uint32(raw[34:38])
}

// The operations of a client. Each is recorded as the server sees it, whatever the client learns of it.

func (a *actor) base(k kind, h holding) record {
	a.left.Add(-1)
	call, at := a.log.begin()
	r := record{client: a.id, call: call, account: a.who.account.ID, session: h.id, honest: a.who.honest}
	r.in = input{kind: k, at: at, late: h.client.LateRetries}
	if !h.refresh.IsZero() {
		r.in.generation = generationOf(h.refresh)
	}
	return r
}

func (a *actor) login() (holding, outcome) {
	r := a.base(login, holding{client: a.client})
	issued, err := a.function.login.Grant(a.ctx, grant.LoginRequest{
		At: here, Client: a.client, Username: a.who.account.Username, Password: oauth.NewSecret(password), Network: network,
	})
	r.out.outcome = a.log.outcomeOf(login, err)
	if r.out.outcome != ok {
		return holding{}, r.out.outcome // nobody knows the session, if there is one
	}
	r.session = issued.Session.ID
	a.log.add(nil, r)
	return holding{r.session, a.client, issued.Tokens.RefreshToken, issued.Tokens.AccessToken}, ok
}

// renew refreshes as client c; the result is what the client then holds.
func (a *actor) renew(h holding, c client.Client) (holding, outcome) {
	k := refresh
	if c.ID != h.client.ID {
		k = foreign
	}
	r := a.base(k, h)
	issued, err := a.function.refresh.Grant(a.ctx, grant.RefreshRequest{At: here, Client: c, RefreshToken: h.refresh})
	r.out.outcome = a.log.outcomeOf(k, err, session.ErrRefused)
	if r.out.outcome == ok {
		h.refresh, h.access = issued.Tokens.RefreshToken, issued.Tokens.AccessToken
		r.out.generation, r.successor = generationOf(h.refresh), h.refresh.Reveal()
	}
	a.log.add(err, steps(r)...)
	return h, r.out.outcome
}

// steps are the records of a refresh: a refused one has two, between which the session may change.
func steps(r record) []record {
	if r.in.kind != refresh || r.out.outcome != refused {
		return []record{r}
	}
	first := r
	first.in.kind, first.out = mayRotate, output{outcome: unknown}
	return []record{first, r}
}

// endSession logs out, or hands the refresh token in.
func (a *actor) endSession(h holding, handIn bool) outcome {
	r := a.base(end, h)
	var err error
	if handIn {
		err = a.function.revoke.Revoke(a.ctx, grant.RevokeRequest{At: here, Client: h.client, Token: h.refresh})
	} else {
		err = a.function.logout.End(a.ctx, grant.LogoutRequest{Client: h.client, RefreshToken: h.refresh})
	}
	r.out.outcome = a.log.outcomeOf(end, err)
	a.log.add(err, r)
	return r.out.outcome
}

// endEverything logs out everywhere. It looks at the token first and raises the epoch afterwards: two steps,
// between which the session may change. Where all sessions had ended with that of the token, there is no second step.
func (a *actor) endEverything(h holding) outcome {
	look := a.base(mayEndAll, h)
	var raised atomic.Bool
	ctx := context.WithValue(a.ctx, raisedKey{}, &raised)
	err := a.function.logout.End(ctx, grant.LogoutRequest{Client: h.client, RefreshToken: h.refresh, Everywhere: true})
	look.out.outcome = a.log.outcomeOf(endAll, err, session.ErrRefused)
	raise := look
	raise.in.kind, raise.session = endAll, uuid.Nil
	if !raised.Load() {
		a.log.add(err, look)
	} else {
		a.log.add(err, look, raise)
	}
	return look.out.outcome
}

// endAccess hands the access token in; false when it has expired by itself.
func (a *actor) endAccess(h holding) bool {
	claims, live := a.claims(h)
	if !live {
		return false
	}
	r := a.base(endToken, h)
	r.tokenID = claims.ID
	err := a.function.revoke.Revoke(a.ctx, grant.RevokeRequest{At: here, Client: h.client, Token: h.access})
	r.out.outcome = a.log.outcomeOf(endToken, err)
	a.log.add(err, r)
	return true
}

// use asks an authorizer of that staleness about the access token; unknown also when it has expired.
func (a *actor) use(h holding, staleness time.Duration) outcome {
	claims, live := a.claims(h)
	if !live {
		return unknown
	}
	r := a.base(authorize, h)
	r.tokenID, r.staleness = claims.ID, staleness
	_, err := a.function.checkers[staleness].Check(a.ctx, h.access, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
	r.out.outcome = a.log.outcomeOf(authorize, err, revocation.ErrRevoked)
	a.log.add(err, r)
	return r.out.outcome
}

// claims verifies the access token; false when it has expired or the keys cannot be read.
func (a *actor) claims(h holding) (token.Claims, bool) {
	claims, err := a.function.verifier.Verify(a.ctx, h.access, token.Expect{Issuer: here.Issuer, Audience: here.Audience})
	if a.log.outcomeOf("verify", err, token.ErrInvalid) == refused && !strings.Contains(err.Error(), "exp") {
		a.log.outcomeOf("verify", err) // of a token that was issued: strange
	}
	return claims, err == nil
}
