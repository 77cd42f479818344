//go:build unix

package functions_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// httpEvent is an event of an HTTP API in format 2.0, as AWS builds it: names of headers in lower case, a body of another type than text in base64.
// caller is what the authorizer has found out; nil for a route without one.
func httpEvent(route string, headers map[string]string, body string, caller map[string]any) []byte {
	method, path, _ := strings.Cut(route, " ")
	all := map[string]string{
		"accept": "*/*", "host": "id.example.com", "user-agent": "curl/8.5.0", "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
		"x-forwarded-for": "203.0.113.9", "x-forwarded-port": "443", "x-forwarded-proto": "https",
	}
	for name, value := range headers {
		all[name] = value
	}
	now := time.Now().UTC()
	inside := map[string]any{
		"accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "id.example.com", "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=",
		"routeKey": route, "stage": "$default", "time": now.Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
		"http": map[string]any{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "curl/8.5.0"},
	}
	if caller != nil {
		inside["authorizer"] = map[string]any{"lambda": caller}
	}
	event := map[string]any{
		"version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "", "headers": all, "requestContext": inside, "isBase64Encoded": false,
	}
	if body != "" {
		event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(body)), true
	}
	text, err := json.Marshal(event)
	if err != nil {
		panic(err) // texts, numbers and truths only
	}
	return text
}

func formEvent(route, body string) []byte {
	return httpEvent(route, map[string]string{"content-type": "application/x-www-form-urlencoded"}, body, nil)
}

func jsonEvent(route, body string, caller map[string]any) []byte {
	return httpEvent(route, map[string]string{"content-type": "application/json"}, body, caller)
}

func loginEvent() []byte {
	return jsonEvent("POST /login", `{"client_id":"app","username":"ada","password":"`+password+`"}`, nil)
}

// subjectEvent begins a session of a person whom the client partner knows as 4711.
func subjectEvent() []byte {
	service := map[string]any{"sub": "partner", "client_id": "partner", "scope": "sessions:manage"}
	event := jsonEvent("POST /subjects/{subject}/sessions", `{"client_id":"app","amr":["pwd"]}`, service)
	return bytes.Replace(event, []byte(`"rawPath":"/subjects/{subject}/sessions"`), []byte(`"rawPath":"/subjects/4711/sessions","pathParameters":{"subject":"4711"}`), 1)
}

// scheduledEvent is what EventBridge sends a function that runs on a schedule.
var scheduledEvent = []byte(`{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events",` +
	`"account":"123456789012","time":"2026-03-01T12:00:00Z","region":"eu-central-1","resources":["arn:aws:events:eu-central-1:123456789012:rule/rotate"],"detail":{}}`)

// signinEvent comes with a made-up handle, which has to be looked up each time.
func signinEvent() []byte {
	handle := "wpss_" + base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 64)...))
	event := formEvent("POST /authorize", "response_type=code&client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
	return bytes.Replace(event, []byte(`"rawPath"`), []byte(`"cookies":["__Host-Http-wpss-wavepass=`+handle+`"],"rawPath"`), 1)
}

// uses is for each function that needs the table an event that makes it ask for something there.
func uses(tokens answer, caller map[string]any) map[string][]byte {
	return map[string][]byte{
		"login":      loginEvent(),
		"authorizer": authorizerEvent(tokens.AccessToken),
		"refresh":    formEvent("POST /refresh", "client_id=app&refresh_token="+tokens.RefreshToken),
		"oauthtoken": formEvent("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+tokens.RefreshToken),
		"introspect": formEvent("POST /introspect", "client_id=partner&client_secret="+secret+"&token="+tokens.AccessToken),
		"sessions":   httpEvent("GET /sessions", nil, "", caller),
		"userinfo":   httpEvent("GET /userinfo", nil, "", map[string]any{"sub": caller["sub"], "sid": caller["sid"], "scope": "openid email"}),
		"revoke":     formEvent("POST /revoke", "client_id=app&token="+tokens.AccessToken),
		"password":   jsonEvent("POST /password", `{"current_password":"`+password+`","new_password":"`+password+`"}`, caller),
		"subjects":   subjectEvent(),
		"signin":     signinEvent(),
		"ticket": httpEvent("POST /ticket", map[string]string{"content-type": "application/json", "authorization": "Bearer " + tokens.AccessToken},
			`{"api":"abc123def4"}`, caller),
		"accounts":   jsonEvent("POST /recover", `{"email":"ada@example.com"}`, nil),
		"discovery":  httpEvent("GET /.well-known/jwks.json", nil, "", nil),
		"rotatekeys": scheduledEvent,
		"mailer":     orderEvent("0190b0e4-7e00-7000-8000-0000000000ff"),
	}
}

// behindNoRoute are the functions that AWS calls by itself, and again when they fail.
var behindNoRoute = map[string]bool{"rotatekeys": true, "mailer": true}

// orderEvent is what the stream of the table sends when an order for a mail was placed.
func orderEvent(id string) []byte {
	return []byte(`{"Records":[{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-central-1",` +
		`"dynamodb":{"ApproximateCreationDateTime":1772366400,"Keys":{"pk":{"S":"MAIL#` + id + `"},"sk":{"S":"MAIL"}},"SequenceNumber":"1","SizeBytes":60,"StreamViewType":"KEYS_ONLY"},` +
		`"eventSourceARN":"arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026-03-01T12:00:00.000"}]}`)
}

// authorizerEvent is what an HTTP API asks its authorizer.
func authorizerEvent(token string) []byte {
	var event map[string]any
	if err := json.Unmarshal(httpEvent("GET /userinfo", map[string]string{"authorization": "Bearer " + token}, "", nil), &event); err != nil {
		panic(err)
	}
	event["type"] = "REQUEST"
	event["routeArn"] = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/$default/GET/userinfo"
	event["identitySource"] = []string{"Bearer " + token}
	text, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return text
}
