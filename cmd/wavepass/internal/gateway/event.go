package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	accountID = "123456789012"
	apiID     = "local"
	region    = "us-east-1"
	stage     = "$default"
	clf       = "02/Jan/2006:15:04:05 -0700"
)

// request is what the events for functions and authorizers have in common: payload format 2.0 of HTTP APIs.
type request struct {
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"` // decoded, despite its name
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
}

type requestContext struct {
	AccountID    string             `json:"accountId"`
	APIID        string             `json:"apiId"`
	Authorizer   *authorizerContext `json:"authorizer,omitempty"`
	DomainName   string             `json:"domainName"`
	DomainPrefix string             `json:"domainPrefix"`
	HTTP         httpDescription    `json:"http"`
	RequestID    string             `json:"requestId"`
	RouteKey     string             `json:"routeKey"`
	Stage        string             `json:"stage"`
	Time         string             `json:"time"`
	TimeEpoch    int64              `json:"timeEpoch"` // ms
}

type authorizerContext struct {
	Lambda json.RawMessage `json:"lambda"` // as the authorizer wrote it
}

type httpDescription struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// functionEvent is what a function behind a route gets.
type functionEvent struct {
	Version string `json:"version"`
	request
	Body            string `json:"body,omitempty"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// authorizerEvent is what a Lambda authorizer gets.
type authorizerEvent struct {
	Version        string   `json:"version"`
	Type           string   `json:"type"`
	RouteARN       string   `json:"routeArn"`
	IdentitySource []string `json:"identitySource"`
	request
}

// describe turns an HTTP request into the common part of its events. The caller's address is that of the
// connection: what a client writes into X-Forwarded-For is not trusted.
func (g *gateway) describe(r *http.Request, id string, route Route, vars map[string]string, query url.Values) request {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	now := g.now().UTC()
	domain := g.issuer.Hostname()
	prefix, _, _ := strings.Cut(domain, ".")
	return request{
		RouteKey:              route.Key(),
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               g.headers(r, source),
		QueryStringParameters: joined(query),
		PathParameters:        vars,
		RequestContext: requestContext{
			AccountID:    accountID,
			APIID:        apiID,
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP: httpDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
			RequestID: id,
			RouteKey:  route.Key(),
			Stage:     stage,
			Time:      now.Format(clf),
			TimeEpoch: now.UnixMilli(),
		},
	}
}

// headers are those of an event: lower-case names, one value each, without the cookies. Go keeps Host
// apart from the others. The gateway adds its own view to what the client says of earlier hops.
func (g *gateway) headers(r *http.Request, source string) map[string]string {
	out := make(map[string]string, len(r.Header)+4)
	for name, values := range r.Header {
		if name != "Cookie" {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if r.Host != "" {
		out["host"] = r.Host
	}
	if earlier := out["x-forwarded-for"]; earlier != "" {
		source = earlier + ", " + source
	}
	out["x-forwarded-for"] = source
	out["x-forwarded-proto"] = g.issuer.Scheme
	out["x-forwarded-port"] = cmp.Or(g.issuer.Port(), map[string]string{"http": "80", "https": "443"}[g.issuer.Scheme])
	return out
}

func cookies(h http.Header) []string {
	var out []string
	for _, line := range h["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.Trim(cookie, " \t"); cookie != "" { // other white space belongs to the name (RFC 6265bis §5.6)
				out = append(out, cookie)
			}
		}
	}
	return out
}

func joined(query map[string][]string) map[string]string {
	out := make(map[string]string, len(query))
	for name, values := range query {
		out[name] = strings.Join(values, ",")
	}
	return out
}

// newFunctionEvent adds the body: as text where the media type says that it is one, base64 otherwise.
func newFunctionEvent(common request, body []byte) functionEvent {
	e := functionEvent{Version: "2.0", request: common}
	if len(body) == 0 {
		return e
	}
	if isText(common.Headers["content-type"]) && utf8.Valid(body) {
		e.Body = string(body)
		return e
	}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	return e
}

// isText reports whether an HTTP API hands a body of this type over as text. A form is not among them.
func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(media, "text/")
}

// newAuthorizerEvent returns false when an identity source is missing or empty: the authorizer is then
// not called.
func newAuthorizerEvent(common request, a authorizer, header http.Header) (authorizerEvent, bool) {
	e := authorizerEvent{
		Version: "2.0",
		Type:    "REQUEST",
		RouteARN: strings.Join([]string{"arn:aws:execute-api", region, accountID,
			apiID + "/" + stage + "/" + common.RequestContext.HTTP.Method + common.RawPath}, ":"),
		request: common,
	}
	for _, name := range a.headers {
		separator := ","
		if http.CanonicalHeaderKey(name) == "Cookie" {
			separator = "; "
		}
		value := strings.Join(header.Values(name), separator)
		if value == "" {
			return authorizerEvent{}, false
		}
		e.IdentitySource = append(e.IdentitySource, value)
	}
	if a.byRoute {
		e.IdentitySource = append(e.IdentitySource, common.RouteKey)
	}
	return e, true
}
