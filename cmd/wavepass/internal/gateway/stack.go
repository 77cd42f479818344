package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// Stack says what a template of another stack, whose API uses Wavepass's authorizer, does not say itself.
type Stack struct {
	// Authorizers are those of its authorizers, by name, that are Wavepass's. Their FunctionArn comes from elsewhere, by a
	// parameter or an import, so the template cannot tell. Every other one must be a function of the template.
	Authorizers []string
}

// wavepassAuthorizer is the folder of Wavepass's authorizer.
const wavepassAuthorizer = "authorizer"

// NewStackTemplate reads the routes of another stack's template. None of its functions is one of this program's,
// whatever it is called.
func NewStackTemplate(read *samtemplate.Template, stack Stack) (*Template, error) {
	t, err := newTemplate(read, &stack)
	if err != nil {
		return nil, err
	}
	for _, name := range stack.Authorizers {
		if _, ok := t.authorizers[name]; !ok {
			return nil, fmt.Errorf("%s: there is no authorizer %s: want one of %s", t.File, name, strings.Join(slices.Sorted(maps.Keys(t.authorizers)), ", "))
		}
	}
	return t, nil
}

// authorizerFunction is the function behind an authorizer.
func (r *reader) authorizerFunction(name string, arn samtemplate.Node, what string) (*Function, error) {
	f, err := r.function(arn, what)
	switch {
	case r.stack == nil:
		return f, err
	case !slices.Contains(r.stack.Authorizers, name):
		if err != nil {
			err = fmt.Errorf("%w; if it is Wavepass's, say so by --authorizer %s", err, name)
		}
		return f, err
	case err == nil:
		return nil, r.Errorf(arn, "%s is %s of this template: --authorizer %s says that it is Wavepass's", what, f.ID, name)
	case arn.Kind == samtemplate.Absent:
		return nil, r.Errorf(arn, "%s: there is none", what)
	}
	return &Function{ID: name, Name: wavepassAuthorizer, Timeout: authorizerTime}, nil
}

// IsGrownFrom reports whether a template has every function of an original under its logical id and with its code: it is
// the original with routes of somebody's own, and not another stack with functions that happen to have such names.
func IsGrownFrom(read, original *samtemplate.Template) bool {
	code := func(t *samtemplate.Template) map[string]string {
		all := map[string]string{}
		for _, f := range t.Resources(functionType) {
			all[f.Name] = f.Value.Get("Properties").Get("CodeUri").Text
		}
		return all
	}
	given := code(read)
	for id, folder := range code(original) {
		if got, ok := given[id]; !ok || got != folder {
			return false
		}
	}
	return true
}

// Join adds the routes of another stack, as if both APIs had one address. Each keeps its authorizers and its CORS.
func Join(t, stack *Template) (*Template, error) {
	joined := *t
	joined.Routes = slices.Concat(t.Routes, stack.Routes)
	return &joined, checkRoutes(joined.Routes)
}

// corsOf is the CORS of the API that has the route. Where there is none, as for most preflights, it is that of the API
// that has one for another method.
func (g *gateway) corsOf(r *http.Request, found Route) *cors {
	if found.home == nil {
		routes := slices.Clone(g.template.Routes)
		for i := range routes {
			routes[i].Method = anyMethod
		}
		if found, _, _ = match(routes, r.Method, r.URL.Path); found.home == nil {
			return g.template.cors
		}
	}
	return found.home.cors
}

// Target is where a function runs that is not one of this program's: one of the two.
type Target struct {
	Invoke  lambda.Handler
	Forward *url.URL // requests go there as they are
}

// Place says where a function of the template runs, unless its name is one of this program's own. It is named by its logical id, or by the last folder of its CodeUri
// where only one function has that.
func (t *Template) Place(name string, target Target, own []string) error {
	found := t.functions[name]
	for _, f := range t.functions {
		switch {
		case t.functions[name] != nil || f.folder != name:
		case found != nil:
			return fmt.Errorf("%s: %s and %s both have the folder %s: name one of them by its logical id", t.File, min(f.ID, found.ID), max(f.ID, found.ID), name)
		default:
			found = f
		}
	}
	switch {
	case found == nil:
		return fmt.Errorf("%s: there is no function %s: want one of %s", t.File, name, strings.Join(slices.Sorted(maps.Keys(t.functions)), ", "))
	case found.isOneOf(own):
		return fmt.Errorf("%s: %s is one of Wavepass's own functions", t.File, found.ID)
	case found.target != Target{}:
		return fmt.Errorf("%s: %s is placed twice", t.File, found.ID)
	}
	found.target = target
	if target.Invoke != nil {
		found.Timeout = totalTime // its time is counted where it runs; a container that has to start first takes longer
	}
	return nil
}

// Names are those of the template's functions.
func (t *Template) Names() []string {
	var names []string
	for _, f := range t.functions {
		names = append(names, f.Name)
	}
	return names
}

// Unplaced are the functions of routes and authorizers that have no place, and whose name is none of those of this
// program's own.
func (t *Template) Unplaced(own []string) (all []*Function) {
	for _, route := range t.Routes {
		for _, f := range []*Function{route.Function, t.authorizers[route.Authorizer].function} {
			if f != nil && f.target == (Target{}) && !f.isOneOf(own) && !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

func (f *Function) isOneOf(own []string) bool { return !f.stack && slices.Contains(own, f.Name) }

// handler is what runs the function, nil for none.
func (f *Function) handler(functions map[string]lambda.Handler) lambda.Handler {
	switch {
	case f.target != Target{}:
		return f.target.Invoke
	case f.stack:
		return nil
	}
	return functions[f.Name]
}
