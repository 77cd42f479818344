package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	demoProviderID   = "demo"
	demoProviderName = "Demo provider"
	// clientAtDemoProvider is what this Wavepass is to its demo provider.
	clientAtDemoProvider = "below"
)

// demoProvider stands in for an identity provider like Google: a second Wavepass, with a folder inside the data folder, on a port of its own.
type demoProvider struct {
	url      string
	listener net.Listener
	cfg      config.Config
	data     data
}

// trail is kept nowhere: the audit trail of this machine is about the service.
func (demoProvider) trail() *audit.Trail { return audit.NewTrail(io.Discard, time.Now) }

// startDemoProvider serves a demo provider until stop, which also takes its button off the sign-in page; none without --demo-provider. Its
// port and its client secret are new each time, and the people it knows are not.
func (c *localCommand) startDemoProvider(ctx context.Context, a admin, log *slog.Logger) (url string, stop func(), err error) {
	if !c.DemoProvider {
		return "", func() {}, nil
	}
	p, err := c.openDemoProvider(ctx, a.cfg.Issuer)
	if err != nil {
		return "", nil, fmt.Errorf("--demo-provider: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	end := func() {
		cancel()
		serving.Wait()
		p.data.close()
	}
	if err = p.serve(ctx, &serving, log.With("server", "demo provider")); err == nil {
		err = p.register(audit.WithActor(ctx, audit.System), a)
	}
	if err != nil {
		_ = p.listener.Close()
		end()
		return "", nil, fmt.Errorf("--demo-provider: %w", err)
	}
	return p.url, func() {
		if err := a.operator().RemoveProvider(audit.WithActor(context.WithoutCancel(ctx), audit.System), demoProviderID); err != nil {
			log.Warn("the button of the demo provider stays on the sign-in page, and leads nowhere", "error", err.Error())
		}
		end()
	}, nil
}

// openDemoProvider opens its folder and its port. Browsers keep cookies by the name of the host and not by the port, so it has
// another name than the service: or each would sign people out of the other.
func (c *localCommand) openDemoProvider(ctx context.Context, issuer string) (p demoProvider, err error) {
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return p, err
	}
	host := "127.0.0.1"
	if hostOf(issuer) == host {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(p.listener.Addr().String())
	p.url = "http://" + net.JoinHostPort(host, port)
	// Settings in the environment are those of the service.
	p.cfg, err = config.Load(map[string]string{"ISSUER": p.url, "TABLE_NAME": localTable, "PAGES_NAME": demoProviderName})
	if err == nil {
		own := localCommand{folder: folder{Data: filepath.Join(c.Data, "demo-provider")}}
		p.data, err = own.open(ctx, p.cfg, p.trail())
	}
	if err != nil {
		_ = p.listener.Close()
	}
	return p, err
}

// serve answers until ctx is done.
func (p demoProvider) serve(ctx context.Context, serving *sync.WaitGroup, log *slog.Logger) error {
	settings, err := endpoint.New(p.cfg, log, p.trail(), time.Now)
	if err != nil {
		return err
	}
	template, err := ownRoutes{}.routes("")
	if err != nil {
		return err
	}
	functions := p.data.functions(settings)
	handler, err := gateway.New(template, behindGateway(functions), gateway.Options{Issuer: p.url, Log: log})
	if err != nil {
		return err
	}
	handler = logged(onlyHosts(nil, handler, log), log)
	serving.Go(func() { lookAfterKeys(ctx, functions.RotateKeys, endpoint.KeyTimes(p.cfg)) })
	serving.Go(func() {
		if err := serve(ctx, p.listener, newServer(handler, log), log); err != nil {
			log.Error("the demo provider has ended", "error", err.Error())
		}
	})
	return nil
}

// register makes the service known at the provider, and the provider at the service.
func (p demoProvider) register(ctx context.Context, a admin) error {
	secret := oauth.NewSecret(rand.Text())
	below := client.New(clientAtDemoProvider, client.Server)
	below.SecretHash, below.Scopes = client.HashSecret(secret), []string{oauth.ScopeOpenID, oauth.ScopeProfile}
	below.Redirects = []string{federation.CallbackOf(a.cfg.Issuer, demoProviderID)}
	if err := below.Check(); err != nil {
		return err
	}
	if err := p.data.store.PutClient(ctx, below); err != nil {
		return err
	}
	sealed, err := a.sealer.Seal(ctx, federation.SecretPurpose, []byte(secret.Reveal()))
	if err != nil {
		return err
	}
	return a.operator().AddProvider(ctx, federation.Provider{
		ID: demoProviderID, Name: demoProviderName, Issuer: p.url, ClientID: below.ID, SealedSecret: sealed, Scopes: below.Scopes,
	}, true)
}
