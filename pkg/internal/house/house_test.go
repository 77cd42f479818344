// Package house holds no code: its test keeps the layout of the repository, who may import whom.
package house_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/wavepass/wavepass/"

// Names for groups of packages, as the rules below use them.
var (
	domain   = []string{"internal/ascii", "oauth", "schema", "metric", "audit", "claims", "client", "revocation", "foreignhash", "account", "keyring", "jwks", "policy", "token", "access", "assertion", "ticket", "link", "mail", "session", "authorization", "consent", "federation", "metadata", "resource", "grant"}
	jose     = "github.com/lestrrat-go/jwx/v2/..."
	jsonv2   = "github.com/go-json-experiment/json/..."
	ids      = "github.com/google/uuid"
	events   = "github.com/aws/aws-lambda-go/events"
	aws      = "github.com/aws/..."
	anything = "..."
)

// rules says what a package below pkg/ may import beyond the standard library: packages of pkg/ by their
// name, others by their path; a path that ends in /... stands for everything below it. A package that
// no rule names may not exist.
var rules = []struct {
	pkg   string // pattern, path.Match style, relative to pkg/
	allow []string
}{
	{"oauth", []string{"internal/ascii"}},
	{"metric", nil},
	{"trace", nil},
	{"audit", []string{"metric", jsonv2}},
	{"schema", nil},
	{"claims", []string{"oauth", jsonv2}},
	{"revocation", []string{"oauth"}},
	{"client", []string{"internal/ascii", "oauth", "jwks", ids}},
	{"policy", []string{"internal/ascii", "oauth"}},
	{"policy/policyfile", []string{"policy", "internal/yamlfile", "go.yaml.in/yaml/v3"}},
	{"client/clientfile", []string{"client", "internal/yamlfile", "go.yaml.in/yaml/v3"}},
	{"keyring", []string{"oauth", jose, jsonv2}},
	{"foreignhash", []string{"golang.org/x/crypto/scrypt", "github.com/go-crypt/crypt/..."}},
	{"account", []string{"account/blocklist", "oauth", "claims", "revocation", "foreignhash", ids, "golang.org/x/crypto/...", "golang.org/x/net/idna", "golang.org/x/text/..."}},
	{"account/blocklist", []string{"golang.org/x/text/..."}},
	{"accountfile", []string{"account", "claims", "foreignhash", ids}},
	{"token", []string{"oauth", "claims", "keyring", jose, jsonv2, ids}},
	{"jwks", []string{"internal/ascii", "keyring", jose, jsonv2}},
	{"assertion", []string{"oauth", "client", "jwks", "keyring", "token", jsonv2}},
	{"access", []string{"oauth", "revocation", "token"}},
	{"ticket", []string{"oauth", "token"}},
	{"link", []string{"account", "keyring", ids}},
	{"enrol", []string{"oauth", "account", "link", "mail", ids}},
	{"mail", []string{"oauth", "audit", ids}},
	{"mail/ses", []string{"mail", "internal/awstls", aws}},
	{"mail/texts", []string{"mail"}},
	{"session", []string{"oauth", "audit", "client", "account", "consent", "revocation", "keyring", ids}},
	{"authorization", []string{"oauth", "client"}},
	{"consent", []string{"client", ids}},
	{"metadata", []string{"client", "github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext"}},
	{"federation", []string{"internal/ascii", "oauth", "jwks", "github.com/coreos/go-oidc/v3/oidc", "golang.org/x/oauth2"}},
	{"resource", []string{"internal/ascii", "oauth"}},
	{"pages", []string{"golang.org/x/text/language"}},
	{"grant", append([]string{ids, jsonv2}, domain...)},
	{"operate", append([]string{"enrol", "link", ids}, domain...)},
	{"verify", []string{"oauth", "jwks", "keyring", "token", jsonv2}}, // promised to other people's code: see TestPromisedPackageNamesNoTypeOfOurs
	{"config", []string{"internal/ascii", "github.com/caarlos0/env/v11"}},
	{"browser", append([]string{events, jsonv2, ids}, domain...)},
	{"apigw", append([]string{"browser", events, jsonv2, ids}, domain...)},
	{"seal", append([]string{"internal/awstls", aws}, domain...)},
	{"store/bolt", append([]string{"go.etcd.io/bbolt/...", jsonv2, ids}, domain...)},
	{"store/dynamo", append([]string{"internal/awstls", aws, jsonv2, ids}, domain...)},
	{"store/storetest", append([]string{"internal/testclock", ids, "github.com/google/go-cmp/..."}, domain...)},
	{"endpoint", append([]string{"operate", "browser", "apigw", "config", "pages", ids}, domain...)},
	{"endpoint/all", []string{anything}},
	{"endpoint/accounts", []string{"account", "apigw", "audit", "browser", "client", "endpoint", "endpoint/mailrefusal", "enrol", "grant", "keyring", "link", "mail", "oauth", "pages", "session", jsonv2, ids}},
	{"endpoint/password", append([]string{"apigw", "endpoint", "endpoint/mailrefusal", "enrol"}, domain...)},
	{"endpoint/mailrefusal", []string{"account", "apigw", "mail"}},
	{"endpoint/mailer", []string{"account", "audit", "keyring", "link", "mail", "mail/texts", "endpoint", events, ids}},
	{"endpoint/*", append([]string{"operate", "browser", "apigw", "pages", "endpoint", events, jsonv2, ids}, domain...)},
	{"internal/*", []string{anything}},
	{"internal/*/*", []string{anything}},
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var one listed
		if err := dec.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) < 20 {
		t.Fatalf("go list names %d packages, want the whole repository", len(all))
	}
	return all
}

func TestImportsFollowTheHouse(t *testing.T) {
	for _, pkg := range list(t) {
		name, below := strings.CutPrefix(pkg.ImportPath, module+"pkg/")
		if !below {
			continue // functions and commands may import anything
		}
		i := slices.IndexFunc(rules, func(r struct {
			pkg   string
			allow []string
		}) bool {
			ok, _ := filepath.Match(r.pkg, name)
			return ok
		})
		if i < 0 {
			t.Errorf("pkg/%s: no rule names this package: add one, and the table of docs/design.md §2", name)
			continue
		}
		for _, imported := range pkg.Imports {
			if !allowed(imported, rules[i].allow) {
				t.Errorf("pkg/%s imports %s, which its rule does not allow", name, imported)
			}
		}
	}
}

func allowed(imported string, allow []string) bool {
	own, isOwn := strings.CutPrefix(imported, module+"pkg/")
	if !isOwn && !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return true // standard library
	}
	return slices.ContainsFunc(allow, func(pattern string) bool {
		if prefix, tree := strings.CutSuffix(pattern, "..."); tree {
			return strings.HasPrefix(imported+"/", prefix)
		}
		return pattern == imported || isOwn && pattern == own
	})
}

func TestRulesRefuseWhatTheyShould(t *testing.T) {
	for _, tc := range []struct {
		imported string
		allow    []string
		want     bool
	}{
		{"net/http", nil, true},
		{module + "pkg/oauth", []string{"oauth"}, true},
		{module + "pkg/oauth", nil, false},
		{module + "pkg/store/bolt", append([]string{"apigw"}, domain...), false},
		{module + "pkg/endpoint/login", domain, false},
		{"github.com/aws/aws-sdk-go-v2/aws", domain, false},
		{"github.com/aws/aws-sdk-go-v2/aws", []string{aws}, true},
		{"github.com/lestrrat-go/jwx/v2/jws", []string{jose}, true},
		{"github.com/lestrrat-go/jwx/v2", []string{jose}, true},
		{"github.com/lestrrat-go/jwx/v20", []string{jose}, false},
		{module + "cmd/wavepass", domain, false},
	} {
		if got := allowed(tc.imported, tc.allow); got != tc.want {
			t.Errorf("allowed(%s, %v) = %v, want %v", tc.imported, tc.allow, got, tc.want)
		}
	}
}

func TestMainsOnlyWire(t *testing.T) {
	mains, err := filepath.Glob("../../../functions/*/main.go")
	if err != nil || len(mains) < 6 {
		t.Fatalf("found %d main.go files (%v), want one for each function", len(mains), err)
	}
	logic := regexp.MustCompile(`(?m)^\s*(for|switch|go|select)\b`)
	for _, main := range mains {
		text, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > 40 {
			t.Errorf("%s has %d lines, want at most 40", main, lines)
		}
		if found := logic.Find(text); found != nil {
			t.Errorf("%s has logic: %s", main, bytes.TrimSpace(found))
		}
	}
}

// Secrets come from crypto/rand. What else is random is how long a retry waits.
func TestGuessableRandomnessIsForWaitsAlone(t *testing.T) {
	waits := []string{"operate/imports.go", "seal/kms.go", "store/dynamo/dynamo.go"}
	imports := regexp.MustCompile(`(?m)^\s*(\w+ )?"math/rand(/v2)?"`)
	var found []string
	err := filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if imports.Match(text) {
			found = append(found, strings.TrimPrefix(filepath.ToSlash(path), "../../"))
		}
		return err
	})
	if err != nil || !slices.Equal(found, waits) {
		t.Errorf("math/rand is imported by %v (%v), want %v", found, err, waits)
	}
}
