package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/pages"
)

// providers are the registered identity providers, kept for a minute. Their secrets are opened when they are needed, and kept with them. Safe for
// concurrent use.
type providers struct {
	store  federation.Reader
	sealer keyring.Sealer
	now    func() time.Time

	mu      sync.Mutex
	held    []federation.Provider
	readAt  time.Time
	secrets map[string]oauth.Secret // by what is sealed
}

const providersLife = time.Minute

// all returns the providers in the order of their names.
func (p *providers) all(ctx context.Context) ([]federation.Provider, error) {
	now := p.now().Round(0) // wall clock: the monotonic one stands still while a function is frozen
	p.mu.Lock()
	held, age := p.held, now.Sub(p.readAt)
	p.mu.Unlock()
	if 0 <= age && age < providersLife {
		return held, nil
	}
	read, err := federation.Registered(ctx, p.store)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.readAt = read, now
	return read, nil
}

// find returns one of them. federation.ErrUnknown.
func (p *providers) find(ctx context.Context, id string) (federation.Provider, error) {
	all, err := p.all(ctx)
	if err != nil {
		return federation.Provider{}, err
	}
	i := slices.IndexFunc(all, func(p federation.Provider) bool { return p.ID == id })
	if i < 0 {
		return federation.Provider{}, federation.ErrUnknown
	}
	return all[i], nil
}

// secret opens the client secret of a provider.
func (p *providers) secret(ctx context.Context, of federation.Provider) (oauth.Secret, error) {
	p.mu.Lock()
	secret, held := p.secrets[string(of.SealedSecret)]
	p.mu.Unlock()
	if held {
		return secret, nil
	}
	plain, err := p.sealer.Open(ctx, federation.SecretPurpose, of.SealedSecret)
	if err != nil {
		return oauth.Secret{}, err
	}
	secret = oauth.NewSecret(string(plain))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets = map[string]oauth.Secret{string(of.SealedSecret): secret} // the last one is enough, and nothing old is kept
	return secret, nil
}

// providerForm is what a button of the sign-in page sends.
type providerForm struct {
	Request  string       `json:"request"`
	Token    oauth.Secret `json:"token"`
	Provider string       `json:"provider"`
}

// toProvider sends a person to sign in at a provider.
func (f function) toProvider(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	var form providerForm
	if err := errors.Join(endpoint.OfOurPage(r), r.Decode(&form, apigw.Form)); err != nil {
		return apigw.Response{}, err
	}
	in, err := f.requested(ctx, form.Request)
	if err != nil {
		return f.refusedForm(r, in, err)
	}
	key, given := browser.PresentedFormKey(r.Visit(pagesClient))
	if !given || !key.Made(form.Token) {
		problem := pages.Stale
		if !given {
			problem = pages.NoCookies
		}
		return f.showSignIn(ctx, r, in, form.Request, pages.SignIn{Problem: problem}, http.StatusBadRequest)
	}
	address, cookies, name, err := f.leave(ctx, r, form.Request, form.Provider)
	if err != nil {
		return f.failedAt(ctx, r, in, form.Request, err)
	}
	return page(http.StatusOK, f.pages.GoOn(languages(r, in.Locales), pages.GoOn{Address: address, Client: name}), cookies...), nil
}

// leave begins an attempt at a provider, and returns where to go and what the browser has to keep.
func (f function) leave(ctx context.Context, r *apigw.Request, raw, id string) (address string, cookies []string, name string, err error) {
	p, err := f.providers.find(ctx, id)
	if err != nil {
		return "", nil, "", err
	}
	address, begun, err := f.party.Begin(ctx, p, federation.CallbackOf(r.At.Issuer, p.ID))
	if err != nil {
		return "", nil, "", err
	}
	cookies, err = f.keep(ctx, r, attempt{begun, raw, f.Now().Add(browser.AttemptLife)})
	return address, cookies, p.Name, err
}

// callback ends an attempt: with a session of the person at these pages, and their request goes on, or with a page that says what to do.
func (f function) callback(ctx context.Context, r *apigw.Request) (apigw.Response, error) {
	answer, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return apigw.Response{}, &authorization.PageError{Description: "the answer of the provider is malformed"}
	}
	begun, err := f.attemptOf(ctx, r, answer.Get("state"))
	if err != nil {
		return f.failedAt(ctx, r, authorization.Request{}, "", err)
	}
	ended := browser.ForgetAttempt(begun.State)
	in, err := f.requested(ctx, begun.Request)
	if err != nil {
		return f.refused(r, in, err)
	}
	p, secret, err := f.providerOf(ctx, r.Path["provider"])
	var identity federation.Identity
	if err == nil {
		identity, err = f.party.Finish(ctx, p, secret, federation.CallbackOf(r.At.Issuer, p.ID), begun.Attempt, answer)
	}
	var issued grant.Issued
	if err == nil {
		language, _ := endpoint.Language(r, "") // that of the browser, which is never refused
		issued, err = f.replaceSession(ctx, r, func() (grant.Issued, error) {
			return f.federated.Begin(ctx, grant.FederatedRequest{
				Client: pagesClient, Identity: identity, GivesRoles: p.RolesClaim != "", TrustEmail: p.TrustEmail, Network: r.Network, Language: language,
			})
		})
	}
	if err != nil {
		response, err := f.failedAt(ctx, r, in, begun.Request, err)
		response.Cookies = append(response.Cookies, ended...)
		return response, err
	}
	_, cookies := jar.Deliver(r.Visit(pagesClient), issued, false, f.Now())
	return apigw.SeeOther(endpoint.BasePath(r)+"/authorize?"+authorization.AfterLogin(begun.Request), append(cookies, ended...)), nil
}

func (f function) providerOf(ctx context.Context, id string) (federation.Provider, oauth.Secret, error) {
	p, err := f.providers.find(ctx, id)
	if err != nil {
		return p, oauth.Secret{}, err
	}
	secret, err := f.providers.secret(ctx, p)
	return p, secret, err
}

// failedAt is the page for a sign-in at a provider that did not work, from which the request raw can begin anew. The log says why; a
// stranger may have sent what came.
func (f function) failedAt(ctx context.Context, r *apigw.Request, in authorization.Request, raw string, err error) (apigw.Response, error) {
	status, failed := http.StatusBadRequest, pages.Failed{Problem: pages.ProviderFails, Trace: r.ID, Again: again(r, raw)}
	switch {
	case errors.Is(err, federation.ErrDenied):
		failed.Problem = pages.Denied
	case errors.Is(err, federation.ErrNotOurs):
		failed.Problem = pages.NotOurs
	case errors.Is(err, grant.ErrDisabled):
		failed.Problem = pages.Disabled
	case errors.Is(err, errLongRequest):
		return f.refused(r, in, &authorization.Error{Code: oauth.CodeInvalidRequest, Description: "the request is too long to sign in at another provider: shorten state or nonce"})
	case errors.Is(err, federation.ErrProvider), errors.Is(err, federation.ErrUnknown):
	case errors.Is(err, oauth.ErrUnavailable):
		status = http.StatusServiceUnavailable
	default:
		return apigw.Response{}, err
	}
	f.Log.WarnContext(ctx, "a sign-in at a provider did not work", "request_id", r.ID, "reason", fmt.Sprintf("%.500s", err)) // a library quotes whole answers
	response := page(status, f.pages.Failed(languages(r, in.Locales), failed))
	if status == http.StatusServiceUnavailable {
		response.Headers["Retry-After"] = "2"
	}
	return response, nil
}
