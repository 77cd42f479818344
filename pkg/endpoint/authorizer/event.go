package authorizer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
)

// event has the members that count of every event that an authorizer gets. All else in it is left alone.
type event struct {
	Version            string            `json:"version"` // of HTTP APIs only
	Type               string            `json:"type"`
	MethodARN          string            `json:"methodArn"`
	IdentitySource     jsontext.Value    `json:"identitySource"` // 2.0: a list, 1.0: text
	AuthorizationToken string            `json:"authorizationToken"`
	RawPath            string            `json:"rawPath"` // 2.0
	Path               string            `json:"path"`
	Method             string            `json:"httpMethod"`
	Resource           string            `json:"resource"` // the route's path
	Cookies            []string          `json:"cookies"`  // 2.0
	Headers            jsontext.Value    `json:"headers"`
	MultiValueHeaders  jsontext.Value    `json:"multiValueHeaders"`
	Query              jsontext.Value    `json:"queryStringParameters"`
	MultiValueQuery    jsontext.Value    `json:"multiValueQueryStringParameters"`
	PathParameters     map[string]string `json:"pathParameters"`
	RequestContext     struct {
		APIID      string `json:"apiId"`
		DomainName string `json:"domainName"`
		EventType  string `json:"eventType"` // WebSocket
		RequestID  string `json:"requestId"`
		RouteKey   string `json:"routeKey"` // 2.0, WebSocket
		Stage      string `json:"stage"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"` // 2.0
		Identity struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"` // all others
	} `json:"requestContext"`
}

// request is what an event says, whatever its shape.
type request struct {
	id     string // the gateway's, empty where the event has none
	bearer oauth.Secret
	ticket oauth.Secret // in place of the bearer token; of WebSockets only
	apiID  string
	domain string // empty where the event has none
	ask    policy.Request
	arn    methodARN // of those that are answered by an IAM policy

	// A request that is authorized by its cookies has no bearer token.
	byCookie bool
	cookies  []string // "name=value" each
	from     browser.Source
	csrf     string // what it says to be the CSRF token of its session
	network  string // prefix of the caller's address
}

// shape is a kind of event, and how it is answered.
type shape struct {
	read   func(event) (request, error)
	answer func(request, verdict) (any, error)
}

var (
	httpAPI   = shape{readHTTPAPI, simpleAnswer}   // HTTP API, format 2.0, with simple responses
	httpAPI1  = shape{readHTTPAPI1, policyAnswer}  // HTTP API, format 1.0
	restToken = shape{readRESTToken, policyAnswer} // REST API, TOKEN
	rest      = shape{readREST, policyAnswer}      // REST API, REQUEST
	webSocket = shape{readWebSocket, policyAnswer} // WebSocket API, $connect
	appSync   = shape{readAppSync, resolverAnswer} // AppSync
	unknown   = shape{readUnknown, simpleAnswer}   // an API Gateway that does not understand the answer refuses as well
)

// shapeOf tells events from each other by what only one kind has.
func shapeOf(e event) shape {
	hasARN := e.MethodARN != ""
	switch {
	case e.Version == "2.0" && e.Type == "REQUEST":
		return httpAPI
	case e.Version == "1.0" && e.Type == "REQUEST" && hasARN:
		return httpAPI1
	case e.Version != "":
		return unknown
	case e.Type == "TOKEN" && hasARN:
		return restToken
	case e.Type == "REQUEST" && hasARN && strings.HasPrefix(e.RequestContext.RouteKey, "$"):
		return webSocket
	case e.Type == "REQUEST" && hasARN:
		return rest
	case e.Type == "" && !hasARN && e.AuthorizationToken != "" && e.RequestContext.APIID != "":
		return appSync
	}
	return unknown
}

func decode(payload []byte) (event, error) {
	var e event
	// A header may have any bytes.
	if err := json.Unmarshal(payload, &e, jsontext.AllowInvalidUTF8(true)); err != nil {
		return event{}, errors.New("authorizer: the event is not JSON as API Gateway writes it")
	}
	return e, nil
}

func readUnknown(e event) (request, error) {
	return requestOf(e), fmt.Errorf("authorizer: an event of version %q and type %q is none that it can answer", e.Version, e.Type)
}

// requestOf is what events of several shapes have in the same place.
func requestOf(e event) request {
	c := e.RequestContext
	return request{id: c.RequestID, apiID: c.APIID, domain: c.DomainName}
}

func readHTTPAPI(e event) (request, error) {
	r := requestOf(e)
	if r.apiID == "" {
		return r, errors.New("authorizer: the event does not say of which API it is, so it is not known which policy counts")
	}
	var sources []string
	if err := unmarshalOrNone(e.IdentitySource, &sources); err != nil || len(sources) > 1 {
		return r, errors.New("authorizer: want exactly one identity source")
	}
	r.ask = e.asked(e.RequestContext.RouteKey, e.RequestContext.HTTP.Method, e.RawPath)
	if len(sources) == 0 {
		return r, r.setCookieHeader(e)
	}
	return r, r.setSource(e, sources[0])
}

func readHTTPAPI1(e event) (request, error) {
	r := requestOf(e)
	var source string
	if err := unmarshalOrNone(e.IdentitySource, &source); err != nil {
		return r, errors.New("authorizer: want exactly one identity source")
	}
	route := e.Resource
	if route != defaultRoute {
		route = e.Method + " " + route
	}
	r.ask = e.asked(route, e.Method, e.Path)
	if source == "" {
		return r, errors.Join(r.setARN(e), r.setCookieHeader(e))
	}
	return r, errors.Join(r.setARN(e), r.setSource(e, source))
}

func readRESTToken(e event) (request, error) {
	var r request
	arnErr := r.setARN(e)
	r.ask = policy.Request{Method: r.arn.method, Path: "/" + r.arn.path} // no route: the path decides
	return r, errors.Join(arnErr, r.setBearer(e.AuthorizationToken))
}

func readREST(e event) (request, error) {
	r := requestOf(e)
	r.ask = e.asked(e.Method+" "+e.Resource, e.Method, e.Path)
	return r, errors.Join(r.setARN(e), r.setByHeaders(e))
}

const connect = "$connect"

// connectRoute is what a policy calls the opening of a WebSocket, which is a GET.
const connectRoute = "GET /$connect"

func readWebSocket(e event) (request, error) {
	r := requestOf(e)
	if err := r.setARN(e); err != nil {
		return r, err
	}
	c := e.RequestContext
	if c.RouteKey != connect || c.EventType != "CONNECT" || r.arn.method != connect || r.arn.path != "" {
		return r, errors.New("authorizer: a WebSocket is authorized when it is opened, at $connect, and not after")
	}
	r.ask = policy.Request{Route: connectRoute, Method: "GET", Path: "/$connect"}
	return r, r.setByTicket(e)
}

// readAppSync reads a GraphQL request: AppSync says no path, which is always the same, and clients may leave the scheme of the
// header out.
func readAppSync(e event) (request, error) {
	r := requestOf(e)
	r.ask = policy.Request{Route: "POST /graphql", Method: "POST", Path: "/graphql"}
	if !strings.Contains(e.AuthorizationToken, " ") {
		r.bearer = oauth.NewSecret(e.AuthorizationToken)
		return r, nil
	}
	return r, r.setBearer(e.AuthorizationToken)
}
