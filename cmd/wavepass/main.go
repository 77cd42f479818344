// Command wavepass runs and looks after a Wavepass deployment.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/wavepass/wavepass/pkg/audit"
)

type commands struct {
	Local   localCommand   `cmd:"" help:"Run the whole service on this machine, on an embedded store."`
	Drill   drillCommand   `cmd:"" help:"Rehearse an emergency on a running deployment, and measure the revocation bound."`
	Migrate migrateCommand `cmd:"" help:"Bring what an older version has stored to the form of this one."`
	adminCommands
}

// adminCommands look after a deployment, in the cloud or on this machine.
type adminCommands struct {
	Account accountCommands `cmd:"" help:"Look after accounts."`
	Key     keyCommands     `cmd:"" help:"Look after the keys that tokens are made with."`
	Revoke  revokeCommands  `cmd:"" help:"Take back a token, a session, everything a person has, or a client's tokens."`
}

func main() {
	// The first Ctrl-C ends the command cleanly; a second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], output{os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "wavepass:", err)
		os.Exit(1)
	}
}

// output is where a command writes: results to out, all else to log.
type output struct{ out, log io.Writer }

func run(ctx context.Context, args []string, o output) error {
	return parseAndRun(ctx, &commands{}, o, invocation{args: args, operator: operatorName(), input: &input{from: os.Stdin}})
}

// helped ends the parsing of a call that asked for help and got it.
type helped struct{}

// parseAndRun runs the one of the commands that the arguments name.
func parseAndRun(ctx context.Context, commands any, o output, in invocation) (err error) {
	parser, err := kong.New(commands,
		kong.Name("wavepass"),
		kong.Description("Sessions for serverless backends: log in, refresh, authorize, revoke."),
		kong.BindTo(audit.WithActor(ctx, audit.Operator(in.operator)), (*context.Context)(nil)),
		kong.Bind(o, in),
		kong.Writers(o.out, o.log),
		kong.Exit(func(int) { panic(helped{}) }), // after help, which here may be one command among others
	)
	if err != nil {
		return err
	}
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(helped); !ok {
				panic(fault)
			}
			err = nil
		}
	}()
	command, err := parser.Parse(in.args)
	if err != nil {
		return fmt.Errorf("%w; `wavepass --help` lists what there is", err)
	}
	return command.Run()
}
