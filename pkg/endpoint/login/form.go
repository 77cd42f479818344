package login

import (
	"context"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// form is what a plain HTML form of a site sends. Its values are texts.
type form struct {
	ClientID   string       `json:"client_id"`
	Username   string       `json:"username"`
	Password   oauth.Secret `json:"password"`
	Remember   string       `json:"remember"`
	DeviceName string       `json:"device_name"`
	EndOthers  string       `json:"end_others"`

	RedirectURI string `json:"redirect_uri"` // where to go after success, as registered
	ErrorURI    string `json:"error_uri"`    // the page that says what went wrong, as registered
	ReturnTo    string `json:"return_to"`    // a path to go to after success, at the origin of RedirectURI
}

// byForm logs in with a form, and sends the browser on (docs/adr/0074). Nothing is looked up or begun for a form with a wrong
// address, nor for one of another site; both errors are answered directly.
func (f function) byForm(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var in form
	if err := r.Decode(&in, apigw.Form); err != nil {
		return apigw.Response{}, err
	}
	c, err := f.client(ctx, r, in.ClientID)
	if err != nil {
		return apigw.Response{}, err
	}
	if c.Transport() != client.AsHandle {
		return apigw.Response{}, client.ErrWrongKind // others send JSON, which no form of another site can
	}
	targets, err := browser.TargetsOf(c.Redirects, in.RedirectURI, in.ErrorURI, in.ReturnTo)
	if err != nil {
		return apigw.Response{}, err
	}
	answer, err := f.byFields(ctx, r, c, in)
	if err != nil {
		return apigw.Response{}, &apigw.FormError{Err: err, Page: targets.Failure}
	}
	return apigw.SeeOther(targets.Success(), answer.Cookies), nil
}

// byFields logs in as with JSON.
func (f function) byFields(ctx context.Context, r *apigw.Request, c client.Client, in form) (apigw.Response, error) {
	remember, rememberOK := checked(in.Remember)
	endOthers, endOthersOK := checked(in.EndOthers)
	if !rememberOK || !endOthersOK {
		return apigw.Response{}, apigw.InvalidRequest("remember, end_others: want on or true, or leave it out")
	}
	return f.begin(ctx, r, c, request{in.ClientID, in.Username, in.Password, remember, in.DeviceName, endOthers, oauth.Secret{}})
}

// checked reads a checkbox: browsers send "on" for one without a value of its own, and nothing for one that is not checked.
func checked(value string) (yes, ok bool) {
	switch value {
	case "on", "true":
		return true, true
	case "", "false":
		return false, true
	}
	return false, false
}
