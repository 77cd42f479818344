package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
)

// mailOf is the text of the one mail of a purpose, once it is in the outbox.
func mailOf(t *testing.T, data, purpose string) string {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(data, outboxName, "*_"+purpose+"_*.txt"))
		check(t, err)
		if len(found) == 1 {
			text, err := os.ReadFile(found[0])
			check(t, err)
			return string(text)
		}
	}
	t.Fatalf("no mail %s", purpose)
	return ""
}

// TestPeopleLookAfterTheirAccountsOnALaptop takes what is in the mails.
func TestPeopleLookAfterTheirAccountsOnALaptop(t *testing.T) {
	t.Setenv("SIGNUP", "open")
	folder := t.TempDir()
	s := start(t, "--data", folder)
	want := func(path, body string, status int) answer {
		t.Helper()
		a := s.do(http.MethodPost, path, jsonType, body)
		if a.Status != status {
			t.Fatalf("%s: %d %s, want %d", path, a.Status, a.Body, status)
		}
		return a
	}
	code := regexp.MustCompile(`(?m)^[A-Z]{5}-[A-Z]{5}$`)
	link := regexp.MustCompile(`(?m)^http://localhost:\d+(/recover/finish\?link=([A-Za-z0-9_-]+))$`)
	want("/signup", `{"email":"eve@example.com"}`, 202)
	want("/signup/verify", `{"email":"eve@example.com","code":"`+code.FindString(mailOf(t, folder, "signup"))+`","password":"surf-the-first-wave"}`, 201)
	before := want("/login", `{"client_id":"app","username":"eve@example.com","password":"surf-the-first-wave"}`, 200)
	want("/recover", `{"email":"eve@example.com"}`, 202)
	mailed := link.FindStringSubmatch(mailOf(t, folder, "recover"))
	if mailed == nil {
		t.Fatal("the mail has no link")
	}
	if page := s.do(http.MethodGet, mailed[1], "", ""); page.Status != 200 {
		t.Errorf("the page of the link: %d %s", page.Status, page.Body)
	}
	want("/recover/finish", `{"link":"`+mailed[2]+`","password":"surf-the-second-wave"}`, 200)
	mailOf(t, folder, "password_changed")
	if a := s.do(http.MethodPost, "/refresh", jsonType, `{"client_id":"app","refresh_token":"`+before.RefreshToken+`"}`); a.Status != 400 {
		t.Errorf("a session of before: %d %s", a.Status, a.Body)
	}
	own := want("/login", `{"client_id":"app","username":"eve@example.com","password":"surf-the-second-wave"}`, 200)
	asked := s.do(http.MethodPost, "/email", jsonType, `{"email":"eve@example.org","current_password":"surf-the-second-wave"}`, "Authorization", "Bearer "+own.AccessToken)
	if asked.Status != 202 {
		t.Fatalf("/email: %d %s", asked.Status, asked.Body)
	}
	linkOf := func(purpose, path string) string {
		t.Helper()
		found := regexp.MustCompile(`(?m)^http://localhost:\d+` + path + `\?link=([A-Za-z0-9_-]+)$`).FindStringSubmatch(mailOf(t, folder, purpose))
		if found == nil {
			t.Fatalf("the mail %s has no link to %s", purpose, path)
		}
		return found[1]
	}
	want("/email/confirm", `{"link":"`+linkOf("confirm_address", "/email/confirm")+`"}`, 200)
	want("/login", `{"client_id":"app","username":"eve@example.org","password":"surf-the-second-wave"}`, 200)
	want("/email/takeback", `{"link":"`+linkOf("address_changing", "/email/takeback")+`","password":"surf-the-third-wave"}`, 200)
	closesOnALaptop(t, s, folder, want("/login", `{"client_id":"app","username":"eve@example.com","password":"surf-the-third-wave"}`, 200))
}

// closesOnALaptop closes eve's account. She keeps it by the mail, closes it again, and an operator keeps it.
func closesOnALaptop(t *testing.T, s *server, folder string, own answer) {
	t.Helper()
	const login, proof = `{"client_id":"app","username":"eve@example.com","password":"surf-the-third-wave"}`, `{"current_password":"surf-the-third-wave"}`
	want := func(what string, a answer, status int) answer {
		t.Helper()
		if a.Status != status {
			t.Fatalf("%s: %d %s, want %d", what, a.Status, a.Body, status)
		}
		return a
	}
	want("close", s.do(http.MethodDelete, "/account", jsonType, proof, "Authorization", "Bearer "+own.AccessToken), 200)
	want("login while it is closed", s.do(http.MethodPost, "/login", jsonType, login), 401)
	shown := as[accountJSON](t, "account", "show", "eve@example.com", "--data", folder)
	if left := time.Until(shown.RemoveAt); !shown.Disabled || left < 167*time.Hour || left > 168*time.Hour {
		t.Errorf("the account is %+v, want it closed, and removed in 7 days", shown)
	}
	if text := mustCommand(t, "account", "show", "eve@example.com", "--data", folder); !strings.Contains(text, "closed by its person, removed after 20") {
		t.Errorf("account show says\n%s", text)
	}
	mailed := regexp.MustCompile(`(?m)^http://localhost:\d+(/account/keep\?link=([A-Za-z0-9_-]+))$`).FindStringSubmatch(mailOf(t, folder, "deletion"))
	if mailed == nil {
		t.Fatal("the mail has no link")
	}
	if page := want("its page", s.do(http.MethodGet, mailed[1], "", ""), 200); !strings.Contains(string(page.Body), mailed[2]) {
		t.Errorf("the page of the link: %s", page.Body)
	}
	want("keep", s.do(http.MethodPost, "/account/keep", jsonType, `{"link":"`+mailed[2]+`"}`), 200)
	again := want("login", s.do(http.MethodPost, "/login", jsonType, login), 200)
	want("close again", s.do(http.MethodDelete, "/account", jsonType, proof, "Authorization", "Bearer "+again.AccessToken), 200)
	if did := as[result](t, "account", "enable", "eve@example.com", "--data", folder); !did.Changed {
		t.Errorf("enable says %+v", did)
	}
	want("login once an operator has kept it", s.do(http.MethodPost, "/login", jsonType, login), 200)
}

// TestInvitedPersonSignsUpOnALaptop takes what is in the mail, and has an operator told why others are not invited.
func TestInvitedPersonSignsUpOnALaptop(t *testing.T) {
	t.Setenv("SIGNUP", "invite")
	folder := t.TempDir()
	s := start(t, "--data", folder)
	post := func(path, body string, status int) {
		t.Helper()
		if a := s.do(http.MethodPost, path, jsonType, body); a.Status != status {
			t.Fatalf("%s: %d %s, want %d", path, a.Status, a.Body, status)
		}
	}
	refused := func(says string, args ...string) {
		t.Helper()
		if _, _, err := command(t, append([]string{"account", "invite", "--data", folder}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("invite %q: %v, want an error that says %q", args, err, says)
		}
	}
	post("/signup", `{"email":"eve@example.com"}`, 403)
	said := as[result](t, "account", "invite", "Eve@Example.com", "--language", "de", "--data", folder)
	if said.Done != "invited" || said.Email != "eve@example.com" || said.Target != "the data folder "+folder {
		t.Errorf("the command says %+v", said)
	}
	text := mailOf(t, folder, "invitation")
	mailed := regexp.MustCompile(`(?m)^http://localhost:\d+(/signup/verify\?link=([A-Za-z0-9_-]+))$`).FindStringSubmatch(text)
	if mailed == nil || !strings.Contains(text, "eingeladen") {
		t.Fatalf("the mail has no link, or is not in German:\n%s", text)
	}
	if page := s.do(http.MethodGet, mailed[1], "", ""); page.Status != 200 {
		t.Errorf("the page of the link: %d %s", page.Status, page.Body)
	}
	post("/signup/verify", `{"link":"`+mailed[2]+`","password":"surf-the-first-wave"}`, 201)
	post("/login", `{"client_id":"app","username":"eve@example.com","password":"surf-the-first-wave"}`, 200)
	if events := as[[]audit.Event](t, "audit", "list", "--data", folder); len(events) == 0 || events[len(events)-1].Name != audit.Invited || events[len(events)-1].Mail != "invitation" {
		t.Errorf("events %+v, want the invitation at the end", events)
	}

	refused("has the address eve@example.com already", "eve@example.com")
	mustCommand(t, "account", "invite", "zoe@example.com", "--data", folder)
	withdrawn := regexp.MustCompile(`link=([A-Za-z0-9_-]+)`).FindStringSubmatch(mailOf(t, folder, "invitation"))
	if withdrawn == nil {
		t.Fatal("the mail has no link")
	}
	if did := as[result](t, "account", "uninvite", "Zoe@example.com", "--data", folder); did.Done != "uninvited" || did.Email != "zoe@example.com" {
		t.Errorf("uninvite says %+v", did)
	}
	post("/signup/verify", `{"link":"`+withdrawn[1]+`","password":"surf-the-fourth-wave"}`, 400)
	for address, says := range map[string]string{"eve@example.com": "by now", "eve": "want an address"} {
		if _, _, err := command(t, "account", "uninvite", address, "--data", folder); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("uninvite %s: %v, want a sentence that says %q", address, err, says)
		}
	}
	refused("want an address", "Eve <eve@example.com>")
	refused("--language", "bob@example.com", "--language", strings.Repeat("x", 129))
	for range 5 {
		mustCommand(t, "account", "invite", "bob@example.com", "--data", folder)
	}
	refused("try again later", "bob@example.com")
	check(t, s.stop())
	refused("SIGNUP=invite wavepass local", "bob@example.com")
	t.Setenv("SIGNUP", "off")
	start(t, "--data", folder)
	refused("has SIGNUP=off", "bob@example.com")
}

// TestResetOfTheKeysKillsTheLinksOfMails and only those of before it.
func TestResetOfTheKeysKillsTheLinksOfMails(t *testing.T) {
	t.Setenv("SIGNUP", "invite")
	t.Setenv("KEY_CACHE_AGE", "1s")
	folder := t.TempDir()
	s := start(t, "--data", folder)
	invite := func(address string) string {
		t.Helper()
		earlier, err := filepath.Glob(filepath.Join(folder, outboxName, "*"))
		check(t, err)
		for _, mail := range earlier {
			check(t, os.Remove(mail))
		}
		mustCommand(t, "account", "invite", address, "--data", folder)
		mailed := regexp.MustCompile(`/signup/verify\?link=([A-Za-z0-9_-]+)`).FindStringSubmatch(mailOf(t, folder, "invitation"))
		if mailed == nil {
			t.Fatal("the mail has no link")
		}
		return `{"link":"` + mailed[1] + `","password":"surf-the-first-wave"}`
	}
	before := invite("eve@example.com")
	if list := mustCommand(t, "key", "list", "--data", folder); !regexp.MustCompile(`(?m)^link:1 +HS256 +current .*\nlink:2 +HS256 +next `).MatchString(list) {
		t.Errorf("the list of keys is\n%s\nwant those of links", list)
	}
	if done := mustCommand(t, "key", "reset", "--yes", "--data", folder); !strings.Contains(done, "link:1") || !strings.Contains(done, "links and codes made before are refused") {
		t.Errorf("the reset says %s", done)
	}
	time.Sleep(time.Second) // longer than a function holds its keys
	after := invite("fay@example.com")
	for _, use := range []struct {
		body   string
		status int
	}{{before, 400}, {after, 201}} {
		if a := s.do(http.MethodPost, "/signup/verify", jsonType, use.body); a.Status != use.status {
			t.Errorf("%s: %d %s, want %d", use.body, a.Status, a.Body, use.status)
		}
	}
}

func TestChromiumSignsUpAndRecovers(t *testing.T) {
	needChromium(t)
	t.Setenv("SIGNUP", "open")
	s := startSignIn(t)
	drive(t, "accounts.mjs", "flow", map[string]string{
		"start": s.request("own", "http://127.0.0.1/cb"), "outbox": filepath.Join(s.data, outboxName), "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS"),
	})
}
