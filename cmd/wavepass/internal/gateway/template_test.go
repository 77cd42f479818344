package gateway_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// sample is a template that loads; the tests below change one thing in it each.
const sample = `
Parameters:
  Folder: { Type: String, Default: guarded }
  Origins: { Type: CommaDelimitedList, Default: "https://one.example,https://two.example" }
  NoDefault: { Type: String }
Globals:
  Function: { Timeout: 7 }
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Token:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }
  Guard:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: functions/guard/ }
  Open:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/open
      Events:
        Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: get, Path: /open } }
  Guarded:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: !Sub functions/${Folder}/
      Events:
        Get:
          Type: HttpApi
          Properties: { ApiId: !Ref Api, Method: GET, Path: /guarded, Auth: { Authorizer: Token } }
        Tick: { Type: Schedule, Properties: { Schedule: rate(1 hour) } }
`

// routeList is what a template says, one line a route.
func routeList(t *gateway.Template) (out []string) {
	for _, r := range t.Routes {
		out = append(out, r.Key()+" "+r.Function.Name+" "+r.Authorizer)
	}
	return out
}

// changed returns the sample with one text replaced.
func changed(t *testing.T, old, new string) []byte {
	t.Helper()
	if strings.Count(sample, old) != 1 {
		t.Fatalf("the sample has %q %d times, want once", old, strings.Count(sample, old))
	}
	return []byte(strings.Replace(sample, old, new, 1))
}

func TestRepositoryTemplateGuardsTheRoutesThatTheDesignSays(t *testing.T) {
	got, err := gateway.ReadTemplate("../../../../template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /login login ",
		"POST /refresh refresh ",
		"GET /session refresh ",
		"POST /token oauthtoken ",
		"POST /par oauthtoken ",
		"POST /introspect introspect ",
		"POST /revoke revoke ",
		"POST /logout revoke ",
		"GET /sessions sessions TokenAuthorizer",
		"DELETE /sessions/{id} sessions TokenAuthorizer",
		"DELETE /sessions sessions TokenAuthorizer",
		"GET /grants sessions TokenAuthorizer",
		"DELETE /grants/{client} sessions TokenAuthorizer",
		"GET /site/sessions sessions SiteAuthorizer",
		"DELETE /site/sessions/{id} sessions SiteAuthorizer",
		"DELETE /site/sessions sessions SiteAuthorizer",
		"GET /site/grants sessions SiteAuthorizer",
		"DELETE /site/grants/{client} sessions SiteAuthorizer",
		"POST /subjects/{subject}/sessions subjects TokenAuthorizer",
		"GET /subjects/{subject}/sessions subjects TokenAuthorizer",
		"DELETE /subjects/{subject}/sessions subjects TokenAuthorizer",
		"DELETE /subjects/{subject}/sessions/{sid} subjects TokenAuthorizer",
		"PATCH /subjects/{subject} subjects TokenAuthorizer",
		"POST /password password TokenAuthorizer",
		"POST /site/password password SiteAuthorizer",
		"POST /email password TokenAuthorizer",
		"POST /site/email password SiteAuthorizer",
		"DELETE /account password TokenAuthorizer",
		"DELETE /site/account password SiteAuthorizer",
		"GET /signup accounts ",
		"POST /signup accounts ",
		"GET /signup/verify accounts ",
		"POST /signup/verify accounts ",
		"GET /recover accounts ",
		"POST /recover accounts ",
		"GET /recover/finish accounts ",
		"POST /recover/finish accounts ",
		"GET /email/change accounts ",
		"POST /email/change accounts ",
		"GET /account/close accounts ",
		"POST /account/close accounts ",
		"GET /account/keep accounts ",
		"POST /account/keep accounts ",
		"GET /email/confirm accounts ",
		"POST /email/confirm accounts ",
		"GET /email/takeback accounts ",
		"POST /email/takeback accounts ",
		"GET /userinfo userinfo TokenAuthorizer",
		"POST /userinfo userinfo TokenAuthorizer",
		"GET /site/userinfo userinfo SiteAuthorizer",
		"GET /authorize signin ",
		"POST /authorize signin ",
		"POST /signin signin ",
		"POST /consent signin ",
		"POST /signin/provider signin ",
		"GET /callback/{provider} signin ",
		"GET /signout signin ",
		"POST /signout signin ",
		"POST /ticket ticket TokenAuthorizer",
		"GET /.well-known/jwks.json discovery ",
		"GET /.well-known/oauth-authorization-server discovery ",
		"GET /.well-known/openid-configuration discovery ",
		"GET /.well-known/oauth-protected-resource discovery ",
		"GET /.well-known/oauth-protected-resource/{path+} discovery ",
	}
	if diff := cmp.Diff(want, routeList(got)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	functions := map[string]lambda.Handler{}
	for _, name := range []string{"login", "refresh", "oauthtoken", "introspect", "revoke", "sessions", "subjects", "password", "userinfo", "ticket", "signin", "accounts", "discovery"} {
		functions[name] = answering(`{}`)
	}
	_, err = gateway.New(got, functions, gateway.Options{Issuer: "http://localhost:3000"})
	if err == nil || !strings.Contains(err.Error(), "GET /sessions: there is no handler for its authorizer's function authorizer") {
		t.Errorf("without the authorizer: %v, want an error that names it", err)
	}
	functions["authorizer"] = answering(`{}`)
	if _, err = gateway.New(got, functions, gateway.Options{Issuer: "http://localhost:3000"}); err != nil {
		t.Error(err)
	}
}

func TestReferencesToFunctionsAndParametersResolve(t *testing.T) {
	want := []string{"GET /open open ", "GET /guarded guarded Token"}
	for _, arn := range []string{
		`!GetAtt Guard.Arn`, `!GetAtt [Guard, Arn]`, `{ "Fn::GetAtt": [Guard, Arn] }`, `!Ref Guard`, `!Ref Guard.Alias`, `{ Ref: Guard }`,
		`!Sub "${Guard.Arn}:live"`,
		`!Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Guard}:live`,
		`{ "Fn::Sub": "arn:aws:lambda:eu-central-1:1:function:${Guard}" }`,
	} {
		got, err := gateway.ParseTemplate("t.yaml", changed(t, "!GetAtt Guard.Arn", arn), nil)
		if err != nil {
			t.Errorf("%s: %v", arn, err)
			continue
		}
		if diff := cmp.Diff(want, routeList(got)); diff != "" {
			t.Errorf("%s: routes (-want +got):\n%s", arn, diff)
		}
	}
}

func TestDefaultAuthorizerGuardsEveryRouteButThoseThatOptOut(t *testing.T) {
	data := changed(t, "      Auth:\n", "      Auth:\n        DefaultAuthorizer: Token\n")
	got, err := gateway.ParseTemplate("t.yaml", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET /open open Token", "GET /guarded guarded Token"}, routeList(got)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	data = []byte(strings.Replace(string(data), "Path: /open", "Path: /open, Auth: { Authorizer: NONE }", 1))
	if got, err = gateway.ParseTemplate("t.yaml", data, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET /open open ", "GET /guarded guarded Token"}, routeList(got)); diff != "" {
		t.Errorf("with NONE: routes (-want +got):\n%s", diff)
	}
}

func TestFunctionsHaveTheirOwnTimeoutOrTheGlobalOne(t *testing.T) {
	got, err := gateway.ParseTemplate("t.yaml", changed(t, "CodeUri: functions/open", "CodeUri: functions/open\n      Timeout: 11"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if own, global := got.Routes[0].Function.Timeout.Seconds(), got.Routes[1].Function.Timeout.Seconds(); own != 11 || global != 7 {
		t.Errorf("timeouts %v s and %v s, want 11 and 7", own, global)
	}
}

func TestTemplatesThatAreNotFullyUnderstoodAreRefused(t *testing.T) {
	const auth, route = "Path: /guarded, Auth: { Authorizer: Token }", "Method: get, Path: /open"
	for name, c := range map[string]struct{ old, new, want string }{
		"authorizer that does not exist":     {auth, "Path: /guarded, Auth: { Authorizer: Tokne }", "t.yaml:36: event Get: there is no authorizer Tokne"},
		"empty auth":                         {auth, "Path: /guarded, Auth: {}", "names no authorizer"},
		"auth that is an intrinsic":          {auth, "Path: /guarded, Auth: !If [X, {Authorizer: Token}, {}]", "event Get: Auth depends on !If: write the mapping itself"},
		"unknown word in auth":               {auth, "Path: /guarded, Auth: { Authoriser: Token }", "Authoriser is not supported here: want Authorizer"},
		"default authorizer missing":         {"      Auth:\n", "      Auth:\n        DefaultAuthorizer: Nobody\n", "t.yaml:13: DefaultAuthorizer: there is no authorizer Nobody"},
		"unknown word in the API":            {"      Auth:\n", "      DefinitionBody: {}\n      Auth:\n", "DefinitionBody is not supported here"},
		"IAM authorizer":                     {"      Auth:\n", "      Auth:\n        EnableIamAuthorizer: true\n", "EnableIamAuthorizer is not supported here"},
		"JWT authorizer":                     {"FunctionArn: !GetAtt Guard.Arn", "JwtConfiguration: {}", "JwtConfiguration is not supported here"},
		"ARN of no function":                 {"!GetAtt Guard.Arn", "!GetAtt Gurad.Arn", "t.yaml:15: authorizer Token: FunctionArn is no function of this template: write !GetAtt Function.Arn"},
		"ARN of a parameter":                 {"!GetAtt Guard.Arn", "!Ref Folder", "is no function of this template"},
		"literal ARN":                        {"!GetAtt Guard.Arn", "arn:aws:lambda:x:1:function:Guard", "is no function of this template"},
		"name that only begins alike":        {"!GetAtt Guard.Arn", "!Sub arn:aws:lambda:x:1:function:${Guard}ian:live", "is no function of this template"},
		"name that only ends alike":          {"!GetAtt Guard.Arn", "!Sub arn:aws:lambda:x:1:function:Old${Guard}", "is no function of this template"},
		"another attribute":                  {"!GetAtt Guard.Arn", "!GetAtt Guard.RuntimeManagementConfig", "is no function of this template"},
		"imported ARN":                       {"!GetAtt Guard.Arn", "!ImportValue GuardArn", "is no function of this template"},
		"Sub with its own variables":         {"!GetAtt Guard.Arn", `!Sub ["${Guard}", {Guard: x}]`, "is no function of this template"},
		"payload format 1.0":                 {`AuthorizerPayloadFormatVersion: "2.0"`, `AuthorizerPayloadFormatVersion: "1.0"`, `AuthorizerPayloadFormatVersion "1.0" is not supported: want 2.0`},
		"IAM policy answers":                 {"EnableSimpleResponses: true", "EnableSimpleResponses: false", `EnableSimpleResponses "false" is not supported: want true`},
		"gateway may not call the function":  {"EnableFunctionDefaultPermissions: true", "EnableFunctionDefaultPermissions: false", "want true"},
		"cached verdicts":                    {"ReauthorizeEvery: 0", "ReauthorizeEvery: 300", `ReauthorizeEvery "300" is not supported: want 0`},
		"verdicts cached by default":         {"Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }", "Identity: { Headers: [Authorization] }", `ReauthorizeEvery "" is not supported: want 0`},
		"no identity source":                 {"Headers: [Authorization], ", "", "no identity source"},
		"empty identity source":              {"Headers: [Authorization]", "Headers: ['']", "no identity source"},
		"identity in another part":           {"Headers: [Authorization]", "Context: [httpMethod]", "t.yaml:19: authorizer Token: Context: httpMethod is not supported: want routeKey"},
		"identity in two parts":              {"Headers: [Authorization]", "Context: [routeKey, httpMethod]", "want routeKey"},
		"identity in the query":              {"Headers: [Authorization]", "QueryStrings: [t]", "QueryStrings is not supported here"},
		"path from a parameter without one":  {route, "Method: get, Path: !Ref NoDefault", "t.yaml:28: event Get: Path depends on !Ref NoDefault: write the value itself"},
		"path from an attribute":             {route, "Method: get, Path: !Sub '/${Guard.Arn}'", "event Get: Path depends on !Sub with ${Guard.Arn}: write the value itself"},
		"method from an intrinsic":           {route, "Method: !FindInMap [a, b, c], Path: /open", "event Get: Method depends on !FindInMap"},
		"path without a slash":               {route, "Method: get, Path: open", `Path "open": want`},
		"path with a slash at the end":       {route, "Method: get, Path: /open/", `Path "/open/": want`},
		"variable beside text":               {route, "Method: get, Path: '/open{x}'", "want"},
		"greedy variable inside":             {route, "Method: get, Path: '/{x+}/open'", "want"},
		"no path":                            {route, "Method: get", `Path "": want`},
		"route taken":                        {route, "Method: get, Path: /guarded", "t.yaml:34: GET /guarded: the route is taken by GET /guarded, line 28"},
		"event of payload format 1.0":        {route, route + `, PayloadFormatVersion: "1.0"`, "PayloadFormatVersion 1.0 is not supported"},
		"event of no API":                    {"Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, ", "Get: { Type: HttpApi, Properties: { ", "want ApiId: !Ref Api"},
		"event of another API":               {"Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, ", "Get: { Type: HttpApi, Properties: { ApiId: !Ref Other, ", "want ApiId: !Ref Api"},
		"events from an intrinsic":           {"      Events:\n        Get: {", "      Events: !If [X, {}, {}]\n      Unused:\n        Get: {", "Open: Events depends on !If"},
		"conditional function":               {"  Open:\n", "  Open:\n    Condition: X\n", "Open has routes and depends on a condition"},
		"conditional API":                    {"  Api:\n", "  Api:\n    Condition: X\n", "Api depends on a condition"},
		"no CodeUri":                         {"CodeUri: functions/open", "Description: x", "Open: no CodeUri"},
		"CodeUri from the cloud":             {"CodeUri: functions/open", "CodeUri: !ImportValue x", "Open: CodeUri depends on !ImportValue"},
		"two functions of one folder":        {"CodeUri: functions/open", "CodeUri: functions/guard", "Guard and Open both have the folder guard"},
		"timeout that is no number":          {"Timeout: 7", "Timeout: soon", `Timeout "soon": want 1 to 900 seconds`},
		"no HTTP API":                        {"AWS::Serverless::HttpApi", "AWS::Serverless::Api", "t.yaml: no AWS::Serverless::HttpApi"},
		"two HTTP APIs":                      {"  Guard:\n", "  Api2: { Type: AWS::Serverless::HttpApi }\n  Guard:\n", "a second HTTP API: want one"},
		"a route beside SAM's":               {"  Guard:\n", "  Extra: { Type: AWS::ApiGatewayV2::Route }\n  Guard:\n", "Extra: want routes as HttpApi events"},
		"a route of no WebSocket API":        {"  Guard:\n", "  Other: { Type: AWS::ApiGatewayV2::Api, Properties: { ProtocolType: HTTP } }\n  Extra: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Other } }\n  Guard:\n", "Extra: want routes as HttpApi events"},
		"API in Globals":                     {"Globals:\n", "Globals:\n  HttpApi: { Auth: {} }\n", "Globals.HttpApi is not supported"},
		"another stage":                      {"      Auth:\n", "      StageName: prod\n      Auth:\n", "StageName prod: want $default"},
		"any web origin":                     {"      Auth:\n", "      CorsConfiguration: { AllowOrigins: ['*'] }\n      Auth:\n", "AllowOrigins: * is not supported"},
		"web origins from an intrinsic":      {"      Auth:\n", "      CorsConfiguration: { AllowOrigins: !If [X, [a], [b]] }\n      Auth:\n", "CorsConfiguration: AllowOrigins depends on !If"},
		"CORS from an unknown condition":     {"      Auth:\n", "      CorsConfiguration: !If [X, {}, {}]\n      Auth:\n", `CorsConfiguration depends on a condition: there is none named "X"`},
		"CORS that is a truth value":         {"      Auth:\n", "      CorsConfiguration: true\n      Auth:\n", "CorsConfiguration: want a mapping"},
		"max age that is no number":          {"      Auth:\n", "      CorsConfiguration: { MaxAge: 5m }\n      Auth:\n", `MaxAge "5m": want seconds`},
		"name twice":                         {"  Guard:\n", "  Api: {}\n  Guard:\n", "t.yaml:20: Api is there twice"},
		"anchor":                             {"CodeUri: functions/open", "CodeUri: &x functions/open", "CloudFormation has no YAML anchors"},
		"merge key":                          {"    Properties: { CodeUri: functions/guard/ }", "    <<: { CodeUri: functions/guard/ }", "CloudFormation has only plain keys"},
		"tag of a tag":                       {"!GetAtt Guard.Arn", "!Sub { Ref: Guard }", "is no function of this template"},
		"YAML that does not close":           {"[Authorization]", "[Authorization", "not YAML"},
		"a list where a text should be":      {route, "Method: [get], Path: /open", "event Get: Method: want a text"},
		"a text where a mapping should be":   {"Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }", "Identity: Authorization", "Identity: want a mapping"},
		"a text where a list should be":      {"Headers: [Authorization]", "Headers: Authorization", "Headers: want a list"},
		"permissions by a role of one's own": {"EnableFunctionDefaultPermissions: true", "FunctionInvokeRole: x", "FunctionInvokeRole is not supported here"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gateway.ParseTemplate("t.yaml", changed(t, c.old, c.new), nil)
			if err == nil {
				t.Fatalf("the template was accepted with the routes %v, want %q", routeList(got), c.want)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if !strings.HasPrefix(err.Error(), "t.yaml:") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: want one line that begins with the file", err)
			}
		})
	}
}

func TestFilesThatAreNoTemplateAreRefused(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.yaml")
	if _, err := gateway.ReadTemplate(missing, nil); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v, want an error that names it", err)
	}
	for name, content := range map[string]string{"empty": "", "two": "a: 1\n---\nb: 2\n", "text": "hello", "list": "- a\n", "binary": "\x00\xff\xfe"} {
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.ReadTemplate(file, nil); err == nil || !strings.HasPrefix(err.Error(), file) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that begins with the file", name, err)
		}
	}
}

func TestEveryFunctionOfARouteNeedsAHandler(t *testing.T) {
	all := func() map[string]lambda.Handler {
		return map[string]lambda.Handler{"open": answering(`{}`), "guarded": answering(`{}`), "guard": answering(`{}`)}
	}
	for missing, want := range map[string]string{
		"open":    "t.yaml:28: GET /open: there is no handler for its function open",
		"guarded": "t.yaml:34: GET /guarded: there is no handler for its function guarded",
		"guard":   "t.yaml:34: GET /guarded: there is no handler for its authorizer's function guard",
	} {
		functions := all()
		delete(functions, missing)
		parsed, err := gateway.ParseTemplate("t.yaml", []byte(sample), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = gateway.New(parsed, functions, gateway.Options{Issuer: "http://localhost:3000"}); err == nil || err.Error() != want {
			t.Errorf("without %s: %v, want %s", missing, err, want)
		}
	}
	parsed, err := gateway.ParseTemplate("t.yaml", []byte(sample), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{"", "localhost:3000", "/login", "ftp://localhost", "http://%zz"} {
		if _, err := gateway.New(parsed, all(), gateway.Options{Issuer: issuer}); err == nil {
			t.Errorf("issuer %q was accepted", issuer)
		}
	}
	parsed.Routes[0].Authorizer = "Tokne"
	if _, err := gateway.New(parsed, all(), gateway.Options{Issuer: "http://localhost:3000"}); err == nil {
		t.Error("a route with an unknown authorizer was accepted")
	}
}

// handler is a function written in place.
type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// answering always gives the same answer.
func answering(text string) handler {
	return func(context.Context, []byte) ([]byte, error) { return []byte(text), nil }
}
