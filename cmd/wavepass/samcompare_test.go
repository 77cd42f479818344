package main

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exchange is a request that is sent both through sam local and through wavepass local. In it $NAME.access, $NAME.refresh,
// $NAME.cookie and $NAME.sid stand for what an earlier exchange was answered that has NAME in keep.
type exchange struct {
	name         string
	method, path string
	header       []string // names and values by turns
	body         string
	keep         string
}

const (
	asJSON   = "Content-Type: application/json"
	asForm   = "Content-Type: application/x-www-form-urlencoded"
	fromPage = "Origin: " + pageOrigin
	demo     = `"username":"` + demoUsername + `","password":"` + demoPassword + `"`
)

// exchanges are 40 of what people, browsers and attackers send.
func exchanges() []exchange {
	login := func(client string) string { return `{"client_id":"` + client + `",` + demo + `}` }
	return []exchange{
		{name: "front page", method: "GET", path: "/"},
		{name: "keys", method: "GET", path: "/.well-known/jwks.json"},
		{name: "metadata", method: "GET", path: "/.well-known/oauth-authorization-server"},
		{name: "metadata, HEAD", method: "HEAD", path: "/.well-known/openid-configuration"},
		{name: "login", method: "POST", path: "/login", header: []string{asJSON}, body: login("app"), keep: "A"},
		{name: "login, wrong password", method: "POST", path: "/login", header: []string{asJSON}, body: `{"client_id":"app","username":"` + demoUsername + `","password":"wrong"}`},
		{name: "login, no body", method: "POST", path: "/login", header: []string{asJSON}},
		{name: "login, malformed", method: "POST", path: "/login", header: []string{asJSON}, body: `{"client_id"`},
		{name: "login, as text", method: "POST", path: "/login", header: []string{"Content-Type: text/plain"}, body: login("app")},
		{name: "login, unknown client", method: "POST", path: "/login", header: []string{asJSON}, body: login("nobody")},
		{name: "login of a page", method: "POST", path: "/login", header: []string{asJSON, fromPage}, body: login("web"), keep: "B"},
		{name: "login of another page", method: "POST", path: "/login", header: []string{asJSON, "Origin: https://evil.example"}, body: login("web")},
		{name: "login of a page, preflight", method: "OPTIONS", path: "/login", header: []string{fromPage, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"}},
		{name: "userinfo", method: "GET", path: "/userinfo", header: []string{"Authorization: Bearer $A.access"}},
		{name: "userinfo, scheme in lower case", method: "GET", path: "/userinfo", header: []string{"Authorization: bearer $A.access"}},
		{name: "userinfo, no token", method: "GET", path: "/userinfo"},
		{name: "userinfo, empty token", method: "GET", path: "/userinfo", header: []string{"Authorization: "}},
		{name: "userinfo, no token at all", method: "GET", path: "/userinfo", header: []string{"Authorization: Bearer nonsense"}},
		{name: "userinfo, two tokens", method: "GET", path: "/userinfo", header: []string{"Authorization: Bearer $A.access", "Authorization: Bearer nonsense"}},
		{name: "userinfo of a page", method: "GET", path: "/userinfo", header: []string{fromPage, "Authorization: Bearer $B.access"}},
		{name: "userinfo, another method", method: "PUT", path: "/userinfo", header: []string{"Authorization: Bearer $A.access"}},
		{name: "userinfo, slash at the end", method: "GET", path: "/userinfo/", header: []string{"Authorization: Bearer $A.access"}},
		{name: "no such route", method: "GET", path: "/nowhere"},
		{name: "refresh", method: "POST", path: "/refresh", header: []string{asForm}, body: "grant_type=refresh_token&client_id=app&refresh_token=$A.refresh", keep: "C"},
		{name: "refresh, again", method: "POST", path: "/refresh", header: []string{asJSON}, body: `{"client_id":"app","refresh_token":"$A.refresh"}`},
		{name: "refresh, unknown token", method: "POST", path: "/refresh", header: []string{asForm}, body: "client_id=app&refresh_token=nonsense"},
		{name: "refresh, bytes that are no text", method: "POST", path: "/refresh", header: []string{"Content-Type: application/octet-stream"}, body: "\xff\xfe\x00"},
		{name: "refresh of a page", method: "POST", path: "/refresh", header: []string{asJSON, fromPage, "Cookie: $B.cookie"}, body: `{"client_id":"web"}`, keep: "D"},
		{name: "refresh of a page, two cookies of the name", method: "POST", path: "/refresh", header: []string{asJSON, fromPage, "Cookie: $D.cookie; $D.cookie"}, body: `{"client_id":"web"}`},
		{name: "session", method: "GET", path: "/session?client_id=web", header: []string{fromPage, "Cookie: $D.cookie"}},
		{name: "session, the query twice", method: "GET", path: "/session?client_id=web&client_id=app", header: []string{fromPage, "Cookie: $D.cookie"}},
		{name: "sessions", method: "GET", path: "/sessions?limit=2", header: []string{"Authorization: Bearer $C.access"}},
		{name: "sessions, limit is no number", method: "GET", path: "/sessions?limit=many", header: []string{"Authorization: Bearer $C.access"}},
		{name: "end an unknown session", method: "DELETE", path: "/sessions/nobodys", header: []string{"Authorization: Bearer $C.access"}},
		{name: "end a session, encoded slash", method: "DELETE", path: "/sessions/a%2Fb", header: []string{"Authorization: Bearer $C.access"}},
		{name: "end a session", method: "DELETE", path: "/sessions/$D.sid", header: []string{"Authorization: Bearer $C.access"}},
		{name: "password, wrong", method: "POST", path: "/password", header: []string{asJSON, "Authorization: Bearer $C.access"}, body: `{"current_password":"wrong-one","new_password":"another-cookie-wave"}`},
		{name: "logout of a page", method: "POST", path: "/logout", header: []string{asJSON, fromPage, "Cookie: $D.cookie"}, body: `{"client_id":"web"}`},
		{name: "revoke", method: "POST", path: "/revoke", header: []string{asForm}, body: "client_id=app&token=$C.refresh"},
		{name: "refresh, of a session that has ended", method: "POST", path: "/refresh", header: []string{asForm}, body: "client_id=app&refresh_token=$C.refresh"},
	}
}

// TestSAMAnswersAsWavepassLocalDoes compares the answers. Where they differ, the table of docs/sam-local.md says how and why. A
// difference that is not in it fails, and so does a line of it that is no longer true.
func TestSAMAnswersAsWavepassLocalDoes(t *testing.T) {
	url, _ := samLocal(t)
	own := start(t, "--data", t.TempDir())
	here, there := map[string]string{}, map[string]string{}
	for url, known := range map[string]map[string]string{own.url: here, url: there} { // sessions of other tests would be listed
		exchange{method: "POST", path: "/login", header: []string{asJSON}, body: `{"client_id":"app",` + demo + `}`, keep: "A"}.send(t, url, known)
		exchange{method: "DELETE", path: "/sessions", header: []string{"Authorization: Bearer $A.access"}}.send(t, url, known)
	}
	alike := 0                     // requests whose answers have one status
	found := map[string][]string{} // by what differs: the requests
	for _, e := range exchanges() {
		ours, theirs := e.send(t, own.url, here), e.send(t, url, there)
		sameStatus := ours["1 status"] == theirs["1 status"]
		if sameStatus {
			alike++
		}
		for _, what := range slices.Sorted(maps.Keys(union(ours, theirs))) {
			if !sameStatus && strings.HasPrefix(what, "2 ") {
				continue // the headers are those of another answer
			}
			if ours[what] != theirs[what] {
				d := what + "\x00" + cell(ours[what]) + "\x00" + cell(theirs[what])
				found[d] = append(found[d], e.name)
			}
		}
	}
	explained := explainedDifferences(t)
	for _, line := range rows(found, alike) {
		if !explained[line] {
			t.Errorf("docs/sam-local.md does not explain\n%s … |", line)
		}
		delete(explained, line)
	}
	for line := range explained {
		t.Errorf("docs/sam-local.md explains what is not so, or not at these requests:\n%s", line)
	}
}

// rows are the lines of the table, without their reasons: one for all that differs at the same requests.
func rows(found map[string][]string, alike int) (lines []string) {
	local, sam := map[string][]string{}, map[string][]string{}
	for _, d := range slices.Sorted(maps.Keys(found)) {
		requests := strings.Join(found[d], "; ")
		if len(found[d]) == alike {
			requests = "all"
		}
		cells := strings.Split(d, "\x00")
		local[requests], sam[requests] = append(local[requests], cells[1]), append(sam[requests], cells[2])
	}
	for _, requests := range slices.Sorted(maps.Keys(local)) {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |", requests, strings.Join(local[requests], "<br>"), strings.Join(sam[requests], "<br>")))
	}
	return lines
}

// maxCell is how much of a text the table shows.
const maxCell = 100

func cell(text string) string {
	if text == "" {
		return "–"
	}
	if characters := []rune(text); len(characters) > maxCell {
		text = string(characters[:maxCell]) + "…"
	}
	return "`" + strings.NewReplacer("|", "¦", "`", "'").Replace(text) + "`"
}

// explainedDifferences are the lines of the page's table that have a reason, without it.
func explainedDifferences(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/sam-local.md")
	check(t, err)
	_, table, found := strings.Cut(string(page), "| request | `wavepass local` | `sam local` | why |\n|---|---|---|---|\n")
	if !found {
		t.Fatal("docs/sam-local.md has no table of differences")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	lines := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || len(cells[3]) < len("a reason |\n") {
			t.Errorf("want four cells, the last one with the reason: %s", line)
			continue
		}
		lines[strings.Join(cells[:3], " | ")+" |"] = true
	}
	return lines
}

// response is the status, each header and the body of an answer, without what is new in each answer.
type response map[string]string

func union(a, b response) response {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// send sends the request and remembers what the answer gives.
func (e exchange) send(t *testing.T, url string, known map[string]string) response {
	t.Helper()
	var pairs []string
	for name, value := range known {
		pairs = append(pairs, "$"+name, value)
	}
	fill := strings.NewReplacer(pairs...).Replace
	r, err := http.NewRequest(e.method, url+fill(e.path), strings.NewReader(fill(e.body)))
	check(t, err)
	for _, line := range e.header {
		name, value, _ := strings.Cut(fill(line), ": ")
		r.Header.Add(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	if e.keep != "" {
		remember(t, e, string(body), answer.Header, known)
	}
	got := response{"1 status": fmt.Sprint(answer.StatusCode), "3 body": neutral(string(body), url)}
	for name, values := range answer.Header {
		if name != "Date" && name != "Content-Length" { // the length of tokens differs
			got["2 "+name] = neutral(name+": "+strings.Join(values, " and "), url)
		}
	}
	return got
}

func remember(t *testing.T, e exchange, body string, header http.Header, known map[string]string) {
	t.Helper()
	member := func(name string) string {
		return cmp.Or(append(regexp.MustCompile(`"`+name+`":"([^"]*)"`).FindStringSubmatch(body), "", "")[1:]...)
	}
	access := member("access_token")
	if access == "" {
		t.Fatalf("%s: no token in %s", e.name, body)
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	check(t, err)
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	known[e.keep+".access"], known[e.keep+".refresh"], known[e.keep+".cookie"] = access, member("refresh_token"), cookie
	known[e.keep+".sid"] = regexp.MustCompile(`"sid":"([^"]*)"`).FindStringSubmatch(string(claims))[1]
}

var fresh = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`eyJ[\w.-]+`), "<token>"},
	{regexp.MustCompile(`wprt_[\w-]+`), "<token>"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "<id>"},
	{regexp.MustCompile(`"(kid|x|y)":"[\w-]+"`), `"$1":"<key>"`},
	{regexp.MustCompile(`\b1[78]\d{8}\b`), "<time>"},
	{regexp.MustCompile(`(Apigw-Requestid|Etag): .*`), "$1: <new>"},
	{regexp.MustCompile(`Werkzeug/.*`), "Werkzeug"},     // and versions
	{regexp.MustCompile(`~[a-z2-7]{8}=`), "~<issuer>="}, // in the name of a cookie, see docs/adr/0028
	{regexp.MustCompile(`\s+`), " "},
}

// neutral is text without addresses, tokens, ids and times.
func neutral(text, url string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, url, "<address>"))
	for _, f := range fresh {
		text = f.pattern.ReplaceAllString(text, f.name)
	}
	return text
}
