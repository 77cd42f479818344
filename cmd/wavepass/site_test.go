package main

import (
	"encoding/json"
	"os"
	"testing"
)

const siteExample = "../../examples/site"

// people are those who sign in at the shop, each in a case of their own: the list of somebody's devices has nobody else's.
var people = map[string]string{
	"ada": "surf-the-first-wave", "grace": "surf-the-second-wave", "alan": "surf-the-third-wave", "hedy": "surf-the-fourth-wave",
}

// startSite runs examples/site by its one command.
func startSite(t *testing.T) *shop {
	t.Helper()
	needs(t, "bash", "sed", "go")
	s := startExample(t, siteExample)
	for name, password := range people {
		if name != "ada" { // whom the script registers
			s.sh("echo " + password + " | wavepass account add " + name + " --scope profile")
		}
	}
	return s
}

// TestChromiumSite visits examples/site.
func TestChromiumSite(t *testing.T) {
	needChromium(t)
	s := startSite(t)
	given, err := json.Marshal(map[string]any{
		"shop": s.url, "folder": s.folder, "passwords": people, "screenshots": os.Getenv("WAVEPASS_SCREENSHOTS"),
	})
	check(t, err)
	play(t, "site.mjs", []string{"withoutScript", "devices", "ended", "cookie", "looks"}, "SHOP="+string(given))
}
