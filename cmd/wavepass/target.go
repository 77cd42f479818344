package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// target says which deployment a command works on: the data folder of `wavepass local`, whether that runs or
// not, or a table in the cloud.
type target struct {
	folder
	Table      string `help:"Work on this DynamoDB table in the cloud; region and credentials as for the AWS CLI." placeholder:"NAME"`
	SealingKey string `help:"With --table: the key that seals its keys, the stack's output SealingKey." placeholder:"kms:ARN"`
}

// folder is a place on this machine.
type folder struct {
	Data     string `help:"Folder that keeps accounts, sessions and keys." default:".wavepass" type:"path"`
	DynamoDB string `name:"dynamodb" help:"Keep everything but the sealing key in DynamoDB Local instead, in the table wavepass." placeholder:"URL"`
}

// localTable is the table of a folder that keeps its data in DynamoDB Local.
const localTable = "wavepass"

// clockTolerance is how far this machine's clock may be off: the stamps of revocations are compared with those
// of other writers.
const clockTolerance = 5 * time.Second

// admin is a deployment as the commands that look after it see it.
type admin struct {
	data
	cfg   config.Config
	trail *audit.Trail
	cloud bool // a table, whose settings are the stack's and not of this machine
}

func (a admin) keys() *operate.Keys {
	return operate.NewKeys(operate.KeysParts{Ring: a.keyring(a.cfg, a.trail), Log: a.store, Trail: a.trail, Events: a.store, Now: time.Now})
}

func (a admin) operator() *operate.Operator { return operate.New(a.store, a.trail, time.Now) }

// knowsPeriod reports whether it is known when keys are due.
func (a admin) knowsPeriod() bool { return !a.cloud || os.Getenv("KEY_PERIOD") != "" }

// operatorName is the person at the command line, for the audit trail.
func operatorName() string {
	for _, variable := range []string{"USER", "LOGNAME", "USERNAME"} {
		if name := os.Getenv(variable); name != "" {
			return name
		}
	}
	return "unknown"
}

// run does the work on the target. Where `wavepass local` has the folder open it is asked to do it.
func (t target) run(ctx context.Context, o output, in invocation, work func(admin) error) error {
	if in.open != nil {
		return work(*in.open)
	}
	if t.Table == "" {
		if asked, err := askRunning(ctx, t.folder, in, o); asked {
			return err
		}
	}
	a, err := t.open(ctx, o)
	if err != nil {
		return err
	}
	defer a.close()
	return work(a)
}

// flags are those that name the target.
func (t target) flags() []string {
	flags := []string{"--data", t.Data}
	for name, value := range map[string]string{"--dynamodb": t.DynamoDB, "--table": t.Table, "--sealing-key": t.SealingKey} {
		if value != "" {
			flags = append(flags, name, value)
		}
	}
	return flags
}

func (t target) open(ctx context.Context, o output) (admin, error) {
	cfg, err := settings(map[string]string{"TABLE_NAME": t.Table})
	if err != nil {
		return admin{}, err
	}
	if os.Getenv("SIGNING_ALG") == "" {
		cfg.SigningAlg = "" // as the keys that are there
	}
	a := admin{cfg: cfg, trail: audit.NewTrail(o.log, time.Now), cloud: t.Table != ""}
	if t.Table == "" {
		a.data, err = t.openExisting()
	} else {
		a.data, err = t.openCloud(ctx, cfg)
	}
	return a, err
}

// openExisting opens the folder as `wavepass local` has left it.
func (f folder) openExisting() (data, error) {
	if _, err := os.Stat(filepath.Join(f.Data, keyFileName)); errors.Is(err, fs.ErrNotExist) {
		return data{}, fmt.Errorf("%s holds no deployment: start `wavepass local`, or name one with --data or --table", f.Data)
	}
	return f.openData()
}

// openCloud finds region and credentials as the AWS CLI does: environment, profiles, single sign-on.
func (t target) openCloud(ctx context.Context, cfg config.Config) (data, error) {
	if t.SealingKey == "" {
		return data{}, errors.New("--table needs --sealing-key: the stack's output SealingKey, kms:<ARN>")
	}
	table, found, err := cloudTable(ctx, t.Table, cfg)
	if err != nil {
		return data{}, err
	}
	sealer, err := seal.FromSetting(t.SealingKey, seal.KMSConfig{Credentials: found.Credentials})
	if err != nil {
		return data{}, fmt.Errorf("--sealing-key: %w", err)
	}
	if _, err := table.Schema(ctx); err != nil {
		return data{}, explainSchema(err, "the table "+t.Table, "")
	}
	return data{store: table, sealer: sealer, close: func() {}}, nil
}

// cloudTable opens a table, by a clock that is right. Region and credentials are found as the AWS CLI finds them.
func cloudTable(ctx context.Context, name string, cfg config.Config) (*dynamo.Store, aws.Config, error) {
	found, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, found, fmt.Errorf("AWS configuration: %w", err)
	}
	if found.Region == "" {
		return nil, found, errors.New("no region: set AWS_REGION, or choose a profile that has one with AWS_PROFILE")
	}
	table, err := dynamo.Open(dynamo.Config{
		Table: name, Region: found.Region, Credentials: found.Credentials, Endpoint: cfg.DynamoEndpoint, Shards: cfg.Shards, Now: time.Now,
	})
	if err != nil {
		return nil, found, err
	}
	return table, found, checkClock(ctx, table)
}

// checkClock refuses to work by a clock whose stamps would be hidden from readers, or hide others.
func checkClock(ctx context.Context, table *dynamo.Store) error {
	off, err := table.ClockOff(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("compare the clock with the table's: %w", err)
	case off.Abs() > clockTolerance:
		return fmt.Errorf("this machine's clock is off by %s: set it right first", off.Round(time.Second))
	}
	return nil
}
