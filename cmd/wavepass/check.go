package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	checks "github.com/wavepass/wavepass/cmd/wavepass/internal/check"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// checkCommand reviews the sessions of a service.
type checkCommand struct {
	URL          string        `arg:"" help:"Address of the service, like https://id.example.com. No other host is asked."`
	Username     string        `help:"A test account. Its password is asked for, or is the one line of standard input. Without an account only what anybody sees is checked." placeholder:"NAME" type:"given"`
	PasswordFile string        `help:"File that holds the password alone." placeholder:"FILE" type:"given"`
	Service      string        `help:"File that describes how people log in (docs/check.md); a Wavepass needs none." placeholder:"FILE" type:"given"`
	Client       string        `help:"Of a Wavepass: a browser client or a native one." default:"web" type:"given"`
	LogOut       bool          `help:"Sessions of the test account may be ended, to see how they end. At a terminal you are asked."`
	JSON         bool          `help:"Print JSON."`
	SARIF        string        `name:"sarif" help:"Also write SARIF 2.1.0 to this file." placeholder:"FILE" type:"given"`
	HTML         string        `name:"html" help:"Also write a page to this file." placeholder:"FILE" type:"given"`
	Budget       int           `help:"Requests that may be sent." default:"80"`
	Pause        time.Duration `help:"Pause between two requests." default:"100ms"`
	Timeout      time.Duration `help:"Of one request." default:"10s"`
	Patience     time.Duration `help:"How long to try a refresh token that was replaced." default:"90s"`
	Bound        time.Duration `help:"How long an access token may be accepted after the logout." default:"10s"`
}

// Help is shown by `wavepass check --help`.
func (c *checkCommand) Help() string {
	return `Looks at cookies, headers, keys, tokens, refreshes and logouts of any service, as a review of its sessions would, and says
what to mend. It sends one request at a time, to this host alone. Exits with status 0 when nothing failed, 1 when something did, and 2 when nothing could
be checked.

  wavepass check https://id.example.com
  wavepass check http://localhost:3000 --username demo@wavepass.local --log-out
  wavepass check https://shop.example.com --service shop.yaml --username test --log-out --html report.html <password.txt`
}

// statusError is an error that ends the program with a status of its own.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// exitUsage says that nothing was done, because of how the program was called.
const exitUsage = 2

func unusable(err error) error { return statusError{err, exitUsage} }

const maxDescription = 64 << 10

// youngest is how long refreshes wait before they try again whether a token is replaced: longer than ROTATION_MIN_AGE by itself.
const youngest = 11 * time.Second

func (c *checkCommand) check() error {
	c.URL = strings.TrimSuffix(c.URL, "/")
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: want an address like https://id.example.com", c.URL)
	case c.Username != "" && u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q: want https: a password is sent", c.URL)
	case c.Username == "" && (c.PasswordFile != "" || c.LogOut || c.Service != ""):
		return errors.New("--password-file, --service and --log-out are of a test account: name it with --username")
	case c.Budget < 1 || c.Budget > 1000:
		return fmt.Errorf("--budget %d: want 1 to 1000", c.Budget)
	case c.Pause < 0 || c.Pause > time.Minute || c.Timeout < time.Second || c.Timeout > time.Minute:
		return errors.New("--pause: want 0s to 1m, --timeout: want 1s to 1m")
	case c.Patience < 0 || c.Patience > 15*time.Minute || c.Bound < 0 || c.Bound > 15*time.Minute:
		return errors.New("--patience and --bound: want 0s to 15m")
	}
	return nil
}

// Run reviews the service and prints the report.
func (c *checkCommand) Run(ctx context.Context, o output, in invocation) error {
	config, err := c.config(ctx, o, in)
	if err != nil {
		return unusable(err)
	}
	report, err := checks.Run(ctx, config)
	if err != nil {
		return unusable(err)
	}
	if c.JSON {
		err = printJSON(o.out, report)
	} else {
		err = report.WriteText(o.out)
	}
	for name, write := range map[string]func(io.Writer) error{c.SARIF: report.WriteSARIF, c.HTML: report.WriteHTML} {
		if name != "" {
			err = errors.Join(err, writeFile(name, write))
		}
	}
	if err != nil {
		return err
	}
	if failed := report.Findings.Count(verdict.Fail); failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(report.Findings))
	}
	return nil
}

func (c *checkCommand) config(ctx context.Context, o output, in invocation) (config checks.Config, err error) {
	if err := c.check(); err != nil {
		return config, err
	}
	config = checks.Config{
		URL: c.URL, Client: c.Client, Username: c.Username, Version: strings.Fields(version())[1],
		LogOut: c.LogOut, Budget: c.Budget, Pause: c.Pause, Timeout: c.Timeout, Young: youngest, Patience: c.Patience, Bound: c.Bound,
	}
	if c.Service != "" {
		text, err := in.file(ctx, c.Service, maxDescription)
		if err != nil {
			return config, err
		}
		if config.Service, err = checks.ReadService(text); err != nil {
			return config, err
		}
	}
	if c.Username == "" {
		return config, nil
	}
	if config.Password, err = c.password(ctx, o, in); err != nil || c.LogOut {
		return config, err
	}
	if _, typed := in.terminal(); typed {
		host := strings.TrimPrefix(strings.TrimPrefix(c.URL, "http://"), "https://")
		err := in.confirm(ctx, o, false, "to see how sessions end, those of "+c.Username+" that this begins are ended", host)
		config.LogOut = err == nil
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(o.log, "nobody is logged out")
			err = nil
		}
		return config, err
	}
	return config, nil
}

func (c *checkCommand) password(ctx context.Context, o output, in invocation) (oauth.Secret, error) {
	if c.PasswordFile != "" {
		text, err := in.file(ctx, c.PasswordFile, maxInput)
		if err != nil {
			return oauth.Secret{}, err
		}
		return oneLine(string(text))
	}
	u, err := url.Parse(c.URL)
	if err == nil && c.Username == demoUsername && isLoopback(u.Hostname()) {
		return oauth.NewSecret(demoPassword), nil
	}
	password, err := in.secret(ctx, o, "Password of "+c.Username+": ")
	if errors.Is(err, errNoSecret) {
		return password, fmt.Errorf("no password of %s: give it on standard input, or by --password-file", c.Username)
	}
	return password, err
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
