package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
	"github.com/wavepass/wavepass/pkg/token"
)

// authorize answers an authorization request: with a code, when somebody is signed in who has nothing to be asked, else with a page.
func (f function) authorize(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	raw := r.RawQuery
	if r.IsForm() {
		body, err := r.RawForm()
		if err != nil {
			return apigw.Response{}, err
		}
		if raw != "" {
			return apigw.Response{}, &authorization.PageError{Description: "parameters in the address and in the body: want one of them"}
		}
		raw = body
	}
	raw, err := authorization.Resolve(ctx, f.pushed, raw)
	if err != nil {
		return apigw.Response{}, err
	}
	in, err := f.requested(ctx, raw)
	if err != nil {
		return f.refused(r, in, err)
	}
	who, err := f.person(ctx, r, in.Client.ID)
	if err != nil {
		return apigw.Response{}, err
	}
	switch {
	case who != nil && client.IsURL(in.Client.ID):
		if in, err = f.documents.current(ctx, raw, in, asker{who.account.ID, who.session.ID}); err != nil {
			return f.refused(r, in, err)
		}
	case who == nil && in.Prompt.None && !in.Checked():
		return apigw.Response{}, &authorization.PageError{Description: "nobody is signed in, and the application is not known yet: ask without prompt=none"}
	}
	if err := f.checkHint(ctx, r, in, who); err != nil {
		return f.refused(r, in, err)
	}
	if who == nil || f.wantsLogin(in, who) {
		if in.Prompt.None {
			return f.refused(r, in, &authorization.Error{Code: authorization.CodeLoginRequired, Description: "nobody is signed in, or not recently enough"})
		}
		if in.Provider != "" {
			return f.toProviderAtOnce(ctx, r, in, raw)
		}
		return f.showSignIn(ctx, r, in, raw, pages.SignIn{Username: in.LoginHint}, http.StatusOK)
	}
	if wantsConsent(in, who) {
		if in.Prompt.None {
			return f.refused(r, in, &authorization.Error{Code: authorization.CodeConsentRequired, Description: "the person has to be asked"})
		}
		return f.showConsent(r, in, raw, who), nil
	}
	address, err := f.codeFor(ctx, r, in, who)
	if err != nil {
		return apigw.Response{}, err
	}
	return apigw.SeeOther(address, nil), nil
}

// refused tells the client what is wrong with its request when it may be told.
func (f function) refused(r *apigw.Request, in authorization.Request, err error) (apigw.Response, error) {
	var wrong *authorization.Error
	switch {
	case !errors.As(err, &wrong):
		return apigw.Response{}, err
	case !in.Checked():
		return apigw.Response{}, &authorization.PageError{Description: wrong.Description}
	}
	return apigw.SeeOther(in.AnswerError(r.At.Issuer, wrong), nil), nil
}

// checkHint returns an error when the client expects another person than the one who is signed in (OpenID Connect Core 1.0 §3.1.2.1).
func (f function) checkHint(ctx context.Context, r *apigw.Request, in authorization.Request, who *person) error {
	if in.IDTokenHint.IsZero() {
		return nil
	}
	hint, err := token.ReadIDHint(ctx, f.keys, in.IDTokenHint, r.At.Issuer)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return &authorization.Error{Code: oauth.CodeInvalidRequest, Description: "id_token_hint is no ID token of this service, or its key is no longer known"}
	case err != nil:
		return err
	case who != nil && hint.Account != who.account.ID:
		return &authorization.Error{Code: authorization.CodeLoginRequired, Description: "somebody else is signed in"}
	}
	return nil
}

// wantsLogin reports whether a person who is signed in has to log in again.
func (f function) wantsLogin(in authorization.Request, who *person) bool {
	return in.Prompt.Login || in.MaxAge != nil && f.Now().Sub(who.session.AuthTime) > *in.MaxAge
}

// wantsConsent reports whether a person has to be asked what the client may do.
func wantsConsent(in authorization.Request, who *person) bool {
	switch {
	case in.Prompt.Consent, in.Client.IsFetched(): // an earlier yes was for another resource, or for whatever listens at a port of this machine
		return true
	case !in.Client.AsksConsent():
		return false
	}
	return !who.allowed.Covers(grant.Grantable(in.Client, who.account, in.Scopes), in.Client)
}

// codeFor returns the address of the client with a new code in it, or with the reason why there is none.
func (f function) codeFor(ctx context.Context, r *apigw.Request, in authorization.Request, who *person) (string, error) {
	if who.full {
		return in.AnswerError(r.At.Issuer, &authorization.Error{Code: oauth.CodeUnavailable, Description: "too many codes of this person wait to be used; try again in a minute"}), nil
	}
	if in.Client.IsFetched() {
		if err := f.documents.keep(ctx, in.Client); err != nil {
			return "", err
		}
	}
	code, err := f.codes.Offer(ctx, grant.Offer{
		Request: in, Account: who.account, AuthTime: who.session.AuthTime, AMR: who.session.AMR, Remember: who.session.Remembered, Network: r.Network,
	})
	if err != nil {
		return "", err
	}
	if err := f.uses.Record(ctx, who.session, pagesClient, r.Network); err != nil {
		f.Log.WarnContext(ctx, "the use of a session could not be recorded", "request_id", r.ID, "error", err.Error())
	}
	return in.AnswerCode(r.At.Issuer, code), nil
}

// toProviderAtOnce goes to the provider that the client names. One that is not registered is passed over, because it is only a hint.
func (f function) toProviderAtOnce(ctx context.Context, r *apigw.Request, in authorization.Request, raw string) (apigw.Response, error) {
	address, cookies, _, err := f.leave(ctx, r, raw, in.Provider)
	switch {
	case errors.Is(err, federation.ErrUnknown):
		return f.showSignIn(ctx, r, in, raw, pages.SignIn{Username: in.LoginHint}, http.StatusOK)
	case err != nil:
		return f.failedAt(ctx, r, in, raw, err)
	}
	return apigw.SeeOther(address, cookies), nil
}

// showSignIn draws the sign-in page.
func (f function) showSignIn(ctx context.Context, r *apigw.Request, in authorization.Request, raw string, s pages.SignIn, status int) (apigw.Response, error) {
	registered, err := f.providers.all(ctx)
	if err != nil {
		return apigw.Response{}, err
	}
	for _, p := range registered {
		s.Providers = append(s.Providers, pages.Button{ID: p.ID, Name: p.Name})
	}
	key, cookie := browser.FormKeyOf(r.Visit(pagesClient))
	s.Form, s.Client = pages.Form{Base: endpoint.BasePath(r), Request: raw, Token: key.Token().Reveal()}, in.Client.ID
	s.Recovers, s.SignsUp = f.SelfService.Recover, f.SelfService.Open
	var cookies []string
	if cookie != "" {
		cookies = []string{cookie}
	}
	return page(status, f.pages.SignIn(languages(r, in.Locales), s), cookies...), nil
}

// showConsent draws the page that asks what a client may do. Its form is good for this person's session only.
func (f function) showConsent(r *apigw.Request, in authorization.Request, raw string, who *person) apigw.Response {
	c := pages.Consent{
		Form: pages.Form{Base: endpoint.BasePath(r), Request: raw, Token: who.handle.CSRFToken().Reveal()}, Client: in.Client.ID, Username: who.name(),
	}
	if in.Client.IsFetched() {
		host, _ := destination(in.Client.ID)
		c.Client, c.Document, c.Name, c.Resource = host, in.Client.ID, in.Client.Document.Name, in.Resource
	}
	c.Host, c.Local = destination(in.Redirect)
	for _, scope := range grant.Grantable(in.Client, who.account, in.Scopes) {
		c.Scopes = append(c.Scopes, pages.Scope{Name: scope})
	}
	return page(http.StatusOK, f.pages.Consent(languages(r, in.Locales), c))
}

// destination says where a redirect leads, and whether that is a program on the person's own machine.
func destination(redirect string) (host string, local bool) {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return redirect, false
	case u.Host == "": // a scheme of its own, which any program on the machine may have taken
		return u.Scheme, true
	}
	return u.Host, slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(u.Hostname()))
}
