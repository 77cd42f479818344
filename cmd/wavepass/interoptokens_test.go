package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// segment is one part of a JWS.
func segment(members map[string]any) string {
	text, err := json.Marshal(members, json.Deterministic(true)) // alg, kid, typ: as Wavepass has them
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// with is members with one changed, or taken away when value is nil.
func with(members map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(members)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

// flip changes the first character of a segment: the last may have bits that mean nothing.
func flip(segment string) string {
	if segment[0] == 'A' {
		return "B" + segment[1:]
	}
	return "A" + segment[1:]
}

func hs256(secret []byte, input string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// publicForms are the texts that a careless library might take for an HMAC secret.
func (s *secure) publicForms() map[string][]byte {
	s.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Private().Public())
	check(s.t, err)
	set := s.do(http.MethodGet, "/.well-known/jwks.json", "", "")
	return map[string][]byte{
		"DER": der,
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"JWK": []byte(set.Body),
	}
}

// stranger is a key of the same algorithm that nobody published, and its public half as a JWK.
func (s *secure) stranger() (crypto.Signer, map[string]any) {
	s.t.Helper()
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	switch s.alg {
	case keyring.EdDSA:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		check(s.t, err)
		return private, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	case keyring.RS256:
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		check(s.t, err)
		return private, map[string]any{"kty": "RSA", "n": number(private.N), "e": "AQAB"}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(s.t, err)
	point, err := private.PublicKey.Bytes()
	check(s.t, err)
	half := base64.RawURLEncoding.EncodeToString
	return private, map[string]any{"kty": "EC", "crv": "P-256", "x": half(point[1:33]), "y": half(point[33:])}
}
