// Package signin is what a browser meets when an application sends a person to be signed in: GET and POST /authorize (RFC 6749 §3.1,
// OpenID Connect Core 1.0 §3.1.2), and the forms of its pages.
//
// Nothing is kept between a page and its form: each form carries the authorization request, which is checked again. Who is signed in
// at this browser is a session of the client of these pages, whose handle is in a cookie of this host alone.
package signin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/metadata"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
	"github.com/wavepass/wavepass/pkg/session"
)

// Store is what the function asks of the table.
type Store interface {
	endpoint.PasswordStore
	client.Store
	consent.Store
	session.Reader
	session.UseRecorder
	session.CodeKeeper
	session.Ender
	session.Directory
	account.Keeper
	account.Addresses
	federation.Reader
	mail.DeskStore
	authorization.PushedReader
	DocumentStore
}

// New returns the function. drawn are its pages.
func New(s endpoint.Settings, store Store, sealer keyring.Sealer, drawn *pages.Pages) apigw.Function {
	clients := client.NewRegistry(store, s.Now)
	parts := s.ByPassword(store, sealer)
	macs, owners, revoker := parts.MAC, session.NewOwners(store, store, clients, s.Now), session.NewRevoker(store, s.Now)
	parts.Signing = nil // its logins are handles, and codes are not signed
	f := function{
		Settings:  s,
		clients:   clients,
		owners:    owners,
		uses:      session.NewUses(store, s.Now),
		revoker:   revoker,
		keys:      keyring.NewPublicKeys(store, s.KeyTimes, s.Now),
		login:     grant.NewLogin(parts),
		earlier:   grant.NewEarlier(owners, revoker, s.Trail),
		codes:     grant.NewCodes(session.NewOffers(store, s.Now), s.Trail, s.Now),
		consents:  store,
		pushed:    store,
		pages:     drawn,
		macs:      macs,
		providers: &providers{store: store, sealer: sealer, now: s.Now},
		documents: newDocuments(s, store),
		party:     federation.NewRelyingParty(federation.NewClient(), s.Now),
		federated: grant.NewFederated(grant.FederatedParts{
			Directory: store, Addresses: store, Reader: store, Accounts: account.NewAdministrator(store, s.Now),
			Mails: mail.NewDesk(store, mail.DefaultLimits, s.Now), Trail: s.Trail, Now: s.Now,
		}),
	}
	return apigw.Serve(s.Config, map[string]apigw.Handler{
		"GET /authorize?*":  f.shown(f.authorize),
		"POST /authorize?*": f.shown(f.authorize),
		"POST /signin":      f.shown(f.signIn),
		"POST /consent":     f.shown(f.consent),

		"POST /signin/provider":      f.shown(f.toProvider),
		"GET /callback/{provider}?*": f.shown(f.callback),

		"GET /signout?*": f.shown(f.signOut),
		"POST /signout":  f.shown(f.signOut),
	})
}

type function struct {
	endpoint.Settings
	clients  *client.Registry
	owners   *session.Owners
	uses     *session.Uses
	revoker  *session.Revoker
	keys     *keyring.PublicKeys
	login    *grant.Login
	earlier  *grant.Earlier
	codes    *grant.Codes
	consents consent.Store
	pushed   authorization.PushedReader
	pages    *pages.Pages

	documents *documents // of clients that nobody has registered

	// For signing in at other providers.
	macs      session.Keys
	providers *providers
	party     *federation.RelyingParty
	federated *grant.Federated
}

// jar makes and reads the cookie of these pages. It is of this host alone, also where other cookies are shared between subdomains.
var jar = browser.Jar{}

// person is who is signed in at this browser, and what has to be known of them for a request.
type person struct {
	handle  session.Handle
	session session.Session
	account account.Account
	allowed consent.Consent // what they have allowed the client; zero: nothing
	full    bool            // too many codes of theirs wait to be used
}

// name is what the pages call a person who is signed in. Somebody who comes from a provider has no username here, and an address only if the
// provider may speak for it.
func (p *person) name() string {
	if known := cmp.Or(p.account.Username, p.account.Email.Address); known != "" {
		return known
	}
	provider, _ := strings.CutPrefix(p.account.Subject.Directory, "idp:")
	return p.account.Subject.ID + " (" + provider + ")"
}

// wasShown reports, in constant time, whether the token of a form was made for the session of this person.
func (p *person) wasShown(token oauth.Secret) bool {
	return subtle.ConstantTimeCompare([]byte(token.Reveal()), []byte(p.handle.CSRFToken().Reveal())) == 1
}

// person returns who is signed in at the browser, nil for nobody, in one round trip.
func (f function) person(ctx context.Context, r *apigw.Request, clientID string) (*person, error) {
	h, err := jar.HandleOf(r.Visit(pagesClient))
	if err != nil {
		return nil, nil // none, or two: the next login leaves one
	}
	var (
		wg                           sync.WaitGroup
		who                          = person{handle: h}
		openErr, allowedErr, roomErr error
	)
	// The handle is not checked yet when the other two are read, and nothing of them is used when it opens nothing.
	wg.Go(func() { who.session, who.account, _, openErr = f.owners.OfHandle(ctx, h, client.Reserved) })
	wg.Go(func() { who.allowed, allowedErr = f.consents.Consent(ctx, h.AccountID, clientID) })
	wg.Go(func() { roomErr = f.codes.Room(ctx, h.AccountID) })
	wg.Wait()
	switch {
	case errors.Is(openErr, session.ErrEnded), errors.Is(openErr, session.ErrRefused), errors.Is(openErr, session.ErrForeign):
		return nil, nil
	case errors.Is(allowedErr, consent.ErrNotFound):
		allowedErr = nil
	}
	if who.full = errors.Is(roomErr, session.ErrTooManyPending); who.full {
		roomErr = nil
	}
	if err := errors.Join(openErr, allowedErr, roomErr); err != nil {
		return nil, err
	}
	return &who, nil
}

// requested reads an authorization request. When its client has to be told that it is wrong, the error is an *authorization.Error, and
// the request says where.
func (f function) requested(ctx context.Context, raw string) (authorization.Request, error) {
	id, err := authorization.ClientID(raw)
	if err != nil {
		return authorization.Request{}, err
	}
	if strings.HasPrefix(id, "https:") && f.Documents.Allowed {
		return f.documents.requested(ctx, raw, id)
	}
	c, err := f.clients.Find(ctx, id)
	switch {
	case errors.Is(err, client.ErrUnknown), id == client.Reserved, c.IsFetched():
		return authorization.Request{}, &authorization.PageError{Description: "client_id is none that is registered"}
	case err != nil:
		return authorization.Request{}, err
	}
	return authorization.Check(raw, c)
}

// shown makes every error of a handler a page. Nobody reads JSON in a browser's window.
func (f function) shown(handle apigw.Handler) apigw.Handler {
	return func(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
		response, err := handle(ctx, r)
		if err == nil {
			return response, nil
		}
		problem, detail := pages.Internal, ""
		var (
			wrong      *authorization.PageError
			noDocument *metadata.Error
			limited    *account.TooManyAttemptsError
		)
		switch {
		case errors.As(err, &noDocument):
			problem, detail, err = pages.NoDocument, noDocument.Says, apigw.InvalidRequest("the document of the client cannot be used")
		case errors.As(err, &limited):
			problem = pages.TooManyDocuments
		case errors.As(err, &wrong):
			problem, detail, err = pages.BadRequest, wrong.Description, apigw.InvalidRequest(wrong.Description)
		case errors.Is(err, oauth.ErrUnavailable):
			problem = pages.Unavailable
		case errors.Is(err, browser.ErrCrossSite):
			problem = pages.Stale
		}
		return apigw.Response{}, &apigw.ShownError{Err: err, Page: func(status int, trace string) apigw.Response {
			if problem == pages.Internal && status < http.StatusInternalServerError {
				problem = pages.BadRequest
			}
			return page(status, f.pages.Failed(languages(r, nil), pages.Failed{Problem: problem, Detail: detail, Trace: trace, Again: againAfter(r, problem)}))
		}}
	}
}

// again is where the request raw begins anew: always at this service, whatever raw says. Empty: nowhere.
func again(r *apigw.Request, raw string) string {
	if query := authorization.Anew(raw); query != "" {
		return endpoint.BasePath(r) + "/authorize?" + query
	}
	return ""
}

// againAfter is where a request that failed through no fault of its own begins anew: that of the address, or that of a form.
func againAfter(r *apigw.Request, problem pages.Problem) string {
	if problem != pages.Unavailable && problem != pages.Internal {
		return ""
	}
	raw := r.RawQuery
	if form, err := r.RawForm(); err == nil {
		raw = form
		if values, err := url.ParseQuery(form); err == nil && values.Get("request") != "" { // of our pages
			raw = values.Get("request")
		}
	}
	return again(r, raw)
}

// page answers with a page.
func page(status int, drawn pages.Page, cookies ...string) apigw.Response {
	return apigw.Response{Status: status, Headers: drawn.Headers, Body: drawn.HTML, Cookies: cookies}
}

// languages are those of the request, if there is one yet, and of the browser.
func languages(r *apigw.Request, wanted []string) pages.Languages {
	return pages.Languages{Wanted: wanted, Accept: r.Header("Accept-Language")}
}

// goOn answers a form: with a page that goes on by itself, because browsers hold a redirect after a form, and every one after it, to the
// page's form-action.
func (f function) goOn(r *apigw.Request, in authorization.Request, address string, cookies ...string) apigw.Response {
	drawn := f.pages.GoOn(languages(r, in.Locales), pages.GoOn{Address: address, Client: in.Client.ID})
	return page(http.StatusOK, drawn, cookies...)
}
