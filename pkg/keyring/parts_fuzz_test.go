package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// outage reports whether err is the one answer to a damaged part; another error fails the test.
func outage(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, oauth.ErrUnavailable) && !errors.Is(err, keyring.ErrUnknownKey) {
		t.Fatalf("got error %v, want ErrUnavailable", err)
	}
	return err != nil
}

// FuzzPublicPart looks for a damaged part that publishes a private member, or that yields no public key.
func FuzzPublicPart(f *testing.F) {
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(keyring.ES256)
		w.store.put(keyring.Public, data)
		keys := w.public()
		published, err := keys.JWKS(ctx)
		if outage(t, err) {
			return
		}
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(published, &set); err != nil {
			t.Fatalf("published %s: %v", published, err)
		}
		for _, jwk := range set.Keys {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6
				if _, there := jwk[private]; there {
					t.Errorf("published the private member %q: %s", private, published)
				}
			}
			alg, _ := jwk["alg"].(string)
			id, _ := jwk["kid"].(string)
			key, err := keys.ByHeader(ctx, keyring.HeaderSegment(keyring.Algorithm(alg), id))
			if outage(t, err) {
				continue
			}
			if _, private := key.Public.(crypto.Signer); private || key.Public == nil || key.ID != id || string(key.Algorithm) != alg {
				t.Errorf("%v became the key %+v", jwk, key)
			}
		}
	})
}

// FuzzSigningPart looks for a damaged part that panics, or that signs with another key than the current one.
func FuzzSigningPart(f *testing.F) {
	f.Add(`{"keys":[]}`)
	f.Fuzz(func(t *testing.T, plain string) {
		w := newWorld(keyring.ES256)
		w.seal(t, keyring.Signing, plain)
		key, err := w.ring.SigningKeys().Current(ctx)
		if outage(t, err) {
			return
		}
		var part struct {
			Keys []struct {
				ID    string `json:"kid"`
				Alg   string `json:"alg"`
				State string `json:"state"`
			} `json:"keys"`
		}
		if err := json.Unmarshal([]byte(plain), &part); err != nil {
			t.Fatalf("%q was read, but is not JSON to encoding/json: %v", plain, err)
		}
		for _, stored := range part.Keys {
			if stored.State == "current" {
				if key.ID != stored.ID || string(key.Algorithm) != stored.Alg || key.Private().Public() == nil {
					t.Errorf("%q signs with %+v", plain, key)
				}
				return
			}
		}
		t.Errorf("%q has no current key, but signs with %+v", plain, key)
	})
}

// FuzzRefreshPart looks for a damaged part that makes MACs with a short key, or with none.
func FuzzRefreshPart(f *testing.F) {
	f.Add(`{"current":1,"keys":[]}`)
	f.Fuzz(func(t *testing.T, plain string) {
		w := newWorld(keyring.ES256)
		w.seal(t, keyring.Refresh, plain)
		mac := w.existingMAC()
		version, err := versionOf(mac)
		if outage(t, err) {
			return
		}
		var part struct {
			Keys []struct {
				Version byte   `json:"version"`
				Key     []byte `json:"key"`
			} `json:"keys"`
		}
		if err := json.Unmarshal([]byte(plain), &part); err != nil {
			t.Fatalf("%q was read, but is not JSON to encoding/json: %v", plain, err)
		}
		var want []byte
		for _, stored := range part.Keys {
			if len(stored.Key) != 32 {
				t.Errorf("%q was read with a key of %d bytes", plain, len(stored.Key))
			}
			if stored.Version == version {
				h := hmac.New(sha256.New, stored.Key)
				h.Write([]byte("message"))
				want = h.Sum(nil)
			}
		}
		if got, err := sumOf(mac, version, []byte("message")); err != nil || got == nil || !bytes.Equal(got, want) {
			t.Errorf("%q makes the MAC %x, %v, want %x", plain, got, err, want)
		}
	})
}
