package gateway

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// Template is what a SAM template says about its HTTP API.
type Template struct {
	File   string
	Routes []Route // in the order of the file

	functions   map[string]*Function // by logical id
	authorizers map[string]authorizer
	cors        *cors // nil: the gateway adds nothing
}

// Function is a Lambda function of the template.
type Function struct {
	ID      string        // its logical id
	Name    string        // the last folder of its CodeUri; in the template of another stack its logical id
	Timeout time.Duration // after which Lambda ends it

	folder string // the last of its CodeUri
	stack  bool   // of another stack, so never one of this program's functions
	target Target // where it runs, if not in this program
}

// authorizer is a Lambda authorizer with payload format 2.0 and simple responses.
type authorizer struct {
	function *Function
	headers  []string // identity sources, all of them required
	byRoute  bool     // the route key is an identity source, which is always there
}

// ReadTemplate reads the template in a file. parameters stand in for the defaults of parameters, as those of
// a deployment would. Its errors are one line with the file and, where there is one, the line.
func ReadTemplate(file string, parameters map[string]string) (*Template, error) {
	read, err := samtemplate.Read(file, parameters)
	if err != nil {
		return nil, err
	}
	return NewTemplate(read)
}

// ParseTemplate is ReadTemplate of a file that was read; file is for messages only.
func ParseTemplate(file string, data []byte, parameters map[string]string) (*Template, error) {
	read, err := samtemplate.Parse(file, data, parameters)
	if err != nil {
		return nil, err
	}
	return NewTemplate(read)
}

// reader reads what concerns the HTTP API out of a template.
type reader struct {
	*samtemplate.Template
	functions map[string]*Function // by logical id
	stack     *Stack               // nil for a template of Wavepass's own
}

// NewTemplate is ReadTemplate of a template that was read.
func NewTemplate(read *samtemplate.Template) (*Template, error) { return newTemplate(read, nil) }

func newTemplate(read *samtemplate.Template, stack *Stack) (*Template, error) {
	r := &reader{Template: read, functions: map[string]*Function{}, stack: stack}
	if global := r.Root.Get("Globals").Get("HttpApi"); global.Kind != samtemplate.Absent {
		return nil, r.Errorf(global, "Globals.HttpApi is not supported: write it into the HttpApi itself")
	}
	if err := r.readFunctions(r.Root.Get("Globals").Get("Function").Get("Timeout")); err != nil {
		return nil, err
	}
	t := &Template{File: r.File, authorizers: map[string]authorizer{}}
	api, fallback, err := r.readAPI(t)
	if err != nil {
		return nil, err
	}
	for _, resource := range r.Resources(functionType) {
		if err := r.readRoutes(t, resource, api, fallback); err != nil {
			return nil, err
		}
	}
	t.functions = r.functions
	return t, checkRoutes(t.Routes)
}

const (
	functionType = "AWS::Serverless::Function"
	apiType      = "AWS::Serverless::HttpApi"
	// defaultTimeout is Lambda's.
	defaultTimeout = 3 * time.Second
)

func (r *reader) readFunctions(timeout samtemplate.Node) error {
	names := map[string]string{}
	for _, resource := range r.Resources(functionType) {
		f, err := r.readFunction(resource.Name, resource.Value.Get("Properties"), timeout)
		if err != nil {
			return err
		}
		if other, taken := names[f.Name]; taken { // never so in another stack, where it is the logical id
			return r.Errorf(resource.Value, "%s and %s both have the folder %s", other, resource.Name, f.Name)
		}
		names[f.Name] = resource.Name
		r.functions[resource.Name] = f
	}
	return nil
}

func (r *reader) readFunction(id string, properties, timeout samtemplate.Node) (*Function, error) {
	code, err := r.Text(properties.Get("CodeUri"), id+": CodeUri")
	if err != nil {
		return nil, err
	}
	if code == "" && r.stack == nil {
		return nil, r.Errorf(properties, "%s: no CodeUri: its last folder is the function's name", id)
	}
	if own := properties.Get("Timeout"); own.Kind != samtemplate.Absent {
		timeout = own
	}
	f := &Function{ID: id, Name: path.Base(path.Clean(code)), Timeout: defaultTimeout}
	if f.folder = f.Name; r.stack != nil {
		f.Name, f.stack = id, true
	}
	text, err := r.Text(timeout, id+": Timeout")
	if err != nil {
		return nil, err
	}
	if text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 || seconds > 900 {
			return nil, r.Errorf(timeout, "%s: Timeout %q: want 1 to 900 seconds", id, text)
		}
		f.Timeout = time.Duration(seconds) * time.Second
	}
	return f, nil
}

// isOfWebSocket reports whether a route is one of a WebSocket API of the template.
func (r *reader) isOfWebSocket(route samtemplate.Field) bool {
	api := route.Value.Get("Properties").Get("ApiId")
	return api.Tag == "!Ref" && slices.ContainsFunc(r.Resources("AWS::ApiGatewayV2::Api"), func(f samtemplate.Field) bool {
		return f.Name == api.Text && f.Value.Get("Properties").Get("ProtocolType").Text == "WEBSOCKET"
	})
}

// readAPI reads the one HTTP API. It returns its logical id and its default authorizer.
func (r *reader) readAPI(t *Template) (id, fallback string, err error) {
	for _, route := range r.Resources("AWS::ApiGatewayV2::Route") {
		if !r.isOfWebSocket(route) { // which is for the cloud alone
			return "", "", r.Errorf(route.Value, "%s: want routes as HttpApi events of the functions", route.Name)
		}
	}
	apis := r.Resources(apiType)
	switch len(apis) {
	case 0:
		return "", "", fmt.Errorf("%s: no %s", t.File, apiType)
	case 1:
	default:
		return "", "", r.Errorf(apis[1].Value, "a second HTTP API: want one")
	}
	id, api := apis[0].Name, apis[0].Value
	if condition := api.Get("Condition"); condition.Kind != samtemplate.Absent {
		return "", "", r.Errorf(condition, "%s depends on a condition: remove it", id)
	}
	properties, err := r.Mapping(api.Get("Properties"), id, "StageName", "Auth", "CorsConfiguration",
		"AccessLogSettings", "DefaultRouteSettings", "RouteSettings", "Name", "Description", "Tags", "PropagateTags",
		"Domain", "DisableExecuteApiEndpoint", "FailOnWarnings")
	if err != nil {
		return "", "", err
	}
	stage, err := r.Text(properties.Get("StageName"), id+": StageName")
	if err != nil {
		return "", "", err
	}
	if stage != "" && stage != "$default" {
		return "", "", r.Errorf(properties.Get("StageName"), "%s: StageName %s: want $default", id, stage)
	}
	if t.cors, err = r.readCORS(properties.Get("CorsConfiguration")); err != nil {
		return "", "", err
	}
	fallback, err = r.readAuth(t, properties.Get("Auth"))
	return id, fallback, err
}

func (r *reader) readAuth(t *Template, n samtemplate.Node) (fallback string, err error) {
	auth, err := r.Mapping(n, "Auth", "Authorizers", "DefaultAuthorizer")
	if err != nil {
		return "", err
	}
	authorizers, err := r.Mapping(auth.Get("Authorizers"), "Authorizers")
	if err != nil {
		return "", err
	}
	for _, f := range authorizers.Fields {
		if t.authorizers[f.Name], err = r.readAuthorizer(f.Name, f.Value); err != nil {
			return "", err
		}
	}
	fallback, err = r.Text(auth.Get("DefaultAuthorizer"), "DefaultAuthorizer")
	if err != nil {
		return "", err
	}
	if _, ok := t.authorizers[fallback]; fallback != "" && !ok {
		return "", r.Errorf(auth.Get("DefaultAuthorizer"), "DefaultAuthorizer: there is no authorizer %s", fallback)
	}
	return fallback, nil
}

func (r *reader) readAuthorizer(name string, n samtemplate.Node) (authorizer, error) {
	what := "authorizer " + name
	members := []string{"FunctionArn", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses", "EnableFunctionDefaultPermissions", "Identity"}
	if r.stack != nil {
		members = append(members, "FunctionInvokeRole") // of the stack that has the function
	}
	a, err := r.Mapping(n, what, members...)
	if err != nil {
		return authorizer{}, err
	}
	function, err := r.authorizerFunction(name, a.Get("FunctionArn"), what+": FunctionArn")
	if err != nil {
		return authorizer{}, err
	}
	identity, err := r.Mapping(a.Get("Identity"), what+": Identity", "Headers", "Context", "ReauthorizeEvery")
	if err != nil {
		return authorizer{}, err
	}
	for _, wanted := range []struct {
		in          samtemplate.Node
		name, value string
	}{
		{a, "AuthorizerPayloadFormatVersion", "2.0"},
		{a, "EnableSimpleResponses", "true"},
		{a, "EnableFunctionDefaultPermissions", "true"}, // or the gateway may not call it
		{identity, "ReauthorizeEvery", "0"},             // absent means 300 s
	} {
		if wanted.name == "EnableFunctionDefaultPermissions" && a.Get("FunctionInvokeRole").Kind != samtemplate.Absent {
			continue
		}
		got, err := r.Text(wanted.in.Get(wanted.name), what+": "+wanted.name)
		if err != nil {
			return authorizer{}, err
		}
		if got != wanted.value {
			return authorizer{}, r.Errorf(wanted.in.Get(wanted.name), "%s: %s %q is not supported: want %s", what, wanted.name, got, wanted.value)
		}
	}
	headers, err := r.Texts(identity.Get("Headers"), what+": Headers")
	if err != nil {
		return authorizer{}, err
	}
	context, err := r.Texts(identity.Get("Context"), what+": Context")
	switch {
	case err != nil:
	case len(context) > 1 || len(context) == 1 && context[0] != routeKey:
		err = r.Errorf(identity.Get("Context"), "%s: Context: %s is not supported: want %s", what, strings.Join(context, ", "), routeKey)
	case len(context) == 0 && strings.Join(headers, "") == "":
		err = r.Errorf(identity, "%s: no identity source: want Identity: Headers, or Context: [%s] for an authorizer that is always asked", what, routeKey)
	}
	return authorizer{function, headers, len(context) > 0}, err
}

// routeKey is the identity source that every request has.
const routeKey = "routeKey"
