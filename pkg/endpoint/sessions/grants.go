package sessions

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/client"
)

// allowed is what a person has allowed one application, as it is shown to them.
type allowed struct {
	ID       string   `json:"id"` // what names it in an address
	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes"`
	Given    int64    `json:"given_at"` // when they last said so, unix seconds
}

type grants struct {
	Grants []allowed `json:"grants"`
}

// allowed lists what the caller has allowed applications.
func (f function) allowed(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	all, err := f.consents.List(ctx, caller)
	if err != nil {
		return apigw.Response{}, err
	}
	out := grants{Grants: []allowed{}}
	for _, c := range all {
		out.Grants = append(out.Grants, allowed{client.PathOf(c.ClientID), c.ClientID, append([]string{}, c.Scopes...), c.Given.Unix()})
	}
	return apigw.Encode(out)
}

// takeBack ends every session of an application, and has the caller asked again before the next one begins.
func (f function) takeBack(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	id := client.FromPath(r.Path["client"])
	return f.end(ctx, r, caller, id == caller.ClientID, func() error { return f.consents.TakeBack(ctx, caller, id) })
}
