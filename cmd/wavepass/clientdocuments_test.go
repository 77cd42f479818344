package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/metadata"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

func TestDocumentsUnderDevelopmentAreReadFromFiles(t *testing.T) {
	const address = "https://agent.example/client.json"
	file := filepath.Join(t.TempDir(), "client.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"client_id":"` + address + `","redirect_uris":["http://127.0.0.1/cb"]}`)
	var settings endpoint.Settings
	if err := (clientDocuments{address: file}).use(&settings); err != nil || !settings.Documents.Allowed {
		t.Fatalf("%v, %+v", err, settings.Documents)
	}
	if text, fresh, err := settings.Documents.Source.Read(t.Context(), address); err != nil || fresh != 0 || !strings.Contains(string(text), address) {
		t.Errorf("%s, fresh for %s, %v", text, fresh, err)
	}
	var refused *metadata.Error
	if _, _, err := settings.Documents.Source.Read(t.Context(), "https://localhost.example/client.json"); !errors.As(err, &refused) {
		t.Errorf("another address: %v, want it refused without a request", err)
	}
	for name, given := range map[string]clientDocuments{
		"loopback": {"https://localhost/client.json": file}, "http": {"http://agent.example/client.json": file},
		"no file": {address: file + "x"}, "another document": {"https://other.example/client.json": file},
	} {
		var untouched endpoint.Settings
		if err := given.use(&untouched); err == nil || untouched.Documents.Allowed || !strings.Contains(err.Error(), "--client-document") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var none endpoint.Settings
	if err := (clientDocuments{}).use(&none); err != nil || none.Documents.Allowed {
		t.Errorf("without a file: %v, %+v", err, none.Documents)
	}
}

func TestOperatorsSeeAndEndClientsThatNobodyRegistered(t *testing.T) {
	const address = "https://agent.example/client.json"
	folder := t.TempDir()
	if _, err := seal.OpenKeyFile(filepath.Join(folder, keyFileName)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "wavepass.db")
	store, err := bolt.Open(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	d, err := metadata.Parse(address, []byte(`{"client_id":"`+address+`","client_name":"Agent 7","redirect_uris":["http://127.0.0.1/cb"]}`))
	now := time.Now()
	if err == nil {
		err = store.PutClient(t.Context(), d.Client(client.Client{}, metadata.Times{Fetched: now, FreshUntil: now.Add(time.Hour), KeptUntil: now.Add(24 * time.Hour)}))
	}
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) string {
		t.Helper()
		out, err := typed(t, "", append(args, "--data", filepath.Dir(file))...)
		if err != nil {
			return "refused: " + err.Error()
		}
		return out
	}
	for _, tc := range []struct {
		wants string
		args  []string
	}{
		{address, []string{"client", "list"}},
		{"Agent 7", []string{"client", "show", address}},
		{"kept until", []string{"client", "show", address}},
		{`"client_name": "Agent 7"`, []string{"client", "show", address, "--json"}},
		{"is what the document at its address says", []string{"client", "set", address, "--scope", "x"}},
		{"refused: ", []string{"client", "add", "https://other.example/client.json", "--kind", "native"}},
	} {
		if out := command(tc.args...); !strings.Contains(out, tc.wants) {
			t.Errorf("%v: %s\nwant %q", tc.args, out, tc.wants)
		}
	}
}
