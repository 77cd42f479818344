package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/zalando/go-keyring"
)

var someRecord = record{"wprt_" + strings.Repeat("r", 200), strings.Repeat("a", 2048), time.Date(2026, 11, 28, 5, 0, 0, 123456789, time.FixedZone("", 3600))}

// inOwnFolder makes the folder of the example an empty one.
func inOwnFolder(t *testing.T) (folder string) {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, home)
	}
	configs, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(configs, "wavepass-native")
}

func opened(t *testing.T, way string) keeper {
	t.Helper()
	s, err := newService("http://localhost:3000", "app")
	if err != nil {
		t.Fatal(err)
	}
	k, err := open(way, s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// keeps holds a keeper to its contract.
func keeps(t *testing.T, k keeper) {
	t.Helper()
	var nobody *signedOutError
	if _, err := k.load(); !errors.As(err, &nobody) {
		t.Errorf("load of nothing: %v, want that nobody is logged in", err)
	}
	second := someRecord
	second.RefreshToken = "wprt_second"
	for _, r := range []record{someRecord, second} {
		if err := k.save(r); err != nil {
			t.Fatal(err)
		}
		if got, err := k.load(); err != nil || got.RefreshToken != r.RefreshToken || got.AccessToken != r.AccessToken || !got.FreshUntil.Equal(r.FreshUntil) {
			t.Errorf("load: %v, error %v, want %v", got, err, r)
		}
	}
	for range 2 { // a repetition is no error
		if err := k.remove(); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if _, err := k.load(); !errors.As(err, &nobody) {
		t.Errorf("load after remove: %v, want that nobody is logged in", err)
	}
}

func TestFileKeeps(t *testing.T) {
	inOwnFolder(t)
	keeps(t, opened(t, "file"))
}

func TestKeyringKeepsInTheLibrarysMock(t *testing.T) {
	inOwnFolder(t)
	keyring.MockInit()
	k := opened(t, "auto")
	if _, is := k.(inKeyring); !is {
		t.Fatalf("with a keyring the session is in %s", k)
	}
	keeps(t, k)
}

func TestWithoutAKeyringTheFileIsUsedUnlessTheKeyringIsAskedFor(t *testing.T) {
	folder := inOwnFolder(t)
	keyring.MockInitWithError(errors.New("no daemon"))
	k := opened(t, "auto")
	if _, is := k.(inFile); !is {
		t.Errorf("without a keyring the session is in %s", k)
	}
	s, _ := newService("http://localhost:3000", "app")
	if _, err := open("keyring", s); err == nil || !strings.Contains(err.Error(), "--store file") {
		t.Errorf("--store keyring: %v, want what to do", err)
	}
	if _, err := open("drawer", s); err == nil {
		t.Error("--store drawer is taken")
	}
	// A session that is in the file stays there when a keyring appears.
	if err := k.save(someRecord); err != nil {
		t.Fatal(err)
	}
	keyring.MockInit()
	if got := opened(t, "auto"); got != k {
		t.Errorf("with a file in %s the session is in %s", folder, got)
	}
}

// TestKeyringKeepsInASecretService runs this test again in a D-Bus session of its own, with gnome-keyring as its Secret Service.
func TestKeyringKeepsInASecretService(t *testing.T) {
	if os.Getenv("NATIVE_TEST_SECRET_SERVICE") != "" {
		k := opened(t, "keyring")
		keeps(t, k)
		return
	}
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	inOwnFolder(t)
	runtimeFolder := t.TempDir()
	script := `printf 'a password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" -test.run='^TestKeyringKeepsInASecretService$' -test.v`
	session := exec.Command("dbus-run-session", "--", "sh", "-ec", script, os.Args[0])
	session.Env = append(os.Environ(), "NATIVE_TEST_SECRET_SERVICE=1", "XDG_DATA_HOME="+runtimeFolder, "XDG_RUNTIME_DIR="+runtimeFolder)
	session.WaitDelay = time.Minute
	out, err := session.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestKeyringKeepsInASecretService") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Windows takes 2,560 bytes, and macOS 4,096 of a command with the record in base64.
func TestLargestRecordFitsIntoEveryKeyring(t *testing.T) {
	text, err := json.Marshal(someRecord)
	if err != nil || len(text) > 2560 || len(text)*4/3+400 > 4096 {
		t.Errorf("%d bytes, error %v", len(text), err)
	}
}

func TestFileAndFolderThatOthersCanReadAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes say nothing there
	}
	folder := inOwnFolder(t)
	k := opened(t, "file").(inFile)
	if err := k.save(someRecord); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{k.path: 0o600, folder: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, error %v, want %v", path, info.Mode(), err, want)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o666} {
		if err := os.Chmod(k.path, mode); err != nil {
			t.Fatal(err)
		}
		if r, err := k.load(); err == nil || !strings.Contains(err.Error(), "chmod 600") || r.RefreshToken != "" {
			t.Errorf("a file of mode %v: %v, want what to do", mode, err)
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s, _ := newService("http://localhost:3000", "app")
	if _, err := open("file", s); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a folder of mode 755: %v, want what to do", err)
	}
}

// A process that is killed while it writes leaves half a file beside the whole one.
func TestHalfWrittenFileHarmsNothingAndIsReplaced(t *testing.T) {
	inOwnFolder(t)
	k := opened(t, "file").(inFile)
	if err := k.save(someRecord); err != nil {
		t.Fatal(err)
	}
	half := func() {
		if err := os.WriteFile(k.path+".new", []byte(`{"refresh_to`), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	half()
	if got, err := k.load(); err != nil || got.RefreshToken != someRecord.RefreshToken {
		t.Errorf("load: %v", err)
	}
	if err := k.save(someRecord); err != nil {
		t.Error(err)
	}
	half()
	if err := k.remove(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(k.path + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFileWithoutASessionSaysWhatToDo(t *testing.T) {
	inOwnFolder(t)
	k := opened(t, "file").(inFile)
	for _, text := range []string{"", "{}", `{"refresh_token":`} {
		if err := os.WriteFile(k.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := k.load(); err == nil || !strings.Contains(err.Error(), "native login") {
			t.Errorf("a file with %q: %v", text, err)
		}
	}
}

func TestLockIsWaitedForNoLongerThanTheCallerWants(t *testing.T) {
	inOwnFolder(t)
	k := opened(t, "file").(inFile)
	other := flock.New(k.path + ".lock")
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if unlock, err := k.lock(ctx); err == nil {
		unlock()
		t.Error("the lock was given twice")
	}
}

func TestTokensAreSentToHTTPSOrThisMachineOnly(t *testing.T) {
	for address, good := range map[string]bool{
		"https://auth.example.com": true, "https://auth.example.com/": true, "http://localhost:3000": true, "http://127.0.0.1:3000": true, "http://[::1]:3000": true,
		"http://auth.example.com": false, "http://localhost.example.com": false, "ftp://localhost": false, "auth.example.com": false, "": false,
		"https://user@auth.example.com": false, "https://auth.example.com/path": false, "https://auth.example.com?x": false, "http://127.0.0.1.example.com": false,
	} {
		if _, err := newService(address, "app"); (err == nil) != good {
			t.Errorf("%q: %v, want good: %t", address, err, good)
		}
	}
	s, _ := newService("https://auth.example.com", "app")
	a := &app{options: options{api: "https://api.example.com"}, session: &session{service: s}}
	for path, want := range map[string]string{
		"/notes?a=b": "https://api.example.com/notes?a=b", "https://api.example.com/notes": "https://api.example.com/notes",
		"https://auth.example.com/notes": "", "https://api.example.com.evil.example/": "", "//evil.example/": "", "@evil.example/": "", ".evil.example/": "",
		"https://api.example.com@evil.example/": "", "notes": "", "http://api.example.com/": "", "https://u@api.example.com/": "",
	} {
		if got, err := a.target(path); got != want || (err == nil) != (want != "") {
			t.Errorf("call %q asks %q, error %v, want %q", path, got, err, want)
		}
	}
}

func TestEveryReasonHasWords(t *testing.T) {
	for reason := range reasons {
		got := inWords(answer{status: 400, body: []byte(`{"error":"invalid_grant","reason":"` + reason + `"}`)})
		if got != reasons[reason] || got == "" {
			t.Errorf("%s: %q", reason, got)
		}
	}
	for body, want := range map[string]string{
		`{"error":"invalid_grant"}`: "not good any more", `{"error":"invalid_credentials"}`: "is wrong", `{"message":"Forbidden"}`: "you may not",
		`{"error":"x","error_description":"a\u001b[2J"}`: "a�[2J (x)", `<html>`: "you may not",
	} {
		if got := inWords(answer{status: http.StatusForbidden, body: []byte(body)}); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", body, got, want)
		}
	}
}

// TestPatienceEnds: a service that is never available is asked for less than the minute in which a refresh may be repeated.
func TestPatienceEnds(t *testing.T) {
	var pauses []time.Duration
	s := &service{wait: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }}
	lost := errors.New("lost")
	if _, err := s.patiently(t.Context(), func() (answer, error) { return answer{}, lost }); !errors.Is(err, lost) {
		t.Errorf("error %v, want the last one", err)
	}
	var all time.Duration
	for _, p := range pauses {
		all += p
	}
	if all > patience || all < patience/2 || slices.Max(pauses) > 8*time.Second {
		t.Errorf("it waited %v in all, want no more than %v: %v", all, patience, pauses)
	}
}

func TestWrongUsageSaysSo(t *testing.T) {
	inOwnFolder(t)
	for _, args := range [][]string{{"fly"}, {"call"}, {"whoami", "x"}, {"whoami", "--end", "x"}, {"login", "--client", ""}, {"devices", "--service", "http://example.com"}} {
		err := run(t.Context(), args, nil, nil, nil)
		if status(t.Context(), err) != 2 || !strings.Contains(err.Error(), "--help") {
			t.Errorf("%q: %v, want status 2", args, err)
		}
	}
	for _, args := range [][]string{nil, {"--help"}, {"login", "--help"}} {
		var out strings.Builder
		if err := run(t.Context(), args, nil, &out, nil); err != nil || out.String() != usage {
			t.Errorf("%q: %v, %q", args, err, out.String())
		}
	}
}
