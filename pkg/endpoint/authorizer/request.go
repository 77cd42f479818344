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
	r.arn, r.apiID = arn, arn.apiID // whose policy counts, also where the rest of the event does not say it
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

// setSource reads the credential that the gateway has named: a bearer token, or else the value of the Cookie header.
func (r *request) setSource(e event, source string) error {
	if text, isBearer := apigw.Bearer(source); isBearer {
		r.bearer = text
		return nil
	}
	authorization, err := headerOrNone(e, "authorization")
	switch {
	case err != nil:
		return err
	case authorization == source: // the gateway was told to look there, and it is no bearer token
		return r.setBearer(source)
	case len(e.Cookies) > 0:
		return r.setCookies(e, splitCookies(e.Cookies...))
	}
	return r.setCookies(e, splitCookies(source))
}

// setByHeaders reads the credential of APIs whose gateway names none: the Authorization header, and the cookies if there is none.
func (r *request) setByHeaders(e event) error {
	values, err := headerValues(e, "authorization")
	switch {
	case err != nil:
		return err
	case len(values) > 1:
		return errors.New("authorizer: want one value of the header authorization")
	case len(values) == 1:
		return r.setBearer(values[0])
	}
	return r.setCookieHeader(e)
}

// setCookieHeader reads the cookies where the gateway was told to look nowhere.
func (r *request) setCookieHeader(e event) error {
	cookies, err := headerValues(e, "cookie")
	switch {
	case err != nil:
		return err
	case len(e.Cookies) > 0:
		cookies = e.Cookies
	case len(cookies) == 0:
		return errors.New("authorizer: neither a token nor cookies")
	}
	return r.setCookies(e, splitCookies(cookies...))
}

// networkOf is a prefix of the caller's address.
func networkOf(e event) string {
	return apigw.Network(cmp.Or(e.RequestContext.HTTP.SourceIP, e.RequestContext.Identity.SourceIP))
}

// headerOrNone returns the value of a header, or nothing. Two values are an error.
func headerOrNone(e event, name string) (string, error) {
	values, err := headerValues(e, name)
	switch {
	case err != nil || len(values) == 0:
		return "", err
	case len(values) > 1:
		return "", errors.New("authorizer: want at most one value of the header " + name)
	}
	return values[0], nil
}

// headerValues returns the values of a header. REST and WebSocket APIs keep the case in which the caller has written its name.
func headerValues(e event, name string) (values []string, err error) {
	var (
		single map[string]string
		multi  map[string][]string
	)
	if unmarshalOrNone(e.Headers, &single) != nil || unmarshalOrNone(e.MultiValueHeaders, &multi) != nil {
		return nil, errors.New("authorizer: headers are not what API Gateway writes")
	}
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
	return values, nil
}

func unmarshalOrNone(raw jsontext.Value, into any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, into, jsontext.AllowInvalidUTF8(true))
}
