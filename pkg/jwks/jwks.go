// Package jwks reads key sets that somebody else publishes or registers (RFC 7517): the public keys of signatures, and nothing that
// should never have left its owner.
package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	maxKeys    = 32
	minRSABits = 2048 // RFC 7518 §3.3
	maxRSABits = 8192 // a larger one only costs the verifier time
)

// privateMembers are those that no published key has (RFC 7518 §6, RFC 8037 §2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

var ofKeyID = ascii.Of("A-Za-z0-9._~-")

// ErrNoKey says that a set has no key that is of use.
var ErrNoKey = errors.New("no key for signatures by ES256, EdDSA or RS256: want kid, alg, and use sig")

// Parse reads a JWKS (RFC 7517 §5) and returns its keys, at least one. Keys for another use, or of an algorithm that we don't know, are
// ignored. Anything that should never be published, or that could be read in two ways, makes it refuse the whole set.
func Parse(document []byte) ([]keyring.VerifyKey, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil { // refuses duplicate names and trailing data
		return nil, errors.New("not a key set (RFC 7517 §5)")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, want at most %d", len(set.Keys), maxKeys)
	}
	ids := map[string]bool{}
	var keys []keyring.VerifyKey
	for i, encoded := range set.Keys {
		key, known, err := parseKey(encoded)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if ids[key.ID] {
			return nil, fmt.Errorf("key %d: its kid is that of another key", i)
		}
		ids[key.ID] = true
		if known {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, ErrNoKey
	}
	return keys, nil
}

// parseKey reads one key. One that is not known has an ID and nothing else.
func parseKey(encoded []byte) (key keyring.VerifyKey, known bool, err error) {
	var members map[string]jsontext.Value
	var common struct {
		Type      string `json:"kty"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
		ID        string `json:"kid"`
	}
	if json.Unmarshal(encoded, &members) != nil || json.Unmarshal(encoded, &common) != nil {
		return key, false, errors.New("not a JWK (RFC 7517 §4)")
	}
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return key, false, fmt.Errorf("the private member %s is published", name)
		}
	}
	switch {
	case common.Type == "oct":
		return key, false, errors.New("a symmetric key is published")
	case !ofKeyID.Holds(common.ID, 128):
		return key, false, errors.New("kid: missing, or not up to 128 letters, digits and ._~-")
	case common.Algorithm == "":
		return key, false, errors.New("alg: missing")
	}
	key.ID = common.ID
	switch alg := keyring.Algorithm(common.Algorithm); alg {
	case keyring.ES256, keyring.EdDSA, keyring.RS256:
		if common.Use != "sig" {
			return key, false, nil
		}
		key.Algorithm = alg
	default:
		return key, false, nil
	}
	key.Public, err = parsePublic(encoded, key.Algorithm)
	return key, true, err
}

// parsePublic returns the key itself, of the type that its algorithm wants and strong enough.
func parsePublic(encoded []byte, alg keyring.Algorithm) (public any, err error) {
	parsed, err := jwk.ParseKey(encoded)
	if err == nil {
		err = parsed.Raw(&public)
	}
	if err != nil {
		return nil, errors.New("its members are malformed (RFC 7518 §6)")
	}
	fits := false
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		_, offCurve := public.ECDH()
		fits = alg == keyring.ES256 && public.Curve == elliptic.P256() && offCurve == nil
	case ed25519.PublicKey:
		fits = alg == keyring.EdDSA && len(public) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		fits = alg == keyring.RS256 && bits >= minRSABits && bits <= maxRSABits && public.E >= 3 && public.E%2 == 1
	}
	if !fits {
		return nil, fmt.Errorf("too weak, or of the wrong type, for %s (RFC 7518 §3)", alg)
	}
	return public, nil
}
