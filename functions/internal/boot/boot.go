// Package boot opens what Lambda functions share, each part only for those that ask for it. What cannot be
// opened ends the function at once with a line in its log: Lambda then answers for it, and nothing is let in.
package boot

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// dialTime bounds how long the first connections may take: without them the first request is slower.
const dialTime = time.Second

var log = slog.New(slog.NewJSONHandler(os.Stderr, nil))

// Config reads the environment.
func Config() config.Config {
	cfg, err := config.Load(config.Environment())
	exitOn(err)
	return cfg
}

// Gateway is what a function behind the gateway needs to know.
func Gateway(cfg config.Config) apigw.Config {
	exitOn(cfg.CheckIssuer())
	return apigw.Config{Issuer: cfg.Issuer, Audience: cfg.Audience, Region: cfg.Region, Log: log}
}

// Table opens the table and dials it.
func Table(cfg config.Config) *dynamo.Store {
	table, err := dynamo.Open(dynamo.Config{
		Table: cfg.TableName, Region: cfg.Region, Endpoint: cfg.DynamoEndpoint, Shards: cfg.Shards, Now: time.Now,
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
func Sealer(cfg config.Config) keyring.Sealer {
	sealer, err := seal.FromSetting(cfg.SealingKey, seal.KMSConfig{})
	exitOn(err)
	return sealer
}

// KeyTimes says how keys age.
func KeyTimes(cfg config.Config) keyring.Times {
	times := keyring.Times{Period: cfg.KeyPeriod, CacheAge: cfg.KeyCacheAge}
	if err := times.Check(); err != nil {
		exitOn(fmt.Errorf("KEY_PERIOD, KEY_CACHE_AGE: %w", err))
	}
	return times
}

// Limits are those of the attempt throttle.
func Limits(cfg config.Config) account.Limits {
	return account.Limits{
		Account: account.Limit(cfg.AttemptLimits.Account),
		Network: account.Limit(cfg.AttemptLimits.Network),
	}
}

// Log is what the function says of itself: standard error, which Lambda keeps too.
func Log() *slog.Logger { return log }

// Trail is the audit trail: standard output, which Lambda keeps as the function's log.
func Trail() *audit.Trail { return audit.NewTrail(os.Stdout, time.Now) }

func exitOn(err error) {
	if err != nil {
		log.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
}
