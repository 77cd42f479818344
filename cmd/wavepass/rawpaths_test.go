package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// raw sends a request whose target is written as it is given: no client has cleaned or escaped it.
func (s *server) raw(method, target, body string, header ...string) answer {
	s.t.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", host)
	check(s.t, err)
	defer func() { _ = conn.Close() }()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n", method, target, host, len(body))
	for i := 0; i < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	_, err = io.WriteString(conn, head+"\r\n"+body)
	check(s.t, err)
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(s.t, err)
	text, err := io.ReadAll(got.Body)
	check(s.t, err)
	a := answer{Status: got.StatusCode, Body: string(text), Header: got.Header}
	_ = json.Unmarshal(text, &a) // the gateway's own refusals are no error of the table
	return a
}

// backEnd registers a service with a directory of its own, and returns its access token.
func (s *server) backEnd(data, id string) string {
	s.t.Helper()
	var added struct {
		Secret string `json:"secret"`
	}
	check(s.t, json.Unmarshal([]byte(mustCommand(s.t, "client", "add", id, "--kind", "service", "--directory", id, "--scope", "sessions:manage",
		"--may-begin", "app", "--may-grant", "role:editor", "--amr", "pwd", "--data", data, "--json")), &added))
	got := s.form("/token", "grant_type", "client_credentials", "client_id", id, "client_secret", added.Secret)
	s.want("token of "+id, got, 200, "")
	return got.AccessToken
}

const beginBody = `{"client_id":"app","amr":["pwd"]}`

// rawSubjects are the ways to write a subject into an address: what the service makes of it, or how it is refused.
var rawSubjects = map[string]struct {
	id     string
	status int
}{
	"u": {"u", 200}, "%75": {"u", 200}, "U": {"U", 200}, "+": {"+", 200}, "%2B": {"+", 200}, "%20": {" ", 200}, "*": {"*", 200}, "$default": {"$default", 200},
	"%252F": {"%2F", 200}, "a%252Fb": {"a%2Fb", 200}, "%252e%252e": {"%2e%2e", 200}, "...": {"...", 200}, "u;x=1": {"u;x=1", 200}, "u%3Fx=1": {"u?x=1", 200}, "u%23x": {"u#x", 200},
	"bank%23u": {"bank#u", 200}, "..%5Cbank": {`..\bank`, 200}, "{subject}": {"{subject}", 200}, "sessions": {"sessions", 200},
	"é": {"é", 200}, "%c3%a9": {"é", 200}, "%C3%A9": {"é", 200}, "e%CC%81": {"e\u0301", 200}, "%E2%80%AE": {"\u202e", 200},
	strings.Repeat("a", 128): {strings.Repeat("a", 128), 200}, strings.Repeat("%F0%9F%8C%8A", 128): {strings.Repeat("🌊", 128), 200},

	strings.Repeat("a", 129): {"", 400}, strings.Repeat("%F0%9F%8C%8A", 129): {"", 400},
	".": {"", 400}, "..": {"", 400}, "%2e": {"", 400}, "%2E%2e": {"", 400}, ".%2e": {"", 400},
	"%c3%28": {"", 400}, "\xc3(": {"", 400}, "%ff": {"", 400}, "%c0%ae": {"", 400}, "%ed%a0%80": {"", 400}, "%ef%bf%bd": {"", 400},
	"%00": {"", 400}, "u%00": {"", 400}, "%0a": {"", 400}, "%0d%0a": {"", 400}, "%7f": {"", 400}, "%c2%85": {"", 400},
	"%": {"", 400}, "%zz": {"", 400}, "u%2": {"", 400},

	"": {"", 404}, "/u": {"", 404}, "u/": {"", 404}, "a/b": {"", 404}, "a%2Fb": {"", 404}, "a%2fb": {"", 404}, "%2F": {"", 404}, "..%2F..": {"", 404}, "../bank/subjects/u": {"", 404}, "u%2F": {"", 404},
}

// TestRawPathsAreOfOneSubjectOrOfNone sends addresses as no careful client would. Each is about the subject of the service's own directory
// that it names in full, or about nobody.
func TestRawPathsAreOfOneSubjectOrOfNone(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	shop, bank := []string{"Authorization", "Bearer " + s.backEnd(data, "shop"), "Content-Type", mediaJSON}, []string{"Authorization", "Bearer " + s.backEnd(data, "bank"), "Content-Type", mediaJSON}

	theirs := map[string]answer{}
	accounts := map[string]string{} // the subject's id → its account
	for target, want := range rawSubjects {
		got := s.raw("POST", "/subjects/"+target+"/sessions", beginBody, bank...)
		if got.Status != want.status {
			t.Errorf("%q: %d %s, want %d", target, got.Status, got.Body, want.status)
			continue
		}
		if want.status != 200 {
			continue
		}
		account := decoded(t, got.AccessToken, 1)["sub"].(string)
		if first, known := accounts[want.id]; known && first != account {
			t.Errorf("%q is another account than the other ways to write %q", target, want.id)
		}
		accounts[want.id], theirs[target] = account, got
	}
	owners := map[string]string{}
	for id, account := range accounts {
		if other, taken := owners[account]; taken {
			t.Errorf("%q and %q are one account", id, other)
		}
		owners[account] = id
	}

	for target, want := range rawSubjects {
		s.wantOwnSubjectOnly(target, want.status, theirs[target], owners, shop)
	}
	for target, one := range theirs {
		s.want("the bank's session of "+target, s.refresh(one.RefreshToken), 200, "")
		s.want("its access token, which the authorizer lets through", s.userinfo(one.AccessToken), 403, "insufficient_scope")
	}
	for _, never := range []string{"panicked", "function failed", "internal error", "unavailable", "not understood", "bank#u", "🌊", "é"} {
		if strings.Contains(s.log.String(), never) {
			t.Errorf("the log contains %q", never)
		}
	}
}

// wantOwnSubjectOnly lets one service do all that it can do by an address, where the other has a session of the same subject.
func (s *server) wantOwnSubjectOnly(target string, status int, theirs answer, owners map[string]string, as []string) {
	s.t.Helper()
	at := "/subjects/" + target
	do := func(method, path, body string) answer {
		s.t.Helper()
		got := s.raw(method, path, body, as...)
		if got.Status != status {
			s.t.Errorf("%s %q: %d %s, want %d", method, path, got.Status, got.Body, status)
		}
		return got
	}
	mine := do("POST", at+"/sessions", beginBody)
	if status == 200 && owners[decoded(s.t, mine.AccessToken, 1)["sub"].(string)] != "" {
		s.t.Errorf("%q is an account of the other directory", target)
	}
	list := do("GET", at+"/sessions", "")
	if status == 200 && strings.Count(list.Body, `"id":`) < 1 {
		s.t.Errorf("%q: the list lacks the own session: %s", target, list.Body)
	}
	if status == 200 {
		sid := decoded(s.t, theirs.AccessToken, 1)["sid"].(string)
		if strings.Contains(list.Body, sid) {
			s.t.Errorf("%q: the list has a session of the other directory: %s", target, list.Body)
		}
		for _, path := range []string{sid, sid + "%2F", "..%2F..%2F" + sid, "%2e%2e", "", "/" + sid} {
			if got := s.raw("DELETE", at+"/sessions/"+path, "", as...); got.Status != 404 {
				s.t.Errorf("DELETE %q: %d %s, want 404", at+"/sessions/"+path, got.Status, got.Body)
			}
		}
	}
	if status != 404 { // a slash makes another address
		do("PATCH", at, `{"roles":["editor"],"disabled":true}`)
	}
	do("DELETE", at+"/sessions", "")
	if status == 200 {
		s.want("the own session of "+target, s.refresh(mine.RefreshToken), 400, "invalid_grant")
		s.raw("PATCH", at, `{"disabled":false}`, as...)
	}
}
