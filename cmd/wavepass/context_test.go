package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// TestInteropContextIsReadAsThePageSays gives an event of `wavepass local` to the functions of docs/policy.md.
func TestInteropContextIsReadAsThePageSays(t *testing.T) {
	needs(t, "node", "python3", "go")
	text, err := os.ReadFile("../../docs/policy.md")
	check(t, err)
	folder := t.TempDir()
	for file, language := range map[string]string{"handler.mjs": "js", "handler.py": "python", "main.go": "go"} {
		check(t, os.WriteFile(filepath.Join(folder, file), []byte(block(t, string(text), language)), 0o600))
	}
	event, sub := eventOfAnAdmin(t)
	for language, run := range map[string]func(t *testing.T, folder string, event []byte) []byte{"Node": runNode, "Python": runPython, "Go": runGo} {
		t.Run(language, func(t *testing.T) {
			var answer struct {
				StatusCode int    `json:"statusCode"`
				Body       string `json:"body"`
			}
			text := run(t, folder, event)
			var got struct {
				Hello string `json:"hello"`
				Admin bool   `json:"admin"`
			}
			if err := json.Unmarshal(text, &answer); err != nil || answer.StatusCode != 200 || json.Unmarshal([]byte(answer.Body), &got) != nil {
				t.Fatalf("answered %s, error %v", text, err)
			}
			if got.Hello != sub || !got.Admin {
				t.Errorf("the function read %+v, want the admin %s", got, sub)
			}
		})
	}
}

// eventOfAnAdmin is what a function gets from `wavepass local` when an admin asks.
func eventOfAnAdmin(t *testing.T) (event []byte, sub string) {
	t.Helper()
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"statusCode":200}`)
	}))
	defer lambda.Close()
	yaml, data := filepath.Join(t.TempDir(), "template.yaml"), t.TempDir()
	check(t, os.WriteFile(yaml, []byte(block(t, ownPage(t), "yaml")), 0o600))
	s := start(t, "--data", data, "--template", yaml, "--authorizer", "Wavepass", "--invoke", lambda.URL)
	mustCommand(t, "account", "set-access", demoUsername, "--role", "member", "--role", "admin", "--scope", "profile", "--data", data)
	token := s.login().AccessToken
	if got := s.get("/orders/7", token); got != http.StatusOK {
		t.Fatalf("GET /orders/7: %d\n%s", got, s.log)
	}
	return event, s.do("GET", "/userinfo", "", "", "Authorization", "Bearer "+token).Sub
}

func runNode(t *testing.T, folder string, event []byte) []byte {
	return runScript(t, folder, event, "node", "-e", `
		import('./handler.mjs').then(async ({ handler }) => {
			const event = JSON.parse(Buffer.concat(await process.stdin.toArray()))
			console.log(JSON.stringify(await handler(event)))
		})`)
}

func runPython(t *testing.T, folder string, event []byte) []byte {
	return runScript(t, folder, event, "python3", "-c", "import handler, json, sys; print(json.dumps(handler.handler(json.load(sys.stdin), None)))")
}

func runScript(t *testing.T, folder string, event []byte, program string, args ...string) []byte {
	t.Helper()
	script := exec.CommandContext(t.Context(), program, args...)
	script.Dir, script.Stdin = folder, bytes.NewReader(event)
	out, err := script.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return out
}

// runGo runs a Go function as Lambda does: the program asks the runtime API for an event, and gives its answer there.
func runGo(t *testing.T, folder string, event []byte) []byte {
	t.Helper()
	var asked atomic.Bool
	answers := make(chan []byte, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/invocation/next") && !asked.Swap(true):
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
			_, _ = w.Write(event)
		case r.Method == http.MethodPost:
			answer, _ := io.ReadAll(r.Body)
			answers <- answer
			w.WriteHeader(http.StatusAccepted)
		default:
			<-r.Context().Done() // there is no further event
		}
	}))
	defer api.Close()
	program := filepath.Join(folder, "program")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, filepath.Join(folder, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	function := exec.CommandContext(ctx, program)
	function.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	check(t, function.Start())
	defer func() { _ = function.Process.Kill(); _ = function.Wait() }()
	select {
	case answer := <-answers:
		return answer
	case <-ctx.Done():
		t.Fatal("the function does not answer")
		return nil
	}
}
