package authorizer

import (
	"context"
	"errors"

	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

// setByTicket reads the credential of a WebSocket that is opened: the ticket in its address, because browsers send no header of ours
// with it, or else what the headers say. A ticket beside an access token is refused; cookies come by themselves and do not count then.
func (r *request) setByTicket(e event) error {
	var (
		single map[string]string
		multi  map[string][]string
	)
	if unmarshalOrNone(e.Query, &single) != nil || unmarshalOrNone(e.MultiValueQuery, &multi) != nil {
		return errors.New("authorizer: the query is not what API Gateway writes")
	}
	values, there := multi["ticket"]
	if one, ok := single["ticket"]; ok && !there { // of several values it has the last
		values, there = []string{one}, true
	}
	if !there {
		return r.setByHeaders(e)
	}
	authorization, err := headerValues(e, "authorization")
	switch {
	case err != nil:
		return err
	case len(authorization) > 0:
		return errors.New("authorizer: a ticket and an access token: want one of them")
	case len(values) != 1 || values[0] == "":
		return errors.New("authorizer: want exactly one ticket")
	}
	r.ticket = oauth.NewSecret(values[0])
	return nil
}

// redeem uses the ticket up, and checks what it stands for as if the access token had come.
func (f function) redeem(ctx context.Context, at grant.Place, r request) (token.Claims, error) {
	claims, err := ticket.Redeem(ctx, f.store, r.ticket, r.apiID)
	if err != nil {
		return token.Claims{}, err
	}
	return claims, f.tokens.Recheck(ctx, claims, token.Expect{Issuer: at.Issuer, SkipAudience: true}) // the policy says which audience
}
