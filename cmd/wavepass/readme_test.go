package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A section of a page whose commands are run, and what the page says they print, in this order.
type section struct {
	page   string
	title  string
	prints []string
}

// refused is the beginning of a refusal, which may go on with its reason.
const refused = `{"error":"invalid_grant","error_description":"the refresh token is not valid"`

var sections = []section{
	{"README.md", "The life of a session", []string{
		`{"access_token":"ey`, `"refresh_token":"wprt_`, `{"sub":"`, "the same successor\n", refused + "}\n" + refused + `,"reason":"reuse"}` + "\n", "200\n200\n403\n",
	}},
	{"docs/http.md", "Sessions and devices", []string{
		`{"sessions":[{"id":"`, `"device":"tablet"`, `"device":"laptop"`, `"next":"`, "200\n" + refused, "200\n" + refused, `"current":true` + "\n",
		`{"error":"invalid_credentials","error_description":"the username or the password is wrong"}` + "\n" + refused + `,"reason":"password_changed"}` + "\n",
		"200\n" + refused,
	}},
}

func TestReadmesWalksWorkWhenPasted(t *testing.T) { walk(t) }

func TestReadmesWalksWorkOnDynamoDB(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	walk(t, "--dynamodb", endpoint)
}

// walk runs the commands of the sections on a server of its own.
func walk(t *testing.T, args ...string) {
	t.Helper()
	needs(t, "sh", "curl", "sed", "grep")
	t.Setenv("REVOCATION_STALENESS", "1s") // the page waits for the default, five times as long
	t.Setenv("ROTATION_MIN_AGE", "0s")     // as the page says
	s := start(t, append(args, "--data", t.TempDir())...)
	walkAt(t, s.url, time.Second)
}

// walkAt runs the commands of the sections, one after the other on the same data, as a reader does. A denied access token
// is refused after bound.
func walkAt(t *testing.T, url string, bound time.Duration) {
	t.Helper()
	for _, section := range sections {
		script := section.script(t, url)
		script = strings.ReplaceAll(script, "sleep 5", fmt.Sprintf("sleep %.0f", bound.Seconds()))
		out, err := exec.Command("sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", section.title, err, out)
		}
		rest := string(out)
		for _, want := range section.prints {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("%s does not print %q in its place; it printed\n%s", section.title, want, out)
			}
			rest = after
		}
	}
}

// script is the commands of a section, for a service at another address.
func (s section) script(t *testing.T, url string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", s.page))
	if err != nil {
		t.Fatal(err)
	}
	_, page, ok := strings.Cut(string(text), "## "+s.title+"\n")
	page, _, _ = strings.Cut(page, "\n## ")
	if !ok {
		t.Fatalf("%s has no section %q", s.page, s.title)
	}
	script := "set -e\n"
	for i, block := range strings.Split(page, "```") {
		if command, isShell := strings.CutPrefix(block, "sh\n"); i%2 == 1 && isShell {
			script += command
		}
	}
	return strings.ReplaceAll(script, "http://localhost:3000", url)
}

// needs skips a test that drives the service with tools beyond Go.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// An interactive zsh takes the # of a comment for a command.
func TestPagesHaveNoCommentsInWhatIsPastedIntoAShell(t *testing.T) {
	pages := []string{"../../README.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../examples/*/README.md"} {
		found, err := filepath.Glob(pattern)
		check(t, err)
		pages = append(pages, found...)
	}
	shell, comment := regexp.MustCompile("(?s)\n```(?:sh|bash)\n(.*?)\n```\n"), regexp.MustCompile(`(?m)^(?:.*\s)?#\s.*$`)
	blocks := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		check(t, err)
		for _, block := range shell.FindAllStringSubmatch(string(text), -1) {
			blocks++
			if found := comment.FindString(block[1]); found != "" {
				t.Errorf("%s: %s: write the comment beside the block", page, found)
			}
		}
	}
	if blocks < 10 {
		t.Errorf("found %d blocks of shell commands, want more", blocks)
	}
}
