package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/operate"
)

// target says which deployment a command works on: the data folder of `wavepass local`, whether that runs or
// not, or a table in the cloud.
type target struct {
	folder
	Table      string `help:"Work on this DynamoDB table in the cloud; region, credentials and endpoint as for the AWS CLI." placeholder:"NAME" type:"given"`
	SealingKey string `help:"With --table, for commands that change keys: the key that seals them, the stack's output SealingKey." placeholder:"kms:ARN" type:"given"`
	Operator   string `help:"Your name in the audit trail; by default the user that runs this." placeholder:"NAME" type:"given"`
	JSON       bool   `help:"Print JSON."`
}

// folder is a place on this machine.
type folder struct {
	Data     string `help:"Folder that keeps accounts, sessions and keys." default:".wavepass" type:"path"`
	DynamoDB string `name:"dynamodb" help:"Keep everything but the sealing key in DynamoDB Local instead, in the table wavepass." placeholder:"URL" type:"endpoint"`
}

// mappers refuse a flag that is given without a value. `--table "$TABLE"` with an unset variable would otherwise
// silently mean another deployment.
func mappers() []kong.Option {
	return []kong.Option{
		kong.NamedMapper("given", given(func(text string) (string, error) { return text, nil })),
		kong.NamedMapper("path", given(filepath.Abs)),
		kong.NamedMapper("endpoint", given(checkEndpoint)),
	}
}

func given(read func(string) (string, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, field reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		if text == "" {
			return errors.New("is empty: perhaps a variable is not set")
		}
		value, err := read(text)
		if err == nil {
			field.SetString(value)
		}
		return err
	}
}

// checkEndpoint returns the address of a stand-in for DynamoDB.
func checkEndpoint(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q: want an address like http://localhost:8000", address)
	}
	return address, nil
}

// localTable is the table of a folder that keeps its data in DynamoDB Local.
const localTable = "wavepass"

// admin is a deployment as the commands that look after it see it.
type admin struct {
	data
	cfg   config.Config
	trail *audit.Trail
	name  string // of the deployment, for people
	cloud bool   // a table, whose settings are the stack's and not of this machine
}

func (a admin) keys() *operate.Keys {
	return operate.NewKeys(operate.KeysParts{Ring: a.keyring(a.cfg, a.trail), Log: a.store, Trail: a.trail, Events: a.store, Now: time.Now})
}

func (a admin) operator() *operate.Operator {
	o := operate.New(a.store, a.trail, time.Now)
	// The settings of a stack are not known here, so operators may name them.
	o.Passwords = endpoint.PasswordRules(a.cfg.PasswordMinLength, cmp.Or(a.cfg.Issuer, os.Getenv("ISSUER")), os.Getenv("PAGES_NAME"))
	return o
}

// knowsPeriod reports whether it is known when keys are due.
func (a admin) knowsPeriod() bool { return !a.cloud || os.Getenv("KEY_PERIOD") != "" }

// userName is the user that runs this program.
func userName() string {
	for _, variable := range []string{"USER", "LOGNAME", "USERNAME"} {
		if name := os.Getenv(variable); name != "" {
			return name
		}
	}
	if found, err := user.Current(); err == nil {
		return found.Username // a container, for example, sets none of them
	}
	return "unknown"
}

// run does the work on the target, in the name of the operator. Where `wavepass local` has the folder open it is
// asked to do it.
func (t target) run(ctx context.Context, o output, in invocation, work func(context.Context, admin) error) error {
	if t.Operator != "" {
		in.operator = t.Operator
	}
	ctx = audit.WithActor(ctx, audit.Operator(in.operator))
	if in.open != nil {
		return work(ctx, *in.open)
	}
	if err := t.check(); err != nil {
		return err
	}
	if t.Table == "" {
		if asked, err := askRunning(ctx, t.folder, in, o); asked {
			return err
		}
	}
	a, err := t.open(ctx, o)
	if err != nil {
		return t.explain(err)
	}
	defer a.close()
	return t.explain(work(ctx, a))
}

// check refuses flags that contradict each other, or that would be passed over.
func (t target) check() error {
	switch {
	case t.SealingKey != "" && t.Table == "":
		return errors.New("--sealing-key is for a table in the cloud: name it with --table, or leave both out")
	case t.Table != "" && t.DynamoDB != "":
		return errors.New("--table is in the cloud and --dynamodb on this machine: want one of them")
	}
	return nil
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
	a := admin{cfg: cfg, trail: audit.NewTrail(o.log, time.Now), name: t.folder.name(), cloud: t.Table != ""}
	if t.Table == "" {
		a.data, err = t.openExisting()
	} else {
		a.data, a.name, err = t.openCloud(ctx, cfg)
	}
	return a, err
}

// name is how people call the deployment in the folder.
func (f folder) name() string {
	if f.DynamoDB != "" {
		return fmt.Sprintf("the table %s at %s", localTable, f.DynamoDB)
	}
	return "the data folder " + f.Data
}

var errNoDeployment = errors.New("holds no deployment")

// openExisting opens the folder as `wavepass local` has left it.
func (f folder) openExisting() (data, error) {
	if _, err := os.Stat(filepath.Join(f.Data, keyFileName)); errors.Is(err, fs.ErrNotExist) {
		return data{}, fmt.Errorf("%s %w: start `wavepass local`, or name one with --data or --table", f.Data, errNoDeployment)
	}
	f, err := f.closed()
	if err != nil {
		return data{}, err
	}
	return f.openData()
}
