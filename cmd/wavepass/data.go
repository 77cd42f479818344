package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/wavepass/wavepass"
	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// store is what all functions together ask of a store, and what a new one is filled with.
type store interface {
	all.Store
	demoStore
	account.Keeper
	account.Lister
	account.Addresses
	account.Uninviter
	session.Finder
	audit.Store
	policy.Store
	federation.Store
	resource.Store
	client.Lister
	mail.Orders
	mail.Taker
	keyring.LinkStore
	revocation.Log
	schema.Source
}

// What a data folder holds.
const (
	keyFileName  = "sealing.key"
	databaseName = "wavepass.db" // the embedded store
)

// data is what is kept between two runs.
type data struct {
	store  store
	sealer keyring.Sealer
	demo   bool // the demo account is there
	close  func()
}

// open opens the data folder and fills a new one.
func (c *localCommand) open(ctx context.Context, cfg config.Config, trail *audit.Trail) (data, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return data{}, fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	var err error
	if c.folder, err = c.closed(); err != nil {
		return data{}, fmt.Errorf("data folder: %w", err)
	}
	if c.DynamoDB != "" {
		if err := c.createTable(ctx); err != nil {
			return data{}, fmt.Errorf("--dynamodb: %w", err)
		}
	}
	d, err := c.openData()
	if err != nil {
		return data{}, err
	}
	if err := d.prepare(ctx, cfg, trail); err != nil {
		d.close()
		return data{}, fmt.Errorf("data folder: %w", c.explain(err))
	}
	return d, nil
}

// openData opens the sealing key, which is created where it is missing, and the store.
func (f folder) openData() (data, error) {
	sealer, err := seal.OpenKeyFile(filepath.Join(f.Data, keyFileName))
	if err != nil {
		return data{}, fmt.Errorf("data folder: %w", f.explain(err))
	}
	if f.DynamoDB != "" {
		table, err := f.localTable()
		if err != nil {
			return data{}, err
		}
		return data{store: table, sealer: sealer, close: func() {}}, nil
	}
	file, err := bolt.Open(filepath.Join(f.Data, databaseName), time.Now)
	if err != nil {
		return data{}, fmt.Errorf("data folder: %w", f.explain(err))
	}
	return data{store: file, sealer: sealer, close: func() { _ = file.Close() }}, nil
}

func (f folder) localTable() (*dynamo.Store, error) {
	table, err := dynamo.Open(dynamo.Config{
		Table: localTable, Endpoint: f.DynamoDB, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("--dynamodb: %w", err)
	}
	return table, nil
}

// createTable creates the table that Wavepass is deployed with, where it is missing.
func (c *localCommand) createTable(ctx context.Context) error {
	template, err := samtemplate.Parse("template.yaml", wavepass.Template, nil)
	if err != nil {
		return err
	}
	definition, err := tabletemplate.Of(template)
	if err != nil {
		return err
	}
	api, err := tabletemplate.Local(c.DynamoDB)
	if err != nil {
		return err
	}
	return tabletemplate.Create(ctx, api, localTable, definition)
}

func (d *data) prepare(ctx context.Context, cfg config.Config, trail *audit.Trail) error {
	ctx = audit.WithActor(ctx, audit.System)
	keys := d.keyring(cfg, trail)
	if err := keys.Ensure(ctx); err != nil { // a new store has its schema number from here on
		return err
	}
	switch number, err := d.store.Schema(ctx); {
	case err != nil:
		return err
	case number != schema.Current:
		return schema.ErrOlder
	}
	if err := seedDemo(ctx, d.store, trail, time.Now()); err != nil {
		return err
	}
	demo, err := hasDemo(ctx, d.store)
	if err != nil {
		return err
	}
	d.demo = demo
	// A key file that does not fit the keyring would only show at the first login.
	if _, err := keys.SigningKeys().Current(ctx); err != nil {
		return fmt.Errorf("sealing.key does not open the keys in the store: %w", err)
	}
	return nil
}

// keyring is the one in the store, with the settings that concern it.
func (d data) keyring(cfg config.Config, trail *audit.Trail) *keyring.Keyring {
	s := endpoint.Settings{Config: apigw.Config{Trail: trail}, Algorithm: keyring.Algorithm(cfg.SigningAlg), KeyTimes: endpoint.KeyTimes(cfg), Now: time.Now}
	ring := s.Keyring(d.store, d.sealer)
	ring.Links = d.store
	return ring
}

// mayListenOn keeps the demo account, whose password everybody knows, on this machine.
func (d data) mayListenOn(_ context.Context, addr net.Addr) error {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && d.demo {
		return fmt.Errorf("%s can be reached from other machines, and the demo account is in the data folder: listen on 127.0.0.1", addr)
	}
	return nil
}
