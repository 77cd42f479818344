package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInteropSitesSignPeopleIn has sites on servers sign people in with libraries that are no part of this module, in Chromium: each asks for the user info
// and refreshes, and signs out.
func TestInteropSitesSignPeopleIn(t *testing.T) {
	home := libraries(t)
	needChromium(t)
	for name, of := range map[string]struct {
		callback string
		program  func(t *testing.T, arguments ...string) *exec.Cmd
	}{
		"zitadel": {"/cb", func(_ *testing.T, arguments ...string) *exec.Cmd {
			return exec.Command(filepath.Join(home, "zitadel"), arguments...)
		}},
		"Spring Security": {"/login/oauth2/code/wavepass", func(t *testing.T, arguments ...string) *exec.Cmd {
			return springSite(t, home, arguments...)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSignIn(t)
			port := freeAddress(t)
			address := "http://127.0.0.1:" + port
			added := as[struct {
				Secret string `json:"secret"`
			}](t, "client", "add", "site-of-a-library", "--kind", "server", "--scope", "openid", "--scope", "profile",
				"--redirect", address+of.callback, "--post-logout-redirect", address+"/bye", "--data", s.data)
			serveSite(t, of.program(t, s.url, "site-of-a-library", added.Secret, port))
			s.drive(t, "site", "site-of-a-library", address+"/")
		})
	}
}

// springSite compiles the site, and is the command that serves it.
func springSite(t *testing.T, home string, arguments ...string) *exec.Cmd {
	folder := t.TempDir()
	path := folder + string(os.PathListSeparator) + filepath.Join(home, "jars", "*")
	if out, err := exec.Command("javac", "-cp", path, "-d", folder, "testdata/interop/SignInSpring.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exec.Command("java", append(append([]string{"-cp", path, "SignInSpring"}, arguments...), folder)...)
}

// serveSite starts a program that says "ready" when it listens, and ends with its standard input.
func serveSite(t *testing.T, site *exec.Cmd) {
	t.Helper()
	site.Stderr = t.Output()
	in, err := site.StdinPipe()
	check(t, err)
	out, err := site.StdoutPipe()
	check(t, err)
	check(t, site.Start())
	t.Cleanup(func() {
		_ = in.Close()
		if err := site.Wait(); err != nil {
			t.Errorf("the site ended with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
	}
	if lines.Text() != "ready" {
		t.Fatalf("the site does not start: %v", lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
}
