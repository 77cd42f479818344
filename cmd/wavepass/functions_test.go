package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
)

// An answer is sent while the function answers somebody else: the two may not share memory.
func TestAnswerOfAFunctionOutlivesTheNextCall(t *testing.T) {
	functions := data{}.functions(config.Config{Issuer: "http://localhost:1"}, // userinfo needs no store
		slog.New(slog.NewTextHandler(io.Discard, nil)), audit.NewTrail(io.Discard, time.Now))
	call := func(subject string) []byte {
		answer, err := functions["userinfo"].Invoke(context.Background(),
			[]byte(`{"routeKey":"GET /userinfo","requestContext":{"authorizer":{"lambda":{"sub":"`+subject+`","scope":"profile"}}}}`))
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
