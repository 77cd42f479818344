package authorizer

import (
	"cmp"
	"errors"
	"net"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/policy"
)

const defaultRoute = "$default"

func (r *request) setBearer(authorization string) error {
	text, ok := apigw.Bearer(authorization)
	if !ok {
		return errors.New("authorizer: not a bearer token")
	}
	r.bearer = text
	return nil
}

// setARN reads the ARN, which must not contradict the rest of the event.
func (r *request) setARN(e event) error {
	arn, err := parseARN(e.MethodARN)
	if err != nil {
		return err
	}
	if r.apiID != "" && r.apiID != arn.apiID || e.Method != "" && e.Method != arn.method {
		return errors.New("authorizer: methodArn is of another API or method than the rest of the event")
	}
	r.arn = arn
	return nil
}

// asked is what the policy looks at.
func (e event) asked(route, method, path string) policy.Request {
	c := e.RequestContext
	r := policy.Request{Route: route, Method: method, Path: path, CustomDomain: !isOwnAddress(c.DomainName, c.APIID)}
	// HTTP APIs have the stage before the path, but for $default and behind a custom domain.
	if e.Version != "" && c.Stage != defaultRoute && c.Stage != "" && !r.CustomDomain {
		if rest, found := strings.CutPrefix(r.Path, "/"+c.Stage); found && (rest == "" || rest[0] == '/') {
			r.Path = cmp.Or(rest, "/")
		}
	}
	if open := strings.LastIndexByte(r.Route, '{'); open >= 0 && strings.HasSuffix(r.Route, "+}") {
		r.Rest = e.PathParameters[r.Route[open+1:len(r.Route)-len("+}")]]
	}
	return r
}

// isOwnAddress reports whether the domain is the API's own, or that of a laptop: before these no API mapping can stand.
func isOwnAddress(domain, apiID string) bool {
	if strings.HasPrefix(domain, apiID+".execute-api.") { // nearly every request: before the rest, which allocates
		return true
	}
	if host, _, err := net.SplitHostPort(domain); err == nil {
		domain = host
	}
	return domain == "localhost" || net.ParseIP(strings.Trim(domain, "[]")).IsLoopback()
}

// onlyHeader returns the one value of a header. REST and WebSocket APIs keep the case in which the caller has written its name.
func onlyHeader(e event, name string) (string, error) {
	var (
		single map[string]string
		multi  map[string][]string
	)
	if unmarshalOrNone(e.Headers, &single) != nil || unmarshalOrNone(e.MultiValueHeaders, &multi) != nil {
		return "", errors.New("authorizer: headers are not what API Gateway writes")
	}
	var values []string
	for key, list := range multi {
		if strings.EqualFold(key, name) {
			values = append(values, list...)
		}
	}
	for key, value := range single { // of several values it has the last
		if _, listed := multi[key]; !listed && strings.EqualFold(key, name) {
			values = append(values, value)
		}
	}
	if len(values) != 1 {
		return "", errors.New("authorizer: want exactly one value of the header " + name)
	}
	return values[0], nil
}

func unmarshalOrNone(raw jsontext.Value, into any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, into, jsontext.AllowInvalidUTF8(true))
}
