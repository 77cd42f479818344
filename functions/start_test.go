//go:build unix

package functions_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestFunctionsLinkTheClientsThatTheyUse, because the SDK prepares what it knows of a service before main, in each cold start.
func TestFunctionsLinkTheClientsThatTheyUse(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	check(t, err)
	if len(mains) < 10 {
		t.Fatalf("%d functions were found", len(mains))
	}
	for _, main := range mains {
		source, err := os.ReadFile(main)
		check(t, err)
		name := filepath.Dir(main)
		linked, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+name).Output()
		check(t, err)
		for service, opener := range map[string]string{"kms": "sealer.Open(", "dynamodb": "table.Open(", "sesv2": "ses.New("} {
			uses := bytes.Contains(source, []byte(opener))
			if links := bytes.Contains(linked, []byte("github.com/aws/aws-sdk-go-v2/service/"+service+"\n")); links != uses {
				t.Errorf("%s: its main calls %s): %v; it links the client of %s: %v", name, opener, uses, service, links)
			}
		}
	}
}

// What a package may allocate before main, in bytes: ours, of which a compiled regular expression is 5,000 to 90,000; and
// any other, of which the schemas of the SDK's later clients are 340,000 to 550,000 (ADR 0090).
const (
	mostOfOurs   = 4096
	mostOfOthers = 150_000
)

var initLine = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes, \d+ allocs$`)

// TestLittleIsPreparedAtStart counts bytes, because times differ from one machine to another.
func TestLittleIsPreparedAtStart(t *testing.T) {
	for _, name := range []string{"authorizer", "login", "subjects", "signin"} {
		program := filepath.Join(t.TempDir(), name)
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags=lambda.norpc", "-o", program, "./"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		run := exec.CommandContext(t.Context(), program)
		run.Env = []string{"GODEBUG=inittrace=1"}
		out, err := run.CombinedOutput() // without any setting it ends as soon as main begins
		if err == nil {
			t.Fatalf("%s runs without settings", name)
		}
		found := initLine.FindAllStringSubmatch(string(out), -1)
		if len(found) < 20 {
			t.Fatalf("%s: the runtime tells of %d packages:\n%s", name, len(found), out)
		}
		for _, line := range found {
			allocated, err := strconv.Atoi(line[2])
			check(t, err)
			most := mostOfOthers
			if strings.HasPrefix(line[1], "github.com/wavepass/") {
				most = mostOfOurs
			}
			if allocated > most {
				t.Errorf("%s: %s allocates %d bytes before main, want at most %d: make it when it is first used", name, line[1], allocated, most)
			}
		}
	}
}

// TestProgramOfTheFaultTestsCompiles where DynamoDB Local is missing, too: ./... passes over testdata.
func TestProgramOfTheFaultTestsCompiles(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "go", "vet", "./testdata/panics").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
