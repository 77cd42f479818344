package boot_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// start runs a function as Lambda does, until it asks for its first event or ends. It returns whether it asked, and
// what it has said.
func start(t *testing.T, function string, environment ...string) (asked bool, said string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), function)
	if out, err := exec.Command("go", "build", "-o", binary, "../../"+function).CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var next atomic.Bool
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			next.Store(true)
			cancel()
			return
		}
		w.WriteHeader(http.StatusBadRequest) // DynamoDB's part, which has to say nothing for a start
	}))
	defer lambda.Close()
	run := exec.CommandContext(ctx, binary)
	run.Env = append(environment, "AWS_SAM_LOCAL=true", "AWS_REGION=eu-central-1", "TABLE_NAME=t",
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(lambda.URL, "http://"), "DYNAMODB_ENDPOINT="+lambda.URL,
		"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "SEALING_KEY=local:"+strings.Repeat("A", 43)+"=")
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		t.Fatal(err)
	}
	return next.Load(), string(out)
}

// template.yaml gives ISSUER only to functions that use one, and sam local has no address in its place.
func TestUnderSAMLocalOnlyFunctionsThatUseAnIssuerNeedOne(t *testing.T) {
	if asked, said := start(t, "rotatekeys"); !asked {
		t.Errorf("rotatekeys does not start without ISSUER: %s", said)
	}
	if asked, said := start(t, "userinfo"); asked || !strings.Contains(said, "ISSUER") {
		t.Errorf("userinfo asked for an event: %t, and said %q; want it ended with a line about ISSUER", asked, said)
	}
	if asked, said := start(t, "userinfo", "ISSUER=http://localhost:3000"); !asked {
		t.Errorf("userinfo does not start with ISSUER: %s", said)
	}
}

// The metric filters of template.yaml read members of JSON lines, which Lambda keeps as they are written.
func TestFunctionsLogLinesOfJSON(t *testing.T) {
	_, said := start(t, "userinfo", "ISSUER=ftp://nothing")
	var line struct{ Level, Msg, Error string }
	if err := json.Unmarshal([]byte(said), &line); err != nil || line.Level != "ERROR" || line.Msg == "" || !strings.Contains(line.Error, "ISSUER") {
		t.Errorf("said %q, %v; want one line of JSON with level and msg", said, err)
	}
}
