package main

import (
	"context"
	"errors"
	"fmt"
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
)

// demoClients are one client of each kind.
func demoClients() []client.Client {
	web := client.New(demoBrowser, client.Browser)
	web.Origins = []string{"http://localhost:5173"}
	site := client.New("site", client.Site)
	site.Origins = []string{"http://localhost:8080"}
	app := client.New(demoNative, client.Native)
	partner := client.New("partner", client.Service)
	partner.SecretHash = client.HashSecret(oauth.NewSecret(demoSecret))
	partner.Introspects = []string{app.ID}

	clients := []client.Client{web, site, app, partner}
	for i := range clients {
		clients[i].Scopes = []string{"profile"}
	}
	return clients
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
	if _, err := store.Client(ctx, last.ID); !errors.Is(err, client.ErrUnknown) {
		return err
	}
	demo, hash, err := account.New(demoUsername, demoPassword, now)
	if err != nil {
		return fmt.Errorf("demo account: %w", err)
	}
	demo.Roles, demo.Scopes = []string{"member"}, []string{"profile"}
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

func hasDemo(ctx context.Context, store account.Store) (bool, error) {
	_, err := store.LoginName(ctx, demoUsername)
	if errors.Is(err, account.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const demoGreeting = `
  account   %[1]s   password  %[2]s
  clients   app      native   both tokens in JSON
            web      browser  refresh token in a cookie, from http://localhost:5173
            site     site     a session handle in a cookie, from http://localhost:8080
            partner  service  a back end; secret partner-demo-secret

Log in, call a protected route, refresh:

  TOKENS=$(curl -s %[3]s/login -H 'Content-Type: application/json' -d '{"client_id":"app","username":"%[1]s","password":"%[2]s"}'); echo "$TOKENS"

  curl -s %[3]s/userinfo -H "Authorization: Bearer $(echo "$TOKENS" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')"

  curl -s %[3]s/refresh -d client_id=app -d grant_type=refresh_token -d "refresh_token=$(echo "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')"

Look after it, while it runs:

  wavepass key list%[4]s
  wavepass account show %[1]s%[4]s
  wavepass drill %[3]s%[4]s

`
