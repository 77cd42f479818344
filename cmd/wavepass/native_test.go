package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// native is examples/native, a program of its own, with a home of its own and a network that a test can disturb.
type native struct {
	*server
	*network
	program, home string
	data          string
}

func startNative(t *testing.T) *native {
	t.Helper()
	needs(t, "go")
	n := &native{home: t.TempDir(), data: t.TempDir()}
	n.server = start(t, "--data", n.data)
	n.program = filepath.Join(t.TempDir(), "native")
	build := exec.Command("go", "build", "-o", n.program, ".")
	build.Dir, build.Env = "../../examples/native", append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	n.network = newNetwork(t, n.url)
	return n
}

// command is one process, with the file as its store: no keyring is at the address that it is given.
func (n *native) command(args ...string) *exec.Cmd {
	c := exec.Command(n.program, args...)
	c.Env = []string{"HOME=" + n.home, "XDG_CONFIG_HOME=" + n.home, "WAVEPASS_URL=" + n.address, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}
	return c
}

// run runs a process to its end.
func (n *native) run(input string, args ...string) (status int, out string) {
	n.t.Helper()
	c := n.command(args...)
	c.Stdin = strings.NewReader(input)
	text, err := c.CombinedOutput()
	if c.ProcessState == nil {
		n.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(text)
}

func (n *native) want(status int, words string, args ...string) {
	n.t.Helper()
	input := ""
	if args[0] == "login" {
		input = demoUsername + "\n" + demoPassword + "\n"
	}
	if got, out := n.run(input, args...); got != status || !strings.Contains(out, words) {
		n.t.Errorf("native %v: status %d, want %d, and printed\n%swant %q in it\n%s", args, got, status, out, words, n.log)
	}
}

// file is the one with the session.
func (n *native) file() string {
	n.t.Helper()
	found, err := filepath.Glob(filepath.Join(n.home, "wavepass-native", "*.json"))
	if err != nil || len(found) != 1 {
		n.t.Fatalf("files with a session: %v, error %v; want one", found, err)
	}
	return found[0]
}

func (n *native) token() string {
	n.t.Helper()
	text, err := os.ReadFile(n.file())
	check(n.t, err)
	var in answer
	check(n.t, json.Unmarshal(text, &in))
	return in.RefreshToken
}

// age makes the access token that is kept an old one.
func (n *native) age() {
	n.t.Helper()
	text, err := os.ReadFile(n.file())
	check(n.t, err)
	old := regexp.MustCompile(`"fresh_until":"[^"]*"`).ReplaceAll(text, []byte(`"fresh_until":"2020-01-01T00:00:00Z"`))
	if bytes.Equal(old, text) {
		n.t.Fatal("the file does not say until when the access token is fresh")
	}
	check(n.t, os.WriteFile(n.file(), old, 0o600))
}

func TestNativeTenProcessesRefreshOnce(t *testing.T) {
	t.Parallel()
	n := startNative(t)
	n.want(0, "kept in the file", "login")
	for range 3 {
		n.age()
		n.meddle(func(r *http.Request, _ http.ResponseWriter, _ *httptest.ResponseRecorder) bool {
			if r.URL.Path == "/refresh" {
				time.Sleep(300 * time.Millisecond) // so that all have started before it is answered
			}
			return false
		})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { n.want(0, "client_id  app", "whoami") })
		}
		all.Wait()
		if got := n.count("/refresh"); got != 1 {
			t.Errorf("ten processes refreshed %d times, want once", got)
		}
	}
	if strings.Contains(n.log.String(), "race_replay") || strings.Contains(n.log.String(), "reuse_detected") {
		t.Errorf("the service saw a token twice:\n%s", n.log)
	}
}

func TestNativeSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	n := startNative(t)
	n.want(0, "Logged in", "login")
	before := n.token()
	n.age()
	n.meddle(lose("/refresh", 2))
	n.want(0, "client_id  app", "whoami")
	if got := n.count("/refresh"); got != 3 || n.token() == before {
		t.Errorf("%d refreshes, the token is new: %t; want 3, true", got, n.token() != before)
	}
	if !strings.Contains(n.log.String(), "race_replay") {
		t.Errorf("the same token did not come again:\n%s", n.log)
	}

	n.meddle(lose("/login", 1))
	n.want(1, "native devices", "login")
	n.meddle(nil)
	n.want(0, "client_id  app", "whoami") // the session before is still there
	n.meddle(lose("/logout", 1))
	n.want(0, "Logged out", "logout")
	n.want(3, "nobody is logged in", "whoami")
}

func TestNativeWaitsAsLongAsTheServiceAsks(t *testing.T) {
	t.Parallel()
	n := startNative(t)
	n.want(0, "Logged in", "login")
	n.age()
	var times sync.Mutex
	var first, second time.Time
	n.meddle(func(r *http.Request, w http.ResponseWriter, _ *httptest.ResponseRecorder) bool {
		times.Lock()
		defer times.Unlock()
		if r.URL.Path != "/refresh" || !second.IsZero() {
			return false
		}
		if !first.IsZero() {
			second = time.Now()
			return false
		}
		first = time.Now()
		w.Header().Set("Retry-After", "2")
		http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
		return true
	})
	n.want(0, "client_id  app", "whoami")
	times.Lock()
	waited := second.Sub(first)
	times.Unlock()
	if waited < 2*time.Second {
		t.Errorf("it asked again after %v, want the 2 s of Retry-After", waited)
	}
	busy := func(_ *http.Request, w http.ResponseWriter, _ *httptest.ResponseRecorder) bool {
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "", http.StatusServiceUnavailable)
		return true
	}
	n.age()
	n.meddle(busy)
	n.want(1, "try again in 1h0m0s", "whoami")
	n.meddle(nil)
	n.want(0, "client_id  app", "whoami")
	n.meddle(busy)
	n.want(1, "you are still logged in", "logout")
	n.meddle(nil)
	n.want(0, "Logged out", "logout")
}

func TestNativeKilledWithTheLockLeavesTheSessionAndTheLockToOthers(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"kill -9": syscall.SIGKILL, "Ctrl-C": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			n := startNative(t)
			n.want(0, "Logged in", "login")
			n.age()
			held, release := n.hold("/refresh")
			defer release()
			holder := n.command("whoami")
			holder.Stderr = io.Discard
			check(t, holder.Start())
			<-held
			waiting := n.command("whoami")
			var out bytes.Buffer
			waiting.Stdout, waiting.Stderr = &out, &out
			check(t, waiting.Start())
			check(t, holder.Process.Signal(signal))
			_ = holder.Wait()
			if got := holder.ProcessState.ExitCode(); signal == syscall.SIGINT && got != 130 {
				t.Errorf("status %d, want 130", got)
			}
			if err := waiting.Wait(); err != nil || !strings.Contains(out.String(), "client_id  app") {
				t.Errorf("the process that waited for the lock: %v, %s", err, &out)
			}
			if got := n.count("/refresh"); got != 2 {
				t.Errorf("%d refreshes, want the one whose answer was lost, and its repetition", got)
			}
			n.age()
			n.want(0, "client_id  app", "whoami")
		})
	}
}

func TestNativeSaysWhyTheSessionEnded(t *testing.T) {
	t.Parallel()
	n := startNative(t)
	for words, end := range map[string]func(old string){
		"from another device": func(string) {
			n.do("DELETE", "/sessions?except=current", "", "", "Authorization", "Bearer "+n.login().AccessToken)
		},
		"account is disabled":  func(string) { mustCommand(t, "account", "disable", demoUsername, "--data", n.data) },
		"may have been copied": func(old string) { n.age(); n.want(0, "", "whoami"); n.age(); n.want(0, "", "whoami"); n.refresh(old) },
	} {
		n.want(0, "Logged in", "login")
		end(n.token())
		n.age()
		n.want(3, words, "whoami")
		n.want(3, "nobody is logged in", "devices")
		mustCommand(t, "account", "enable", demoUsername, "--data", n.data)
	}
}

// TestNativeTokenThatIsRefusedIsReplaced: an access token that was revoked looks fresh, and the first answer is 403.
func TestNativeTokenThatIsRefusedIsReplaced(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	n := startNative(t)
	n.want(0, "Logged in", "login")
	n.want(0, "", "whoami")
	text, err := os.ReadFile(n.file())
	check(t, err)
	var kept answer
	check(t, json.Unmarshal(text, &kept))
	n.server.want("revoke", n.form("/revoke", "client_id", "app", "token", kept.AccessToken), 200, "")
	n.want(0, `"client_id":"app"`, "call", "/userinfo")
}

// TestNativeLogoutEverywhereAndTheLoginBefore ends what they say, and nothing else.
func TestNativeLogoutEverywhereAndTheLoginBefore(t *testing.T) {
	t.Parallel()
	n := startNative(t)
	other := n.login()
	n.want(0, "Logged in", "login")
	before := n.token()
	n.want(0, "Logged in", "login", "--device", "the desk")
	n.server.want("the session of the login before", n.refresh(before), 400, "invalid_grant")
	n.want(0, "the desk", "devices")
	n.want(0, "Logged out", "logout", "--everywhere")
	n.server.want("another session", n.refresh(other.RefreshToken), 400, "invalid_grant")
	if left, err := filepath.Glob(filepath.Join(n.home, "wavepass-native", "*.json*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, error %v; want the lock alone", left, err)
	}
}

func TestNativeReadmeWorksWhenPasted(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "curl")
	n := startNative(t)
	text, err := os.ReadFile("../../examples/native/README.md")
	check(t, err)
	shell := n.command()
	shell = &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-ec", block(t, string(text), "sh")}, Env: append(shell.Env, "PATH="+filepath.Dir(n.program)+":"+os.Getenv("PATH"))}
	got, err := shell.CombinedOutput()
	want := regexp.QuoteMeta(strings.TrimRight(block(t, string(text), "text"), "\n"))
	want = strings.ReplaceAll(strings.ReplaceAll(want, "…", `.*`), ` \+`, " +")
	if err != nil || !regexp.MustCompile("^"+want+"\n$").MatchString(string(got)) {
		t.Errorf("%v, printed\n%swant\n%s", err, got, block(t, string(text), "text"))
	}
}
