package main

import (
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
	args  []string
	open  *admin
	input *input
}

// input is what a command reads, as far as it does.
type input struct {
	from io.Reader
	read string // what was read: a running server is handed it on
}

// secret returns a password from standard input: the only line of it, or what a person types unseen.
func (in invocation) secret(o output, prompt string) (oauth.Secret, error) {
	if in.input == nil {
		return oauth.Secret{}, errNoSecret
	}
	if file, ok := in.input.from.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(o.log, prompt)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(o.log)
		if err != nil {
			return oauth.Secret{}, err
		}
		in.input.read = string(typed)
		return oneLine(in.input.read)
	}
	text, err := io.ReadAll(io.LimitReader(in.input.from, maxInput))
	if err != nil {
		return oauth.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	in.input.read = string(text)
	return oneLine(in.input.read)
}
