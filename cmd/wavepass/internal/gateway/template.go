package gateway

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// Template is what a SAM template says about its HTTP API.
type Template struct {
	File   string
	Routes []Route // in the order of the file

	authorizers map[string]authorizer
	cors        *cors // nil: the gateway adds nothing
}

// Function is a Lambda function of the template.
type Function struct {
	Name    string        // the last folder of its CodeUri
	Timeout time.Duration // after which Lambda ends it
}

// authorizer is a Lambda authorizer with payload format 2.0 and simple responses.
type authorizer struct {
	function *Function
	headers  []string // identity sources, all of them required
}

// ReadTemplate reads the template in a file. parameters stand in for the defaults of parameters, as those of
// a deployment would. Its errors are one line with the file and, where there is one, the line.
func ReadTemplate(file string, parameters map[string]string) (*Template, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return ParseTemplate(file, data, parameters)
}

// ParseTemplate is ReadTemplate of a file that was read; file is for messages only.
func ParseTemplate(file string, data []byte, parameters map[string]string) (*Template, error) {
	root, err := parseYAML(file, data)
	if err != nil {
		return nil, err
	}
	r := &reader{
		file: file, given: parameters,
		parameters: root.get("Parameters"), conditions: root.get("Conditions"), functions: map[string]*Function{},
	}
	for name := range parameters {
		if r.parameters.get(name).kind == absent {
			return nil, fmt.Errorf("%s: no parameter %s", file, name)
		}
	}
	if global := root.get("Globals").get("HttpApi"); global.kind != absent {
		return nil, r.errorf(global, "Globals.HttpApi is not supported: write it into the HttpApi itself")
	}
	resources := root.get("Resources")
	if err := r.readFunctions(resources, root.get("Globals").get("Function").get("Timeout")); err != nil {
		return nil, err
	}
	t := &Template{File: file, authorizers: map[string]authorizer{}}
	api, fallback, err := r.readAPI(t, resources)
	if err != nil {
		return nil, err
	}
	for _, resource := range resources.fields {
		if err := r.readRoutes(t, resource, api, fallback); err != nil {
			return nil, err
		}
	}
	return t, checkRoutes(t)
}

const (
	functionType = "AWS::Serverless::Function"
	apiType      = "AWS::Serverless::HttpApi"
	// defaultTimeout is Lambda's.
	defaultTimeout = 3 * time.Second
)

func (r *reader) readFunctions(resources, timeout node) error {
	names := map[string]string{}
	for _, resource := range resources.fields {
		if resource.value.get("Type").text != functionType {
			continue
		}
		f, err := r.readFunction(resource.name, resource.value.get("Properties"), timeout)
		if err != nil {
			return err
		}
		if other, taken := names[f.Name]; taken {
			return r.errorf(resource.value, "%s and %s both have the folder %s", other, resource.name, f.Name)
		}
		names[f.Name] = resource.name
		r.functions[resource.name] = f
	}
	return nil
}

func (r *reader) readFunction(id string, properties, timeout node) (*Function, error) {
	code, err := r.text(properties.get("CodeUri"), id+": CodeUri")
	if err != nil {
		return nil, err
	}
	if code == "" {
		return nil, r.errorf(properties, "%s: no CodeUri: its last folder is the function's name", id)
	}
	if own := properties.get("Timeout"); own.kind != absent {
		timeout = own
	}
	f := &Function{Name: path.Base(path.Clean(code)), Timeout: defaultTimeout}
	text, err := r.text(timeout, id+": Timeout")
	if err != nil {
		return nil, err
	}
	if text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 || seconds > 900 {
			return nil, r.errorf(timeout, "%s: Timeout %q: want 1 to 900 seconds", id, text)
		}
		f.Timeout = time.Duration(seconds) * time.Second
	}
	return f, nil
}

// readAPI reads the one HTTP API. It returns its logical id and its default authorizer.
func (r *reader) readAPI(t *Template, resources node) (id, fallback string, err error) {
	var api node
	for _, resource := range resources.fields {
		switch resource.value.get("Type").text {
		case apiType:
			if id != "" {
				return "", "", r.errorf(resource.value, "a second HTTP API: want one")
			}
			id, api = resource.name, resource.value
		case "AWS::ApiGatewayV2::Route":
			return "", "", r.errorf(resource.value, "%s: want routes as HttpApi events of the functions", resource.name)
		}
	}
	if id == "" {
		return "", "", fmt.Errorf("%s: no %s", t.File, apiType)
	}
	if condition := api.get("Condition"); condition.kind != absent {
		return "", "", r.errorf(condition, "%s depends on a condition: remove it", id)
	}
	properties, err := r.mapping(api.get("Properties"), id, "StageName", "Auth", "CorsConfiguration",
		"AccessLogSettings", "DefaultRouteSettings", "RouteSettings", "Name", "Description", "Tags")
	if err != nil {
		return "", "", err
	}
	stage, err := r.text(properties.get("StageName"), id+": StageName")
	if err != nil {
		return "", "", err
	}
	if stage != "" && stage != "$default" {
		return "", "", r.errorf(properties.get("StageName"), "%s: StageName %s: want $default", id, stage)
	}
	if t.cors, err = r.readCORS(properties.get("CorsConfiguration")); err != nil {
		return "", "", err
	}
	fallback, err = r.readAuth(t, properties.get("Auth"))
	return id, fallback, err
}

func (r *reader) readAuth(t *Template, n node) (fallback string, err error) {
	auth, err := r.mapping(n, "Auth", "Authorizers", "DefaultAuthorizer")
	if err != nil {
		return "", err
	}
	authorizers, err := r.mapping(auth.get("Authorizers"), "Authorizers")
	if err != nil {
		return "", err
	}
	for _, f := range authorizers.fields {
		if t.authorizers[f.name], err = r.readAuthorizer(f.name, f.value); err != nil {
			return "", err
		}
	}
	fallback, err = r.text(auth.get("DefaultAuthorizer"), "DefaultAuthorizer")
	if err != nil {
		return "", err
	}
	if _, ok := t.authorizers[fallback]; fallback != "" && !ok {
		return "", r.errorf(auth.get("DefaultAuthorizer"), "DefaultAuthorizer: there is no authorizer %s", fallback)
	}
	return fallback, nil
}

func (r *reader) readAuthorizer(name string, n node) (authorizer, error) {
	what := "authorizer " + name
	a, err := r.mapping(n, what, "FunctionArn", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses",
		"EnableFunctionDefaultPermissions", "Identity")
	if err != nil {
		return authorizer{}, err
	}
	function, err := r.function(a.get("FunctionArn"), what+": FunctionArn")
	if err != nil {
		return authorizer{}, err
	}
	identity, err := r.mapping(a.get("Identity"), what+": Identity", "Headers", "ReauthorizeEvery")
	if err != nil {
		return authorizer{}, err
	}
	for _, wanted := range []struct {
		in          node
		name, value string
	}{
		{a, "AuthorizerPayloadFormatVersion", "2.0"},
		{a, "EnableSimpleResponses", "true"},
		{a, "EnableFunctionDefaultPermissions", "true"}, // or the gateway may not call it
		{identity, "ReauthorizeEvery", "0"},             // absent means 300 s
	} {
		got, err := r.text(wanted.in.get(wanted.name), what+": "+wanted.name)
		if err != nil {
			return authorizer{}, err
		}
		if got != wanted.value {
			return authorizer{}, r.errorf(wanted.in.get(wanted.name), "%s: %s %q is not supported: want %s", what, wanted.name, got, wanted.value)
		}
	}
	headers, err := r.texts(identity.get("Headers"), what+": Headers")
	if err == nil && (len(headers) == 0 || strings.Join(headers, "") == "") {
		err = r.errorf(identity, "%s: no identity source: want Identity: Headers", what)
	}
	return authorizer{function, headers}, err
}
