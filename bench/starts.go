package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// buildFlags are those of scripts/sam, with which the functions go into the cloud.
var buildFlags = []string{"-trimpath", "-ldflags=-s", "-tags=lambda.norpc,grpcnotrace"}

// startTime bounds how long a function may take to ask for its first event.
const startTime = 30 * time.Second

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
		text: "From exec to the first question for an event, and the memory (RSS) at that time. The functions are built as `sam build` does. " +
			"Meanwhile they begin to dial their table, here on the loopback address and without TLS.",
		metrics: []metric{{title: "start", unit: "ms"}, {title: "memory", unit: "MiB"}},
	}
	c.contenders = append(c.contenders, contender{"empty handler in Go", func(ctx context.Context) ([]float64, error) { return start(ctx, []string{empty}, nil) }})
	for _, name := range []string{"authorizer", "userinfo", "login", "refresh"} {
		program, err := l.build(ctx, "..", "./functions/"+name, name)
		if err != nil {
			return nil, err
		}
		c.contenders = append(c.contenders, contender{"Wavepass, " + name, func(ctx context.Context) ([]float64, error) {
			return start(ctx, []string{program}, environment)
		}})
	}
	if l.node() {
		script := filepath.Join(l.peers, "handler.mjs")
		c.contenders = append(c.contenders, contender{"handler in Node with aws-jwt-verify and the SDK's client of DynamoDB", func(ctx context.Context) ([]float64, error) {
			return start(ctx, []string{l.nodeProgram(), "--no-warnings", script}, nil)
		}})
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

// start starts a function, waits until it asks for its first event, and ends it. It returns the milliseconds and the MiB.
func start(ctx context.Context, command, environment []string) ([]float64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	asked := make(chan time.Time, 1)
	api := &http.Server{ReadHeaderTimeout: startTime, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case asked <- time.Now():
			default:
			}
			<-r.Context().Done()
		}
	})}
	go func() { _ = api.Serve(listener) }()
	defer func() { _ = api.Close() }()

	run := exec.CommandContext(ctx, command[0], command[1:]...)
	run.Env = append(slices.Clone(environment), "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_REGION=eu-central-1", "AWS_LAMBDA_FUNCTION_NAME=function", "AWS_SAM_LOCAL=true",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "PATH="+os.Getenv("PATH"))
	run.Stderr = os.Stderr
	begin := time.Now()
	if err := run.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	defer func() { _ = run.Process.Kill() }()
	select {
	case err := <-ended:
		return nil, fmt.Errorf("it has ended: %w", err)
	case at := <-asked:
		memory, err := residentMiB(run.Process.Pid)
		return []float64{at.Sub(begin).Seconds() * 1000, memory}, err
	case <-time.After(startTime):
		return nil, fmt.Errorf("it has not asked for an event within %s", startTime)
	}
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

func residentMiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := residentLine.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
	}
	kB, err := strconv.ParseFloat(string(found[1]), 64)
	return kB / 1024, err
}
