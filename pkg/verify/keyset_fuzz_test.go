package verify_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/verify"
)

// FuzzKeySet looks for a key set that is read although it has what should never be published, or in another way than
// the standard decoder reads it. $EC, $OKP and $RSA in it stand for good keys, which differ from run to run.
func FuzzKeySet(f *testing.F) {
	keys := published(f)
	text := func(alg keyring.Algorithm) string {
		encoded, err := json.Marshal(keys[alg])
		if err != nil {
			f.Fatal(err)
		}
		return string(encoded)
	}
	fill := strings.NewReplacer("$EC", text(keyring.ES256), "$OKP", text(keyring.EdDSA), "$RSA", text(keyring.RS256))
	f.Add(`{"keys":[$EC,$OKP,$RSA]}`)
	f.Fuzz(func(t *testing.T, set string) {
		set = fill.Replace(set)
		got, err := verify.ParseKeySet([]byte(set))
		if err != nil {
			if got != nil {
				t.Fatalf("keys beside the error %v", err)
			}
			return
		}
		// Maps, because the standard decoder takes names of another case for a struct's.
		var std map[string]json.RawMessage
		var all []map[string]any
		if json.Unmarshal([]byte(set), &std) != nil || json.Unmarshal(std["keys"], &all) != nil {
			t.Fatalf("accepted what is no key set to encoding/json: %s", set)
		}
		ids := map[any]bool{}
		for _, key := range all {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6
				if _, there := key[private]; there {
					t.Fatalf("accepted the private member %s: %s", private, set)
				}
			}
			if key["kty"] == "oct" || ids[key["kid"]] || key["kid"] == nil || key["alg"] == nil {
				t.Fatalf("accepted a symmetric key, a kid twice, or no kid or alg: %s", set)
			}
			ids[key["kid"]] = true
		}
		for header, key := range got {
			if header != keyring.HeaderSegment(key.Algorithm, key.ID) || !ids[key.ID] {
				t.Fatalf("key %s stands for the header %s", key.ID, header)
			}
			checkKey(t, key)
		}
	})
}

// checkKey fails the test unless the key is of its algorithm's type and strong enough.
func checkKey(t *testing.T, key keyring.VerifyKey) {
	t.Helper()
	good := false
	switch public := key.Public.(type) {
	case *ecdsa.PublicKey:
		_, err := public.Bytes() // fails off the curve
		good = key.Algorithm == keyring.ES256 && err == nil && public.Params().BitSize == 256
	case ed25519.PublicKey:
		good = key.Algorithm == keyring.EdDSA && len(public) == 32
	case *rsa.PublicKey:
		good = key.Algorithm == keyring.RS256 && public.N.BitLen() >= 2048 && public.E > 1
	}
	if !good {
		t.Fatalf("accepted the key %s of type %T for %s", key.ID, key.Public, key.Algorithm)
	}
}
