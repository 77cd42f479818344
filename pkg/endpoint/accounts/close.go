package accounts

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/pages"
	"github.com/wavepass/wavepass/pkg/session"
)

// closePath is the page where somebody closes their account.
const closePath = "/account/close"

var (
	pagesClient = client.OfPages()
	jar         = browser.Jar{} // as the sign-in pages have it
)

// closing is the page that closes an account. It takes username and password, as the page for another address. Somebody from an identity provider has no
// password: they press a button, within grant.YoungLogin after they have signed in at the sign-in page of this browser.
func (f function) closing() step {
	return step{
		what: pages.Closing, path: closePath, asks: true, byPage: true, handle: f.close,
		form: func(r *apigw.Request, in input, at fault) pages.Page {
			shown := pages.Close{Base: endpoint.BasePath(r), Username: in.Username, Problem: at.problem, Value: at.value}
			if h, err := jar.HandleOf(r.Visit(pagesClient)); err == nil {
				shown.Token = h.CSRFToken().Reveal()
			}
			return f.pages.Close(languages(r), shown)
		},
		next: func(r *apigw.Request, _ input, _ done) pages.Page {
			return f.pages.Chosen(languages(r), pages.Chosen{What: pages.Closing})
		},
	}
}

func (f function) close(ctx context.Context, r *apigw.Request, in input) (done, error) {
	event := audit.Event{Name: audit.AccountClosed, ClientID: client.Reserved}
	var a account.Account
	if in.Token.IsZero() {
		who, err := f.byPassword(ctx, r, in)
		if err != nil {
			return done{}, err
		}
		a = who.Account
	} else {
		own, owner, err := f.signedIn(ctx, r, in)
		if err != nil {
			return done{}, err
		}
		a, event.SessionID = owner, own.ID.String()
	}
	event.Subject = a.ID.String()
	if _, err := f.closer.Close(ctx, a, grant.Closing{Event: event, Language: in.Language, Network: r.Network}); err != nil {
		return done{}, err
	}
	return done{status: http.StatusOK, cookies: jar.Clear(r.Visit(pagesClient))}, nil
}

// signedIn returns who has signed in at this browser a short while ago, if their account has no password. Errors: grant.ErrOldLogin, grant.ErrPasswordMissing,
// oauth.ErrUnavailable.
func (f function) signedIn(ctx context.Context, r *apigw.Request, in input) (session.Session, account.Account, error) {
	h, err := jar.HandleOf(r.Visit(pagesClient))
	if err != nil || subtle.ConstantTimeCompare([]byte(in.Token.Reveal()), []byte(h.CSRFToken().Reveal())) != 1 {
		return session.Session{}, account.Account{}, grant.ErrOldLogin
	}
	s, a, _, err := f.owners.OfHandle(ctx, h, client.Reserved)
	switch {
	case errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrRefused), errors.Is(err, session.ErrForeign):
		err = grant.ErrOldLogin
	case err == nil && a.Username != "":
		err = grant.ErrPasswordMissing
	case err == nil && f.Now().Sub(s.AuthTime) > grant.YoungLogin:
		err = grant.ErrOldLogin
	}
	return s, a, err
}
