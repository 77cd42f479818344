package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	demoUsername = "demo@wavepass.local"
	demoPassword = "surf-the-cookie-wave"
	demoSecret   = "partner-demo-secret"
	demoBrowser  = "web"
	demoNative   = "app"

	demoPartnerWeb       = "partner-web" // an application of a third party
	demoPartnerWebSecret = "partner-web-demo-secret"
	demoPartnerWebBack   = "http://127.0.0.1:4444/cb"
)

// demoClients are one client of each kind. The service is the last: a store that has it has all of them.
func demoClients() []client.Client {
	web := client.New(demoBrowser, client.Browser)
	web.Origins = []string{"http://localhost:5173"}
	site := client.New("site", client.Site)
	site.Origins = []string{"http://localhost:8080"}
	app := client.New(demoNative, client.Native)
	partner := client.New("partner", client.Service)
	partner.SecretHash = client.HashSecret(oauth.NewSecret(demoSecret))
	partner.Introspects = []string{app.ID}

	partnerWeb := client.New(demoPartnerWeb, client.Server)
	partnerWeb.SecretHash = client.HashSecret(oauth.NewSecret(demoPartnerWebSecret))
	partnerWeb.Redirects = []string{demoPartnerWebBack}
	partnerWeb.FirstParty, partnerWeb.Consent = false, true
	partnerWeb.Scopes = []string{oauth.ScopeOpenID, oauth.ScopeProfile}

	for _, c := range []*client.Client{&web, &site, &app, &partner} {
		c.Scopes = []string{oauth.ScopeProfile}
	}
	return []client.Client{web, site, app, partnerWeb, partner}
}

type demoStore interface {
	client.Store
	client.Registrar
	account.Store
	account.Creator
}

// seedDemo fills a store that lacks the last of the demo clients: a new one, or one whose first start was
// interrupted.
func seedDemo(ctx context.Context, store demoStore, trail *audit.Trail, now time.Time) error {
	clients := demoClients()
	last := clients[len(clients)-1]
	switch found, err := store.Client(ctx, last.ID); {
	case err == nil:
		return seedPartnerWeb(ctx, store, found, trail)
	case !errors.Is(err, client.ErrUnknown):
		return err
	}
	password, err := account.PasswordRules{}.Accept(oauth.NewSecret(demoPassword), demoUsername)
	if err != nil {
		return fmt.Errorf("demo account: %w", err)
	}
	demo, hash, err := account.New(demoUsername, password, now)
	if err != nil {
		return fmt.Errorf("demo account: %w", err)
	}
	demo.Roles, demo.Scopes = []string{"member"}, []string{oauth.ScopeOpenID, oauth.ScopeProfile}
	switch err := store.CreateAccount(ctx, demo, hash); {
	case err == nil:
		trail.Record(ctx, audit.Event{Name: audit.AccountAdded, Subject: demo.ID.String()})
	case !errors.Is(err, account.ErrExists):
		return fmt.Errorf("demo account: %w", err)
	}
	for _, c := range clients {
		if err := c.Check(); err != nil {
			return fmt.Errorf("demo client: %w", err)
		}
		if err := store.PutClient(ctx, c); err != nil {
			return fmt.Errorf("demo client: %w", err)
		}
		trail.Record(ctx, audit.Event{Name: audit.ClientAdded, ClientID: c.ID})
	}
	return nil
}

// seedPartnerWeb adds partner-web to the demo of a version that did not have it yet. partner tells such a demo from clients of somebody's own. A
// client that was removed is known still, and is not added again.
func seedPartnerWeb(ctx context.Context, store demoStore, partner client.Client, trail *audit.Trail) error {
	if partner.Authenticate(oauth.NewSecret(demoSecret)) != nil {
		return nil
	}
	if _, err := store.Client(ctx, demoPartnerWeb); !errors.Is(err, client.ErrUnknown) {
		return err
	}
	for _, c := range demoClients() {
		if c.ID != demoPartnerWeb {
			continue
		}
		if err := store.PutClient(ctx, c); err != nil {
			return fmt.Errorf("demo client: %w", err)
		}
		trail.Record(ctx, audit.Event{Name: audit.ClientAdded, ClientID: c.ID})
	}
	return nil
}

func hasDemo(ctx context.Context, store account.Store) (bool, error) {
	_, err := store.LoginName(ctx, demoUsername)
	if errors.Is(err, account.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// demoAuthorization is an authorization request of partner-web, with the challenge of RFC 7636 appendix B, whose verifier docs/signin.md shows.
func demoAuthorization(issuer string) string {
	return issuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {demoPartnerWeb}, "redirect_uri": {demoPartnerWebBack}, "scope": {"openid profile"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

const demoGreeting = `
  account   %[1]s   password  %[2]s
  clients   app          native   both tokens in JSON
            web          browser  refresh token in a cookie, from http://localhost:5173
            site         site     a session handle in a cookie, from http://localhost:8080
            partner      service  a back end; secret partner-demo-secret
            partner-web  server   a third party's; secret partner-web-demo-secret

Log in, call a protected route, refresh:

  TOKENS=$(curl -s %[3]s/login -H 'Content-Type: application/json' -d '{"client_id":"app","username":"%[1]s","password":"%[2]s"}'); echo "$TOKENS"

  curl -s %[3]s/userinfo -H "Authorization: Bearer $(echo "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')"

  curl -s %[3]s/refresh -d client_id=app -d grant_type=refresh_token -d "refresh_token=$(echo "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')"

Sign in at the pages for the third party, and allow what it asks for. The browser ends at an address where nobody listens, with a code:

  %[5]s

Look after it, while it runs:

  %[6]s key list%[4]s
  %[6]s account show %[1]s%[4]s
  %[6]s drill %[3]s%[4]s

`
