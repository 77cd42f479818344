package check

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const badService = `
login: {path: /login, as: json}
access_token: access_token
refresh_token: refresh_token
signed_in: {path: /me, says: '"user"'}
api: {path: /api}
refresh: {path: /refresh}
logout: {path: /logout}
`

// buildBadServer builds testdata/badserver once.
var buildBadServer = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "badserver")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "badserver")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/badserver").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := buildBadServer(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// startBad starts the bad server with faults, and returns what checks it.
func startBad(t *testing.T, faults ...string) Config {
	t.Helper()
	program, err := buildBadServer()
	if err != nil {
		t.Fatal(err)
	}
	cert := filepath.Join(t.TempDir(), "cert.pem")
	run := exec.Command(program, append([]string{"-cert", cert}, faults...)...)
	run.Stderr = os.Stderr
	stdin, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = run.Wait() })
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	service, err := ReadService([]byte(badService))
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		URL: strings.TrimSpace(address), Service: service, Username: "ada", Password: oauth.NewSecret("a-test-password"), Version: "test",
		LogOut: true, Budget: 80, Young: time.Millisecond, Patience: time.Millisecond, Timeout: 20 * time.Second, TLS: &tls.Config{RootCAs: pool},
	}
}

func review(t *testing.T, c Config) Report {
	t.Helper()
	report, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// notPassed are the ids of what did not pass, each with its verdict and detail.
func notPassed(r Report) (ids []string, all string) {
	for _, f := range r.Findings {
		if f.Verdict != verdict.Pass {
			ids = append(ids, f.ID)
			all += fmt.Sprintf("%s: %s: %s\n", f.ID, f.Verdict, f.Detail)
		}
	}
	return ids, all
}

// planted is what each fault of the bad server must be found by: these checks and no other.
var planted = map[string][]string{
	"tls-old": {"tls.version"}, "hsts-missing": {"tls.hsts"}, "nosniff-missing": {"header.nosniff"},
	"cookie-insecure": {"cookie.secure", "cookie.prefix"}, "cookie-scripts": {"cookie.httponly"}, "cookie-samesite-none": {"cookie.samesite"},
	"cookie-no-prefix": {"cookie.prefix"}, "cookie-domain": {"cookie.scope"}, "cookie-forever": {"cookie.lifetime"}, "cookie-huge": {"cookie.size"},
	"cookie-short": {"cookie.entropy"}, "cookie-same": {"cookie.entropy"}, "other-cookie-insecure": {"cookie.others"},
	"fixation": {"session.fixation"}, "fixation-planted": {"session.fixation"}, "login-cached": {"cache.login"}, "page-cached": {"cache.page"},
	"cors-reflects": {"cors.origin"}, "cors-null": {"cors.origin"}, "cors-prefix": {"cors.origin"},
	"login-csrf": {"csrf.login"}, "logout-csrf": {"csrf.logout"}, "logout-get": {"csrf.get"},
	"issuer-elsewhere": {"discovery.issuer"}, "http-endpoint": {"discovery.https"}, "documents-differ": {"discovery.agree"},
	"password-grant": {"discovery.grants"}, "implicit-grant": {"discovery.grants"}, "pkce-plain": {"discovery.pkce"}, "none-offered": {"discovery.none"},
	"jwks-private": {"jwks.private"}, "jwks-symmetric": {"jwks.algorithm"}, "jwks-small": {"jwks.size"}, "jwks-same-kid": {"jwks.kid"}, "jwks-cached-long": {"jwks.overlap"},
	"token-unsigned": {"token.algorithm"}, "token-jku": {"token.source"}, "token-type": {"token.type"}, "token-long-lived": {"token.lifetime"},
	"token-forever": {"token.lifetime"}, "token-no-audience": {"token.audience"}, "token-personal": {"token.personal"}, "token-huge": {"token.size"}, "token-unknown-key": {"token.key"},
	"refresh-same": {"refresh.rotation", "refresh.grace", "refresh.reuse"}, "refresh-grace": {"refresh.grace", "refresh.reuse"}, "refresh-no-reuse": {"refresh.reuse"},
	"logout-keeps-session": {"logout.session", "logout.token"}, "logout-keeps-cookie": {"logout.cookie"}, "logout-keeps-token": {"logout.token"},
}

func TestGoodServerPassesEveryCheck(t *testing.T) {
	report := review(t, startBad(t))
	if _, all := notPassed(report); all != "" {
		t.Errorf("no fault is planted, and still:\n%s", all)
	}
	if len(report.Findings) != len(table) || len(report.Notes) != 0 {
		t.Errorf("%d findings of %d checks; notes %q", len(report.Findings), len(table), report.Notes)
	}
}

func TestEachPlantedFaultIsFoundByItsCheckAlone(t *testing.T) {
	program, err := buildBadServer()
	if err != nil {
		t.Fatal(err)
	}
	names, err := exec.Command(program, "-list").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(names))
	if len(all) < 25 || len(all) != len(planted) {
		t.Fatalf("the server has %d faults, and %d are expected to be found", len(all), len(planted))
	}
	for _, fault := range all {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			report := review(t, startBad(t, fault))
			if ids, text := notPassed(report); !slices.Equal(ids, planted[fault]) {
				t.Errorf("found by %q, want %q:\n%s%q", ids, planted[fault], text, report.Notes)
			}
		})
	}
}

func TestEachCheckFindsAPlantedFault(t *testing.T) {
	var found []string
	for _, ids := range planted {
		found = append(found, ids...)
	}
	for _, one := range table {
		if !slices.Contains(found, one.id) && one.id != "tls.https" { // a server on http is in TestPlainHTTP…
			t.Errorf("no planted fault tries %s", one.id)
		}
	}
}

// Nothing but the host of the address may ever be asked, whatever the answers say.
func TestNoOtherHostIsAsked(t *testing.T) {
	var asked []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Path) }))
	defer other.Close()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
			fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, other.URL, other.URL+"/keys")
		default:
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
		}
	}))
	defer host.Close()
	service, err := ReadService([]byte(badService))
	if err != nil {
		t.Fatal(err)
	}
	report := review(t, Config{URL: host.URL, Service: service, Username: "ada", Password: oauth.NewSecret("x"), Budget: 30, Timeout: 20 * time.Second, LogOut: true})
	if len(asked) > 0 || len(report.Notes) == 0 {
		t.Errorf("another host was asked for %q; notes %q", asked, report.Notes)
	}
}

func TestBudgetIsKept(t *testing.T) {
	for _, budget := range []int{1, 5, 12} {
		c := startBad(t)
		c.Budget = budget
		report := review(t, c)
		if report.Requests != budget || report.Findings.Count(verdict.NotChecked) == 0 || report.Findings.Count(verdict.Fail) > 0 || !strings.Contains(strings.Join(report.Notes, " "), "budget") {
			t.Errorf("budget %d: %d requests, %d not checked, notes %q; %d failed", budget, report.Requests, report.Findings.Count(verdict.NotChecked), report.Notes, report.Findings.Count(verdict.Fail))
		}
	}
}

// Without leave to log anybody out the session that was begun goes on, and nothing is said of how one ends.
func TestNobodyIsLoggedOutWithoutLeave(t *testing.T) {
	c := startBad(t)
	c.LogOut = false
	report := review(t, c)
	ids, text := notPassed(report)
	want := []string{"csrf.login", "csrf.logout", "csrf.get", "refresh.rotation", "refresh.grace", "refresh.reuse", "logout.session", "logout.cookie", "logout.token"}
	if !slices.Equal(ids, want) || report.Findings.Count(verdict.NotChecked) != len(want) || len(report.Notes) != 1 {
		t.Errorf("got %q, want %q, all of them not checked:\n%s%q", ids, want, text, report.Notes)
	}
}

// A service may answer a young token with itself. That is no fault, and when there is no time to wait it says so.
func TestYoungTokenIsNoFault(t *testing.T) {
	c := startBad(t, "refresh-same")
	c.Young = time.Hour
	for _, f := range review(t, c).Findings {
		if f.ID == "refresh.rotation" && (f.Verdict != verdict.NotChecked || !strings.Contains(f.Detail, "--patience")) {
			t.Errorf("%s: %s", f.Verdict, f.Detail)
		}
	}
}
