package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	ownUsersExample = "../../examples/own-users"
	adaOfShop       = `{"email":"ada@example.com","password":"surf-the-first-wave","device":"a phone"}`
	graceOfShop     = `{"email":"grace@example.com","password":"surf-the-second-wave"}`
	adasSessions    = "/subjects/1/sessions"
)

// ownUsers is examples/own-users, with a network before the service that a test can disturb.
type ownUsers struct {
	server   // the shop
	*network // between the shop and the service
	service  *server
	data     string
	program  string
}

func startOwnUsers(t *testing.T) *ownUsers {
	t.Helper()
	needs(t, "go")
	o := &ownUsers{server: server{t: t, log: &syncBuffer{}}, data: t.TempDir(), program: filepath.Join(t.TempDir(), "shop")}
	build := exec.Command("go", "build", "-o", o.program, ".")
	build.Dir, build.Env = ownUsersExample, append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	o.service = start(t, "--data", o.data)
	o.network = newNetwork(t, o.service.url)
	mustCommand(t, "client", "apply", filepath.Join(ownUsersExample, "clients.yaml"), "--data", o.data)
	var given struct{ Secret string }
	check(t, json.Unmarshal([]byte(mustCommand(t, "client", "rotate-secret", "shop", "--json", "--data", o.data)), &given))

	shop := exec.Command(o.program, filepath.Join(t.TempDir(), "users.db"))
	shop.Env, shop.Stderr = append(os.Environ(), "PORT=0"), o.log
	shop.Stdin = strings.NewReader(o.address + "\n" + given.Secret + "\n")
	out, err := shop.StdoutPipe()
	check(t, err)
	check(t, shop.Start())
	t.Cleanup(func() { _ = shop.Process.Kill(); _ = shop.Wait() })
	var port int
	if _, err := fmt.Fscanf(out, "port %d\n", &port); err != nil {
		t.Fatalf("the shop does not say its port: %v\n%s", err, o.log)
	}
	o.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	return o
}

// post sends JSON to the shop, as a person when there is a token.
func (o *ownUsers) post(path, body, token string) answer {
	o.t.Helper()
	if token == "" {
		return o.do("POST", path, "application/json", body)
	}
	return o.do("POST", path, "application/json", body, "Authorization", "Bearer "+token)
}

// signIn is a login at the shop by its app.
func (o *ownUsers) signIn(body string) answer {
	o.t.Helper()
	a := o.post("/api/sign-in", body, "")
	o.want("login", a, 200, "")
	return a
}

func (o *ownUsers) refreshed(what string, a answer, status int, code string) answer {
	o.t.Helper()
	got := o.service.form("/refresh", "client_id", "shop-app", "grant_type", "refresh_token", "refresh_token", a.RefreshToken)
	o.want(what, got, status, code)
	return got
}

// devices is how many sessions the person sees.
func (o *ownUsers) devices(token string) int {
	o.t.Helper()
	var list struct{ Devices []any }
	got := o.do("GET", "/api/devices", "", "", "Authorization", "Bearer "+token)
	if err := json.Unmarshal([]byte(got.Body), &list); err != nil || got.Status != http.StatusOK {
		o.t.Fatalf("devices: %d %s %v\n%s", got.Status, got.Body, err, o.log)
	}
	return len(list.Devices)
}

func TestOwnUsersLogInAndALostAnswerGivesTheSameSession(t *testing.T) {
	o := startOwnUsers(t)
	o.meddle(lose(adasSessions, 2))
	ada := o.signIn(adaOfShop)
	if got := o.count(adasSessions); got != 3 {
		t.Errorf("%d requests for a session, want one, and two repetitions after lost answers", got)
	}
	if got := o.devices(ada.AccessToken); got != 1 {
		t.Errorf("%d sessions, want the one", got)
	}
	o.meddle(lose(adasSessions, 100)) // net/http itself repeats requests with an Idempotency-Key, too
	o.want("no answer at all", o.post("/api/sign-in", adaOfShop, ""), 503, "temporarily_unavailable")
	o.meddle(nil)
	o.refreshed("the session before", ada, 200, "")

	form := url.Values{"email": {"ada@example.com"}, "password": {"surf-the-first-wave"}}.Encode()
	o.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got := o.do("POST", "/sign-in", formType, form)
	cookie := regexp.MustCompile(`^__Host-Http-wprt-shop-web=wprt_[\w-]+; Path=/; Secure; HttpOnly; SameSite=Strict$`)
	if len(got.Header["Set-Cookie"]) != 1 || !cookie.MatchString(got.Header.Get("Set-Cookie")) || got.Status != http.StatusSeeOther || strings.Contains(got.Body, "ey") {
		t.Errorf("the form: %d %q %s, want the cookie, and no token beside it", got.Status, got.Header["Set-Cookie"], got.Body)
	}
}

func TestOwnUsersShopsTokenIsReused(t *testing.T) {
	o := startOwnUsers(t)
	for range 5 {
		o.signIn(adaOfShop)
		o.signIn(graceOfShop)
	}
	if got := o.count("/token"); got != 1 {
		t.Errorf("the shop has asked for a token of its own %d times, want once", got)
	}
}

func TestOwnUsersWrongPasswordReachesNobody(t *testing.T) {
	o := startOwnUsers(t)
	for _, body := range []string{strings.Replace(adaOfShop, "first", "last", 1), strings.Replace(adaOfShop, "ada@", "eve@", 1)} {
		o.want(body, o.post("/api/sign-in", body, ""), 401, "invalid_credentials")
	}
	if got := o.count(adasSessions) + o.count("/token"); got != 0 {
		t.Errorf("%d requests to the service, want none", got)
	}
}

func TestOwnUsersTokensOfOthersAreRefused(t *testing.T) {
	o := startOwnUsers(t)
	ada := o.signIn(adaOfShop)
	mustCommand(t, "client", "add", "bank", "--kind", "service", "--directory", "bank", "--scope", "sessions:manage", "--scope", "orders:read",
		"--may-begin", "shop-app", "--may-grant", "scope:orders:read", "--amr", "pwd", "--data", o.data)
	var given struct{ Secret string }
	check(t, json.Unmarshal([]byte(mustCommand(t, "client", "rotate-secret", "bank", "--json", "--data", o.data)), &given))
	bank := o.service.do("POST", "/token", formType, "grant_type=client_credentials", "Authorization", basicAuthorization("bank", given.Secret))
	theirs := o.service.do("POST", adasSessions, "application/json", `{"client_id":"shop-app","amr":["pwd"],"scopes":["orders:read"]}`, "Authorization", "Bearer "+bank.AccessToken)
	o.want("a session of the bank's 1", theirs, 200, "")
	for what, token := range map[string]string{
		"the bank's user 1": theirs.AccessToken, "the bank": bank.AccessToken, "somebody with a password of Wavepass": o.service.login().AccessToken,
		"a refresh token": ada.RefreshToken, "made up": "x", "changed": ada.AccessToken[:len(ada.AccessToken)-8] + "AAAAAAAA",
	} {
		o.want(what, o.do("GET", "/api/orders", "", "", "Authorization", "Bearer "+token), 401, "invalid_token")
	}
	o.want("Ada", o.do("GET", "/api/orders", "", "", "Authorization", "Bearer "+ada.AccessToken), 200, "")
	o.want("Ada, no admin", o.post("/api/users/2/disable", "", ada.AccessToken), 403, "access_denied")
}

func TestOwnUsersDisabledAreOutAtOnce(t *testing.T) {
	o := startOwnUsers(t)
	grace, ada := o.signIn(graceOfShop), o.signIn(adaOfShop)
	o.meddle(lose("/subjects/1", 3))
	o.want("the service does not answer", o.post("/api/users/1/disable", "", grace.AccessToken), 503, "temporarily_unavailable")
	o.want("the token of a disabled user", o.do("GET", "/api/orders", "", "", "Authorization", "Bearer "+ada.AccessToken), 401, "invalid_token")
	o.want("a login", o.post("/api/sign-in", adaOfShop, ""), 401, "invalid_credentials")
	o.meddle(nil)
	o.want("again", o.post("/api/users/1/disable", "", grace.AccessToken), 200, "")
	o.refreshed("of a disabled user", ada, 400, "invalid_grant")
	o.want("nobody", o.post("/api/users/99/disable", "", grace.AccessToken), 404, "not_found")
	o.refreshed("Grace's", grace, 200, "")
}

// TestOwnUsersLoginThatIsOvertakenEndsAgain: a session was begun, and before the shop hears of it the user is disabled or has another password.
func TestOwnUsersLoginThatIsOvertakenEndsAgain(t *testing.T) {
	for name, overtake := range map[string]func(*ownUsers, answer){
		"disabled": func(o *ownUsers, _ answer) {
			o.want("disable", o.post("/api/users/1/disable", "", o.signIn(graceOfShop).AccessToken), 200, "")
		},
		"another password": func(o *ownUsers, ada answer) {
			o.want("password", o.post("/api/password", `{"current":"surf-the-first-wave","new":"surf-the-next-wave"}`, ada.AccessToken), 200, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := startOwnUsers(t)
			ada := o.signIn(adaOfShop)
			held, release := o.hold(adasSessions)
			defer release()
			late := make(chan answer, 1)
			go func() { late <- o.post("/api/sign-in", adaOfShop, "") }()
			<-held
			overtake(o, ada)
			o.meddle(nil)
			release()
			o.want("the login", <-late, 401, "invalid_credentials")
			o.refreshed("the session before", ada, 400, "invalid_grant")
			list := mustCommand(t, "session", "list", "shop/1", "--json", "--data", o.data)
			if strings.Contains(list, "shop-app") {
				t.Errorf("sessions are left: %s", list)
			}
		})
	}
}

func TestOwnUsersChangeTheirPassword(t *testing.T) {
	o := startOwnUsers(t)
	ada := o.signIn(adaOfShop)
	change := func(what, body string, status int, code string) {
		t.Helper()
		o.want(what, o.post("/api/password", body, ada.AccessToken), status, code)
	}
	change("too short", `{"current":"surf-the-first-wave","new":"short"}`, 400, "invalid_request")
	change("longer than bcrypt reads", `{"current":"surf-the-first-wave","new":"`+strings.Repeat("a", 73)+`"}`, 400, "invalid_request")
	change("not hers", `{"current":"surf-the-last-wave","new":"surf-the-next-wave"}`, 401, "invalid_credentials")
	o.want("still in", o.do("GET", "/api/orders", "", "", "Authorization", "Bearer "+ada.AccessToken), 200, "")
	change("good", `{"current":"surf-the-first-wave","new":"surf-the-next-wave"}`, 200, "")
	o.refreshed("the session before", ada, 400, "invalid_grant")
	o.want("the old password", o.post("/api/sign-in", adaOfShop, ""), 401, "invalid_credentials")
	o.signIn(strings.Replace(adaOfShop, "first", "next", 1))
}

// startOwnUsersExample runs the example by its one command. The shop's address is the result, too.
func startOwnUsersExample(t *testing.T) (s *shop, address string) {
	t.Helper()
	needs(t, "bash", "sed", "go")
	t.Setenv("PORT", "0")
	s = startExample(t, ownUsersExample)
	found := regexp.MustCompile(`The shop is ready at (\S+):`).FindStringSubmatch(s.greeting)
	if found == nil {
		t.Fatalf("the script does not say where the shop is: %s", s.greeting)
	}
	return s, found[1]
}

func TestOwnUsersReadmeWorksWhenPasted(t *testing.T) {
	needs(t, "curl")
	text, err := os.ReadFile(filepath.Join(ownUsersExample, "README.md"))
	check(t, err)
	s, address := startOwnUsersExample(t)
	want := block(t, string(text), "text")
	script := strings.NewReplacer("http://localhost:4000", address, "http://localhost:3000", s.url).Replace(block(t, string(text), "sh"))
	for _, shell := range []string{"bash", "zsh"} {
		if _, err := exec.LookPath(shell); err != nil && shell != "bash" {
			continue // not everybody has it
		}
		paste := exec.Command(shell)
		paste.Dir, paste.Stdin, paste.Stderr = s.folder, strings.NewReader(script), s.log
		if got, err := paste.Output(); err != nil || string(got) != want {
			t.Errorf("%s: %v, printed\n%swant\n%s%s", shell, err, got, want, s.log)
		}
	}
}

// TestOwnUsersHaveTheClientForBrowsersAsItIs: the example has a copy, so that its folder needs nothing else.
func TestOwnUsersHaveTheClientForBrowsersAsItIs(t *testing.T) {
	original, err := os.ReadFile("../../clients/web/dist/wavepass.js")
	check(t, err)
	copied, err := os.ReadFile(filepath.Join(ownUsersExample, "pages", "wavepass.js"))
	check(t, err)
	if !bytes.Equal(original, copied) {
		t.Error("they differ: cp clients/web/dist/wavepass.js examples/own-users/pages/")
	}
}

// TestChromiumOwnUsers visits examples/own-users.
func TestChromiumOwnUsers(t *testing.T) {
	needChromium(t)
	s, address := startOwnUsersExample(t)
	_, elsewhere := emptyPage(t)
	given, err := json.Marshal(map[string]any{"shop": address, "wavepass": s.url, "folder": s.folder, "elsewhere": elsewhere, "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS")})
	check(t, err)
	play(t, "ownusers.mjs", []string{"life", "revoked", "everywhere", "wrong", "elsewhere", "looks"}, "SHOP="+string(given))
}
