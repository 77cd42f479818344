// Command make fills a data folder and a table with what an older version of Wavepass leaves behind, by that
// version's own program. testdata/README.md says how it is run.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	password = "surf-the-older-wave"
	changed  = "surf-the-changed-wave"
	issuer   = "http://localhost:3000"
	origin   = "http://localhost:5173"
)

// left is what the tests need to know of what was left.
type left struct {
	Made     time.Time `json:"made"`
	Issuer   string    `json:"issuer"`
	Origin   string    `json:"origin"`
	Accounts []person  `json:"accounts"`
	Sessions []session `json:"sessions"`
}

type person struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Disabled bool   `json:"disabled,omitempty"`
}

type session struct {
	Name    string `json:"name"`
	Client  string `json:"client"`
	Access  string `json:"access"`
	Refresh string `json:"refresh"` // the newest refresh token, for a browser client the value of its cookie
	Before  string `json:"before,omitempty"`
	Ended   bool   `json:"ended,omitempty"`  // its refresh token is refused
	Denied  bool   `json:"denied,omitempty"` // its access token is refused
}

type maker struct {
	program, folder, dynamo string
	base                    string
	out                     left
}

func main() {
	m := &maker{out: left{Issuer: issuer, Origin: origin}}
	into := flag.String("out", "", "folder for what is made")
	flag.StringVar(&m.program, "wavepass", "", "the older program")
	flag.StringVar(&m.dynamo, "dynamodb", "", "address of DynamoDB Local, for a table instead of a folder")
	template := flag.String("template", "", "the older template.yaml")
	flag.Parse()
	m.folder = *into
	if err := os.MkdirAll(*into, 0o700); err != nil {
		log.Fatal(err)
	}
	stop := m.serve(*template)
	m.accounts()
	m.sessions()
	stop()
	m.out.Made = time.Now().UTC().Truncate(time.Second)
	write(filepath.Join(*into, "left.json"), m.out)
	if m.dynamo != "" {
		m.dump(filepath.Join(*into, "table.json"))
	}
}

// serve starts the older `wavepass local`.
func (m *maker) serve(template string) (stop func()) {
	args := m.target("local", "--addr", "127.0.0.1:0", "--issuer", issuer, "--template", template)
	server := exec.Command(m.program, args...)
	server.Env = append(os.Environ(), "REFRESH_GRACE=1s")
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "listens on "); ok {
			m.base, _, _ = strings.Cut(rest, ". ")
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}
}

func (m *maker) target(args ...string) []string {
	args = append(args, "--data", m.folder)
	if m.dynamo != "" && args[0] == "local" {
		args = append(args, "--dynamodb", m.dynamo)
	}
	return args
}

// command runs one of the older commands, which the server carries out.
func (m *maker) command(input string, args ...string) {
	c := exec.Command(m.program, m.target(args...)...)
	c.Stdin = strings.NewReader(input + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		log.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func (m *maker) accounts() {
	for _, username := range []string{"ada", "bob", "carol", "dan", "eve", "νικος", "ΝΙΚΟΣ", "straße", "οδυσσευς@example.com"} {
		m.command(password, "account", "add", username, "--role", "editor", "--scope", "profile")
		if username != "eve" {
			m.out.Accounts = append(m.out.Accounts, person{username, password, username == "bob"})
		}
	}
}

// call sends one request; cookie is the value of the refresh cookie of the client web.
func (m *maker) call(method, path, contentType, body, cookie, access string) (status int, answer map[string]any, newCookie string) {
	request, err := http.NewRequest(method, m.base+path, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Origin", origin)
	if cookie != "" {
		request.Header.Set("Cookie", "__Host-wprt-web="+cookie)
	}
	if access != "" {
		request.Header.Set("Authorization", "Bearer "+access)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&answer)
	for _, c := range response.Cookies() {
		if c.Name == "__Host-wprt-web" && c.Value != "" {
			newCookie = c.Value
		}
	}
	return response.StatusCode, answer, newCookie
}

func must(status int, what string) {
	if status != http.StatusOK {
		log.Fatalf("%s: status %d", what, status)
	}
}

func (m *maker) login(name, client, username, password string) session {
	body, _ := json.Marshal(map[string]any{"client_id": client, "username": username, "password": password, "remember": client == "web", "device_name": name})
	if client == "app" {
		body, _ = json.Marshal(map[string]any{"client_id": client, "username": username, "password": password, "device_name": name})
	}
	status, answer, cookie := m.call("POST", "/login", "application/json", string(body), "", "")
	must(status, "login "+name)
	return tokens(session{Name: name, Client: client}, answer, cookie)
}

func tokens(s session, answer map[string]any, cookie string) session {
	s.Access = answer["access_token"].(string)
	if s.Refresh = cookie; s.Client == "app" {
		s.Refresh = answer["refresh_token"].(string)
	}
	return s
}

// refresh presents a token of the session and returns what came back.
func (m *maker) refresh(s session, token string) session {
	body, cookie := "grant_type=refresh_token&client_id="+s.Client, token
	if s.Client == "app" {
		body, cookie = body+"&refresh_token="+token, ""
	}
	status, answer, newCookie := m.call("POST", "/refresh", "application/x-www-form-urlencoded", body, cookie, "")
	must(status, "refresh "+s.Name)
	return tokens(s, answer, newCookie)
}

func (m *maker) rotated(s session) session {
	next := m.refresh(s, s.Refresh)
	next.Before = s.Refresh
	return next
}

func (m *maker) leave(s session) { m.out.Sessions = append(m.out.Sessions, s) }

func (m *maker) sessions() {
	for _, client := range []string{"app", "web"} {
		m.leave(m.login(client+" fresh", client, "ada", password))
		m.leave(m.rotated(m.rotated(m.login(client+" rotated", client, "ada", password))))
	}
	m.leave(m.login("final sigma", "app", "νικος", password))
	m.leave(m.login("no final sigma", "web", "ΝΙΚΟΣ", password))
	m.leave(m.login("in an address", "app", "οδυσσευς@example.com", password))
	m.leave(m.login("sharp s", "app", "straße", password))

	late := m.rotated(m.login("late retry", "app", "dan", password))
	time.Sleep(7 * time.Second) // the grace window and what clocks may differ
	late.Access = m.refresh(late, late.Before).Access
	m.leave(late)

	bob := m.login("of a disabled account", "app", "bob", password)
	m.command("", "account", "disable", "bob")
	bob.Ended, bob.Denied = true, true
	m.leave(bob)

	eve := m.login("of a deleted account", "web", "eve", password)
	m.command("", "account", "delete", "eve", "--yes")
	eve.Ended, eve.Denied = true, true
	m.leave(eve)

	revoked := m.rotated(m.login("revoked", "app", "dan", password))
	status, _, _ := m.call("POST", "/revoke", "application/x-www-form-urlencoded", "client_id=app&token="+revoked.Refresh, "", "")
	must(status, "revoke")
	revoked.Ended, revoked.Denied = true, true
	m.leave(revoked)

	denied := m.login("revoked access token", "app", "dan", password)
	status, _, _ = m.call("POST", "/revoke", "application/x-www-form-urlencoded", "client_id=app&token="+denied.Access, "", "")
	must(status, "revoke an access token")
	denied.Denied = true
	m.leave(denied)

	out := m.login("logged out", "web", "dan", password)
	status, _, _ = m.call("POST", "/logout", "application/json", `{"client_id":"web"}`, out.Refresh, "")
	must(status, "logout")
	out.Ended, out.Denied = true, true
	m.leave(out)

	// The caller's session was kept by a password change, and another was ended by it.
	other, kept := m.login("ended by a password change", "web", "carol", password), m.login("kept by a password change", "app", "carol", password)
	body, _ := json.Marshal(map[string]string{"current_password": password, "new_password": changed})
	status, _, _ = m.call("POST", "/password", "application/json", string(body), "", kept.Access)
	must(status, "change the password")
	other.Ended, other.Denied, kept.Denied = true, true, true
	m.leave(other)
	m.leave(kept)
	for i := range m.out.Accounts {
		if m.out.Accounts[i].Username == "carol" {
			m.out.Accounts[i].Password = changed
		}
	}

	before := m.login("signed by a retired key", "app", "ada", password)
	m.command("", "key", "rotate", "--now")
	m.leave(before)
	m.leave(m.login("signed by a new key", "web", "ada", password))
}

// dump writes every item of the table as DynamoDB has it in JSON.
func (m *maker) dump(file string) {
	request, err := http.NewRequest("POST", m.dynamo, strings.NewReader(`{"TableName":"wavepass","ConsistentRead":true}`))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "DynamoDB_20120810.Scan")
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Items            []json.RawMessage
		LastEvaluatedKey json.RawMessage
	}
	data, _ := io.ReadAll(response.Body)
	if err := json.Unmarshal(data, &answer); err != nil || len(answer.Items) == 0 || answer.LastEvaluatedKey != nil {
		log.Fatalf("scan: %v, %.500s", err, data)
	}
	write(file, answer.Items)
}

func write(file string, what any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(what); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrote", file)
}
