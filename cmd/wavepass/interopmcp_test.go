package main

import (
	"bufio"
	"cmp"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/session"
)

const mcpExample = "../../examples/mcp-server"

// mcpServer is examples/mcp-server beside a Wavepass, with a third party's client that people are asked about.
type mcpServer struct {
	*server
	data, resource string
}

const mcpRedirect = "http://127.0.0.1:9/callback" // nothing listens there: the test's browser stops before it

// mcpDocument is the client id of an application that nobody has registered.
const mcpDocument = "https://agent.example/oauth/client.json"

// mcpAccessLife is what the client's access tokens live: short, so that a test sees them expire.
const mcpAccessLife = 12 * time.Second

func startMCP(t *testing.T) *mcpServer {
	t.Helper()
	needs(t, "go")
	// As deployed. With 0s, what several refreshes of TypeScript at once need is switched off: a token that was replaced twice while it was on its way would be reuse.
	t.Setenv("ROTATION_MIN_AGE", session.DefaultMinAge.String())
	m := &mcpServer{data: t.TempDir()}
	document := filepath.Join(t.TempDir(), "client.json")
	check(t, os.WriteFile(document, []byte(`{"client_id":"`+mcpDocument+`","client_name":"Interop","redirect_uris":["`+mcpRedirect+`"],"token_endpoint_auth_method":"none"}`), 0o600))
	m.server = start(t, "--data", m.data, "--client-document", mcpDocument+"="+document)
	port := freeAddress(t)
	m.resource = "http://127.0.0.1:" + port + "/mcp"
	m.command("resource", "add", m.resource, "--scope", "waves:read", "--scope", "boards:book", "--open")
	m.command("account", "set-access", demoUsername, "--scope", "waves:read", "--scope", "boards:book", "--scope", "profile")
	startMCPProgram(t, "PORT="+port, "ISSUER="+m.url, "HTTP_RESOURCE="+m.resource)
	return m
}

// register adds a third party's client, whose tokens live as long.
func (m *mcpServer) register(id string, accessLife time.Duration) {
	m.t.Helper()
	m.command("client", "add", id, "--kind", "native", "--third-party", "--redirect", "http://127.0.0.1/callback", "--scope", "waves:read", "--scope", "boards:book",
		"--audience", m.resource, "--access-life", accessLife.String())
}

func (m *mcpServer) command(args ...string) {
	m.t.Helper()
	mustCommand(m.t, append(args, "--data", m.data)...)
}

// startMCPProgram runs the example's own server.
func startMCPProgram(t *testing.T, settings ...string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir, build.Env = filepath.Join(mcpExample, "server"), append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	run := exec.CommandContext(t.Context(), program)
	run.Env, run.Stderr = append(os.Environ(), settings...), t.Output()
	out, err := run.StdoutPipe()
	check(t, err)
	check(t, run.Start())
	t.Cleanup(func() { _, _ = run.Process.Kill(), run.Wait() })
	if lines := bufio.NewScanner(out); !lines.Scan() || !strings.HasPrefix(lines.Text(), "port ") {
		t.Fatalf("the MCP server does not start: %q", lines.Text())
	}
}

// mcpClient is a program that uses an SDK as it is, and the person before its browser.
type mcpClient struct {
	t      *testing.T
	name   string
	in     io.Writer
	out    *bufio.Scanner
	person *surfer
	asked  int    // how many times the person had to go to the browser
	shown  string // the last page that asked for consent
	drives bool   // the person's browser is Chromium

	username, password string // of the person; empty: the demo account
}

// mcpPrograms are the SDKs. Their programs take the same arguments, commands and answers: see testdata/interop/mcp.mjs.
func mcpPrograms(home string) map[string][]string {
	return map[string][]string{
		"TypeScript 2": {"node", "testdata/interop/mcp.mjs", "client"},
		"TypeScript 1": {"node", "testdata/interop/mcp.mjs", "sdk"},
		"Python":       {filepath.Join(home, "venv/bin/python"), "testdata/interop/mcp_client.py"},
		"Go":           {filepath.Join(home, "mcpgo")},
	}
}

func startMCPClient(t *testing.T, name, home, resource, clientID string) *mcpClient {
	t.Helper()
	args := append(mcpPrograms(home)[name], resource, clientID, mcpRedirect)
	run := exec.CommandContext(t.Context(), args[0], args[1:]...)
	run.Stderr = t.Output()
	in, err := run.StdinPipe()
	check(t, err)
	out, err := run.StdoutPipe()
	check(t, err)
	check(t, run.Start())
	t.Cleanup(func() { _, _ = run.Process.Kill(), run.Wait() })
	return &mcpClient{t: t, name: name, in: in, out: bufio.NewScanner(out), person: &surfer{t: t, cookies: map[string]map[string]string{}, stop: mcpRedirect}}
}

// do sends a command and returns what the program said at its end. Meanwhile the person signs in, and allows what is asked for.
func (c *mcpClient) do(command string) (said, failed string) {
	c.t.Helper()
	_, err := io.WriteString(c.in, command+"\n")
	check(c.t, err)
	for c.out.Scan() {
		var line struct{ Open, Said, Failed string }
		if err := json.Unmarshal(c.out.Bytes(), &line, json.MatchCaseInsensitiveNames(true)); err != nil {
			c.t.Fatalf("%s says %q", c.name, c.out.Text())
		}
		if line.Open == "" {
			return line.Said, line.Failed
		}
		c.asked++
		_, err := io.WriteString(c.in, c.allow(line.Open, mcpRedirect)+"\n")
		check(c.t, err)
	}
	c.t.Fatalf("%s ended at %q: %v", c.name, command, c.out.Err())
	return "", ""
}

// allow goes to the pages, and returns the address that they lead to, which begins with back.
func (c *mcpClient) allow(address, back string) string {
	c.t.Helper()
	if c.drives {
		var came struct{ Shown, Back string }
		said := drive(c.t, "signin.mjs", "allow", map[string]string{"start": address, "back": back})
		if err := json.Unmarshal([]byte(said), &came, json.MatchCaseInsensitiveNames(true)); err != nil {
			c.t.Fatalf("Chromium says %q", said)
		}
		c.shown = came.Shown
		return came.Back
	}
	page := c.person.visit(http.MethodGet, address, nil)
	if strings.Contains(page.html, `action="/signin"`) {
		page = c.person.send(page, "/signin", "username", cmp.Or(c.username, demoUsername), "password", cmp.Or(c.password, demoPassword))
	}
	if strings.Contains(page.html, `action="/consent"`) {
		c.shown = page.html
		page = c.person.send(page, "/consent", "decision", "allow")
	}
	if !strings.HasPrefix(page.at.String(), back) {
		c.t.Fatalf("%s: the pages end at %s: %d %s", c.name, page.at, page.status, page.html)
	}
	return page.at.String()
}

// want does a command that succeeds, and says how many times the person was asked for it.
func (c *mcpClient) want(command string, asked int, contains string) {
	c.t.Helper()
	before := c.asked
	said, failed := c.do(command)
	if failed != "" || !strings.Contains(said, contains) || c.asked-before != asked {
		c.t.Errorf("%s, %s: %q, failed %q, asked %d times; want %q and %d times", c.name, command, said, failed, c.asked-before, contains, asked)
	}
}

// expire waits until the access token that the client has just used is good no longer.
func (c *mcpClient) expire() {
	c.t.Helper()
	token, failed := c.do("token")
	if failed != "" {
		c.t.Fatalf("%s: %s", c.name, failed)
	}
	exp, _ := decoded(c.t, token, payload)["exp"].(float64)
	time.Sleep(time.Until(time.Unix(int64(exp), 0).Add(time.Second))) // clients count expires_in from when the answer came
}

// TestInteropMCPClients has the SDKs of MCP find out where people sign in, call tools, refresh, ask for one scope more, and notice that a person has taken
// back what they had allowed. docs/mcp.md has what each does in its own way. The first time the person's browser is Chromium, where there is one.
func TestInteropMCPClients(t *testing.T) {
	home := libraries(t)
	m := startMCP(t)
	for name, does := range map[string]struct {
		stepUp     bool // asks the person for the scope that a tool lacks
		afterOwner int  // how often it asks the person when its access was taken back
	}{
		"TypeScript 2": {stepUp: true, afterOwner: 1},
		"TypeScript 1": {stepUp: false, afterOwner: 1},
		"Python":       {stepUp: true, afterOwner: 1},
		"Go":           {stepUp: true, afterOwner: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "mcp-" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))
			m.register(id, mcpAccessLife)
			c := startMCPClient(t, name, home, m.resource, id)
			c.drives = os.Getenv("WAVEPASS_CHROMIUM") != ""
			c.want("call whoami", 1, `["waves:read"]`)
			c.drives = false // a page of a later answer is no other
			c.want("call forecast", 0, "Peniche")
			c.expire()
			c.want("many forecast 4", 0, "Peniche")
			if does.stepUp {
				c.want("call book_board", 1, "board")
			} else if said, failed := c.do("call book_board"); failed == "" {
				t.Errorf("%s has learnt to ask for one scope more (%s): say so in docs/mcp.md", name, said)
			}
			m.takeBack(t, id)
			c.expire()
			before := c.asked
			if _, failed := c.do("call whoami"); failed != "" || c.asked-before != does.afterOwner {
				t.Errorf("%s, access taken back: failed %q, asked %d times, want %d", name, failed, c.asked-before, does.afterOwner)
			}
		})
	}
}

// TestInteropMCPClientOfADocument has an SDK name itself by the address of its metadata document, which nobody has registered: it is asked about each time, by its
// whole address, and what it was allowed can be taken back. The person's browser is a real one.
func TestInteropMCPClientOfADocument(t *testing.T) {
	home := libraries(t)
	m := startMCP(t)
	needChromium(t)
	c := startMCPClient(t, "TypeScript 2", home, m.resource, mcpDocument)
	c.drives = true
	c.want("call whoami", 1, `"client":"`+mcpDocument+`","scopes":["waves:read"]`)
	for _, text := range []string{"agent.example", mcpDocument, "It calls itself “Interop”", "127.0.0.1", "program on this device", m.resource, "waves:read"} {
		if !strings.Contains(c.shown, text) {
			t.Errorf("the page that asks for consent does not show %q:\n%s", text, c.shown)
		}
	}
	c.want("many forecast 4", 0, "Peniche")
	c.want("call book_board", 1, "board")
	m.takeBack(t, mcpDocument)
}

// TestInteropMCPExample does what the README of examples/mcp-server says, with its one command, and then signs in there as ada.
func TestInteropMCPExample(t *testing.T) {
	home := libraries(t)
	needs(t, "bash", "curl", "sed", "go")
	port := freeAddress(t)
	t.Setenv("PORT", port)
	s := startExample(t, mcpExample)
	text, err := os.ReadFile(filepath.Join(mcpExample, "README.md"))
	check(t, err)
	page := strings.NewReplacer("127.0.0.1:4000", "127.0.0.1:"+port, "http://localhost:3000", s.url).Replace(string(text))
	_, try, _ := strings.Cut(page, "## Try it\n")
	printed := regexp.MustCompile("(?s)\n```\n(Www-.*?)```\n").FindStringSubmatch(try)
	if got := strings.ReplaceAll(s.sh(block(t, page, "sh")), "\r", ""); printed == nil || got != printed[1] {
		t.Errorf("the README's commands printed\n%swant\n%q", got, printed)
	}
	c := startMCPClient(t, "Go", home, "http://127.0.0.1:"+port+"/mcp", "mcp-client")
	c.username, c.password = "ada", "surf-the-first-wave"
	c.want("call forecast", 1, "Peniche")
	c.want("call book_board", 1, "board")
}

// takeBack is what the person does at the list of what they have allowed.
func (m *mcpServer) takeBack(t *testing.T, id string) {
	t.Helper()
	own := m.do("POST", "/login", "application/json", `{"client_id":"`+demoNative+`","username":"`+demoUsername+`","password":"`+demoPassword+`"}`)
	listed := m.do("GET", "/grants", "", "", "Authorization", "Bearer "+own.AccessToken)
	entry := regexp.MustCompile(`"id":"([^"]*)","client_id":"` + regexp.QuoteMeta(id) + `"`).FindStringSubmatch(listed.Body)
	if listed.Status != 200 || entry == nil {
		t.Fatalf("the list of applications: %d %s, want the client in it", listed.Status, listed.Body)
	}
	if gone := m.do("DELETE", "/grants/"+entry[1], "", "", "Authorization", "Bearer "+own.AccessToken); gone.Status != 200 {
		t.Errorf("taking it back: %d %s", gone.Status, gone.Body)
	}
	for _, list := range []string{"/grants", "/sessions"} {
		if left := m.do("GET", list, "", "", "Authorization", "Bearer "+own.AccessToken); left.Status != 200 || strings.Contains(left.Body, `"`+id+`"`) {
			t.Errorf("%s afterwards: %d %s, want nothing of the client", list, left.Status, left.Body)
		}
	}
}

// TestInteropMCPConformance has MCP's own conformance tool look at the metadata and go through one sign-in. It has no other scenario for an authorization server: docs/mcp.md.
func TestInteropMCPConformance(t *testing.T) {
	home := libraries(t)
	nodes, err := filepath.Glob(filepath.Join(home, "node_modules/node-linux-*/bin/node")) // the tool wants Node 22
	check(t, err)
	if len(nodes) != 1 {
		t.Fatalf("%v, want one Node of the tool's version", nodes)
	}
	m := &mcpServer{data: t.TempDir(), resource: "https://mcp.example.com/mcp"}
	m.server = start(t, "--data", m.data)
	m.register("conformance", 15*time.Minute)
	m.command("account", "set-access", demoUsername, "--scope", "waves:read")
	port := freeAddress(t)
	tool := exec.CommandContext(t.Context(), nodes[0], filepath.Join(home, "node_modules/@modelcontextprotocol/conformance/dist/index.js"),
		"authorization", "--url", m.url, "--client-id", "conformance", "--resource", m.resource, "-p", port)
	said := &syncBuffer{}
	tool.Stdout, tool.Stderr = said, said
	check(t, tool.Start())
	ended := make(chan error, 1)
	go func() { ended <- tool.Wait() }()
	address := regexp.MustCompile(regexp.QuoteMeta(m.url) + `/authorize\?\S+`)
	for end := time.Now().Add(time.Minute); !address.MatchString(said.String()); time.Sleep(50 * time.Millisecond) {
		if len(ended) > 0 || time.Now().After(end) {
			t.Fatalf("the tool names no address to sign in at:\n%s", said)
		}
	}
	back := "http://127.0.0.1:" + port + "/callback"
	c := &mcpClient{t: t, name: "the conformance tool", person: &surfer{t: t, cookies: map[string]map[string]string{}, stop: back}}
	answer, err := http.Get(c.allow(address.FindString(said.String()), back))
	check(t, err)
	check(t, answer.Body.Close())
	if err := <-ended; err != nil {
		t.Errorf("the tool is not content: %v\n%s", err, said)
	}
	t.Log(said)
}
