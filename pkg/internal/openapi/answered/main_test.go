package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/openapi"
)

func TestUnseenAnswersAreListed(t *testing.T) {
	document, err := openapi.Read()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seen")
	text := ""
	for route, operation := range document {
		for status, a := range operation {
			for _, code := range append(slices.Clone(a.Codes), "") {
				if line := openapi.Line(route, status, code); line != "POST /login 401 invalid_client\n" && status != 500 {
					text += line
				}
			}
		}
	}
	for seen, want := range map[string][]string{text + "POST /token 500 server_error\n": {"POST /login 401 invalid_client"}} {
		if err := os.WriteFile(file, []byte(seen), 0o600); err != nil {
			t.Fatal(err)
		}
		unseen, all, err := compare(file)
		if err != nil || !slices.Equal(unseen, want) || all < 300 {
			t.Errorf("of %d answers %q are unseen, want %q (%v)", all, unseen, want, err)
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if unseen, _, _ := compare(file); !slices.Contains(unseen, "POST /login 500 server_error") {
		t.Errorf("no 500 was seen, and only %q is listed", unseen)
	}
}
