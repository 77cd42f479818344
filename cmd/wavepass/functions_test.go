package main

import (
	"context"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/userinfo"
)

// An answer is sent while the function answers somebody else: the two may not share memory.
func TestAnswerOfAFunctionOutlivesTheNextCall(t *testing.T) {
	function := behindAPI(userinfo.New(endpoint.Settings{Config: apigw.Config{Issuer: "http://localhost:1"}}, nil)) // no caller has the scope email
	call := func(subject string) []byte {
		answer, err := function.Invoke(context.Background(),
			[]byte(`{"routeKey":"GET /userinfo","requestContext":{"authorizer":{"lambda":{"sub":"`+subject+`","sid":"s","scope":"profile"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	for range 100 { // a pool may forget what it was given
		first, second := call("first"), call("second")
		if !strings.Contains(string(first), "first") || !strings.Contains(string(second), "second") {
			t.Fatalf("the first caller's answer became %s, the second's is %s", first, second)
		}
	}
}
