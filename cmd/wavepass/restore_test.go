package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// backup is a data folder as it was at some time, and what people held then and later.
type backup struct {
	folder       string // copied, before it is used
	kid          string // the key that signed, revoked since
	access       string // bob's, signed by it
	used, newest string // bob's refresh tokens: of that time, and its successor, which the backup doesn't know; the session ended later
	whatWasDone  string // by operators since
}

// copyFolder copies a data folder, as a restore of a table makes another table.
func copyFolder(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "copy")
	check(t, os.CopyFS(to, os.DirFS(from)))
	check(t, os.Chmod(filepath.Join(to, "sealing.key"), 0o600)) // which CopyFS does not keep
	return to
}

// startAt starts the service with one issuer; by default that is its address, whose port is another one at each start.
func startAt(t *testing.T, data string) *server {
	t.Helper()
	return start(t, "--data", data, "--issuer", "https://id.example.com")
}

// newBackup leads ada, bob, eve and the keys through what docs/operations.md says comes back.
func newBackup(t *testing.T) (b backup) {
	t.Helper()
	t.Setenv("REVOCATION_STALENESS", "0s")
	t.Setenv("ROTATION_MIN_AGE", "0s")
	data := t.TempDir()
	must := func(text string, args ...string) string {
		t.Helper()
		out, err := typed(t, text, append(args, "--data", data)...)
		check(t, err)
		return out
	}
	s := startAt(t, data)
	must("first-canary-pass", "account", "add", "ada")
	must("eves-canary-pass", "account", "add", "eve")
	must("bobs-canary-pass", "account", "add", "bob", "--scope", "profile")
	login := s.loginAs("bob", "bobs-canary-pass")
	s.want("login", login, 200, "")
	b.access, b.used, b.kid = login.AccessToken, login.RefreshToken, signingKeys(t, data)["current"]
	check(t, s.stop())
	b.folder = copyFolder(t, data)

	s = startAt(t, data)
	newer := s.refresh(b.used)
	s.want("refresh", newer, 200, "")
	b.newest = newer.RefreshToken
	s.want("logout", s.do("POST", "/logout", "application/json", `{"client_id":"app","refresh_token":"`+b.newest+`"}`), 200, "")
	must("second-canary-pass", "account", "set-password", "ada")
	must("", "account", "disable", "eve")
	must("", "key", "revoke", b.kid)
	s.want("old password", s.loginAs("ada", "first-canary-pass"), 401, "invalid_credentials")
	s.want("disabled", s.loginAs("eve", "eves-canary-pass"), 401, "invalid_credentials")
	b.whatWasDone = must("", "audit", "list")
	check(t, s.stop())
	return b
}

func TestRestoredBackupBringsBackWhatThePageSays(t *testing.T) {
	b := newBackup(t)
	for _, done := range []string{"password_set", "account_disabled", "key_revoked", b.kid} {
		if !strings.Contains(b.whatWasDone, done) {
			t.Errorf("the old folder's audit list lacks %s:\n%s", done, b.whatWasDone)
		}
	}
	s := startAt(t, copyFolder(t, b.folder))
	s.want("token newer than the table", s.refresh(b.newest), 400, "invalid_grant")
	if !strings.Contains(s.log.String(), `"event":"restored_table"`) {
		t.Errorf("no event restored_table:\n%s", s.log)
	}
	s.want("password that was replaced", s.loginAs("ada", "first-canary-pass"), 200, "")
	s.want("account that was disabled", s.loginAs("eve", "eves-canary-pass"), 200, "")
	s.want("refresh token that was used up, of a session that had ended", s.refresh(b.used), 200, "")
	if got := s.userinfo(b.access); got.Status != 200 {
		t.Errorf("token of a key that was revoked: %d %s, want 200\n%s", got.Status, got.Body, s.log)
	}
}

func TestResetAfterARestoreRefusesRefreshTokensOnly(t *testing.T) {
	b := newBackup(t)
	data := copyFolder(t, b.folder)
	mustCommand(t, "key", "reset", "--yes", "--data", data)
	s := startAt(t, data)
	s.want("refresh token of the backup", s.refresh(b.used), 400, "invalid_grant")
	s.want("refresh token that is newer", s.refresh(b.newest), 400, "invalid_grant")
	s.want("password that was replaced", s.loginAs("ada", "first-canary-pass"), 200, "")
	if got := s.userinfo(b.access); got.Status != 200 {
		t.Errorf("token of a retired key: %d %s, want 200: the page says to revoke the key first", got.Status, got.Body)
	}
}

// The commands of the page, in its order, before the restored table is in use.
func TestRestoredBackupIsPutRightByTheCommandsOfThePage(t *testing.T) {
	b := newBackup(t)
	data := copyFolder(t, b.folder)
	_, err := typed(t, "second-canary-pass", "account", "set-password", "ada", "--data", data)
	check(t, err)
	mustCommand(t, "account", "disable", "eve", "--data", data)
	mustCommand(t, "key", "revoke", b.kid, "--data", data)
	mustCommand(t, "key", "reset", "--yes", "--data", data)
	s := startAt(t, data)
	for what, token := range map[string]string{"used up": b.used, "newest": b.newest} {
		s.want("refresh token, "+what, s.refresh(token), 400, "invalid_grant")
	}
	if strings.Contains(s.log.String(), "restored_table") {
		t.Errorf("tokens are still compared with the table:\n%s", s.log)
	}
	s.want("password that was replaced", s.loginAs("ada", "first-canary-pass"), 401, "invalid_credentials")
	s.want("disabled", s.loginAs("eve", "eves-canary-pass"), 401, "invalid_credentials")
	if got := s.userinfo(b.access); got.Status != 403 {
		t.Errorf("token of the revoked key: %d %s, want 403", got.Status, got.Body)
	}
	again := s.loginAs("ada", "second-canary-pass")
	s.want("login", again, 200, "")
	s.want("refresh", s.refresh(again.RefreshToken), 200, "")
}
