package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/client"
)

// peers are the client libraries that docs/services.md names, and how to run the programs that use each of them as it is. One without a
// program is written in Go, and is among this module's own dependencies.
var peers = map[string]func(s *secure, home string) *exec.Cmd{
	"oauth4webapi":        node("oauth4webapi.mjs"),
	"openid-client":       node("openid-client.mjs"),
	"oidc-client-ts":      node("oidc-client-ts.mjs"),
	"Authlib":             python("authlib_peer.py"),
	"requests-oauthlib":   python("requests_oauthlib_peer.py"),
	"Nimbus OAuth SDK":    java("PeerNimbus"),
	"zitadel/oidc":        func(_ *secure, home string) *exec.Cmd { return exec.Command(filepath.Join(home, "zitadel")) },
	"golang.org/x/oauth2": nil,
}

func node(script string) func(*secure, string) *exec.Cmd {
	return func(s *secure, home string) *exec.Cmd { return nodeProgram(s.t, home, script) }
}

// nodeProgram is a program in JavaScript, beside the libraries.
func nodeProgram(t *testing.T, home, script string) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	check(t, os.Symlink(filepath.Join(home, "node_modules"), filepath.Join(folder, "node_modules")))
	for _, file := range []string{script, "peer.mjs"} {
		text, err := os.ReadFile("testdata/interop/" + file)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(folder, file), text, 0o600))
	}
	return exec.Command("node", filepath.Join(folder, script))
}

// startNodeProgram starts a server of testdata/interop, which reads its settings from standard input and says in its first line where it listens.
func startNodeProgram(t *testing.T, home, script string, settings any) string {
	t.Helper()
	input, err := json.Marshal(settings)
	check(t, err)
	run, log := nodeProgram(t, home, script), &syncBuffer{}
	run.Stdin, run.Stderr = bytes.NewReader(input), log
	out, err := run.StdoutPipe()
	check(t, err)
	check(t, run.Start())
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %v\n%s", script, err, log)
	}
	return strings.TrimSpace(line)
}

func python(script string) func(*secure, string) *exec.Cmd {
	return func(_ *secure, home string) *exec.Cmd {
		return exec.Command(filepath.Join(home, "venv/bin/python"), "-B", "testdata/interop/"+script)
	}
}

func java(class string) func(*secure, string) *exec.Cmd {
	return func(s *secure, home string) *exec.Cmd { return s.java(home, class) }
}

// done is something that a peer did: a column of the table, how, and what came of it.
type done struct{ feature, how, outcome string }

func TestInteropPeers(t *testing.T) {
	home := libraries(t)
	for name, command := range peers {
		if command == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Setenv("REVOCATION_STALENESS", "0s") // a revocation is seen at once
			s := startSecure(t, algorithms[0])
			given := s.forPeers()
			run := command(s, home)
			run.Stdin = bytes.NewReader(given.json)
			var did []done
			for line := range strings.Lines(s.run(run)) {
				parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
				if len(parts) != 3 {
					t.Fatalf("%s says %q, want three things with tabs between them", name, line)
				}
				did = append(did, done{parts[0], parts[1], parts[2]})
			}
			s.holds(name, did, given)
		})
	}
}

// peerInput is what a program reads, and some of what is in it.
type peerInput struct {
	json     []byte
	subject  string    // who logged in
	attempts []attempt // the tokens to check
}

// forPeers makes it. Service "partner" has a secret, "keyed" has a key.
func (s *secure) forPeers() peerInput {
	s.t.Helper()
	private, jwk := s.stranger()
	jwk["kid"], jwk["alg"], jwk["use"] = "k1", "ES256", "sig"
	public, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	check(s.t, err)
	keyed := client.New("keyed", client.Service)
	keyed.Scopes, keyed.JWKS = []string{"profile"}, string(public)
	check(s.t, keyed.Check())
	check(s.t, s.clients.PutClient(s.t.Context(), keyed))

	number, err := private.(*ecdsa.PrivateKey).Bytes()
	check(s.t, err)
	delete(jwk, "use") // which Node takes for what the private half may do
	jwk["d"] = base64.RawURLEncoding.EncodeToString(number)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	check(s.t, err)

	login, attempts := s.login(), s.attempts()
	tokens := make([]map[string]string, len(attempts))
	for i, a := range attempts {
		tokens[i] = map[string]string{"name": a.name, "text": a.text}
	}
	subject := decoded(s.t, login.AccessToken, 1)["sub"].(string)
	input, err := json.Marshal(map[string]any{
		"issuer": s.url, "audience": pageAudience, "subject": subject,
		"refresh_token": login.RefreshToken, "access_token": login.AccessToken, "tokens": tokens,
		"secret": demoSecret, "jwk": jwk, "pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"endpoints": map[string]string{
			"token_endpoint": s.url + "/token", "userinfo_endpoint": s.url + "/userinfo",
			"revocation_endpoint": s.url + "/revoke", "introspection_endpoint": s.url + "/introspect",
		},
	})
	check(s.t, err)
	return peerInput{input, subject, attempts}
}

// holds compares what a peer did with what it should have come to, and with the peer's row of the page.
func (s *secure) holds(name string, did []done, given peerInput) {
	s.t.Helper()
	row := map[string][]string{}
	var refusals []error
	for _, d := range did {
		want := ""
		switch d.feature {
		case "discovery":
			want = s.url + "/token"
		case "refresh":
			want = "rotated"
		case "/userinfo":
			want = given.subject
		case "client credentials":
			want = map[bool]string{true: "keyed", false: "partner"}[d.how == "key"]
		case "introspection":
			want = "true"
		case "revocation":
			want = map[bool]string{true: "invalid_grant", false: "false"}[d.how == "public"]
		case "an assertion for an hour": // what the page says that the library must not be left to do
			if d.outcome != "invalid_client" {
				s.t.Errorf("%s: %s: %s, want invalid_client", name, d.feature, d.outcome)
			}
			continue
		case "RFC 9068 check":
			var refusal error
			if d.outcome != "accepted" {
				refusal = errors.New(d.outcome)
			}
			refusals = append(refusals, refusal)
			row[d.feature] = []string{"yes"}
			continue
		default:
			s.t.Errorf("%s: %q is no column of docs/services.md", name, d.feature)
		}
		if d.outcome != want {
			s.t.Errorf("%s: %s, %s: %q, want %q", name, d.feature, d.how, d.outcome, want)
		}
		row[d.feature] = append(row[d.feature], d.how)
	}
	if refusals != nil {
		s.judge(name, given.attempts, refusals)
	}
	if diff := cmp.Diff(peerTable(s.t)[name], row); diff != "" {
		s.t.Errorf("%s: (-docs/services.md +what it did):\n%s", name, diff)
	}
}

// peerTable is the table of docs/services.md: for each library, how it does what the columns say. What it has to be told is left out.
func peerTable(t *testing.T) map[string]map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/services.md")
	check(t, err)
	_, section, _ := strings.Cut(string(text), "\n## Client libraries\n")
	var columns []string
	table := map[string]map[string][]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "|\n"), " | ")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " |")
		}
		switch {
		case strings.HasPrefix(line, "## "):
			return table
		case !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---"):
		case columns == nil:
			columns = cells
		default:
			row := map[string][]string{}
			for i, cell := range cells[1 : len(columns)-1] {
				if cell != "–" {
					row[columns[i+1]] = strings.Split(cell, ", ")
				}
			}
			table[cells[0]] = row
		}
	}
	return table
}

func TestPageNamesTheLibrariesThatAreTested(t *testing.T) {
	page, tested := slices.Sorted(maps.Keys(peerTable(t))), slices.Sorted(maps.Keys(peers))
	if diff := cmp.Diff(page, tested); diff != "" {
		t.Errorf("(-docs/services.md +tests):\n%s", diff)
	}
}
