package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const template = "../../template.yaml"

// server is one run of `wavepass local`.
type server struct {
	t        *testing.T
	url      string
	client   *http.Client // nil: http.DefaultClient
	greeting string
	stop     func() error // as Ctrl-C
	log      *syncBuffer
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs the command on a free port and waits for its greeting.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	log := &syncBuffer{}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"local", "--addr", "127.0.0.1:0"}, args...), output{w, log})
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	s := &server{t: t, log: log, stop: sync.OnceValue(func() error { cancel(); return <-ended })}
	t.Cleanup(func() { _ = s.stop() })

	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.greeting += lines.Text() + "\n"
		if address := regexp.MustCompile(`listens on (http://[^ ]*)\.`).FindStringSubmatch(lines.Text()); address != nil {
			s.url = address[1]
		}
		if strings.Contains(lines.Text(), "/refresh") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s
		}
	}
	t.Fatalf("the command ended before it listened: %v\n%s%s", s.stop(), s.greeting, log)
	return nil
}

type answer struct {
	Status       int         `json:"-"`
	Body         string      `json:"-"`
	Header       http.Header `json:"-"`
	AccessToken  string      `json:"access_token"`
	RefreshToken string      `json:"refresh_token"`
	Error        string      `json:"error"`
	Sub          string      `json:"sub"`
}

func (s *server) do(method, path, contentType, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := cmp.Or(s.client, http.DefaultClient).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Body: string(text), Header: resp.Header}
	_ = json.Unmarshal(text, &a) // an empty body has no members
	return a
}

func (s *server) login() answer {
	s.t.Helper()
	a := s.do("POST", "/login", "application/json",
		`{"client_id":"app","username":"`+demoUsername+`","password":"`+demoPassword+`"}`)
	if a.Status != 200 || a.AccessToken == "" || a.RefreshToken == "" {
		s.t.Fatalf("login: %d %s", a.Status, a.Body)
	}
	return a
}

func (s *server) form(path string, values ...string) answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return s.do("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

func (s *server) refresh(token string) answer {
	s.t.Helper()
	return s.form("/refresh", "grant_type", "refresh_token", "client_id", "app", "refresh_token", token)
}

func (s *server) userinfo(token string) answer {
	s.t.Helper()
	return s.do("GET", "/userinfo", "", "", "Authorization", "Bearer "+token)
}

func (s *server) want(what string, got answer, status int, code string) {
	s.t.Helper()
	if got.Status != status || got.Error != code {
		s.t.Errorf("%s: got %d %q, want %d %q; body %s", what, got.Status, got.Error, status, code, got.Body)
	}
}

func TestLifeOfASession(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())

	first := s.login()
	s.want("userinfo", s.userinfo(first.AccessToken), 200, "")

	second := s.refresh(first.RefreshToken)
	s.want("refresh", second, 200, "")
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the refresh did not rotate")
	}
	again := s.refresh(first.RefreshToken)
	s.want("refresh with the old token inside the window", again, 200, "")
	if again.RefreshToken != second.RefreshToken {
		t.Error("the retry got another successor")
	}
	s.want("userinfo after refresh", s.userinfo(again.AccessToken), 200, "")

	s.want("revoke", s.form("/revoke", "client_id", "app", "token", second.RefreshToken), 200, "")
	s.want("revoke again", s.form("/revoke", "client_id", "app", "token", second.RefreshToken), 200, "")
	s.want("refresh after revoke", s.refresh(second.RefreshToken), 400, "invalid_grant")
	for _, token := range []string{first.AccessToken, second.AccessToken, again.AccessToken} {
		s.want("userinfo after revoke", s.userinfo(token), 403, "")
	}
	for _, event := range []string{"login", "refresh", "race_replay", "session_revoked", "refresh_refused"} {
		if !strings.Contains(s.log.String(), `{"event":"`+event+`"`) {
			t.Errorf("no audit event %s in\n%s", event, s.log)
		}
	}
	for _, secret := range []string{first.AccessToken, first.RefreshToken, second.RefreshToken, demoPassword} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log contains a token or the password")
		}
	}
}

func TestRevokedAccessTokenIsRefusedWithinTheBound(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "1s")
	s := start(t, "--data", t.TempDir())
	a := s.login()
	s.want("userinfo", s.userinfo(a.AccessToken), 200, "")
	s.want("revoke", s.form("/revoke", "client_id", "app", "token", a.AccessToken), 200, "")
	for began := time.Now(); s.userinfo(a.AccessToken).Status != 403; {
		if time.Since(began) > 3*time.Second {
			t.Fatal("still accepted three bounds after the revocation")
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.want("the session lives on", s.refresh(a.RefreshToken), 200, "")
}

func TestAnotherClientsTokenStaysLive(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	a := s.login()
	for _, token := range []string{a.AccessToken, a.RefreshToken} {
		s.want("revoke as another client", s.form("/revoke", "client_id", "web", "token", token), 400, "invalid_grant")
	}
	s.want("revoke as a service without its secret", s.form("/revoke", "client_id", "partner", "token", a.RefreshToken), 401, "invalid_client")
	s.want("refresh as a site", s.form("/refresh", "client_id", "site", "refresh_token", a.RefreshToken), 400, "unauthorized_client")
	s.want("refresh as a browser client", s.form("/refresh", "client_id", "web", "refresh_token", a.RefreshToken), 403, "cross_site_request")
	s.want("userinfo", s.userinfo(a.AccessToken), 200, "")
	s.want("refresh", s.refresh(a.RefreshToken), 200, "")
}

func TestHundredParallelRefreshesHaveOneSuccessor(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	a := s.login()
	answers := make([]answer, 100)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = s.refresh(a.RefreshToken) })
	}
	wg.Wait()
	for i, got := range answers {
		if got.Status != 200 || got.RefreshToken != answers[0].RefreshToken {
			t.Errorf("refresh %d: %d, successor differs: %v; %s", i, got.Status, got.RefreshToken != answers[0].RefreshToken, got.Error)
		}
	}
	next := s.refresh(answers[0].RefreshToken)
	s.want("the session lives", next, 200, "")

	// The first token is now two generations old: whoever sends it has a copy.
	s.want("grandparent", s.refresh(a.RefreshToken), 400, "invalid_grant")
	s.want("the newest token is dead", s.refresh(next.RefreshToken), 400, "invalid_grant")
	for _, token := range []string{a.AccessToken, answers[7].AccessToken, next.AccessToken} {
		s.want("its access tokens are dead", s.userinfo(token), 403, "")
	}
	if !strings.Contains(s.log.String(), `{"event":"reuse_detected"`) {
		t.Error("no audit event reuse_detected")
	}
}

func TestEveryRefusalAtTheProtectedRouteLooksTheSame(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	a := s.login()
	want := s.userinfo("nonsense")
	if want.Status != 403 {
		t.Fatalf("a nonsense token: %d %s", want.Status, want.Body)
	}
	for name, token := range map[string]string{
		"refresh token":        a.RefreshToken,
		"truncated":            a.AccessToken[:len(a.AccessToken)-4],
		"padded":               a.AccessToken + "=",
		"JSON serialization":   `{"payload":"` + strings.Split(a.AccessToken, ".")[1] + `"}`,
		"two tokens":           a.AccessToken + ", Bearer " + a.AccessToken,
		"4 KB and one":         strings.Repeat("a", 4097),
		"other signature":      a.AccessToken[:len(a.AccessToken)-86] + strings.Repeat("A", 86),
		"signature left out":   a.AccessToken[:len(a.AccessToken)-86],
		"header of alg none":   "eyJhbGciOiJub25lIn0" + a.AccessToken[strings.Index(a.AccessToken, "."):],
		"trailing white space": a.AccessToken + " x",
	} {
		if got := s.userinfo(token); got.Status != want.Status || got.Body != want.Body {
			t.Errorf("%s: %d %s, want %d %s", name, got.Status, got.Body, want.Status, want.Body)
		}
	}
	s.want("an access token is no refresh token", s.refresh(a.AccessToken), 400, "invalid_grant")
	if got := s.do("GET", "/userinfo", "", ""); got.Status != 401 {
		t.Errorf("no token: %d, want 401", got.Status)
	}
}

func TestRefusedLogins(t *testing.T) {
	t.Setenv("ATTEMPT_LIMITS", "3/24h,300/24h") // windows are aligned to the clock: this one ends at midnight
	s := start(t, "--data", t.TempDir())
	login := func(clientID, username, password string) answer {
		return s.do("POST", "/login", "application/json",
			`{"client_id":"`+clientID+`","username":"`+username+`","password":"`+password+`"}`)
	}
	wrong, unknown := login("app", demoUsername, "wrong-password"), login("app", "nobody@wavepass.local", "wrong-password")
	s.want("wrong password", wrong, 401, "invalid_credentials")
	if wrong.Body != unknown.Body || wrong.Status != unknown.Status {
		t.Errorf("wrong password and unknown username differ: %s, %s", wrong.Body, unknown.Body)
	}
	s.want("unknown client", login("nope", demoUsername, demoPassword), 401, "invalid_client")
	s.want("a service client", login("partner", demoUsername, demoPassword), 400, "unauthorized_client")
	s.want("no password", login("app", demoUsername, ""), 400, "invalid_request")
	for range 4 {
		wrong = login("app", demoUsername, "wrong-password")
	}
	s.want("too many", wrong, 429, "too_many_attempts")
	if wrong.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	s.want("the right password is not even checked", login("app", demoUsername, demoPassword), 429, "too_many_attempts")
}

func TestSecondStartKeepsAccountsSessionsAndKeys(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data, "--issuer", "http://localhost:1")
	a := s.login()
	if err := s.stop(); err != nil {
		t.Fatalf("Ctrl-C: %v", err)
	}
	s = start(t, "--data", data, "--issuer", "http://localhost:1")
	s.want("old access token", s.userinfo(a.AccessToken), 200, "")
	s.want("old refresh token", s.refresh(a.RefreshToken), 200, "")
	s.login()
	if info, err := os.Stat(filepath.Join(data, "sealing.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("sealing.key: %v %v, want mode 0600", info, err)
	}
}

func TestStartRefusesWithOneClearLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	noAuthorizer := filepath.Join(t.TempDir(), "template.yaml")
	changed := bytes.Replace(original, []byte("Authorizer: TokenAuthorizer"), []byte("Authorizer: Missing"), 1)
	if bytes.Equal(original, changed) {
		t.Fatal("the template has no `Authorizer: TokenAuthorizer` to take away")
	}
	if err := os.WriteFile(noAuthorizer, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	start(t, "--data", used)

	for _, tc := range []struct {
		name string
		args []string
		says string
	}{
		{"busy port", []string{"--addr", busy.Addr().String()}, "another `wavepass local`, or choose another address, like --addr"},
		{"data folder is a file", []string{"--data", file}, "data folder"},
		{"data folder in use", []string{"--data", used}, "data folder"},
		{"no template", []string{"--template", file + ".yaml"}, "file.yaml"},
		{"no authorizer", []string{"--template", noAuthorizer}, "Missing"},
		{"bad issuer", []string{"--issuer", "http://example.com"}, "ISSUER"},
		{"other machines", []string{"--addr", "0.0.0.0:0"}, "demo account"},
		{"unknown flag", []string{"--port", "1"}, "unknown flag --port: the port is a part of --addr, like --addr 127.0.0.1:3001; `wavepass local --help`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"local", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--template", template}, tc.args...)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			err := run(ctx, args, output{io.Discard, io.Discard})
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line that contains %q", err, tc.says)
			}
		})
	}
}

func TestGreetingsCommandsWorkWhenPasted(t *testing.T) {
	needs(t, "sh", "curl", "sed")
	s := start(t, "--data", t.TempDir())
	if lines := strings.Count(s.greeting, "\n"); lines > 24 {
		t.Errorf("the greeting has %d lines, want one screen", lines)
	}
	var script string
	for line := range strings.Lines(s.greeting) {
		if strings.Contains(line, "curl") {
			script += line + "echo\n"
		}
	}
	out, err := exec.Command("sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answers := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	if len(answers) != 3 || !strings.Contains(answers[0], "access_token") || !strings.Contains(answers[1], `"sub"`) ||
		!strings.Contains(answers[2], "refresh_token") {
		t.Errorf("the three commands answered\n%s", out)
	}
}

// Its password is in the README.
func TestDemoAccountStaysOnThisMachine(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0"} {
		_, _, err := command(t, "local", "--data", t.TempDir(), "--addr", address)
		if err == nil || !strings.Contains(err.Error(), "reached from other machines") {
			t.Errorf("%s: %v, want that it does not listen", address, err)
		}
	}
}

func TestCommandsAreCalledAsTheServerWas(t *testing.T) {
	for path, want := range map[string]string{
		"/home/ada/go/bin/wavepass":                             "wavepass",
		"/tmp/go-build4242/b001/exe/wavepass":                   "go run ./cmd/wavepass",
		"/home/ada/.cache/go-build/ab/abcdef-d/wavepass":        "go run ./cmd/wavepass",
		"/tmp/go-build4242/b001/wavepass.test":                  "wavepass",
		"/home/ada/.cache/go-build/ab/abcdef-d/another-program": "wavepass",
	} {
		if got := calledAs(path, nil); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
