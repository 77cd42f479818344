package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

func (s *server) as(host string) answer {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.url+"/.well-known/jwks.json", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = host
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{Status: got.StatusCode, Header: got.Header, Body: string(body)}
}

// The name of a page that rebinds it to 127.0.0.1 is in Host.
func TestForeignHostIsRefused(t *testing.T) {
	s := start(t, "--data", t.TempDir(), "--issuer", "https://auth.example.test", "--allow-host", "proxy.example.test")
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:3000": 200, "app.localhost:3000": 200, "127.0.0.1:3000": 200, "127.9.9.9": 200, "[::1]:3000": 200,
		"auth.example.test": 200, "Auth.Example.Test:443": 200, "proxy.example.test:8080": 200,
		"evil.example": 421, "evil.example:3000": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.": 421,
		"10.0.0.1": 421, "169.254.169.254": 421, "0.0.0.0:3000": 421, "x.auth.example.test": 421, "example.test": 421,
	} {
		if got := s.as(host); got.Status != status || status == 421 && (!strings.Contains(got.Body, "--allow-host") || strings.Contains(got.Body, "kid")) {
			t.Errorf("Host %s: %d %.80s, want %d", host, got.Status, got.Body, status)
		}
	}
}

func TestTemplateIsInTheProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	start(t).login() // in no folder of the repository, and with no flag
}

// TestLogJoinsWhatBelongsToOneRequest: every line is JSON, and the audit event, the refusal and the request have one id.
func TestLogJoinsWhatBelongsToOneRequest(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	wrong := s.do("POST", "/login", "application/json", `{"client_id":"app","username":"`+demoUsername+`","password":"not-the-password"}`)
	for path, want := range map[string]string{
		"/login?x=1": "no parameter", "/nothing": "no route", "/userinfo": "identity source", "/login?%zz": "malformed escape",
	} {
		method := map[bool]string{true: "POST", false: "GET"}[strings.HasPrefix(path, "/login")]
		id := s.do(method, path, "", "", "Content-Type", "application/json").Header.Get(gateway.RequestIDHeader)
		if found := s.linesOf(id); len(found) != 2 || found[0]["msg"] != "refused" || found[0]["reason"] == "" || found[1]["msg"] != "request" {
			t.Errorf("%s: %v, want why it was refused (%s) and the request", path, found, want)
		}
	}
	found := s.linesOf(wrong.Header.Get(gateway.RequestIDHeader))
	if len(found) != 3 || found[0]["event"] != "login_failed" || found[1]["reason"] == "" || found[2]["status"] != 401.0 {
		t.Errorf("a wrong password: %v, want the event, the refusal and the request", found)
	}
	foreign := s.as("evil.example").Header.Get(gateway.RequestIDHeader)
	if found := s.linesOf(foreign); foreign == "" || len(found) != 2 || found[0]["reason"] != "foreign Host" {
		t.Errorf("a foreign Host: id %q, %v, want the refusal and the request", foreign, found)
	}
	front := s.do("GET", "/", "", "").Header.Get(gateway.RequestIDHeader)
	if found := s.linesOf(front); front == "" || len(found) != 1 {
		t.Errorf("the front page: id %q, %v, want the request", front, found)
	}
	denied := s.userinfo("nonsense")
	if found := s.linesOf(denied.Header.Get(gateway.RequestIDHeader)); len(found) != 3 || !strings.Contains(found[0]["reason"].(string), "token") {
		t.Errorf("a refused access token: %v, want the authorizer's reason, the gateway's and the request", found)
	}
}

// linesOf waits for the request's own line, which comes after the answer, and returns those of the log with its id.
func (s *server) linesOf(id string) (found []map[string]any) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found = nil
		for line := range strings.Lines(s.log.String()) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil {
				s.t.Fatalf("a line that is not JSON: %s", line)
			}
			if at, err := time.Parse("2006-01-02T15:04:05.999Z", members["time"].(string)); err != nil || time.Since(at) > time.Hour {
				s.t.Fatalf("time of %s: %v", line, err)
			}
			if id != "" && members["request_id"] == id {
				found = append(found, members)
			}
		}
		if len(found) > 0 && found[len(found)-1]["msg"] == "request" {
			break
		}
	}
	return found
}

func TestTokensStayOutOfRequestLines(t *testing.T) {
	var log bytes.Buffer
	token := strings.Repeat("t", 65)
	handler := logged(http.NotFoundHandler(), newLog(&log))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/sessions/"+token+"?"+token, nil))
	if strings.Contains(log.String(), token) || !strings.Contains(log.String(), `"path":"/sessions/…"`) {
		t.Errorf("logged %s", &log)
	}
}

// A caller that begins a request and says no more is let go.
func TestSilentCallerIsLetGo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(http.NotFoundHandler(), newLog(io.Discard))
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= 30*time.Second || server.IdleTimeout <= 0 {
		t.Fatalf("times %+v: want all four, and more for writing than a request may take", server)
	}
	server.ReadHeaderTimeout, server.ReadTimeout, server.IdleTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, server, newLog(io.Discard)) }()
	for name, begun := range map[string]string{"half a header": "GET / HTTP/1.1\r\nHost: l", "idle": "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, begun)
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil {
			t.Errorf("%s: %v, want the end of the connection", name, err)
		}
		_ = conn.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
}

// Ctrl-C during a request that does not end is no error with an internal reason.
func TestCtrlCEndsAServerThatIsBusy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	var log syncBuffer
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(busy); <-release })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, newServer(handler, newLog(&log)), newLog(&log)) }()
	go func() { _, _ = http.Get("http://" + listener.Addr().String()) }()
	<-busy
	stop()
	if err := <-ended; err != nil || !strings.Contains(log.String(), "cut off") {
		t.Errorf("%v, log %s; want no error, and that requests were cut off", err, &log)
	}
}
