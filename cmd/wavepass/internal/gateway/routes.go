package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// Route is one route of the API.
type Route struct {
	Method     string // upper case, or ANY
	Path       string // for example /pets/{id}, or $default
	Function   *Function
	Authorizer string // "" for a public route
	home       *Template
	line       int
}

const (
	anyMethod    = "ANY"
	defaultRoute = "$default"
	noAuthorizer = "NONE"
)

// Key names the route as events do: "GET /userinfo", "$default".
func (r Route) Key() string {
	if r.Path == defaultRoute {
		return defaultRoute
	}
	return r.Method + " " + r.Path
}

// readRoutes reads the HttpApi events of a function.
func (r *reader) readRoutes(t *Template, resource samtemplate.Field, api, fallback string) error {
	f := r.functions[resource.Name]
	if f == nil {
		return nil
	}
	events, err := r.Mapping(resource.Value.Get("Properties").Get("Events"), resource.Name+": Events")
	if err != nil {
		return err
	}
	for _, e := range events.Fields {
		if e.Value.Get("Type").Text != "HttpApi" {
			continue
		}
		if condition := resource.Value.Get("Condition"); condition.Kind != samtemplate.Absent {
			return r.Errorf(condition, "%s has routes and depends on a condition: remove it", resource.Name)
		}
		route, err := r.readRoute(t, e, api, fallback)
		if err != nil {
			return err
		}
		route.Function = f
		t.Routes = append(t.Routes, route)
	}
	return nil
}

func (r *reader) readRoute(t *Template, e samtemplate.Field, api, fallback string) (Route, error) {
	what := "event " + e.Name
	properties, err := r.Mapping(e.Value.Get("Properties"), what, "ApiId", "Method", "Path", "Auth", "PayloadFormatVersion", "TimeoutInMillis", "RouteSettings")
	if err != nil {
		return Route{}, err
	}
	if id := properties.Get("ApiId"); id.Tag != "!Ref" || id.Text != api {
		return Route{}, r.Errorf(id, "%s: want ApiId: !Ref %s", what, api)
	}
	version, err := r.Text(properties.Get("PayloadFormatVersion"), what+": PayloadFormatVersion")
	if err != nil {
		return Route{}, err
	}
	if version != "" && version != "2.0" {
		return Route{}, r.Errorf(properties, "%s: PayloadFormatVersion %s is not supported: want 2.0", what, version)
	}
	route := Route{home: t, line: e.Value.Line}
	if route.Method, err = r.Text(properties.Get("Method"), what+": Method"); err != nil {
		return Route{}, err
	}
	if route.Path, err = r.Text(properties.Get("Path"), what+": Path"); err != nil {
		return Route{}, err
	}
	switch route.Method = strings.ToUpper(route.Method); {
	case route.Method == "" && route.Path == "":
		route.Method, route.Path = anyMethod, defaultRoute
	case route.Method == "":
		route.Method = anyMethod
	}
	if !validPath.MatchString(route.Path) && route.Path != defaultRoute {
		return Route{}, r.Errorf(properties.Get("Path"), "%s: Path %q: want /, or segments and {variables} without a slash at the end", what, route.Path)
	}
	route.Authorizer, err = r.readRouteAuth(t, properties.Get("Auth"), what, fallback)
	return route, err
}

func (r *reader) readRouteAuth(t *Template, n samtemplate.Node, what, fallback string) (string, error) {
	auth, err := r.Mapping(n, what+": Auth", "Authorizer")
	if err != nil {
		return "", err
	}
	name, err := r.Text(auth.Get("Authorizer"), what+": Authorizer")
	switch {
	case err != nil:
		return "", err
	case n.Kind != samtemplate.Absent && name == "":
		return "", r.Errorf(n, "%s: Auth names no authorizer: want the name of one, or %s", what, noAuthorizer)
	case name == "":
		return fallback, nil
	case name == noAuthorizer:
		return "", nil
	}
	if _, ok := t.authorizers[name]; !ok {
		return "", r.Errorf(auth.Get("Authorizer"), "%s: there is no authorizer %s", what, name)
	}
	return name, nil
}

// validPath is what the cloud takes: a greedy variable last, and no slash at the end.
var validPath = regexp.MustCompile(`^/$|^(/([A-Za-z0-9._~$@:+=-]+|\{[A-Za-z0-9._-]+\}))+(/\{[A-Za-z0-9._-]+\+\})?$|^/\{[A-Za-z0-9._-]+\+\}$`)

// checkRoutes refuses two routes for one request, whatever their variables are called.
func checkRoutes(routes []Route) error {
	seen := map[string]Route{}
	for _, route := range routes {
		shape := route.Method + " " + variables.ReplaceAllString(route.Path, "{$1}")
		if first, ok := seen[shape]; ok {
			other := fmt.Sprintf("line %d", first.line)
			if first.home.File != route.home.File {
				other = fmt.Sprintf("%s, %s", first.home.File, other)
			}
			return fmt.Errorf("%s:%d: %s: the route is taken by %s, %s", route.home.File, route.line, route.Key(), first.Key(), other)
		}
		seen[shape] = route
	}
	return nil
}

var variables = regexp.MustCompile(`\{[^}+]*(\+?)\}`)

// Takes reports whether a request for the path is for one of the template's routes.
func (t *Template) Takes(method, path string) bool {
	_, _, found := match(t.Routes, method, path)
	return found
}

// match finds the route for a request as an HTTP API does: the most specific path first, a method before
// ANY, $default last. A slash at the end makes another path, which only a greedy variable takes. path is
// decoded, as are the variables.
func match(routes []Route, method, path string) (Route, map[string]string, bool) {
	var (
		best     Route
		bestRank []int
		bestVars map[string]string
	)
	for _, route := range routes {
		if route.Method != anyMethod && route.Method != method {
			continue
		}
		vars, rank, ok := route.matchPath(path)
		if !ok {
			continue
		}
		if route.Method != anyMethod {
			rank = append(rank, 1)
		} else {
			rank = append(rank, 0)
		}
		if bestRank == nil || slices.Compare(rank, bestRank) > 0 {
			best, bestRank, bestVars = route, rank, vars
		}
	}
	return best, bestVars, bestRank != nil
}

// Ranks of a segment, compared from left to right.
const (
	rankDefault = iota
	rankGreedy
	rankVariable
	rankLiteral
)

func (r Route) matchPath(path string) (vars map[string]string, rank []int, ok bool) {
	if r.Path == defaultRoute {
		return nil, []int{rankDefault}, true
	}
	given := strings.Split(path, "/")
	for i, segment := range strings.Split(r.Path, "/") {
		name, isVariable := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		greedy, isGreedy := strings.CutSuffix(name, "+")
		switch {
		case i >= len(given):
			return nil, nil, false
		case isVariable && isGreedy:
			return with(vars, greedy, strings.Join(given[i:], "/")), append(rank, rankGreedy), true
		case isVariable && given[i] != "":
			vars, rank = with(vars, name, given[i]), append(rank, rankVariable)
		case !isVariable && given[i] == segment:
			rank = append(rank, rankLiteral)
		default:
			return nil, nil, false
		}
	}
	return vars, rank, len(given) == len(strings.Split(r.Path, "/"))
}

func with(vars map[string]string, name, value string) map[string]string {
	if vars == nil {
		vars = map[string]string{}
	}
	vars[name] = value
	return vars
}
