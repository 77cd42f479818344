// Package boot opens what Lambda functions share, each part only for those that ask for it. What cannot be
// opened ends the function at once with a line in its log: Lambda then answers for it, and nothing is let in.
package boot

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// dialTime bounds how long the first connections may take: without them the first request is slower.
const dialTime = time.Second

// log is what the function says of itself: standard error, which Lambda keeps too.
var log = slog.New(slog.NewJSONHandler(os.Stderr, nil))

// Environment is what the function is told at its start.
type Environment struct{ config config.Config }

// Read reads the environment.
func Read() Environment {
	c, err := config.Load(config.Environment())
	exitOn(err)
	return Environment{c}
}

// Settings are those of every function. Audit events go to standard output, which Lambda keeps as the function's log.
func (e Environment) Settings() endpoint.Settings {
	s, err := endpoint.New(e.config, log, audit.NewTrail(os.Stdout, time.Now), time.Now)
	exitOn(err)
	return s
}

// SettingsBehindAPI are those of a function that names an issuer, which it must be able to know.
func (e Environment) SettingsBehindAPI() endpoint.Settings {
	exitOn(e.config.CheckIssuer())
	return e.Settings()
}

// Table opens the table and dials it.
func (e Environment) Table() *dynamo.Store {
	table, err := dynamo.Open(dynamo.Config{
		Table: e.config.TableName, Region: e.config.Region, Endpoint: e.config.DynamoEndpoint, Shards: e.config.Shards, Now: time.Now,
	})
	exitOn(err)
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	if err := table.Warm(ctx); err != nil {
		log.Warn("the table could not be dialled yet", "error", err.Error())
	}
	return table
}

// Sealer opens the sealing key.
func (e Environment) Sealer() keyring.Sealer {
	sealer, err := seal.FromSetting(e.config.SealingKey, seal.KMSConfig{})
	exitOn(err)
	return sealer
}

func exitOn(err error) {
	if err != nil {
		log.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
}
