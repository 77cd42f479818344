package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/doctor"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// doctorCommand looks at a deployment from inside.
type doctorCommand struct {
	target
	URL       string `name:"url" help:"Where the API is, the stack's output ApiUrl; by default at the issuer that the functions' settings name." placeholder:"URL" type:"given"`
	Functions string `help:"File with what aws lambda list-functions prints, where these credentials may not ask Lambda themselves." placeholder:"FILE" type:"given"`
	Verbose   bool   `help:"One line for each thing that was not checked, too."`
}

// Help is shown by `wavepass doctor --help`.
func (c *doctorCommand) Help() string {
	return `Looks for what is set wrong: at the table, the keys, the settings of the functions that use the table, and at what the address serves. It
changes nothing, and says what it could not look at. Exits with status 0 when nothing failed, 1 when something did, and 2 when
nothing could be looked at.

  wavepass doctor --table wavepass-TableXYZ`
}

// maxFunctions is more than a thousand functions print.
const maxFunctions = 16 << 20

// doctorPatience is how long an answer of the API's address may take.
const doctorPatience = 10 * time.Second

// Run prints the report.
func (c *doctorCommand) Run(ctx context.Context, o output, in invocation) error {
	if err := c.check(); err != nil {
		return unusable(err)
	}
	if c.Table == "" {
		err := c.run(ctx, o, in, func(ctx context.Context, a admin) error {
			return c.report(ctx, o, doctor.Deployment{
				Name: a.name, Store: a.store, Sealer: func(string) (keyring.Sealer, error) { return a.sealer, nil },
			})
		})
		if errors.Is(err, errNoDeployment) {
			return unusable(err)
		}
		return err
	}
	d, err := c.cloud(ctx, in)
	if err != nil {
		return unusable(c.explain(err))
	}
	return c.report(ctx, o, d)
}

func (c *doctorCommand) check() error {
	switch u, err := url.Parse(c.URL); {
	case c.Table == "" && (c.URL != "" || c.Functions != ""):
		return errors.New("--url and --functions are of a deployment in the cloud: name its table with --table")
	case c.URL != "" && (err != nil || u.Hostname() == "" || u.Scheme != "https" && !isLoopback(u.Hostname()) || u.User != nil || u.RawQuery != "" || u.Fragment != ""):
		return fmt.Errorf("--url %q: want an address like https://id.example.com", c.URL)
	}
	return c.target.check()
}

// cloud is the deployment on a table. What other commands refuse to work with is found here: a clock that is wrong, a schema of another version.
func (c *doctorCommand) cloud(ctx context.Context, in invocation) (d doctor.Deployment, err error) {
	cfg, err := settings(map[string]string{"TABLE_NAME": c.Table})
	if err != nil {
		return d, err
	}
	table, found, err := anyTable(ctx, c.Table, cfg)
	if err != nil {
		return d, err
	}
	options := dynamodb.NewFromConfig(found).Options()
	options.Logger = nil // it warns of connections that it does not use again
	if endpoint := tableEndpoint(found, cfg); endpoint != "" {
		options.BaseEndpoint = &endpoint
	}
	d = doctor.Deployment{
		Name: "the table " + c.Table + " in " + found.Region, Store: table, Table: c.Table, API: dynamodb.New(options), Clock: table.ClockOff,
		URL: c.URL, SealingKey: c.SealingKey, Sealer: func(setting string) (keyring.Sealer, error) { return sealerOf(setting, found) },
		DemoAccount: demoUsername,
		Functions: func(ctx context.Context) ([]doctor.Function, error) {
			return doctor.Functions(ctx, lambda.NewFromConfig(found), c.Table)
		},
	}
	if c.Functions != "" {
		text, err := in.file(ctx, c.Functions, maxFunctions)
		if err != nil {
			return d, err
		}
		functions, err := doctor.ReadFunctions(text, c.Table)
		if err != nil {
			return d, fmt.Errorf("%s: %w", c.Functions, err)
		}
		d.Functions = func(context.Context) ([]doctor.Function, error) { return functions, nil }
	}
	return d, nil
}

func (c *doctorCommand) report(ctx context.Context, o output, d doctor.Deployment) error {
	d.HTTP, d.Now = &http.Client{Timeout: doctorPatience}, time.Now
	report, err := doctor.Run(ctx, d)
	if err != nil {
		return unusable(c.explain(err))
	}
	if c.JSON {
		err = printJSON(o.out, report)
	} else {
		err = report.WriteText(o.out, c.Verbose)
	}
	if failed := report.Findings.Count(verdict.Fail); err == nil && failed > 0 {
		return fmt.Errorf("%d of %d things are wrong", failed, len(report.Findings))
	}
	return err
}
