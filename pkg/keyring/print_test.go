package keyring_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// spellings are the ways in which fmt could write the beginning of a secret.
func spellings(secret []byte) []string {
	head := secret[:8]
	trim := func(s string) string { return strings.Trim(s, "[]") }
	list := fmt.Sprintf("%#v", head)
	return []string{
		trim(fmt.Sprintf("%v", head)), fmt.Sprintf("%x", head), fmt.Sprintf("%X", head), fmt.Sprintf("% x", head),
		trim(fmt.Sprintf("%x", []any{head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]})),
		list[strings.Index(list, "{")+1 : len(list)-1],
		base64.StdEncoding.EncodeToString(head[:6]), string(head),
	}
}

// printed is v in every verb, alone and as a field, exported and not, of another struct.
func printed[T any](v T) map[string]string {
	type holder struct {
		Exported T
		hidden   T
		any      any
		list     []T
	}
	all := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x"} {
		all["alone "+verb] = fmt.Sprintf(verb, v)
		all["in a list "+verb] = fmt.Sprintf(verb, []any{v})
		all["nested "+verb] = fmt.Sprintf(verb, holder{v, v, v, []T{v}})
		all["nested pointer "+verb] = fmt.Sprintf(verb, &holder{v, v, v, []T{v}})
	}
	encoded, err := json.Marshal(holder{Exported: v})
	all["json"] = fmt.Sprint(string(encoded), err)
	return all
}

func leaksNothing(t *testing.T, secret []byte, outputs map[string]string) {
	t.Helper()
	for how, out := range outputs {
		for _, spelling := range spellings(secret) {
			if strings.Contains(out, spelling) {
				t.Errorf("%s shows the key: it contains %q", how, spelling)
				break
			}
		}
	}
}

func TestPrintedSigningKeyShowsItsIDOnly(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			key, err := created(t, alg).ring.SigningKeys().Current(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
				if got, want := fmt.Sprintf(verb, key), "signing key "+key.ID; got != want {
					t.Errorf("%s prints %s, want %s", verb, got, want)
				}
			}
		})
	}
}

func TestNoPrintShowsASigningKey(t *testing.T) {
	w := created(t, keyring.EdDSA) // a slice of bytes, which fmt would print; the other two are pointers
	signer := w.ring.SigningKeys()
	key, err := signer.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seed := key.Private().(ed25519.PrivateKey)
	t.Run("SigningKey", func(t *testing.T) { leaksNothing(t, seed, printed(key)) })
	t.Run("Signer", func(t *testing.T) { leaksNothing(t, seed, printed(signer)) })
}

func TestNoPrintShowsAMACKey(t *testing.T) {
	w := created(t, keyring.ES256)
	mac := w.ring.MACKeys()
	if err := useMAC(mac); err != nil {
		t.Fatal(err)
	}
	var stored parts
	if err := json.Unmarshal(w.plain(t, keyring.Refresh), &stored); err != nil {
		t.Fatal(err)
	}
	key, err := mac.Key(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("MACKeys", func(t *testing.T) { leaksNothing(t, stored.Keys[0].Key, printed(mac)) })
	t.Run("MACKey", func(t *testing.T) { leaksNothing(t, stored.Keys[0].Key, printed(key)) })
	if got := fmt.Sprintf("%d", key); got != "mac:1" {
		t.Errorf("prints %s, want mac:1", got)
	}
}
