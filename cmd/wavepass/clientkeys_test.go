package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key of RFC 8037, appendix A.
const aPublicKey = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func TestServiceIsRegisteredWithItsKeys(t *testing.T) {
	w := newClientWorld(t)
	const good, refused = true, false
	run := func(want bool, args ...string) string {
		t.Helper()
		out, err := w.client(args...)
		if (err == nil) != want {
			t.Fatalf("client %s: error %v, want it to succeed: %v", strings.Join(args, " "), err, want)
		}
		if err != nil {
			out += err.Error()
		}
		return out
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	write := func(text string) {
		t.Helper()
		check(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write(aPublicKey + "\n")
	if out := run(good, "add", "keyed", "--kind", "service", "--jwks", file); strings.Contains(out, "secret") {
		t.Errorf("a client with keys was given a secret:\n%s", out)
	}
	if out := run(good, "show", "keyed"); !strings.Contains(out, aPublicKey) || strings.Contains(out, "rotate-secret") {
		t.Errorf("shown without its keys, or as if it needed a secret:\n%s", out)
	}
	if out := run(refused, "rotate-secret", "keyed"); !strings.Contains(out, "client set keyed --jwks") {
		t.Errorf("rotate-secret of a client with keys says\n%s", out)
	}
	for what, text := range map[string]string{
		"no JSON": "x", "no key": `{"keys":[]}`, "a private key": strings.Replace(aPublicKey, `"x"`, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x"`, 1),
		"a symmetric key": `{"keys":[{"kty":"oct","kid":"k","alg":"HS256","k":"c2VjcmV0"}]}`, "no kid": strings.Replace(aPublicKey, `"kid":"k1",`, "", 1),
	} {
		write(text)
		if out := run(refused, "set", "keyed", "--jwks", file); !strings.Contains(out, "jwks is no set of public keys") || strings.Contains(out, "nWGxne") {
			t.Errorf("%s: says\n%s", what, out)
		}
	}
	run(good, "add", "partner2", "--kind", "service")
	write(aPublicKey)
	if out := run(good, "set", "partner2", "--jwks", file); !strings.Contains(out, "secret: kept as a hash → none") {
		t.Errorf("keys in place of a secret: says\n%s", out)
	}
	if out := run(refused, "add", "app2", "--kind", "native", "--jwks", file); !strings.Contains(out, "jwks") {
		t.Errorf("keys of a native client: says\n%s", out)
	}
}

func TestServiceGoesBackFromKeysToASecret(t *testing.T) {
	w := newClientWorld(t)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	check(t, os.WriteFile(keys, []byte(aPublicKey), 0o600))
	w.must("add", "keyed", "--kind", "service", "--jwks", keys)
	_, err := w.client("rotate-secret", "keyed")
	if err == nil || !strings.Contains(err.Error(), "wavepass client apply") {
		t.Fatalf("rotate-secret of a client with keys: %v, want an error that says how to take them away", err)
	}
	w.must("apply", w.file("clients:\n  keyed: { kind: service }\n"))
	if shown := w.must("show", "keyed"); strings.Contains(shown, "Ed25519") || !strings.Contains(shown, "rotate-secret keyed") {
		t.Errorf("after a file without jwks:\n%s", shown)
	}
	if out := w.must("rotate-secret", "keyed"); !strings.Contains(out, "secret") {
		t.Errorf("rotate-secret says\n%s", out)
	}
	if shown := w.must("show", "keyed"); !strings.Contains(shown, "kept as a hash") {
		t.Errorf("after rotate-secret:\n%s", shown)
	}
}
