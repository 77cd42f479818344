//go:build unix

package functions_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// mostOfOurs is how many bytes a package of ours may allocate before main: a compiled regular expression takes 5,000 to 90,000.
const mostOfOurs = 4096

// noticed is from how many bytes on a package must be one of those that are known to prepare so much.
const noticed = 6000

// prepared are the packages that allocate noticed bytes or more before main, and in which functions. The schemas of the SDK's later clients would be 340,000 to
// 550,000 (ADR 0090), html/template 7,800. A package that comes in here costs each cold start of the function: is it used there?
var prepared = map[string][]string{
	"unicode":                              all,
	"vendor/golang.org/x/net/http2/hpack":  all,
	"github.com/aws/smithy-go/eventstream": all,
	"github.com/aws/aws-sdk-go-v2/internal/endpoints/awsrulesfn":       all,
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/internal/endpoints": all,
	"github.com/aws/aws-sdk-go-v2/service/kms/internal/endpoints":      {"login", "signin"},
	"github.com/lestrrat-go/jwx/v2/jwa":                                all,
	"html/template":                                                    {"signin"},
}

var all = []string{"authorizer", "userinfo", "login", "signin"}

var initLine = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes, \d+ allocs$`)

// TestLittleIsPreparedAtStart counts bytes, because times differ from one machine to another.
func TestLittleIsPreparedAtStart(t *testing.T) {
	for _, name := range all {
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
		seen := map[string]bool{}
		for _, line := range found {
			allocated, err := strconv.Atoi(line[2])
			check(t, err)
			if strings.HasPrefix(line[1], "github.com/wavepass/") && allocated > mostOfOurs {
				t.Errorf("%s: %s allocates %d bytes before main, want at most %d: make it when it is first used", name, line[1], allocated, mostOfOurs)
			}
			if allocated < noticed {
				continue
			}
			seen[line[1]] = true
			if !slices.Contains(prepared[line[1]], name) {
				t.Errorf("%s: %s allocates %d bytes before main: does the function use it?", name, line[1], allocated)
			}
		}
		for pkg, functions := range prepared {
			if slices.Contains(functions, name) && !seen[pkg] {
				t.Errorf("%s: %s is listed as allocating %d bytes before main or more, and does not: take it off the list", name, pkg, noticed)
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
