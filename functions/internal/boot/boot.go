// Package boot makes the parts that Lambda functions share. A function gets only those that it asks for. When one cannot be
// made, the function ends at once with a line in its log, and Lambda answers each request with an error.
package boot

import (
	"context"
	"fmt"
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

// dialTime bounds how long the first connections may take. The function also starts without them; its first request is
// slower then.
const dialTime = time.Second

// log is the function's own log. Lambda keeps standard error with its other output.
var log = slog.New(slog.NewJSONHandler(os.Stderr, nil))

// Environment is the function's configuration.
type Environment struct{ config config.Config }

// Read reads the environment.
func Read() Environment {
	c, err := config.Load(config.Environment())
	ExitOn(err)
	return Environment{c}
}

// Settings are those of every function. Audit events go to standard output, which Lambda keeps as the function's log.
func (e Environment) Settings() endpoint.Settings {
	s, err := endpoint.New(e.config, log, audit.NewTrail(os.Stdout, time.Now), time.Now)
	ExitOn(err)
	return s
}

// SettingsBehindAPI are those of a function behind the API, which needs an issuer.
func (e Environment) SettingsBehindAPI() endpoint.Settings {
	ExitOn(e.config.CheckIssuer())
	return e.Settings()
}

// Table opens the table and makes the first connections to it.
func (e Environment) Table() *dynamo.Store {
	table, err := dynamo.Open(dynamo.Config{
		Table: e.config.TableName, Region: e.config.Region, Endpoint: e.config.DynamoEndpoint, Shards: e.config.Shards, Now: time.Now,
	})
	ExitOn(err)
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
	if err != nil {
		ExitOn(fmt.Errorf("SEALING_KEY: %w", err))
	}
	return sealer
}

// ExitOn ends the function when a part of it could not be made.
func ExitOn(err error) {
	if err != nil {
		log.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
}
