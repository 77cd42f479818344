package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
)

// buildFlags are those of scripts/sam, with which the functions go into the cloud.
var buildFlags = []string{"-trimpath", "-ldflags=-s", "-tags=lambda.norpc,grpcnotrace"}

// starts compares how long functions take from their start to their first question for an event, and the memory that they have then. The table that they dial
// is on the loopback address, without TLS.
func (l *lab) starts(ctx context.Context) ([]comparison, error) {
	empty, err := l.build(ctx, ".", "./empty", "empty")
	if err != nil {
		return nil, err
	}
	table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("healthy")) }))
	l.atEnd(table.Close)
	environment := []string{
		"ISSUER=https://id.example.com", "TABLE_NAME=wavepass", "DYNAMODB_ENDPOINT=" + table.URL,
		"SEALING_KEY=local:" + base64.StdEncoding.EncodeToString([]byte("the sealing key is 32 bytes long")),
	}
	c := comparison{
		name: "starts", title: "Start of a function",
		text: "From exec to the first question for an event, and the memory (RSS) at that time. The functions are built as `sam build` does. In a round each is started five times, and the median counts. " +
			"Meanwhile they begin to dial their table, here on the loopback address and without TLS.",
		metrics: []metric{{title: "start", unit: "ms"}, {title: "memory", unit: "MiB"}},
	}
	c.contenders = append(c.contenders, contender{"empty handler in Go", steady(func(ctx context.Context) ([]float64, error) { return start(ctx, []string{empty}, nil) })})
	for _, name := range []string{"authorizer", "userinfo", "login", "refresh"} {
		program, err := l.build(ctx, "..", "./functions/"+name, name)
		if err != nil {
			return nil, err
		}
		c.contenders = append(c.contenders, contender{"Wavepass, " + name, steady(func(ctx context.Context) ([]float64, error) {
			return start(ctx, []string{program}, environment)
		})})
	}
	for _, p := range l.nodeFunctions() {
		c.contenders = append(c.contenders, contender{p.name, steady(func(ctx context.Context) ([]float64, error) { return start(ctx, p.command, nil) })})
	}
	return []comparison{c}, nil
}

// build builds a program of the module in folder as the functions are built, and returns its path.
func (l *lab) build(ctx context.Context, folder, pkg, name string) (string, error) {
	program := filepath.Join(l.work, name)
	run := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", program}, buildFlags...), pkg)...)
	run.Dir, run.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := run.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// nodeFunction is a function in Node, with the loop that stands for Lambda's runtime.
type nodeFunction struct {
	name    string
	command []string
}

// nodeFunctions are those that can run here.
func (l *lab) nodeFunctions() []nodeFunction {
	if !l.node() {
		return nil
	}
	command := func(script string) []string {
		return []string{l.nodeProgram(), "--no-warnings", filepath.Join(l.peers, "runtime.mjs"), filepath.Join(l.peers, script)}
	}
	return []nodeFunction{
		{"authorizer in Node, with aws-jwt-verify and the SDK's client of DynamoDB", command("handler.mjs")},
		{"OpenAuth on DynamoDB", command("openauth-lambda.mjs")},
	}
}

// start starts a function, waits until it asks for its first event, and ends it. It returns the milliseconds and the MiB.
func start(ctx context.Context, command, environment []string) ([]float64, error) {
	l, err := launch(ctx, command, environment, nil)
	return []float64{milliseconds(l.asked), l.memory}, err
}
