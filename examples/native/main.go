// Command native is a command-line client of Wavepass: it logs a person in, keeps their session, and calls an API for them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `native is a command-line client of Wavepass.

  native login [--username NAME]   asks for username and password, and begins a session
  native whoami                    shows who is logged in, as the service sees them
  native call PATH                 calls the API with an access token, and prints its answer
  native devices [--end ID]        lists where the person is logged in, or ends one of these sessions
  native logout [--everywhere]     ends the session, or all of the person's sessions

Options of every command:
  --service URL   where Wavepass is (WAVEPASS_URL, else http://localhost:3000)
  --client ID     the client that is registered there, of the kind native (WAVEPASS_CLIENT, else app)
  --store WAY     keyring, file, or auto: the keyring where there is one, else a file that only you can read (auto)

Options of login: --username NAME, --device NAME (the host's name). Without a terminal, login reads the username, unless it is
given, and the password from its standard input, a line each.

Options of call: --api URL (else the service's), --method METHOD (GET), --data BODY (JSON).

Status: 0 done, 1 failed, 2 wrong usage, 3 nobody is logged in, 130 interrupted.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "native:", err)
	}
	os.Exit(status(ctx, err))
}

// A usageError is a command line that says nothing sensible.
type usageError string

func (e usageError) Error() string { return string(e) + " (see native --help)" }

func status(ctx context.Context, err error) int {
	var wrong usageError
	var signedOut *signedOutError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return 130
	case errors.As(err, &wrong):
		return 2
	case errors.As(err, &signedOut):
		return 3
	}
	return 1
}

// options are what flags say.
type options struct {
	at, as, store, username, device, api, method, data, end string
	everywhere                                              bool
}

func (o *options) parse(command string, args []string) (rest []string, err error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.at, "service", env("WAVEPASS_URL", "http://localhost:3000"), "")
	flags.StringVar(&o.as, "client", env("WAVEPASS_CLIENT", "app"), "")
	flags.StringVar(&o.store, "store", "auto", "")
	switch command {
	case "login":
		host, _ := os.Hostname() // an empty name is allowed
		flags.StringVar(&o.username, "username", "", "")
		flags.StringVar(&o.device, "device", host[:min(len(host), 64)], "") // no longer than the service takes
	case "call":
		flags.StringVar(&o.api, "api", "", "")
		flags.StringVar(&o.method, "method", "GET", "")
		flags.StringVar(&o.data, "data", "", "")
	case "devices":
		flags.StringVar(&o.end, "end", "", "")
	case "logout":
		flags.BoolVar(&o.everywhere, "everywhere", false, "")
	}
	for len(args) > 0 { // options may stand behind arguments
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func run(ctx context.Context, args []string, in *os.File, out, log io.Writer) error {
	commands := map[string]struct {
		arguments int
		run       func(context.Context, *app, []string) error
	}{"login": {0, login}, "whoami": {0, whoami}, "call": {1, call}, "devices": {0, devices}, "logout": {0, logout}}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		_, err := io.WriteString(out, usage)
		return err
	}
	command, known := commands[args[0]]
	if !known {
		return usageError(fmt.Sprintf("there is no command %q", args[0]))
	}
	var o options
	rest, err := o.parse(args[0], args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(out, usage)
		return err
	case err != nil:
		return usageError(err.Error())
	case len(rest) != command.arguments:
		return usageError(fmt.Sprintf("%s takes %d arguments besides its options, not %d", args[0], command.arguments, len(rest)))
	}
	a, err := newApp(o, in, out, log)
	if err != nil {
		return err
	}
	return command.run(ctx, a, rest)
}
