package subjects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/schema"
)

const maxAMR = 4 // they are in every access token of the session

// accessChange is what a service may set of a subject. A member that is absent leaves things as they are.
type accessChange struct {
	Roles  *[]string      `json:"roles"`
	Scopes *[]string      `json:"scopes"`
	Claims jsontext.Value `json:"claims"`
}

// parsed checks the claims, and brings them into their one form.
func (c accessChange) parsed() (grant.AccessChange, error) {
	change := grant.AccessChange{Roles: c.Roles, Scopes: c.Scopes}
	if len(c.Claims) > 0 {
		set, err := claims.Parse(string(c.Claims))
		if err != nil {
			return grant.AccessChange{}, err
		}
		change.Claims = &set
	}
	return change, nil
}

type beginRequest struct {
	ClientID   string   `json:"client_id"`
	AMR        []string `json:"amr"`
	Remember   bool     `json:"remember"`
	DeviceName string   `json:"device_name"`
	accessChange
}

func (in beginRequest) check() error {
	switch {
	case in.ClientID == "":
		return apigw.InvalidRequest("client_id is missing")
	case len(in.AMR) < 1 || len(in.AMR) > maxAMR:
		return apigw.InvalidRequest(`amr: want how the person authenticated (RFC 8176), like ["pwd"], at most 4 values`)
	case !endpoint.ValidDeviceName(in.DeviceName):
		return apigw.InvalidRequest("device_name is longer than 64 characters or has unprintable ones")
	}
	return nil
}

// ofKey are the characters of idempotency keys: the printable ones of ASCII.
var ofKey = ascii.Of("!-~")

// begin begins a session of a subject. The cookies of a browser's client are a list in the body of the answer, because it is the
// back end that passes them on.
func (f function) begin(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	ctx, service, subject, err := f.caller(ctx, r)
	if err != nil {
		return apigw.Response{}, err
	}
	var in beginRequest
	if err := r.Decode(&in, apigw.JSON); err != nil {
		return apigw.Response{}, err
	}
	if err := in.check(); err != nil {
		return apigw.Response{}, err
	}
	key, given := r.HeaderGiven("Idempotency-Key")
	if given && !ofKey.Holds(key, 64) {
		return apigw.Response{}, apigw.InvalidRequest("Idempotency-Key: want 1 to 64 printable ASCII characters without spaces")
	}
	c, err := f.sessionClient(ctx, r, service, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	access, err := in.parsed()
	if err != nil {
		return apigw.Response{}, err
	}
	digest, err := in.digest(access)
	if err != nil {
		return apigw.Response{}, err
	}
	issued, err := f.grant.Begin(ctx, grant.BeginRequest{
		At: r.At, Service: service, Subject: subject, Client: c, AMR: in.AMR, Remember: in.Remember, Device: in.DeviceName,
		Access: access, Key: key, Body: digest,
	})
	if err != nil {
		return apigw.Response{}, err
	}
	// Whatever cookies came are the back end's own business: they are no browser's.
	visit := browser.Visit{Client: c, Issuer: r.At.Issuer, Path: "/"}
	return apigw.TokensToPassOn(f.Cookies.Deliver(visit, issued, schema.WritesFirst(ctx, f.schema), f.Now()))
}

// sessionClient returns the client that a session is to be of. One that the service is not registered for is refused before it is
// read, so that the answer does not tell which ids exist.
func (f function) sessionClient(ctx context.Context, r *apigw.Request, service client.Client, id string) (client.Client, error) {
	refused := &grant.NotGrantedError{What: "this service may not begin sessions of that client"}
	if id == client.Reserved || !slices.Contains(service.MayBegin, id) {
		return client.Client{}, refused
	}
	c, err := f.clients.Find(ctx, id)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return client.Client{}, apigw.InvalidRequest("client_id: there is no such client any more")
	case err != nil:
		return client.Client{}, err
	case !service.Begins(c):
		return client.Client{}, refused
	case c.UsesCookies():
		return c, f.Cookies.Reaches(c, r.At.Issuer)
	}
	return c, nil
}

// digest tells requests apart, not spellings of one.
func (in beginRequest) digest(access grant.AccessChange) (string, error) {
	if access.Claims != nil {
		in.Claims = jsontext.Value(*access.Claims)
	}
	if len(in.Claims) == 0 && access.Claims != nil {
		in.Claims = jsontext.Value("{}")
	}
	text, err := json.Marshal(in)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
