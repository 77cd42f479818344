package gateway_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/internal/samtemplate"
)

// stack is another stack: its authorizer is imported, and one of its functions has the name of one in the sample.
const stack = `
Parameters:
  AuthorizerArn: { Type: String }
Resources:
  Orders:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: { AllowOrigins: ["https://shop.example"], AllowMethods: [GET, PUT], AllowHeaders: [x-own] }
      Auth:
        DefaultAuthorizer: Wavepass
        Authorizers:
          Wavepass:
            FunctionArn: !ImportValue wavepass-authorizer
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            FunctionInvokeRole: !ImportValue wavepass-role
            Identity: { Headers: [Authorization], ReauthorizeEvery: 0 }
  open:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/open
      Timeout: 3
      Events:
        Get: { Type: HttpApi, Properties: { ApiId: !Ref Orders, Method: GET, Path: "/orders/{id}" } }
        Put: { Type: HttpApi, Properties: { ApiId: !Ref Orders, Method: PUT, Path: "/orders/{id}" } }
        All: { Type: HttpApi, Properties: { ApiId: !Ref Orders, Path: "/files/{proxy+}" } }
        Free: { Type: HttpApi, Properties: { ApiId: !Ref Orders, Method: POST, Path: /free, Auth: { Authorizer: NONE } } }
  Own:
    Type: AWS::Serverless::Function
    Properties: { PackageType: Image, ImageUri: own, Timeout: 3, Events: { Get: { Type: HttpApi, Properties: { ApiId: !Ref Orders, Method: GET, Path: /own } } } }
`

// stackOf reads the stack with one text replaced.
func stackOf(t *testing.T, old, new string, authorizers ...string) (*gateway.Template, error) {
	t.Helper()
	if !strings.Contains(stack, old) {
		t.Fatalf("the stack has no %q", old)
	}
	read, err := samtemplate.Parse("stack.yaml", []byte(strings.Replace(stack, old, new, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return gateway.NewStackTemplate(read, gateway.Stack{Authorizers: authorizers})
}

func joined(t *testing.T, with *gateway.Template) *gateway.Template {
	t.Helper()
	ours, err := gateway.ParseTemplate("t.yaml", []byte(strings.ReplaceAll(sample, "functions/guard/", "functions/authorizer/")), nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := gateway.Join(ours, with)
	if err != nil {
		t.Fatal(err)
	}
	return both
}

func atHome() gateway.Options {
	opts := quiet()
	opts.Issuer, opts.ContextKey = "http://localhost:3000", contextKey
	return opts
}

const contextKey = "the-key-of-this-start"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFunctionsOfAnotherStackAreNeverOursWhateverTheirName(t *testing.T) {
	other, err := stackOf(t, "", "", "Wavepass")
	must(t, err)
	both := joined(t, other)
	want := []string{
		"GET /open open ", "GET /guarded guarded Token", "GET /orders/{id} open Wavepass", "PUT /orders/{id} open Wavepass",
		"ANY /files/{proxy+} open Wavepass", "POST /free open ", "GET /own Own Wavepass",
	}
	if diff := cmp.Diff(want, routeList(both)); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	ours := map[string]lambda.Handler{"open": answering(`"ours"`), "guarded": echo, "authorizer": answering(`{"isAuthorized":true}`)}
	if _, err := gateway.New(both, ours, atHome()); err == nil || !strings.Contains(err.Error(), "stack.yaml:") || !strings.Contains(err.Error(), "no handler for its function open") {
		t.Errorf("unplaced: %v, want an error that names the function of the stack", err)
	}
	if got := other.Unplaced([]string{"open", "authorizer"}); len(got) != 2 || got[0].ID != "open" || got[1].ID != "Own" {
		t.Errorf("unplaced: %v, want both functions of the stack and not the authorizer", got)
	}
	must(t, other.Place("open", gateway.Target{Invoke: answering(`"theirs"`)}, []string{"open"}))
	must(t, other.Place("Own", gateway.Target{Invoke: echo}, nil))
	api, err := gateway.New(both, ours, atHome())
	must(t, err)
	for target, body := range map[string]string{"GET /open": "ours", "POST /free": "theirs"} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		wantAnswer(t, target, w, 200, body)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("GET", "/orders/1", nil))
	wantAnswer(t, "without a token", w, 401, message("Unauthorized"))
}

func TestEachAPIHasItsOwnCORS(t *testing.T) {
	other, err := stackOf(t, "", "", "Wavepass")
	must(t, err)
	must(t, other.Place("open", gateway.Target{Invoke: echo}, nil))
	must(t, other.Place("Own", gateway.Target{Invoke: echo}, nil))
	api, err := gateway.New(joined(t, other), map[string]lambda.Handler{"open": echo, "guarded": echo, "authorizer": answering(`{"isAuthorized":true}`)}, atHome())
	must(t, err)
	for path, want := range map[string]string{"/orders/1": "https://shop.example", "/open": "", "/nothing": ""} {
		r := httptest.NewRequest("OPTIONS", path, nil)
		r.Header.Set("Origin", "https://shop.example")
		r.Header.Set("Access-Control-Request-Method", "PUT")
		r.Header.Set("Access-Control-Request-Headers", "x-own")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want || want != "" && w.Code != 204 {
			t.Errorf("preflight of %s: %d, allowed origin %q, want %q", path, w.Code, got, want)
		}
	}
}

func TestAuthorizerFromElsewhereIsOursOnlyWhereThatIsSaid(t *testing.T) {
	const imported = "!ImportValue wavepass-authorizer"
	for _, arn := range []string{imported, "!Ref AuthorizerArn", "arn:aws:lambda:eu-central-1:1:function:wavepass:live", `!Sub "${AuthorizerArn}"`, `{ "Fn::ImportValue": !Sub "x" }`} {
		if _, err := stackOf(t, imported, arn); err == nil || !strings.Contains(err.Error(), "if it is Wavepass's, say so by --authorizer Wavepass") {
			t.Errorf("%s, not said: %v, want an error that tells the flag", arn, err)
		}
		if _, err := stackOf(t, imported, arn, "Wavepass"); err != nil {
			t.Errorf("%s, said: %v", arn, err)
		}
	}
	for name, test := range map[string]struct{ old, new, authorizer, want string }{
		"another name":                  {"", "", "Wavepas", "if it is Wavepass's"},
		"no authorizer of that name":    {imported, "!GetAtt Own.Arn", "Nobody", "there is no authorizer Nobody: want one of Wavepass"},
		"a function of the template":    {imported, "!GetAtt Own.Arn", "Wavepass", "is Own of this template"},
		"no ARN":                        {"FunctionArn: " + imported, "X: 1", "Wavepass", "X is not supported here"},
		"an empty ARN":                  {imported, "null", "Wavepass", "there is none"},
		"verdicts that are kept":        {"ReauthorizeEvery: 0", "ReauthorizeEvery: 60", "Wavepass", `ReauthorizeEvery "60" is not supported`},
		"the gateway may not call it":   {"FunctionInvokeRole: !ImportValue wavepass-role", "EnableFunctionDefaultPermissions: false", "Wavepass", "EnableFunctionDefaultPermissions"},
		"IAM policies":                  {"EnableSimpleResponses: true", "EnableSimpleResponses: false", "Wavepass", "EnableSimpleResponses"},
		"a route with another's":        {"Path: /own", "Path: /own, Auth: { Authorizer: Token }", "Wavepass", "there is no authorizer Token"},
		"routes of the API in Globals":  {"Parameters:", "Globals: { HttpApi: { Auth: {} } }\nParameters:", "Wavepass", "Globals.HttpApi is not supported"},
		"a route on an API elsewhere":   {"ApiId: !Ref Orders, Method: POST", "ApiId: !ImportValue x, Method: POST", "Wavepass", "want ApiId: !Ref Orders"},
		"a function under a condition":  {"  Own:\n", "  Own:\n    Condition: X\n", "Wavepass", "depends on a condition"},
		"a function's unknown time-out": {"ImageUri: own, Timeout: 3", "ImageUri: own, Timeout: !ImportValue x", "Wavepass", "Timeout depends on !ImportValue"},
	} {
		if _, err := stackOf(t, test.old, test.new, test.authorizer); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, test.want)
		}
	}
}

func TestRouteThatWavepassHasIsRefused(t *testing.T) {
	other, err := stackOf(t, "Path: /own", "Path: /guarded", "Wavepass")
	must(t, err)
	ours, err := gateway.ParseTemplate("t.yaml", []byte(sample), nil)
	must(t, err)
	if _, err := gateway.Join(ours, other); err == nil || !strings.Contains(err.Error(), "GET /guarded: the route is taken by GET /guarded, t.yaml, line 34") {
		t.Errorf("%v, want an error with both places", err)
	}
}

func TestFunctionsArePlacedByTheirIDOrTheirFolder(t *testing.T) {
	to := gateway.Target{Forward: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}
	shared := strings.Replace(stack, "PackageType: Image, ImageUri: own", "CodeUri: functions/open/", 1)
	for name, test := range map[string]struct {
		text, function string
		own            []string
		want           string
	}{
		"logical id":            {stack, "Own", nil, ""},
		"folder":                {strings.ReplaceAll(stack, "functions/open", "src/orders"), "orders", nil, ""},
		"unknown":               {stack, "Orders", nil, "there is no function Orders: want one of Own, open"},
		"folder of two":         {strings.ReplaceAll(shared, "  open:", "  Open:"), "open", nil, "Open and Own both have the folder open"},
		"id that is a folder":   {shared, "open", nil, ""},
		"own of another stack":  {stack, "open", []string{"open"}, ""},
		"own, grown":            {"", "open", []string{"open"}, "Open is one of Wavepass's own functions"},
		"own by its logical id": {"", "Open", []string{"open"}, "Open is one of Wavepass's own functions"},
	} {
		text := test.text
		if text == "" {
			text = sample
		}
		read, err := samtemplate.Parse("s.yaml", []byte(text), nil)
		must(t, err)
		var template *gateway.Template
		if test.text == "" {
			template, err = gateway.NewTemplate(read)
		} else {
			template, err = gateway.NewStackTemplate(read, gateway.Stack{Authorizers: []string{"Wavepass"}})
		}
		must(t, err)
		err = template.Place(test.function, to, test.own)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if err == nil {
			if err := template.Place(test.function, to, test.own); err == nil || !strings.Contains(err.Error(), "placed twice") {
				t.Errorf("%s: again: %v, want an error", name, err)
			}
		}
	}
}

func TestTemplateIsGrownFromOursWhenItHasEachOfItsFunctions(t *testing.T) {
	parse := func(text string) *samtemplate.Template {
		read, err := samtemplate.Parse("t.yaml", []byte(text), nil)
		must(t, err)
		return read
	}
	original := parse(sample)
	more := sample + "  More: { Type: AWS::Serverless::Function, Properties: { CodeUri: functions/more } }\n"
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"the same": {sample, true}, "more": {more, true}, "another stack": {stack, false},
		"one moved":   {strings.Replace(more, "functions/guard/", "src/guard/", 1), false},
		"one renamed": {strings.ReplaceAll(more, "Guarded:", "Watched:"), false},
	} {
		if got := gateway.IsGrownFrom(parse(test.text), original); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
