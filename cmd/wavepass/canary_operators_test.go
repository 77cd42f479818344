package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/audit"
)

// operating is an operator who types secrets and is shown some.
type operating struct {
	t       *testing.T
	data    string
	secrets *secrets
	left    strings.Builder // what the commands print for everybody who reads along
}

// types runs a command with text on its standard input. The output is for the operator alone; what is printed beside it is not.
func (o *operating) types(text string, args ...string) (out string) {
	o.t.Helper()
	var printed, log bytes.Buffer
	args = append(args, "--data", o.data, "--operator", "grace")
	if err := parseAndRun(o.t.Context(), &commands{}, output{&printed, &log}, invocation{args: args, input: &input{from: strings.NewReader(text)}}); err != nil {
		o.t.Fatalf("wavepass %s: %v\n%s%s", strings.Join(args, " "), err, printed.String(), log.String())
	}
	o.left.WriteString(log.String())
	return printed.String()
}

// shown notes the one secret that a command prints once.
func (o *operating) shown(out string) {
	o.t.Helper()
	secret := regexp.MustCompile(`wpcs_[A-Za-z0-9_-]+`).FindAllString(out, -1)
	if len(secret) != 1 {
		o.t.Fatalf("%d secrets in %s", len(secret), out)
	}
	o.secrets.text(o.t, "client secret", secret[0])
	o.left.WriteString(strings.Replace(out, secret[0], "", 1))
}

// theft is a session whose refresh token is stolen and used too late. It returns the session's id.
func theft(s *server, note *secrets) (sid string) {
	s.t.Helper()
	stolen := s.login()
	newest := stolen
	note.text(s.t, "access token", stolen.AccessToken)
	note.text(s.t, "refresh token", stolen.RefreshToken)
	for range 3 { // then the copy is two tokens old
		newest = s.refresh(newest.RefreshToken)
		note.text(s.t, "access token", newest.AccessToken)
		note.text(s.t, "refresh token", newest.RefreshToken)
	}
	if a := s.refresh(stolen.RefreshToken); a.Error != "invalid_grant" {
		s.t.Fatalf("the thief: %d %s", a.Status, a.Body)
	}
	if a := s.refresh(newest.RefreshToken); a.Error != "invalid_grant" || !strings.Contains(a.Body, `"reuse"`) {
		s.t.Fatalf("the owner: %d %s, want to be told why", a.Status, a.Body)
	}
	return decoded(s.t, stolen.AccessToken, payload)["sid"].(string)
}

// keysOf notes the keys of a data folder that no server has open.
func keysOf(t *testing.T, data string, note *secrets) {
	t.Helper()
	d, err := folder{Data: data}.openData()
	check(t, err)
	defer d.close()
	note.keyring(t, d.store, d.sealer)
}

// What an operator does is printed and stored for others to read, and no secret that they typed or were shown is there.
func TestNoSecretIsInWhatOperatorsLeave(t *testing.T) {
	t.Setenv("SIGNUP", "invite")
	o := &operating{t: t, data: t.TempDir(), secrets: newSecrets()}
	for name, secret := range map[string]string{"password": canaryPassword, "next password": nextPassword, "secret at a provider": clientSecret, "imported password": importedPassword} {
		o.secrets.text(t, name, secret)
	}
	hash := bcryptOf(t, importedPassword)
	o.secrets.text(t, "imported hash", hash)
	s := start(t, "--data", o.data)
	sid := theft(s, o.secrets)

	everything := func(service string) {
		o.types(canaryPassword, "account", "add", "ada")
		o.types(nextPassword, "account", "set-password", "ada")
		o.types("", "account", "set-access", "ada", "--role", "admin", "--claim", "plan=pro")
		o.types("", "account", "import", importFile(t, "users", `{"email":"moved@example.com","email_verified":true,"password_hash":"`+hash+`"}`), "--format", "jsonl")
		o.shown(o.types("", "client", "add", service, "--kind", "service"))
		o.shown(o.types("", "client", "rotate-secret", service))
		o.types(clientSecret, "provider", "add", "google", "--issuer", "https://accounts.google.com", "--client-id", "123")
		o.types("routes:\n  GET /orders: {scopes: [profile]}\nunlisted: allow\n", "policy", "apply", "-")
		o.types("", "key", "rotate", "--now")
		o.types("", "revoke", "session", demoUsername, sid)
		o.types("", "account", "disable", demoUsername)
		o.types("", "account", "enable", demoUsername)
		o.types("", "client", "remove", service, "--yes")
		o.types("", "provider", "remove", "google", "--yes")
		o.types("", "account", "delete", "ada", "--yes")
		o.types("", "account", "delete", "moved@example.com", "--yes")
	}
	everything("bank")
	o.types("", "account", "invite", "eve@example.com")
	link := regexp.MustCompile(`link=([A-Za-z0-9_-]+)`).FindStringSubmatch(mailOf(t, o.data, "invitation"))
	if link == nil {
		t.Fatal("the invitation has no link")
	}
	o.secrets.text(t, "link of a mail", link[1])
	o.types("", "session", "show", sid)
	check(t, s.stop())
	everything("post")
	keysOf(t, o.data, o.secrets)

	lines := ""
	for line := range strings.Lines(s.log.String() + o.left.String()) {
		if strings.HasPrefix(line, `{"event":`) {
			lines += line
		}
	}
	stored := o.types("", "audit", "list", "--json")
	for _, name := range []string{
		audit.AccountAdded, audit.PasswordSet, audit.AccessSet, audit.AccountsImported, audit.ClientAdded, audit.ClientSecretRotated, audit.ProviderSet, audit.PolicySet,
		"key_promoted", audit.AccountDisabled, audit.AccountEnabled, audit.ClientRemoved, audit.ProviderRemoved, audit.AccountDeleted, audit.Invited,
	} {
		if !strings.Contains(lines, `{"event":"`+name+`"`) || !strings.Contains(stored, `"`+name+`"`) {
			t.Errorf("%s is not both printed and stored", name)
		}
	}
	log := filepath.Join(t.TempDir(), "functions.log")
	check(t, os.WriteFile(log, []byte(s.log.String()), 0o600))
	for where, text := range map[string]string{
		"the server's log": s.log.String(), "what commands print beside their output": o.left.String(), "audit list": stored + o.types("", "audit", "list"),
		"audit trail": o.types("", "audit", "trail", "--log", log) + o.types("", "audit", "trail", "--log", log, "--json"), "session show": o.types("", "session", "show", sid),
	} {
		for name, line := range o.secrets.find(text) {
			t.Errorf("%s: %s tells it: %s", name, where, strings.TrimSpace(line))
		}
	}
}
