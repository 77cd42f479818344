package keyring_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/wavepass/wavepass/pkg/keyring"
)

var algorithms = []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256}

// published lists what a public JWK of each algorithm has, and nothing else (RFC 7518 §6, RFC 8037 §2).
var published = map[keyring.Algorithm][]string{
	keyring.ES256: {"alg", "crv", "kid", "kty", "use", "x", "y"},
	keyring.EdDSA: {"alg", "crv", "kid", "kty", "use", "x"},
	keyring.RS256: {"alg", "e", "kid", "kty", "n", "use"},
}

// thumbprinted are the members that RFC 7638 hashes, in its order.
var thumbprinted = map[keyring.Algorithm][]string{
	keyring.ES256: {"crv", "kty", "x", "y"},
	keyring.EdDSA: {"crv", "kty", "x"},
	keyring.RS256: {"e", "kty", "n"},
}

func thumbprint(alg keyring.Algorithm, key map[string]string) string {
	var members []string
	for _, name := range thumbprinted[alg] {
		members = append(members, fmt.Sprintf("%q:%q", name, key[name]))
	}
	sum := sha256.Sum256([]byte("{" + strings.Join(members, ",") + "}"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestJWKSHasPublicMembersOnly(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			w := created(t, alg)
			data, err := w.public().JWKS(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var set map[string][]map[string]string
			if err := json.Unmarshal(data, &set); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			if len(set) != 1 || len(set["keys"]) != 2 {
				t.Fatalf("got %s, want one member, keys, with the current and the next key", data)
			}
			for _, key := range set["keys"] {
				if got := slices.Sorted(maps.Keys(key)); !slices.Equal(got, published[alg]) {
					t.Errorf("key has members %v, want %v", got, published[alg])
				}
				for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
					if _, ok := key[private]; ok {
						t.Errorf("key has the private member %s", private)
					}
				}
				if key["alg"] != string(alg) || key["use"] != "sig" || key["kid"] != thumbprint(alg, key) {
					t.Errorf("alg %s, use %s, kid %s; want %s, sig, %s", key["alg"], key["use"], key["kid"], alg, thumbprint(alg, key))
				}
			}
			if set["keys"][0]["kid"] == set["keys"][1]["kid"] {
				t.Error("current and next are the same key")
			}
			readsWithJWX(t, data)
		})
	}
}

func readsWithJWX(t *testing.T, data []byte) {
	t.Helper()
	set, err := jwk.Parse(data)
	if err != nil || set.Len() != 2 {
		t.Fatalf("jwx reads %v keys, error %v; want 2", set, err)
	}
	for i := range set.Len() {
		key, _ := set.Key(i)
		if private, err := jwk.IsPrivateKey(key); err != nil || private {
			t.Errorf("jwx takes key %d for private: %t, error %v", i, private, err)
		}
	}
}

func TestPublicKeyBelongsToTheSigningKey(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			w := created(t, alg)
			key, err := w.ring.SigningKeys().Current(ctx)
			if err != nil {
				t.Fatal(err)
			}
			found, err := w.public().ByHeader(ctx, keyring.HeaderSegment(alg, key.ID))
			if err != nil {
				t.Fatal(err)
			}
			public, ok := key.Private().Public().(interface{ Equal(crypto.PublicKey) bool })
			if !ok || !public.Equal(found.Public) || found.ID != key.ID || found.Algorithm != alg || key.Algorithm != alg {
				t.Errorf("found %s %s (%T), which is not the public half of %s %s", found.Algorithm, found.ID, found.Public, key.Algorithm, key.ID)
			}
			if rsaKey, ok := found.Public.(*rsa.PublicKey); ok && rsaKey.N.BitLen() != 2048 {
				t.Errorf("RSA key of %d bits, want 2048", rsaKey.N.BitLen())
			}
		})
	}
}

// parts is what the stored form says, as far as these tests look.
type parts struct {
	Keys []struct {
		KID     string `json:"kid"`
		State   keyring.State
		Created string `json:"created_at"`
		Private []byte
		Version byte
		Key     []byte
		JWK     struct{ KID string }
	}
}

func TestNextKeyIsPublishedAndDoesNotSign(t *testing.T) {
	w := created(t, keyring.ES256)
	var public, private parts
	if err := json.Unmarshal(w.store.parts[keyring.Public], &public); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(w.plain(t, keyring.Signing), &private); err != nil {
		t.Fatal(err)
	}
	key, _ := w.ring.SigningKeys().Current(ctx)
	for i, state := range []keyring.State{keyring.Current, keyring.Next} {
		if public.Keys[i].State != state || private.Keys[i].State != state || public.Keys[i].JWK.KID != private.Keys[i].KID {
			t.Errorf("key %d is %s in public and %s in private, kid %s and %s; want %s and one kid",
				i, public.Keys[i].State, private.Keys[i].State, public.Keys[i].JWK.KID, private.Keys[i].KID, state)
		}
		if signs := key.ID == private.Keys[i].KID; signs != (state == keyring.Current) {
			t.Errorf("the %s key signs: %t", state, signs)
		}
		if want := "2026-07-01T10:00:00Z"; public.Keys[i].Created != want {
			t.Errorf("created at %s, want %s", public.Keys[i].Created, want)
		}
		if _, err := w.public().ByHeader(ctx, keyring.HeaderSegment(keyring.ES256, private.Keys[i].KID)); err != nil {
			t.Errorf("a token of the %s key would be refused: %v", state, err)
		}
	}
}

func TestOnlyTheCurrentKeySignsWhereverItStands(t *testing.T) {
	w := created(t, keyring.ES256)
	want, err := w.ring.SigningKeys().Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(w.plain(t, keyring.Signing), &stored); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(stored.Keys)
	turned, _ := json.Marshal(stored)
	w.seal(t, keyring.Signing, string(turned))
	if got, err := w.ring.SigningKeys().Current(ctx); err != nil || got.ID != want.ID {
		t.Errorf("with the next key first: signs with %v, error %v; want %v", got, err, want)
	}
}

func TestHeaderSegmentIsExact(t *testing.T) {
	// {"alg":"EdDSA","kid":"k-1_","typ":"at+jwt"}
	const want = "eyJhbGciOiJFZERTQSIsImtpZCI6ImstMV8iLCJ0eXAiOiJhdCtqd3QifQ"
	if got := keyring.HeaderSegment(keyring.EdDSA, "k-1_"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnlyTheWholeSegmentFindsAKey(t *testing.T) {
	w := created(t, keyring.ES256)
	public, known := w.public(), w.header()
	for _, segment := range []string{"", known[:len(known)-1], known + "A", known + "=", " " + known, strings.ToUpper(known)} {
		if _, err := public.ByHeader(ctx, segment); !errors.Is(err, keyring.ErrUnknownKey) {
			t.Errorf("segment %q: got error %v, want ErrUnknownKey", segment, err)
		}
	}
}

func TestMACIsHMACSHA256UnderTheVersionedKey(t *testing.T) {
	w := created(t, keyring.ES256)
	mac := w.ring.MACKeys()
	var stored parts
	if err := json.Unmarshal(w.plain(t, keyring.Refresh), &stored); err != nil {
		t.Fatal(err)
	}
	sum := func(key, message []byte) string {
		h := hmac.New(sha256.New, key)
		h.Write(message)
		return string(h.Sum(nil))
	}
	first := stored.Keys[0].Key
	if len(first) != 32 {
		t.Fatalf("MAC key of %d bytes, want 32", len(first))
	}
	for _, message := range []string{"", "m", strings.Repeat("m", 1000)} {
		if got, err := sumOf(mac, 1, []byte(message)); err != nil || string(got) != sum(first, []byte(message)) {
			t.Errorf("Sum(%q) = %x, error %v; want %x", message, got, err, sum(first, []byte(message)))
		}
	}

	second := make([]byte, 32)
	w.seal(t, keyring.Refresh, fmt.Sprintf(`{"current":3,"keys":[{"version":1,"key":%q},{"version":3,"key":%q}]}`,
		base64.StdEncoding.EncodeToString(first), base64.StdEncoding.EncodeToString(second)))
	w.clock.Advance(30e9)
	for version, key := range map[byte][]byte{1: first, 3: second} {
		if got, err := sumOf(mac, version, []byte("m")); err != nil || string(got) != sum(key, []byte("m")) {
			t.Errorf("version %d: %x, error %v; want %x", version, got, err, sum(key, []byte("m")))
		}
	}
	if version, err := versionOf(mac); err != nil || version != 3 {
		t.Errorf("CurrentVersion = %d, error %v; want 3", version, err)
	}
}
