package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Events of both kinds of API, with what Wavepass's authorizer hands on: the route comes apart in one, and is a text in the other.
var kinds = map[string]func(method, resource, parameters, body, sub, claims string) string{
	"HTTP API": func(method, resource, parameters, body, sub, claims string) string {
		return fmt.Sprintf(`{"version":"2.0","routeKey":"%s %s","rawPath":"/x","pathParameters":%s,"body":%q,"isBase64Encoded":false,
			"requestContext":{"stage":"$default","authorizer":{"lambda":{"sub":%q,"client_id":"shop","scope":"orders:read","roles":["member"],
			"claims":%s,"jti":"j","exp":1795447827,"sid":"s","auth_time":1795447827,"amr":["pwd"]}}}}`, method, resource, parameters, body, sub, claims)
	},
	"REST API": func(method, resource, parameters, body, sub, claims string) string {
		return fmt.Sprintf(`{"resource":%q,"path":"/x","httpMethod":%q,"pathParameters":%s,"body":%q,"isBase64Encoded":false,
			"requestContext":{"stage":"v1","authorizer":{"principalId":%q,"integrationLatency":4,"sub":%q,"client_id":"shop","scope":"orders:read",
			"roles":"[\"member\"]","claims":%q,"jti":"j","exp":"1795447827","sid":"s","auth_time":"1795447827","amr":"[\"pwd\"]"}}}`,
			resource, method, parameters, body, sub, sub, claims)
	},
}

// ask invokes the function as Lambda does, with the text of an event.
func ask(t *testing.T, s shop, event string) (status int, body string) {
	t.Helper()
	text, err := lambda.NewHandler(s.handle).Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	var got response
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got.StatusCode, got.Body
}

func newShop() shop { return shop{&memory{}, func() time.Time { return time.Unix(1795447827, 0) }} }

func TestPriceKnowsTheCallerBehindBothKindsOfAPI(t *testing.T) {
	for kind, event := range kinds {
		for claims, want := range map[string]string{
			`{"plan":"pro","seats":5}`: `{"item":"wax","cents":630,"caller":{"sub":"ada","client_id":"shop","scope":"orders:read","roles":["member"],"plan":"pro"}}`,
			`{"plan":7}`:               `{"item":"wax","cents":700,"caller":{"sub":"ada","client_id":"shop","scope":"orders:read","roles":["member"],"plan":""}}`,
		} {
			status, body := ask(t, newShop(), event("GET", "/prices/{item}", `{"item":"wax"}`, "", "ada", claims))
			if status != 200 || body != want {
				t.Errorf("%s, claims %s: %d %s, want 200 %s", kind, claims, status, body, want)
			}
		}
		if status, body := ask(t, newShop(), event("GET", "/prices/{item}", `{"item":"boat"}`, "", "ada", "{}")); status != 404 {
			t.Errorf("%s: the price of a boat: %d %s, want 404", kind, status, body)
		}
	}
}

func TestEverybodySeesTheirOwnOrdersOnly(t *testing.T) {
	for kind, event := range kinds {
		s := newShop()
		status, body := ask(t, s, event("POST", "/orders", "null", `{"item":"wax","count":2}`, "ada", "{}"))
		var made order
		if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || made.Owner != "ada" || made.Cents != 1400 {
			t.Fatalf("%s: %d %s, error %v; want an order of Ada's for 1400", kind, status, body, err)
		}
		id := fmt.Sprintf(`{"id":%q}`, made.ID)
		for _, test := range []struct {
			sub, resource, parameters string
			status                    int
			body                      string
		}{
			{"ada", "/orders/{id}", id, 200, body},
			{"ada", "/orders", "null", 200, `{"orders":[` + body + `]}`},
			{"alan", "/orders/{id}", id, 404, `{"error":"there is no such order"}`},
			{"alan", "/orders", "null", 200, `{"orders":[]}`},
			{"grace", "/admin/orders/{owner}", `{"owner":"ada"}`, 200, `{"orders":[` + body + `]}`},
		} {
			status, body := ask(t, s, event("GET", test.resource, test.parameters, "", test.sub, "{}"))
			if status != test.status || body != test.body {
				t.Errorf("%s: %s asks for %s %s: %d %s, want %d %s", kind, test.sub, test.resource, test.parameters, status, body, test.status, test.body)
			}
		}
	}
}

func TestOrdersThatAreNoneAreRefused(t *testing.T) {
	for kind, event := range kinds {
		s := newShop()
		for _, body := range []string{
			"", "{}", "[]", `{"item":"boat","count":1}`, `{"item":"wax","count":0}`, `{"item":"wax","count":101}`, `{"item":"wax","count":"2"}`,
			`{"item":"wax","count":1,"cents":0}`, `{"item":"wax","count":1} {}`,
		} {
			if status, got := ask(t, s, event("POST", "/orders", "null", body, "ada", "{}")); status != 400 {
				t.Errorf("%s: %s: %d %s, want 400", kind, body, status, got)
			}
		}
		if _, body := ask(t, s, event("GET", "/orders", "null", "", "ada", "{}")); body != `{"orders":[]}` {
			t.Errorf("%s: %s, want no orders", kind, body)
		}
	}
	encoded := strings.Replace(kinds["REST API"]("POST", "/orders", "null", "eyJpdGVtIjoid2F4IiwiY291bnQiOjF9", "ada", "{}"), "false", "true", 1)
	if status, body := ask(t, newShop(), encoded); status != 201 {
		t.Errorf("a body in base64: %d %s, want 201", status, body)
	}
}

// A route whose authorizer was forgotten has no caller. The function must not take anybody for one.
func TestRequestsWithoutACallerAreErrors(t *testing.T) {
	for _, event := range []string{
		`{"routeKey":"GET /orders","requestContext":{}}`,
		`{"routeKey":"GET /orders","requestContext":{"authorizer":null}}`,
		`{"routeKey":"GET /orders","requestContext":{"authorizer":{"lambda":{}}}}`,
		`{"routeKey":"GET /orders","requestContext":{"authorizer":{"jwt":{"claims":{"sub":"ada"}}}}}`,
		`{"routeKey":"GET /orders","requestContext":{"authorizer":{"lambda":{"sub":"ada","roles":"admin"}}}}`,
		`{"httpMethod":"GET","resource":"/orders","requestContext":{"authorizer":{"sub":"ada","roles":"admin"}}}`,
		`{"httpMethod":"GET","resource":"/orders","requestContext":{"authorizer":{"sub":"ada","roles":["admin"]}}}`,
		`{"httpMethod":"GET","resource":"/elsewhere","requestContext":{"authorizer":{"sub":"ada"}}}`,
	} {
		if got, err := lambda.NewHandler(newShop().handle).Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: answered %s, want an error", event, got)
		}
	}
	if status, body := ask(t, newShop(), `{"routeKey":"GET /items","requestContext":{}}`); status != 200 {
		t.Errorf("the open route: %d %s, want 200", status, body)
	}
}

func TestInvokeAPIOnALaptop(t *testing.T) {
	server := httptest.NewServer(invokeAPI(lambda.NewHandler(newShop().handle)))
	defer server.Close()
	for event, failed := range map[string]bool{`{"routeKey":"GET /items"}`: false, `{"routeKey":"GET /orders"}`: true, `nonsense`: true} {
		answer, err := server.Client().Post(server.URL+"/2015-03-31/functions/OrdersFunction/invocations", "application/json", strings.NewReader(event))
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if answer.StatusCode != 200 || (answer.Header.Get("X-Amz-Function-Error") != "") != failed {
			t.Errorf("%s: %d, header %v, want an error: %t", event, answer.StatusCode, answer.Header, failed)
		}
	}
	answer, err := server.Client().Post(server.URL, "application/json", strings.NewReader(strings.Repeat(" ", maxEvent+1)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 413 {
		t.Errorf("an event that is too long: %d, want 413", answer.StatusCode)
	}
}
