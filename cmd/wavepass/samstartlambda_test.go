package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// TestSAMOwnRoutesThroughStartLambda has the template of docs/own-routes.md run a real function in a container.
func TestSAMOwnRoutesThroughStartLambda(t *testing.T) {
	samLocal(t)
	folder := t.TempDir()
	buildFunction(t, filepath.Join(folder, "orders", "bootstrap"))
	yaml := filepath.Join(folder, "template.yaml")
	check(t, os.WriteFile(yaml, []byte(containerTemplate(t)), 0o600))
	lambda := startLambda(t, yaml)
	s := start(t, "--data", filepath.Join(folder, "data"), "--template", yaml, "--authorizer", "Wavepass", "--invoke", lambda)
	token := s.login().AccessToken
	get := func(path string) answer {
		return s.do("GET", path, "", "", "Authorization", "Bearer "+token, "Cookie", "x=1; y=2")
	}

	t.Run("event", func(t *testing.T) {
		got := get("/orders/7?a=1&a=2&b=%20")
		if cookies := got.Header["Set-Cookie"]; got.Status != 201 || len(cookies) != 2 {
			t.Fatalf("%d, cookies %q, want 201 and the two of the function\n%s", got.Status, cookies, got.Body)
		}
		event := eventOf(t, got)
		if event.RawQueryString != "a=1&a=2&b=%20" || strings.Join(event.Cookies, ";") != "x=1;y=2" || event.PathParameters["id"] != "7" {
			t.Errorf("query %q, cookies %q, parameters %v", event.RawQueryString, event.Cookies, event.PathParameters)
		}
		caller := event.RequestContext.Authorizer.Lambda
		if caller["client_id"] != "app" || caller["sub"] == "" || caller["scope"] != "profile account" {
			t.Errorf("the authorizer's context is %v", caller)
		}
		event = eventOf(t, s.do("POST", "/orders/7", "application/octet-stream", "\xff\xfe\x00", "Authorization", "Bearer "+token))
		if event.Body != "//4A" || !event.IsBase64Encoded {
			t.Errorf("a body that is no text: %q, in base64: %t", event.Body, event.IsBase64Encoded)
		}
	})
	t.Run("guarded", func(t *testing.T) {
		if got := s.do("GET", "/orders/7", "", ""); got.Status != 401 {
			t.Errorf("without a token: %d", got.Status)
		}
		if got := s.do("GET", "/orders/7", "", "", "Authorization", "Bearer nonsense"); got.Status != 403 {
			t.Errorf("with a token that is none: %d", got.Status)
		}
		if event := eventOf(t, s.do("GET", "/health", "", "")); event.RequestContext.Authorizer != nil {
			t.Errorf("an open route has the context %v", event.RequestContext.Authorizer.Lambda)
		}
	})
	t.Run("bytes in the answer", func(t *testing.T) {
		if got := get("/orders/bytes"); got.Status != 200 || got.Body != "\xff\xfe\x00" || got.Header.Get("Content-Type") != "image/x" {
			t.Errorf("%d %q of %q", got.Status, got.Body, got.Header.Get("Content-Type"))
		}
	})
	for _, how := range []string{"error", "panic", "slow", "huge"} {
		t.Run(how, func(t *testing.T) {
			if got := get("/orders/" + how); got.Status != 500 || strings.TrimSpace(got.Body) != `{"message":"Internal Server Error"}` {
				t.Errorf("%d %.100s, want the gateway's 500", got.Status, got.Body)
			}
			if got := get("/orders/7"); got.Status != 201 {
				t.Errorf("the next request: %d, want 201", got.Status)
			}
		})
	}
	t.Run("ten at once", func(t *testing.T) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got := get("/orders/7"); got.Status != 201 {
					t.Errorf("%d %s", got.Status, got.Body)
				}
			})
		}
		all.Wait()
	})
	t.Run("another template", func(t *testing.T) {
		other := filepath.Join(folder, "other.yaml")
		check(t, os.WriteFile(other, []byte(strings.ReplaceAll(containerTemplate(t), "OrdersFunction", "ShopFunction")), 0o600))
		s := start(t, "--data", filepath.Join(folder, "other"), "--template", other, "--authorizer", "Wavepass", "--invoke", lambda)
		if got := s.do("GET", "/health", "", ""); got.Status != 500 || !strings.Contains(s.log.String(), "start the emulator with the same template") {
			t.Errorf("a function that SAM CLI does not know: %d, log\n%s", got.Status, s.log)
		}
	})
}

// containerTemplate is the page's template for a function in Go, with a route that takes a body.
func containerTemplate(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer(
		"Runtime: nodejs22.x", "Runtime: provided.al2023\n      Timeout: 3\n      Architectures: ["+architecture()+"]",
		"Handler: index.handler", "Handler: bootstrap", "Method: GET, Path: \"/orders/{id}\"", "Method: ANY, Path: \"/orders/{id}\"",
	).Replace(block(t, ownPage(t), "yaml"))
}

// architecture is what a template calls this machine's processor.
func architecture() string {
	return map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
}

func buildFunction(t *testing.T, file string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", file, "./testdata/lambda")
	build.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
}

func eventOf(t *testing.T, got answer) (event events.APIGatewayV2HTTPRequest) {
	t.Helper()
	if err := json.Unmarshal([]byte(got.Body), &event); err != nil {
		t.Fatalf("%d %s: %v", got.Status, got.Body, err)
	}
	return event
}

// startLambda serves the functions of a template in containers, by SAM CLI.
func startLambda(t *testing.T, template string, more ...string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	check(t, err)
	check(t, listener.Close())
	args := append([]string{"local", "start-lambda", "--template", template, "--port", port, "--skip-pull-image", "--warm-containers", "LAZY"}, more...)
	sam := exec.Command("../../scripts/sam", args...)
	out, err := sam.StderrPipe()
	check(t, err)
	check(t, sam.Start())
	said, ended := &syncBuffer{}, make(chan struct{})
	t.Cleanup(func() {
		_ = sam.Process.Signal(os.Interrupt) // it removes its containers
		<-ended
		_ = sam.Wait()
		if t.Failed() {
			t.Logf("sam local start-lambda:\n%s", said)
		}
	})
	listens := make(chan bool, 1)
	go func() {
		defer close(ended)
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			_, _ = io.WriteString(said, line)
			if strings.Contains(line, "Running on") {
				listens <- true
			}
			if err != nil {
				listens <- false
				return
			}
		}
	}()
	if !<-listens {
		t.Fatal("sam local start-lambda has ended")
	}
	return "http://127.0.0.1:" + port
}
