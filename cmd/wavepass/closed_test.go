package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// runIn runs a command with a time limit, and returns its error.
func runIn(t *testing.T, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return run(ctx, args, output{io.Discard, io.Discard})
}

// wantSentence expects one line that says each of words.
func wantSentence(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %v, want one line", what, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q, want a sentence that says %q", what, err, word)
		}
	}
}

func TestFolderThatOthersMayWriteIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders have no modes there")
	}
	for name, tc := range map[string]struct {
		mode, parent os.FileMode
		link         bool
		says         string // "": accepted
	}{
		"closed":                          {0o700, 0o755, false, ""},
		"others may read":                 {0o755, 0o755, false, ""},
		"parent like /tmp":                {0o700, 0o777 | os.ModeSticky, false, ""},
		"others may write":                {0o777, 0o755, false, "chmod 700"},
		"others may write, sticky":        {0o777 | os.ModeSticky, 0o755, false, "chmod 700"},
		"others may write through a link": {0o757, 0o755, true, "chmod 700"},
		"others may swap it":              {0o700, 0o777, false, "--data"},
		"others may swap where it leads":  {0o700, 0o777, true, "--data"},
	} {
		parent := filepath.Join(t.TempDir(), "parent")
		data := filepath.Join(parent, "data")
		check(t, os.MkdirAll(data, 0o700))
		check(t, os.Chmod(data, tc.mode))
		check(t, os.Chmod(parent, tc.parent))
		if tc.link {
			link := filepath.Join(t.TempDir(), "link")
			check(t, os.Symlink(data, link))
			data = link
		}
		_, err := folder{Data: data}.closed()
		if tc.says == "" {
			check(t, err)
			continue
		}
		wantSentence(t, name, err, tc.says)
		wantSentence(t, name+": local", runIn(t, "local", "--addr", "127.0.0.1:0", "--data", data), tc.says)
		wantSentence(t, name+": a command", runIn(t, "key", "list", "--data", data), tc.says)
		if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
			t.Errorf("%s: %v was put into it (%v)", name, left, err)
		}
	}
}

// A password goes to nobody else, even where the folder's modes did not keep them from putting a socket there.
func TestBothEndsOfTheSocketBelongToOneUser(t *testing.T) {
	if _, known, _ := peerOf(-1); !known && runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system does not say who is at the other end")
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	check(t, err)
	defer listener.Close()
	client, err := net.Dial("unix", path)
	check(t, err)
	defer client.Close()
	server, err := listener.Accept()
	check(t, err)
	defer server.Close()
	for name, conn := range map[string]net.Conn{"the caller's end": client, "the server's end": server} {
		if err := checkPeer(conn, os.Geteuid()); err != nil {
			t.Errorf("%s: %v, want none: both are this process", name, err)
		}
		if err := checkPeer(conn, os.Geteuid()+1); !errors.Is(err, errOtherUser) {
			t.Errorf("%s: %v for another user, want errOtherUser", name, err)
		}
	}
}

func TestDamagedDataFolderIsRefusedAndKept(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	s.login()
	check(t, s.stop())
	whole, err := os.ReadFile(filepath.Join(data, databaseName))
	check(t, err)
	used := len(bytes.TrimRight(whole, "\x00")) // the file grows ahead of what is in it
	for name, size := range map[string]int{"emptied": 0, "one byte": 1, "cut in half": used / 2} {
		for _, args := range [][]string{{"local", "--addr", "127.0.0.1:0"}, {"account", "show", demoUsername}} {
			damaged := t.TempDir()
			check(t, os.CopyFS(damaged, os.DirFS(data)))
			check(t, os.Chmod(filepath.Join(damaged, keyFileName), 0o600))
			file := filepath.Join(damaged, databaseName)
			check(t, os.Truncate(file, int64(size)))
			wantSentence(t, name+": "+args[0], runIn(t, append(args, "--data", damaged)...), "nothing was changed", databaseName)
			if left, err := os.ReadFile(file); err != nil || string(left) != string(whole[:size]) {
				t.Errorf("%s: the file was changed (%v)", name, err)
			}
		}
	}
	start(t, "--data", data).login()
}

func TestFolderInUseOrReadOnlySaysWhatToDo(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	wantSentence(t, "a second server", runIn(t, "local", "--addr", "127.0.0.1:0", "--data", data), "in use by another wavepass", "--data")

	if os.Geteuid() == 0 {
		data = "/proc/wavepass" // where root cannot write either
	} else {
		data = t.TempDir()
		check(t, os.Chmod(data, 0o500))
	}
	if _, err := os.Stat("/proc"); err == nil || os.Geteuid() != 0 {
		wantSentence(t, "not to be written", runIn(t, "local", "--addr", "127.0.0.1:0", "--data", data), data, "--data")
	}
}
