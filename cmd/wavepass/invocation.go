package main

import (
	"context"
	"fmt"
	"io"
	"os"

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

// secret returns a password from standard input: the only line of it, or what a person types unseen. It does not
// outlast ctx.
func (in invocation) secret(ctx context.Context, o output, prompt string) (oauth.Secret, error) {
	if in.input == nil {
		return oauth.Secret{}, errNoSecret
	}
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	file, isFile := in.input.from.(*os.File)
	if isFile && term.IsTerminal(int(file.Fd())) {
		before, err := term.GetState(int(file.Fd()))
		if err != nil {
			return oauth.Secret{}, err
		}
		defer func() { _ = term.Restore(int(file.Fd()), before) }() // what is typed is seen again, also after Ctrl-C
		fmt.Fprint(o.log, prompt)
		defer fmt.Fprintln(o.log)
		go func() { text, err := term.ReadPassword(int(file.Fd())); read <- result{text, err} }()
	} else {
		go func() {
			text, err := io.ReadAll(io.LimitReader(in.input.from, maxInput))
			read <- result{text, err}
		}()
	}
	select {
	case <-ctx.Done():
		return oauth.Secret{}, ctx.Err()
	case got := <-read:
		if got.err != nil {
			return oauth.Secret{}, fmt.Errorf("read the password: %w", got.err)
		}
		in.input.read = string(got.text)
		return oneLine(in.input.read)
	}
}
