package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
)

var testKey = []byte("0123456789abcdef0123456789abcdeF")

func newLocal(t *testing.T, key []byte) *seal.Local {
	t.Helper()
	sealer, err := seal.NewLocal(key)
	if err != nil {
		t.Fatalf("NewLocal: %v", err)
	}
	return sealer
}

// wantRoundTrips checks what every sealer must do.
func wantRoundTrips(t *testing.T, sealer keyring.Sealer) {
	t.Helper()
	for name, plain := range map[string][]byte{
		"empty":                           {},
		"short":                           []byte("a key"),
		"longer than KMS takes by itself": bytes.Repeat([]byte("0123456789"), 1000),
	} {
		sealed, err := sealer.Seal(t.Context(), "SIGNING", plain)
		if err != nil {
			t.Fatalf("%s: Seal: %v", name, err)
		}
		if len(plain) > 0 && bytes.Contains(sealed, plain) {
			t.Errorf("%s: the sealed text holds the plain one", name)
		}
		again, err := sealer.Seal(t.Context(), "SIGNING", plain)
		if err != nil || bytes.Equal(sealed, again) {
			t.Errorf("%s: sealed twice alike (error %v): the nonce repeats", name, err)
		}
		opened, err := sealer.Open(t.Context(), "SIGNING", sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("%s: Open = %d bytes, error %v; want the %d bytes that were sealed", name, len(opened), err, len(plain))
		}
	}
}

// wantOnlyUnchangedOpens changes a sealed text in every way that a single bit or a cut can, and the purpose.
func wantOnlyUnchangedOpens(t *testing.T, sealer keyring.Sealer) {
	t.Helper()
	sealed, err := sealer.Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	refused := func(what, purpose string, text []byte) {
		t.Helper()
		opened, err := sealer.Open(t.Context(), purpose, text)
		if err == nil || errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: Open = %q, error %v; want an error that is not ErrUnavailable", what, opened, err)
		}
	}
	for _, purpose := range []string{"REFRESH", "", "SIGNING ", "signing"} {
		refused(fmt.Sprintf("purpose %q", purpose), purpose, sealed)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 0x10
		refused(fmt.Sprintf("byte %d changed", i), "SIGNING", changed)
		refused(fmt.Sprintf("cut to %d bytes", i), "SIGNING", sealed[:i])
	}
	refused("a byte more", "SIGNING", append(bytes.Clone(sealed), 0))
}

func TestLocalOpensWhatItSealed(t *testing.T) { wantRoundTrips(t, newLocal(t, testKey)) }

func TestLocalRefusesWhatWasChangedOrMadeForAnotherPurpose(t *testing.T) {
	wantOnlyUnchangedOpens(t, newLocal(t, testKey))
}

func TestLocalRefusesWhatAnotherKeySealed(t *testing.T) {
	sealed, err := newLocal(t, testKey).Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	other := newLocal(t, bytes.Repeat([]byte{7}, seal.KeySize))
	if opened, err := other.Open(t.Context(), "SIGNING", sealed); err == nil {
		t.Errorf("Open under another key = %q, want an error", opened)
	}
}

func TestLocalOpensTheFormatOfVersionOne(t *testing.T) {
	// Made by hand with AES-GCM: what lies in tables must open for ever.
	const sealed = "AXR3ZWx2ZSBieXRlc1TtjK/abR6alq8+KuwqpC/08CFSrkI="
	opened, err := newLocal(t, testKey).Open(t.Context(), "SIGNING", decode(t, sealed))
	if err != nil || string(opened) != "secret" {
		t.Errorf("Open = %q, error %v; want %q", opened, err, "secret")
	}
}

func TestLocalKeyHasExactly32Bytes(t *testing.T) {
	for _, size := range []int{0, 16, 24, 31, 33} {
		if _, err := seal.NewLocal(make([]byte, size)); err == nil {
			t.Errorf("NewLocal with %d bytes: no error", size)
		}
	}
}

func TestLocalPrintsNoKey(t *testing.T) {
	holder := struct{ sealer *seal.Local }{newLocal(t, testKey)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got, want := fmt.Sprintf(verb, holder.sealer), "seal.Local"; got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
		for _, value := range []any{holder, &holder} {
			printed := fmt.Sprintf(verb, value)
			if strings.Contains(printed, "0123456789") || strings.Contains(printed, "30313233") || strings.Contains(printed, "48 49 50") {
				t.Errorf("%s prints the key: %s", verb, printed)
			}
		}
	}
}

func TestKeyFileIsCreatedOnceForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	first, err := seal.OpenKeyFile(path)
	if err != nil {
		t.Fatalf("OpenKeyFile: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %04o, want 0600", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%d files in the folder (error %v), want the key file alone", len(entries), err)
	}
	sealed, err := first.Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := seal.OpenKeyFile(path)
	if err != nil {
		t.Fatalf("OpenKeyFile again: %v", err)
	}
	if opened, err := second.Open(t.Context(), "SIGNING", sealed); err != nil || string(opened) != "secret" {
		t.Errorf("after opening the file again: Open = %q, error %v; want %q", opened, err, "secret")
	}
}

func TestKeyFileCreatedByManyAtOnceHoldsOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	sealers := make([]*seal.Local, 20)
	errs := make([]error, len(sealers))
	var wg sync.WaitGroup
	for i := range sealers {
		wg.Go(func() { sealers[i], errs[i] = seal.OpenKeyFile(path) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("OpenKeyFile: %v", err)
	}
	sealed, err := sealers[0].Seal(t.Context(), "SIGNING", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for i, sealer := range sealers {
		if _, err := sealer.Open(t.Context(), "SIGNING", sealed); err != nil {
			t.Errorf("sealer %d holds another key than sealer 0: %v", i, err)
		}
	}
}

func TestKeyFileThatIsNotGoodIsRefusedAndKept(t *testing.T) {
	good := "wavepass-key-1:" + base64.StdEncoding.EncodeToString(testKey) + "\n"
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by the group": {good, 0o640, "chmod 600"},
		"readable by all":       {good, 0o604, "chmod 600"},
		"empty":                 {"", 0o600, "restore"},
		"cut":                   {good[:30], 0o600, "restore"},
		"no prefix":             {good[15:], 0o600, "restore"},
		"another version":       {strings.Replace(good, "-1:", "-2:", 1), 0o600, "restore"},
		"a key too short":       {"wavepass-key-1:AAAA\n", 0o600, "restore"},
		"something behind":      {good + good, 0o600, "restore"},
	} {
		path := filepath.Join(t.TempDir(), "sealing.key")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := seal.OpenKeyFile(path)
		switch {
		case err == nil:
			t.Errorf("%s: accepted", name)
		case !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path):
			t.Errorf("%s: error %q, want one that names %q and the file", name, err, test.want)
		case strings.Contains(err.Error(), good[20:30]):
			t.Errorf("%s: error %q repeats the key", name, err)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != test.content {
			t.Errorf("%s: the file was changed (error %v)", name, err)
		}
	}
}

func TestKeyFileNeedsItsFolder(t *testing.T) {
	if _, err := seal.OpenKeyFile(filepath.Join(t.TempDir(), "missing", "sealing.key")); err == nil {
		t.Error("OpenKeyFile in a folder that does not exist: no error")
	}
	if _, err := seal.OpenKeyFile(t.TempDir()); err == nil {
		t.Error("OpenKeyFile of a folder: no error")
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
