package signin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
)

// pagesClient is the client of these pages.
var pagesClient = client.OfPages()

// signInForm is what the sign-in page sends.
type signInForm struct {
	Request  string       `json:"request"`
	Token    oauth.Secret `json:"token"`
	Username string       `json:"username"`
	Password oauth.Secret `json:"password"`
	Remember string       `json:"remember"`
}

// signIn logs a person in, and goes on with the request that they came with. A form that comes twice logs them in twice.
func (f function) signIn(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var form signInForm
	if err := errors.Join(endpoint.OfOurPage(r), r.Decode(&form, apigw.Form)); err != nil {
		return apigw.Response{}, err
	}
	in, err := f.requested(ctx, form.Request)
	if err != nil {
		return f.refusedForm(r, in, err)
	}
	again := pages.SignIn{Username: form.Username, Remember: form.Remember != ""}
	key, given := browser.PresentedFormKey(r.Visit(pagesClient))
	switch {
	case !given:
		again.Problem = pages.NoCookies
		return f.showSignIn(ctx, r, in, form.Request, again, http.StatusBadRequest)
	case !key.Made(form.Token):
		again.Problem = pages.Stale
		return f.showSignIn(ctx, r, in, form.Request, again, http.StatusBadRequest)
	}
	login := func() (grant.Issued, error) {
		return f.login.Grant(ctx, grant.LoginRequest{
			At: r.At, Client: pagesClient, Username: form.Username, Password: form.Password, Remember: form.Remember == "on", Network: r.Network,
			Devices: jar.Devices(r.Visit(pagesClient), oauth.Secret{}),
		})
	}
	issued, err := f.replaceSession(ctx, r, login)
	var limited *account.TooManyAttemptsError
	switch {
	case errors.As(err, &limited):
		again.Problem, again.Wait = pages.TooMany, int((limited.RetryAfter+time.Minute-1)/time.Minute)
		response, err := f.showSignIn(ctx, r, in, form.Request, again, http.StatusTooManyRequests)
		if err == nil {
			response.Headers["Retry-After"] = strconv.Itoa(60 * again.Wait)
		}
		return response, err
	case errors.Is(err, account.ErrInvalidCredentials):
		again.Problem = pages.WrongPassword
		return f.showSignIn(ctx, r, in, form.Request, again, http.StatusBadRequest)
	case err != nil:
		return apigw.Response{}, err
	}
	_, cookies := jar.Deliver(r.Visit(pagesClient), issued, false, f.Now())
	return f.goOn(r, in, endpoint.BasePath(r)+"/authorize?"+authorization.AfterLogin(form.Request), cookies...), nil
}

// replaceSession begins a session with login, and ends the one that the browser has at these pages.
func (f function) replaceSession(ctx context.Context, r *apigw.Request, login func() (grant.Issued, error)) (grant.Issued, error) {
	earlier, _ := jar.HandleOf(r.Visit(pagesClient)) // none where the cookies hold none, or two
	issued, notEnded, err := f.earlier.ReplaceWith(ctx, login, earlier, pagesClient)
	if notEnded != nil {
		f.Log.WarnContext(ctx, "the session that the browser had at these pages could not be ended: it lives on until it expires", "request_id", r.ID, "reason", notEnded.Error())
	}
	return issued, err
}

// refusedForm is refused, in answer to a form.
func (f function) refusedForm(r *apigw.Request, in authorization.Request, err error) (apigw.Response, error) {
	var wrong *authorization.Error
	switch {
	case !errors.As(err, &wrong):
		return apigw.Response{}, err
	case !in.Checked():
		return apigw.Response{}, &authorization.PageError{Description: wrong.Description}
	}
	return f.goOn(r, in, in.AnswerError(r.At.Issuer, wrong)), nil
}

// consentForm is what the page sends that asks what a client may do.
type consentForm struct {
	Request  string       `json:"request"`
	Token    oauth.Secret `json:"token"`
	Decision string       `json:"decision"`
}

// consent remembers what a person has decided, and goes back to the client with a code or an error.
func (f function) consent(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var form consentForm
	if err := errors.Join(endpoint.OfOurPage(r), r.Decode(&form, apigw.Form)); err != nil {
		return apigw.Response{}, err
	}
	in, err := f.requested(ctx, form.Request)
	if err != nil {
		return f.refusedForm(r, in, err)
	}
	who, err := f.person(ctx, r, in.Client.ID)
	if err != nil {
		return apigw.Response{}, err
	}
	// A session that has ended, or another person's: the request begins anew, and they see who they are.
	if who == nil || !in.Checked() || f.wantsLogin(in, who) || !who.wasShown(form.Token) {
		return f.goOn(r, in, endpoint.BasePath(r)+"/authorize?"+form.Request), nil
	}
	switch form.Decision {
	case "allow":
	case "deny":
		return f.refusedForm(r, in, &authorization.Error{Code: oauth.CodeAccessDenied, Description: "the person has said no"})
	default:
		return apigw.Response{}, apigw.InvalidRequest("decision: want allow or deny")
	}
	switch err := f.remember(ctx, in, who); {
	case errors.Is(err, consent.ErrChanged): // in another tab: they are asked again, about what is allowed now
		return f.goOn(r, in, endpoint.BasePath(r)+"/authorize?"+form.Request), nil
	case err != nil:
		return apigw.Response{}, err
	}
	address, err := f.codeFor(ctx, r, in, who)
	if err != nil {
		return apigw.Response{}, err
	}
	return f.goOn(r, in, address), nil
}

// remember stores what a person has allowed beside what they had allowed before. consent.ErrChanged when that is no longer what they allow.
func (f function) remember(ctx context.Context, in authorization.Request, who *person) error {
	before := who.allowed
	before.AccountID = who.account.ID
	given := before.With(grant.Grantable(in.Client, who.account, in.Scopes), in.Client, f.Now())
	if err := f.consents.PutConsent(ctx, who.allowed, given); err != nil {
		return err
	}
	f.Trail.Record(ctx, audit.Event{Name: audit.ConsentGiven, Subject: who.account.ID.String(), SessionID: who.session.ID.String(), ClientID: in.Client.ID})
	return nil
}
