package main

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/internal/tabletemplate"
)

// TestCommandsOnATable are given a table as those for the cloud are, with DynamoDB Local behind it.
func TestCommandsOnATable(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	name := "wavepass-test-" + rand.Text()
	definition, err := tabletemplate.Read(template)
	check(t, err)
	api, err := tabletemplate.Local(endpoint)
	check(t, err)
	check(t, tabletemplate.Create(t.Context(), api, name, definition))
	for variable, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"WAVEPASS_TABLE": name, "WAVEPASS_SEALING_KEY": "local:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	} {
		t.Setenv(variable, value)
	}
	if _, _, err := command(t, "key", "list"); err == nil || !strings.Contains(err.Error(), "no keyring yet") {
		t.Errorf("list of a new table: %v, want that there is no keyring", err)
	}
	if _, _, err := command(t, "key", "rotate"); err == nil || !strings.Contains(err.Error(), "nothing is due") {
		t.Errorf("rotate of a new table: %v, want the keyring created and nothing due", err)
	}
	list := mustCommand(t, "key", "list")
	for _, want := range []string{"ES256  current", "ES256  next", "mac:2"} {
		if !strings.Contains(list, want) {
			t.Errorf("key list lacks %q:\n%s", want, list)
		}
	}
	if _, err := typed(t, "a-long-enough-wave", "account", "add", "ada"); err != nil {
		t.Errorf("account add: %v", err)
	}
	if shown := mustCommand(t, "account", "show", "ada"); !strings.Contains(shown, "may log in") {
		t.Errorf("account show: %s", shown)
	}
	mustCommand(t, "key", "rotate", "--now")
	mustCommand(t, "revoke", "account", "ada")

	t.Setenv("WAVEPASS_SEALING_KEY", "local:"+base64.StdEncoding.EncodeToString([]byte("another key of 32 bytes, as long")))
	if _, _, err := command(t, "key", "rotate", "--now"); err == nil || !strings.Contains(err.Error(), "SIGNING") {
		t.Errorf("with another sealing key: %v, want an error that names the part", err)
	}
	mustCommand(t, "key", "list") // opens nothing
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, _, err := command(t, "key", "list"); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v, want an error that names AWS_REGION", err)
	}
}
