package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// maxInput is more than any password.
const maxInput = 4 << 10

// invocation is one call of this program. Inside a running `wavepass local` the deployment is open already.
type invocation struct {
	args     []string
	operator string // the name of the person at the command line
	open     *admin
	input    *input
}

// input is what a command reads, as far as it does.
type input struct {
	from io.Reader
	read string // what was read: a running server is handed it on
}

// terminal is standard input when a person types there.
func (in invocation) terminal() (*os.File, bool) {
	if in.input == nil {
		return nil, false
	}
	file, isFile := in.input.from.(*os.File)
	return file, isFile && term.IsTerminal(int(file.Fd()))
}

// progress tells a person at a terminal how far a command is. A script is told at the end alone.
func (o output) progress(format string, args ...any) {
	if file, isFile := o.log.(*os.File); isFile && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintf(file, format+"\n", args...)
	}
}

// newPassword returns a password that is being chosen. A person types it twice.
func (in invocation) newPassword(ctx context.Context, o output) (oauth.Secret, error) {
	first, err := in.secret(ctx, o, "New password: ")
	if err != nil {
		return oauth.Secret{}, err
	}
	if _, typed := in.terminal(); typed {
		again, err := in.secret(ctx, o, "The same again: ")
		if err != nil {
			return oauth.Secret{}, err
		}
		if again.Reveal() != first.Reveal() {
			return oauth.Secret{}, errors.New("the two passwords differ: nothing was changed")
		}
	}
	return first, nil
}

// secret returns a password from standard input: the only line of it, or what a person types unseen. It does not
// outlast ctx.
func (in invocation) secret(ctx context.Context, o output, prompt string) (oauth.Secret, error) {
	if in.input == nil {
		return oauth.Secret{}, errNoSecret
	}
	if file, typed := in.terminal(); typed {
		before, err := term.GetState(int(file.Fd()))
		if err != nil {
			return oauth.Secret{}, err
		}
		defer func() { _ = term.Restore(int(file.Fd()), before) }() // what is typed is seen again, also after Ctrl-C
		fmt.Fprint(o.log, prompt)
		defer fmt.Fprintln(o.log)
		return in.readSecret(ctx, func() ([]byte, error) { return term.ReadPassword(int(file.Fd())) })
	}
	return in.readSecret(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in.input.from, maxInput)) })
}

func (in invocation) readSecret(ctx context.Context, read func() ([]byte, error)) (oauth.Secret, error) {
	text, err := until(ctx, read)
	if err != nil {
		return oauth.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	in.input.read = string(text)
	return oneLine(in.input.read)
}

// until waits for what read returns, no longer than ctx.
func until[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() { value, err := read(); done <- result{value, err} }()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case got := <-done:
		return got.value, got.err
	}
}

// confirm makes sure that a person means something that is not taken back: by --yes, or on a terminal by typing the
// name of the thing. A running server is only asked once that is so.
func (in invocation) confirm(ctx context.Context, o output, yes bool, what, name string) error {
	if yes || in.open != nil {
		return nil
	}
	file, typed := in.terminal()
	if !typed {
		return fmt.Errorf("%s; add --yes if that is what you want", what)
	}
	fmt.Fprintf(o.log, "Careful: %s. Type %s to go on: ", what, name)
	line, err := until(ctx, func() (string, error) { return bufio.NewReader(file).ReadString('\n') })
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case strings.TrimSpace(line) != name:
		return errors.New("that is something else: nothing was changed")
	}
	return nil
}

// file returns what the file says, of limit bytes at most; for the name - it is standard input. A running server is handed what was
// read, and does not look for the file.
func (in invocation) file(ctx context.Context, name string, limit int) ([]byte, error) {
	from := in.input.from
	if in.open == nil && name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	text, err := until(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(from, int64(limit)+1)) })
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(text) > limit:
		return nil, fmt.Errorf("%s is longer than %d KB", name, limit>>10)
	}
	in.input.read = string(text)
	return text, nil
}

var errNoSecret = errors.New("no password on standard input: for example `wavepass account add ada <password.txt`")

// oneLine is a password as it was typed or piped.
func oneLine(text string) (oauth.Secret, error) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case line == "":
		return oauth.Secret{}, errNoSecret
	case strings.TrimSpace(rest) != "":
		return oauth.Secret{}, errors.New("more than one line on standard input: want the password alone")
	}
	return oauth.NewSecret(line), nil
}
