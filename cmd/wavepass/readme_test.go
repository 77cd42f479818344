package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestReadmesWalkWorksWhenPasted(t *testing.T) { walk(t) }

func TestReadmesWalkWorksOnDynamoDB(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	walk(t, "--dynamodb", endpoint)
}

// walk runs the commands of README.md's "The life of a session" and looks for what the page says they print.
func walk(t *testing.T, args ...string) {
	t.Helper()
	needs(t, "sh", "curl", "sed")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, ok := strings.Cut(string(readme), "## The life of a session")
	page, _, _ = strings.Cut(page, "\n## ")
	if !ok {
		t.Fatal("README.md has no section `The life of a session`")
	}
	t.Setenv("REVOCATION_STALENESS", "1s") // the page waits for the default, five times as long
	s := start(t, append(args, "--data", t.TempDir())...)
	script := "set -e\n"
	for i, block := range strings.Split(page, "```") {
		if command, isShell := strings.CutPrefix(block, "sh\n"); i%2 == 1 && isShell {
			script += command
		}
	}
	script = strings.ReplaceAll(script, "http://localhost:3000", s.url)
	script = strings.ReplaceAll(script, "sleep 5", "sleep 1")
	out, err := exec.Command("sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const refused = `{"error":"invalid_grant","error_description":"the refresh token is not valid"}` + "\n"
	rest := string(out)
	for _, want := range []string{
		`{"access_token":"ey`, `"refresh_token":"wprt_`, `{"sub":"`, "the same successor\n", refused + refused, "200\n200\n403\n",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the walk does not print %q in its place; it printed\n%s", want, out)
		}
		rest = after
	}
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
