package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// leaving is a request to sign out (OpenID Connect RP-Initiated Logout 1.0 §2) whose every part has been checked.
type leaving struct {
	hint    *token.IDHint // whom the client means; nil: it does not say
	address string        // where to go afterwards, with the state of the client; empty: nowhere
	client  string        // id, for the page that goes on; may be empty
	locales []string
}

// confirmation is what the page sends that asks.
type confirmation struct {
	Request  string       `json:"request"` // what the client asked for
	Token    oauth.Secret `json:"token"`
	Decision string       `json:"decision"`
}

// signOut ends the session of the browser at this service, and the client's that the ID token names. It asks the person first, unless the client
// shows by an ID token that it is about whoever is signed in.
func (f function) signOut(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	raw := r.RawQuery
	var form confirmation
	if r.IsForm() {
		if err := r.Decode(&form, apigw.Form); err != nil {
			return apigw.Response{}, err
		}
		if raw = form.Request; form.Decision == "" { // the client's own form
			var err error
			if raw, err = r.RawForm(); err != nil {
				return apigw.Response{}, err
			}
		}
	}
	out, err := f.leaving(ctx, r, raw)
	if err != nil {
		return apigw.Response{}, err
	}
	who, err := f.person(ctx, r, out.client)
	if err != nil {
		return apigw.Response{}, err
	}
	if who != nil && !out.about(who) {
		err := endpoint.OfOurPage(r)
		confirmed := form.Decision == "signout" && who.wasShown(form.Token)
		if err != nil || !confirmed {
			asked := pages.SignOut{Form: pages.Form{Base: endpoint.BasePath(r), Request: raw, Token: who.handle.CSRFToken().Reveal()}, Username: who.name()}
			return page(http.StatusOK, f.pages.SignOut(languages(r, out.locales), asked)), nil
		}
	}
	if err := f.end(ctx, who, out); err != nil {
		return apigw.Response{}, err
	}
	cookies := jar.Clear(r.Visit(pagesClient))
	switch {
	case out.address == "":
		return page(http.StatusOK, f.pages.SignedOut(languages(r, out.locales)), cookies...), nil
	case form.Decision != "":
		drawn := f.pages.GoOn(languages(r, out.locales), pages.GoOn{Address: out.address, Client: out.client})
		return page(http.StatusOK, drawn, cookies...), nil
	}
	return apigw.SeeOther(out.address, cookies), nil
}

// about reports whether the client has shown that it means whoever is signed in.
func (l leaving) about(who *person) bool { return l.hint != nil && l.hint.Account == who.account.ID }

// leaving reads a request. Nothing ends by one that is not understood: the error is an *authorization.PageError.
func (f function) leaving(ctx context.Context, r *apigw.Request, raw string) (out leaving, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return out, &authorization.PageError{Description: "the address is malformed"}
	}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if len(values[name]) > 1 {
			return out, &authorization.PageError{Description: name + " is given twice"}
		}
	}
	out.locales, out.client = strings.Fields(values.Get("ui_locales")), values.Get("client_id")
	if text := values.Get("id_token_hint"); text != "" {
		hint, err := token.ReadIDHint(ctx, f.keys, oauth.NewSecret(text), r.At.Issuer)
		switch {
		case errors.Is(err, token.ErrInvalid):
			return out, &authorization.PageError{Description: "id_token_hint is no ID token of this service, or its key is no longer known"}
		case err != nil:
			return out, err
		case out.client != "" && out.client != hint.Client:
			return out, &authorization.PageError{Description: "client_id is not the client that id_token_hint was issued to"}
		}
		out.hint, out.client = &hint, hint.Client
	}
	redirect := values.Get("post_logout_redirect_uri")
	if redirect == "" {
		return out, nil
	}
	c, err := f.clients.Find(ctx, out.client)
	switch {
	case errors.Is(err, client.ErrUnknown), err == nil && !slices.Contains(c.PostLogoutRedirects, redirect):
		return out, &authorization.PageError{Description: "post_logout_redirect_uri is none that the application has registered; say with id_token_hint or client_id which application it is"}
	case err != nil:
		return out, err
	case len(values.Get("state")) > authorization.MaxState:
		return out, &authorization.PageError{Description: "state is too long"}
	}
	out.address = redirect
	if state := values.Get("state"); state != "" {
		out.address = authorization.WithQuery(redirect, url.Values{"state": {state}})
	}
	return out, nil
}

// end ends the session of the browser, and the session that the client means.
func (f function) end(ctx context.Context, who *person, out leaving) error {
	var ending []session.Session
	if who != nil {
		ending = append(ending, who.session)
	}
	if out.hint != nil {
		ending = append(ending, session.Session{AccountID: out.hint.Account, ID: out.hint.SessionID, ClientID: out.hint.Client})
	}
	for _, s := range ending {
		ended, err := f.revoker.End(ctx, s, session.ReasonLogout)
		switch {
		case errors.Is(err, session.ErrForeign): // another client has had this id since
		case err != nil:
			return err
		case ended:
			f.Trail.Record(ctx, audit.Event{Name: audit.LoggedOut, Subject: s.AccountID.String(), SessionID: s.ID.String(), ClientID: s.ClientID})
		}
	}
	return nil
}
