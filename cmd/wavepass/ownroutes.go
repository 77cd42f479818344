package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wavepass/wavepass"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/internal/samtemplate"
)

// ownRoutes are the flags for routes beside Wavepass's (docs/own-routes.md).
type ownRoutes struct {
	Template   string            `help:"Serve the routes of this SAM template too; if it is Wavepass's with routes of yours, instead." type:"path"`
	Parameter  map[string]string `help:"Value of a parameter of --template, where its default does not fit here." placeholder:"NAME=VALUE" mapsep:"none"`
	Authorizer []string          `help:"The authorizer of this name in --template is Wavepass's." placeholder:"NAME"`
	Invoke     []string          `help:"Lambda Invoke API that runs the functions of --template, like that of sam local start-lambda; with a name, that function alone." placeholder:"[NAME=]URL" sep:"none"`
	Forward    []string          `help:"Plain HTTP server that gets the requests of this function of --template." placeholder:"NAME=URL" sep:"none"`
}

// check refuses flags that say something about a template where none is given.
func (o ownRoutes) check() error {
	if o.Template == "" && len(o.Parameter)+len(o.Authorizer) > 0 {
		return errors.New("--parameter and --authorizer are about a template of yours: name it with --template")
	}
	return nil
}

// ownTemplate is read once for all servers of a process: a test program starts hundreds.
var ownTemplate = sync.OnceValues(func() (*samtemplate.Template, error) {
	return samtemplate.Parse("template.yaml", wavepass.Template, nil)
})

// routes are those of Wavepass, and those of a template of one's own.
func (o ownRoutes) routes(webOrigins string) (*gateway.Template, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	origins := map[string]string{"WebOrigins": webOrigins}
	own, err := ownTemplate()
	if err != nil {
		return nil, err
	}
	own = own.WithDefaults(origins)
	given := own
	if o.Template != "" {
		if given, err = samtemplate.Read(o.Template, o.Parameter); err != nil {
			return nil, err
		}
		if given.HasParameter("WebOrigins") {
			given = given.WithDefaults(origins)
		}
	}
	ours, err := gateway.NewTemplate(own)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Template == "":
		return ours, o.place(ours, ours.Names())
	case !gateway.IsGrownFrom(given, own):
		stack, err := gateway.NewStackTemplate(given, gateway.Stack{Authorizers: o.Authorizer})
		if err != nil {
			return nil, err
		}
		if err := o.place(stack, ours.Names()); err != nil {
			return nil, err
		}
		return gateway.Join(ours, stack)
	case len(o.Authorizer) > 0:
		return nil, fmt.Errorf("%s has Wavepass's authorizer in it: leave --authorizer out", o.Template)
	}
	grown, err := gateway.NewTemplate(given)
	if err != nil {
		return nil, err
	}
	return grown, o.place(grown, ours.Names())
}

// place says of each function that is not one of this program's where it runs.
func (o ownRoutes) place(t *gateway.Template, own []string) error {
	for _, forward := range o.Forward {
		name, address, named := strings.Cut(forward, "=")
		to, err := endpointOf(address)
		if err != nil || !named || name == "" {
			return fmt.Errorf("--forward %s: want the name of a function and an address, like OrdersFunction=http://127.0.0.1:4000", forward)
		}
		if err := t.Place(name, gateway.Target{Forward: to}, own); err != nil {
			return fmt.Errorf("--forward %s: %w", forward, err)
		}
	}
	var all *url.URL
	for _, invoke := range o.Invoke {
		name, address, named := strings.Cut(invoke, "=")
		if !named {
			name, address = "", invoke
		}
		to, err := endpointOf(address)
		switch {
		case err != nil || named && name == "":
			return fmt.Errorf("--invoke %s: want an address like http://127.0.0.1:3001, or a function's name, = and its address", invoke)
		case !named && (all != nil || strings.Trim(to.Path, "/") != ""):
			return fmt.Errorf("--invoke %s: want one address for all functions, without a path; for one function begin with its name and =", invoke)
		case !named:
			all = to
			continue
		}
		if err := t.Place(name, gateway.Target{Invoke: gateway.InvokeAt(to, name)}, own); err != nil {
			return fmt.Errorf("--invoke %s: %w", invoke, err)
		}
	}
	for _, f := range t.Unplaced(own) {
		if all == nil {
			return fmt.Errorf("%s: %s is no function of Wavepass's: say where it runs, by --invoke http://127.0.0.1:3001 or --forward %s=http://127.0.0.1:4000", t.File, f.ID, f.ID)
		}
		if err := t.Place(f.ID, gateway.Target{Invoke: gateway.InvokeAt(all, f.ID)}, own); err != nil {
			return err
		}
	}
	return nil
}

// endpointOf reads the address of a server without credentials, query or fragment.
func endpointOf(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("want an address like http://127.0.0.1:4000")
	}
	return u, nil
}

const (
	contextKeyVariable = "WAVEPASS_CONTEXT_KEY"
	contextKeyFile     = "context.key"
	shortestContextKey = 16
)

// contextKey is by which a back end knows that a request comes from this program: a new one at each start, in a file of
// the data folder that only its owner can read, or the one in the environment, which its owner gives to both programs.
func (c *localCommand) contextKey() (key string, remove func(), err error) {
	if len(c.Forward) == 0 {
		return "", func() {}, nil
	}
	if key := os.Getenv(contextKeyVariable); key != "" {
		if len(key) < shortestContextKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", nil, fmt.Errorf("%s: want %d characters or more, of ASCII and without spaces", contextKeyVariable, shortestContextKey)
		}
		return key, func() {}, nil
	}
	key = rand.Text()
	path := filepath.Join(c.Data, contextKeyFile)
	// Another file than the last start's, whose mode somebody may have changed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", nil, err
	}
	_, err = file.WriteString(key)
	return key, func() { _ = os.Remove(path) }, errors.Join(err, file.Close())
}

// greetBackEnds says how a back end knows that a request comes from here.
func (c *localCommand) greetBackEnds(out io.Writer) {
	switch {
	case len(c.Forward) == 0:
	case os.Getenv(contextKeyVariable) != "":
		fmt.Fprintf(out, "Forwarded requests carry the key of $%s in X-Wavepass-Context-Key.\n", contextKeyVariable)
	default:
		fmt.Fprintf(out, "Forwarded requests carry the key in %s in X-Wavepass-Context-Key.\n", filepath.Join(c.Data, contextKeyFile))
	}
}
