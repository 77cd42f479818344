package main

import (
	"strings"
	"testing"
)

func TestLocalTakesItsLooksFromTheEnvironment(t *testing.T) {
	t.Setenv("PAGES_NAME", "Shop")
	t.Setenv("PAGES_COLOUR", "#0a5fd9")
	cfg, err := settings(nil)
	if err != nil || cfg.PagesName != "Shop" || cfg.PagesColour != "#0a5fd9" {
		t.Errorf("name %q, colour %q, %v", cfg.PagesName, cfg.PagesColour, err)
	}
	t.Setenv("PAGES_COLOUR", "red")
	if _, err := settings(nil); err == nil || !strings.Contains(err.Error(), "PAGES_COLOUR") {
		t.Errorf("a colour that is none: %v, want an error that names PAGES_COLOUR", err)
	}
	help := (&localCommand{}).Help()
	for _, name := range []string{"PAGES_NAME", "PAGES_LOGO", "PAGES_COLOUR", "SIGNUP", "MAIL_TEXTS", "REVOCATION_SHARDS"} {
		if !strings.Contains(help, name) {
			t.Errorf("--help of local does not name %s", name)
		}
	}
}
