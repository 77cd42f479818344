package password

import (
	"context"
	"net/http"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/mailrefusal"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

type emailRequest struct {
	Email       string       `json:"email"` // the new address
	Current     oauth.Secret `json:"current_password"`
	Language    string       `json:"language"` // of the mail
	DeviceToken oauth.Secret `json:"device_token"`
}

// changeEmail orders the mail by which the caller's account gets a new address. The answer is the same for any address. An address that is
// none costs no attempt.
func (f function) changeEmail(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	if !f.SelfService.Recover {
		return apigw.Response{}, apigw.Refused(http.StatusNotFound, oauth.CodeNotFound, "this service sends no mails, so nobody can change their address here")
	}
	caller, err := r.Caller()
	if err != nil {
		return apigw.Response{}, err
	}
	var in emailRequest
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	if _, err := account.CanonicalAddress(in.Email); err != nil {
		return apigw.Response{}, mailrefusal.Of(err)
	}
	language, err := endpoint.Language(r, in.Language)
	if err != nil {
		return apigw.Response{}, err
	}
	c, err := f.clients.Find(ctx, caller.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	owner, err := f.password.Prove(ctx, grant.ProofRequest{
		Caller: caller, Client: c, Current: in.Current, Network: r.Network, Devices: f.Cookies.Devices(r.Visit(c), in.DeviceToken),
	})
	if err != nil {
		return apigw.Response{}, err
	}
	by := enrol.Asker{Language: language, Client: c.ID, Network: r.Network}
	if err := enrol.AskToChange(ctx, f.mails, owner.ID, in.Email, by); err != nil {
		return apigw.Response{}, mailrefusal.Of(err)
	}
	f.Trail.Record(ctx, audit.Event{
		Name: audit.AddressAsked, Subject: owner.ID.String(), SessionID: caller.SessionID.String(), ClientID: c.ID,
	})
	return apigw.Response{Status: http.StatusAccepted}, nil
}
