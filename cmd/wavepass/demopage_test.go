package main

import (
	"os"
	"strings"
	"testing"
)

// onDemoPage runs a case of testdata/chromium/demo.mjs on a server with these settings.
func onDemoPage(t *testing.T, name, minAge, staleness, accessLife string) {
	t.Helper()
	needChromium(t)
	t.Setenv("ROTATION_MIN_AGE", minAge)
	t.Setenv("REVOCATION_STALENESS", staleness)
	data := t.TempDir()
	s := start(t, "--data", data)
	mustCommand(t, "client", "set", demoBrowser, "--access-life", accessLife, "--data", data)
	drive(t, "demo.mjs", name, map[string]string{
		"api": s.url, "other": strings.Replace(s.url, "localhost", "127.0.0.1", 1), "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS"),
	})
}

func TestChromiumDemoPage(t *testing.T)           { onDemoPage(t, "walk", "0s", "1s", "15m") }
func TestChromiumDemoPageByKeyboard(t *testing.T) { onDemoPage(t, "keyboard", "0s", "0s", "15m") }
func TestChromiumDemoPageAsATree(t *testing.T)    { onDemoPage(t, "tree", "0s", "0s", "15m") }

// The thief of this one has to wait for as long as the rules ask for, and meanwhile the page refreshes by itself.
func TestChromiumDemoPageLooks(t *testing.T) { onDemoPage(t, "looks", "1s", "3s", "20s") }
