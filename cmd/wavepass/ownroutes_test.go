package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ownPage is docs/own-routes.md.
func ownPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/own-routes.md")
	check(t, err)
	return string(text)
}

// block is the one block of code in a language that a page has.
func block(t *testing.T, page, language string) string {
	t.Helper()
	parts := strings.Split(page, "\n```"+language+"\n")
	if len(parts) != 2 {
		t.Fatalf("the page has %d blocks of %s, want one", len(parts)-1, language)
	}
	code, _, _ := strings.Cut(parts[1], "\n```\n")
	return code + "\n"
}

// TestInteropOwnRoutes does what docs/own-routes.md says, with its own template, servers and commands.
func TestInteropOwnRoutes(t *testing.T) {
	page := ownPage(t)
	for program, code := range map[string]struct{ file, language string }{"node": {"server.mjs", "js"}, "python3": {"server.py", "python"}} {
		t.Run(program, func(t *testing.T) {
			needs(t, program, "sh", "curl", "sed")
			folder := t.TempDir()
			write := func(name, text string) string {
				path := filepath.Join(folder, name)
				check(t, os.WriteFile(path, []byte(text), 0o600))
				return path
			}
			yaml := write("template.yaml", block(t, page, "yaml"))
			port := startBackEnd(t, folder, program, write(code.file, block(t, page, code.language)))
			data := filepath.Join(folder, ".wavepass")
			s := start(t, "--data", data, "--template", yaml, "--authorizer", "Wavepass", "--forward", "OrdersFunction=http://127.0.0.1:"+port)
			script := strings.ReplaceAll(block(t, page, "sh"), "http://localhost:3000", s.url)
			got, err := exec.Command("sh", "-c", "set -e\n"+strings.ReplaceAll(script, "127.0.0.1:4000", "127.0.0.1:"+port)).CombinedOutput()
			if want := block(t, page, "json"); err != nil || string(got) != want {
				t.Errorf("%v, printed\n%swant\n%s%s", err, got, want, s.log)
			}
			info, err := os.Stat(filepath.Join(data, contextKeyFile))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the key's file: %v (%v), want mode 600", info, err)
			}
			check(t, s.stop())
			if _, err := os.Stat(filepath.Join(data, contextKeyFile)); !os.IsNotExist(err) {
				t.Errorf("the key outlived the program: %v", err)
			}
		})
	}
}

// startBackEnd starts a plain server on a free port.
func startBackEnd(t *testing.T, folder, program string, args ...string) (port string) {
	t.Helper()
	server := exec.Command(program, args...)
	server.Dir, server.Stderr = folder, os.Stderr
	server.Env = append(os.Environ(), "PORT=0")
	out, err := server.StdoutPipe()
	check(t, err)
	check(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	said := make(chan string, 1)
	go func() { line, _ := bufio.NewReader(out).ReadString('\n'); said <- line }()
	select {
	case line := <-said:
		found := regexp.MustCompile(`^port (\d+)\n$`).FindStringSubmatch(line)
		if found == nil {
			t.Fatalf("%s %v said %q, want its port", program, args, line)
		}
		return found[1]
	case <-time.After(time.Minute):
		t.Fatalf("%s %v does not start", program, args)
	}
	return ""
}

func TestKeyOfTheContextIsNewAtEachStartOrGiven(t *testing.T) {
	folder := t.TempDir()
	yaml := filepath.Join(folder, "template.yaml")
	check(t, os.WriteFile(yaml, []byte(block(t, ownPage(t), "yaml")), 0o600))
	var sent atomic.Pointer[http.Header] // with the last request
	backEnd := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header := r.Header.Clone(); sent.Store(&header) }))
	defer backEnd.Close()
	keys := map[string]bool{}
	for range 2 {
		data := filepath.Join(folder, "data")
		s := start(t, "--data", data, "--template", yaml, "--authorizer", "Wavepass", "--forward", "orders="+backEnd.URL)
		if answer := s.do("GET", "/orders/1", "", "", "Authorization", "Bearer "+s.login().AccessToken); answer.Status != 200 {
			t.Fatalf("GET /orders/1: %d %s\n%s", answer.Status, answer.Body, s.log)
		}
		key, err := os.ReadFile(filepath.Join(data, contextKeyFile))
		check(t, err)
		if got := sent.Load().Get("X-Wavepass-Context-Key"); got != string(key) || len(got) < 20 || keys[got] {
			t.Errorf("sent %q, the file has %q; want the same, and another at each start", got, key)
		}
		if context := sent.Load().Get("X-Wavepass-Context"); !strings.Contains(context, `"client_id":"app"`) {
			t.Errorf("context %s, want the authorizer's", context)
		}
		keys[string(key)] = true
		check(t, s.stop())
	}
	t.Setenv(contextKeyVariable, "chosen-by-a-person")
	s := start(t, "--data", t.TempDir(), "--template", yaml, "--authorizer", "Wavepass", "--forward", "orders="+backEnd.URL)
	s.do("GET", "/health", "", "")
	if got := sent.Load().Get("X-Wavepass-Context-Key"); got != "chosen-by-a-person" {
		t.Errorf("sent %q, want the key of the environment", got)
	}
	for _, key := range []string{"too-short", "with a space in it, and long", "with-a-line-break-in-it\n"} {
		t.Setenv(contextKeyVariable, key)
		err := runIn(t, "local", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--template", yaml, "--authorizer", "Wavepass", "--forward", "orders="+backEnd.URL)
		wantSentence(t, fmt.Sprintf("key %q", key), err, contextKeyVariable, "16 characters")
	}
}

func TestFlagsOfOwnRoutesThatDoNotFitAreRefused(t *testing.T) {
	folder := t.TempDir()
	yaml := filepath.Join(folder, "yours.yaml")
	check(t, os.WriteFile(yaml, []byte(block(t, ownPage(t), "yaml")), 0o600))
	ours := []string{"--template", yaml, "--authorizer", "Wavepass"}
	with := func(more ...string) []string { return append(append([]string{}, ours...), more...) }
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"nowhere to run":            {ours, []string{"OrdersFunction is no function of Wavepass's", "--invoke", "--forward OrdersFunction="}},
		"authorizer not named":      {[]string{"--template", yaml, "--invoke", "http://127.0.0.1:1"}, []string{"--authorizer Wavepass"}},
		"no such authorizer":        {with("--authorizer", "Other", "--invoke", "http://127.0.0.1:1"), []string{"there is no authorizer Other"}},
		"no such function":          {with("--forward", "Orders=http://127.0.0.1:1"), []string{"--forward", "no function Orders", "OrdersFunction"}},
		"no address":                {with("--forward", "OrdersFunction"), []string{"--forward OrdersFunction: want the name"}},
		"an address with a query":   {with("--forward", "OrdersFunction=http://127.0.0.1:1/?a=b"), []string{"want the name of a function and an address"}},
		"a password in an address":  {with("--invoke", "http://a:b@127.0.0.1:1"), []string{"--invoke", "want an address"}},
		"two addresses for all":     {with("--invoke", "http://127.0.0.1:1", "--invoke", "http://127.0.0.1:2"), []string{"want one address for all functions"}},
		"a path for all":            {with("--invoke", "http://127.0.0.1:1/2015-03-31/functions/function/invocations"), []string{"without a path", "name and ="}},
		"placed twice":              {with("--forward", "orders=http://127.0.0.1:1", "--invoke", "OrdersFunction=http://127.0.0.1:1"), []string{"placed twice"}},
		"a function of ours":        {[]string{"--forward", "login=http://127.0.0.1:1"}, []string{"LoginFunction is one of Wavepass's own functions"}},
		"ours, by --template":       {[]string{"--template", template, "--forward", "AuthorizerFunction=http://127.0.0.1:1"}, []string{"one of Wavepass's own functions"}},
		"ours, named an authorizer": {[]string{"--template", template, "--authorizer", "TokenAuthorizer"}, []string{"leave --authorizer out"}},
		"no template":               {[]string{"--authorizer", "Wavepass"}, []string{"--template"}},
		"an unknown parameter":      {with("--parameter", "Stage=dev"), []string{"no parameter Stage"}},
		"no such file":              {[]string{"--template", filepath.Join(folder, "none.yaml")}, []string{"none.yaml"}},
	} {
		data := filepath.Join(folder, "data")
		wantSentence(t, name, runIn(t, append([]string{"local", "--addr", "127.0.0.1:0", "--data", data}, test.args...)...), test.says...)
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Fatalf("%s: a data folder was made (%v)", name, err)
		}
	}
}

// A template that is Wavepass's with a route of somebody's own runs Wavepass's functions here and the other one there.
func TestOwnRoutesInWavepassesOwnTemplate(t *testing.T) {
	text, err := os.ReadFile(template)
	check(t, err)
	grown := strings.Replace(string(text), "Resources:\n", `Resources:
  OrdersFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/orders/
      Events:
        Read: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: "/orders/{id}", Auth: { Authorizer: TokenAuthorizer } } }
`, 1)
	file := filepath.Join(t.TempDir(), "template.yaml")
	check(t, os.WriteFile(file, []byte(grown), 0o600))
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%q", r.URL.Path)
	}))
	defer lambda.Close()
	s := start(t, "--data", t.TempDir(), "--template", file, "--invoke", lambda.URL)
	if got := s.do("GET", "/orders/1", "", "", "Authorization", "Bearer nonsense"); got.Status != 403 {
		t.Errorf("with a token that is none: %d, want 403", got.Status)
	}
	got := s.do("GET", "/orders/1", "", "", "Authorization", "Bearer "+s.login().AccessToken)
	if want := "/2015-03-31/functions/OrdersFunction/invocations"; got.Status != 200 || got.Body != want {
		t.Errorf("%d %s, want what the function at %s says", got.Status, got.Body, want)
	}
}
