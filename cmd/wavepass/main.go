// Command wavepass runs and looks after a Wavepass deployment.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Version    kong.VersionFlag  `help:"Print the version."`
	Local      localCommand      `cmd:"" help:"Run the whole service on this machine, on an embedded store."`
	Drill      drillCommand      `cmd:"" help:"Rehearse an emergency on a running deployment, and measure the revocation bound."`
	Check      checkCommand      `cmd:"" help:"Review the sessions of a service from outside, of any and not only of Wavepass."`
	Migrate    migrateCommand    `cmd:"" help:"Bring what an older version has stored to the form of this one."`
	Completion completionCommand `cmd:"" help:"Print the completion of this program for a shell."`
	Complete   completeCommand   `cmd:"" hidden:"" passthrough:""`
	adminCommands
}

// adminCommands look after a deployment, in the cloud or on this machine.
type adminCommands struct {
	Status   statusCommand    `cmd:"" help:"Say which deployment the flags mean, and how it is."`
	Account  accountCommands  `cmd:"" help:"Look after accounts."`
	Client   clientCommands   `cmd:"" help:"Look after the applications that people log in with."`
	Provider providerCommands `cmd:"" help:"Look after the identity providers that people log in with."`
	Resource resourceCommands `cmd:"" help:"Look after the APIs and MCP servers that clients find out about."`
	Session  sessionCommands  `cmd:"" help:"Look at sessions."`
	Policy   policyCommands   `cmd:"" help:"Say which scopes and roles the routes of an API ask for."`
	Key      keyCommands      `cmd:"" help:"Look after the keys that tokens are made with."`
	Revoke   revokeCommands   `cmd:"" help:"Take back a token, a session, everything a person has, or a client's tokens."`
	Audit    auditCommands    `cmd:"" help:"Read what operators have done."`
	Doctor   doctorCommand    `cmd:"" help:"Look for what is set wrong in a deployment."`
}

func main() {
	// The first Ctrl-C ends the command cleanly; a second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	out := &written{to: os.Stdout}
	err := run(ctx, os.Args[1:], output{out, os.Stderr})
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintln(os.Stderr, "wavepass: interrupted")
		os.Exit(exitInterrupted)
	case err == nil && out.failed != nil:
		err = fmt.Errorf("the command is done, but its output could not be written: %w", out.failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wavepass:", err)
		os.Exit(statusOf(err))
	}
}

// statusOf is the status that the program ends with after an error.
func statusOf(err error) int {
	if own := (statusError{}); errors.As(err, &own) {
		return own.status
	}
	return 1
}

// exitInterrupted is what shells say of a program that Ctrl-C has ended.
const exitInterrupted = 130

// written remembers that something could not be written, for example to a full disk: a script that keeps what a command
// prints must not take half of it for all.
type written struct {
	to     io.Writer
	failed error
}

func (w *written) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.failed = cmp.Or(w.failed, err)
	return n, err
}

// output is where a command writes: results to out, all else to log.
type output struct{ out, log io.Writer }

func run(ctx context.Context, args []string, o output) error {
	return parseAndRun(ctx, &commands{}, o, invocation{args: args, operator: userName(), input: &input{from: os.Stdin}})
}

// exited ends the parsing of a call that asked for help or the version, and got it.
type exited struct{}

// newParser reads arguments into the commands.
func newParser(commands any, o output, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(commands, slices.Concat([]kong.Option{
		kong.Name("wavepass"),
		kong.Description("Sessions for serverless backends: log in, refresh, authorize, revoke."),
		kong.Vars{"version": version(), "listFields": listFields()},
		kong.Writers(o.out, o.log),
		kong.Exit(func(int) { panic(exited{}) }), // after help, which here may be one command among others
	}, mappers(), more)...)
}

// parseAndRun runs the one of the commands that the arguments name.
func parseAndRun(ctx context.Context, commands any, o output, in invocation) (err error) {
	parser, err := newParser(commands, o, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(o, in))
	if err != nil {
		return err
	}
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(exited); !ok {
				panic(fault)
			}
			err = nil
		}
	}()
	command, err := parser.Parse(keyIDsLast(in.args))
	if err != nil {
		return statusError{fmt.Errorf("%w%s; %s", err, meant(err), helpFor(err)), exitUsage}
	}
	return command.Run()
}

// meant says how to write what people take from other programs: some servers have a port as a flag of its own.
func meant(err error) string {
	if strings.HasSuffix(err.Error(), "unknown flag --port") {
		return ": the port is a part of --addr, like --addr 127.0.0.1:3001"
	}
	return ""
}

// helpFor says where to read on after a call that cannot be parsed: in the help of its command, as far as that was understood.
func helpFor(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if command := wrong.Context.Selected(); command != nil {
			return fmt.Sprintf("`%s --help` says how it is called", command.FullPath())
		}
	}
	return "`wavepass --help` lists what there is"
}

// version is what the Go tool has noted of this build: the module's version, or the commit that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "wavepass, of an unknown version"
	}
	text := "wavepass " + info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += " " + setting.Value
		}
	}
	return text + " " + info.GoVersion
}
