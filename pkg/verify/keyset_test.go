package verify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/verify"
)

// jwk is one key of a set, as members that a test changes.
type jwk map[string]any

// published are a key of each algorithm, as the keyring publishes it.
func published(t testing.TB) map[keyring.Algorithm]jwk {
	t.Helper()
	keys := map[keyring.Algorithm]jwk{}
	for alg, signer := range signers {
		var parsed struct{ Keys []jwk }
		if err := json.Unmarshal([]byte(signer().jwks), &parsed); err != nil {
			t.Fatal(err)
		}
		keys[alg] = parsed.Keys[0]
	}
	return keys
}

func (k jwk) with(name string, value any) jwk {
	changed := jwk{}
	for n, v := range k {
		changed[n] = v
	}
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

func setOf(keys ...jwk) string {
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(set)
}

var shortRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

func number(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

func TestUnsoundKeySetsAreRefusedWhole(t *testing.T) {
	keys := published(t)
	ec, ed, rs := keys[keyring.ES256], keys[keyring.EdDSA], keys[keyring.RS256]
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	cases := map[string]struct{ set, reason string }{
		"nothing":                   {"", "not a key set"},
		"null":                      {"null", "no key"},
		"an array":                  {"[" + setOf(ec) + "]", "not a key set"},
		"no keys":                   {`{}`, "no key"},
		"keys null":                 {`{"keys":null}`, "no key"},
		"keys no array":             {`{"keys":{}}`, "not a key set"},
		"keys twice":                {`{"keys":[],` + setOf(ec)[1:], "not a key set"},
		"trailing data":             {setOf(ec) + "x", "not a key set"},
		"invalid UTF-8":             {strings.Replace(setOf(ec), `"sig"`, "\"\xff\"", 1), "not a key set"},
		"a key that is text":        {`{"keys":["key"]}`, "not a JWK"},
		"a kid that is a number":    {setOf(ec.with("kid", 7)), "not a JWK"},
		"a member twice":            {strings.Replace(setOf(ec), `"kty"`, `"use":"sig","kty"`, 1), "not a key set"},
		"33 keys":                   {setOf(slices.Repeat([]jwk{ec}, 33)...), "33 keys"},
		"symmetric":                 {setOf(jwk{"kty": "oct", "kid": "a", "alg": "HS256", "use": "sig"}), "a symmetric key"},
		"symmetric, beside ours":    {setOf(ec, jwk{"kty": "oct", "kid": "a", "alg": "HS256", "use": "sig", "k": zero}), "the private member k"},
		"no kid":                    {setOf(ec.with("kid", nil)), "kid"},
		"empty kid":                 {setOf(ec.with("kid", "")), "kid"},
		"kid of 129 characters":     {setOf(ec.with("kid", strings.Repeat("k", 129))), "kid"},
		"kid with a quote":          {setOf(ec.with("kid", `a"b`)), "kid"},
		"kid with a line break":     {setOf(ec.with("kid", "a\n")), "kid"},
		"no alg":                    {setOf(ec.with("alg", nil)), "alg: missing"},
		"one kid, two keys":         {setOf(ec, ed.with("kid", ec["kid"])), "its kid is that of another key"},
		"one key twice":             {setOf(ec, ec), "its kid is that of another key"},
		"one kid, an unknown alg":   {setOf(ec, jwk{"kty": "EC", "kid": ec["kid"], "alg": "ES999"}), "its kid is that of another key"},
		"alg of another type":       {setOf(ec.with("alg", "RS256")), "too weak, or of the wrong type"},
		"RSA as ES256":              {setOf(rs.with("alg", "ES256")), "too weak, or of the wrong type"},
		"EC as EdDSA":               {setOf(ec.with("alg", "EdDSA")), "too weak, or of the wrong type"},
		"another curve":             {setOf(ec.with("crv", "P-384")), ""},
		"off the curve":             {setOf(ec.with("x", zero)), ""},
		"point at zero":             {setOf(ec.with("x", zero).with("y", zero)), ""},
		"half a point":              {setOf(ec.with("y", nil)), ""},
		"X25519":                    {setOf(ed.with("crv", "X25519")), ""},
		"Ed25519 of 31 bytes":       {setOf(ed.with("x", zero[:42])), ""},
		"no Ed25519 key":            {setOf(ed.with("x", "")), ""},
		"RSA of 1,024 bits":         {setOf(rs.with("n", number(shortRSA().N))), "too weak, or of the wrong type"},
		"RSA of 2,047 bits":         {setOf(rs.with("n", number(new(big.Int).SetBit(big.NewInt(1), 2046, 1)))), "too weak, or of the wrong type"},
		"RSA of 8,193 bits":         {setOf(rs.with("n", number(new(big.Int).SetBit(big.NewInt(1), 8192, 1)))), "too weak, or of the wrong type"},
		"RSA with exponent 1":       {setOf(rs.with("e", "AQ")), "too weak, or of the wrong type"},
		"RSA with an even exponent": {setOf(rs.with("e", "AQAC")), "too weak, or of the wrong type"},
		"RSA with a huge exponent":  {setOf(rs.with("e", zero[:42]+"B")), ""},
		"only for encryption":       {setOf(rs.with("use", "enc")), "no key"},
		"use not said":              {setOf(ec.with("use", nil)), "no key"},
		"only an unknown algorithm": {setOf(ec.with("alg", "ES384")), "no key"},
		"HS256 under an RSA key":    {setOf(rs.with("alg", "HS256")), "no key"},
		"alg none":                  {setOf(rs.with("alg", "none")), "no key"},
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		for name, key := range map[string]jwk{"ours": rs, "one that is passed over": ec.with("alg", "ES999")} {
			cases["private "+private+" in "+name] = struct{ set, reason string }{setOf(ed, key.with(private, "AQAB")), "the private member " + private}
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			keys, err := verify.ParseKeySet([]byte(tc.set))
			if err == nil || !strings.Contains(err.Error(), tc.reason) || keys != nil {
				t.Errorf("%d keys, error %v; want an error that contains %q", len(keys), err, tc.reason)
			}
		})
	}
}

func TestSoundKeysAreReadAndUnknownOnesPassedOver(t *testing.T) {
	keys := published(t)
	all := []jwk{
		keys[keyring.ES256], keys[keyring.EdDSA], keys[keyring.RS256],
		keys[keyring.RS256].with("kid", "for-encryption").with("use", "enc"),
		keys[keyring.ES256].with("kid", "later").with("alg", "ES384"),
		{"kty": "AKP", "kid": "much-later", "alg": "ML-DSA-44", "use": "sig", "pub": "AAAA"},
	}
	for len(all) < 32 {
		all = append(all, jwk{"kty": "?", "kid": fmt.Sprint("more-", len(all)), "alg": "?"})
	}
	got, err := verify.ParseKeySet([]byte(setOf(all...)))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d keys, error %v; want 3", len(got), err)
	}
	for alg, key := range keys {
		id, _ := key["kid"].(string)
		read := got[keyring.HeaderSegment(alg, id)]
		want := signers[alg]().Private().Public()
		public, ok := want.(interface{ Equal(crypto.PublicKey) bool })
		if read.ID != id || read.Algorithm != alg || !ok || !public.Equal(read.Public) {
			t.Errorf("%s: read %v, want %v", alg, read, want)
		}
	}
}
