package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
)

// What schemathesis looks at in every answer: no 5xx, and what the document says of statuses, media types, headers and bodies.
const openapiChecks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"

// The requests are the same each time: the examples, and each part of each request once at, above and below its bounds, or missing.
func TestInteropServiceConformsToItsOpenAPIDocument(t *testing.T) {
	home := libraries(t)
	served, err := gateway.ReadTemplate(template, nil)
	check(t, err)
	s := start(t, "--data", t.TempDir())
	settings := filepath.Join(t.TempDir(), "schemathesis.toml")
	check(t, os.WriteFile(settings, fmt.Appendf(nil, "[auth.openapi.token]\nbearer = %q\n[auth.openapi.basic]\nusername = %q\npassword = %q\n",
		s.login().AccessToken, "partner", "partner-demo-secret"), 0o600))
	document, err := filepath.Abs("../../docs/openapi.yaml")
	check(t, err)
	if out, err := exec.Command(filepath.Join(home, "venv/bin/python"), "testdata/interop/openapi_examples.py", document).CombinedOutput(); err != nil {
		t.Errorf("examples: %v\n%s", err, out)
	}
	run := exec.Command(filepath.Join(home, "venv/bin/schemathesis"), "--config-file", settings, "run", document, "--url", s.url,
		"--phases", "examples,coverage", "--checks", openapiChecks, "--generation-deterministic", "--no-shrink", "--max-redirects", "0", "--max-time", "40",
		"--warnings", "off", "--no-color", "--continue-on-failure", "--request-timeout", "10")
	run.Dir = t.TempDir() // it keeps notes there
	run.Env = append(os.Environ(), "COLUMNS=160")
	out, err := run.CombinedOutput()
	said := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{fmt.Sprintf("Selected: %d/%[1]d", len(served.Routes)), fmt.Sprintf("Tested: %d", len(served.Routes))} {
		if !strings.Contains(said, want) {
			t.Errorf("schemathesis does not say %q:\n%s", want, said)
		}
	}
}
