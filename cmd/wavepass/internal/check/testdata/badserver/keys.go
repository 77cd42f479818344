package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

type keys struct{ current, next *ecdsa.PrivateKey }

func (s *server) makeKeys() (err error) {
	if s.keys.current, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
		s.keys.next, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func public(key *ecdsa.PrivateKey, id string) map[string]any {
	point, err := key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		panic(err)
	}
	return map[string]any{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": encode(point[1:33]), "y": encode(point[33:])}
}

func (s *server) keySet() map[string]any {
	current, next := public(s.keys.current, "one"), public(s.keys.next, "two")
	if s.faults["jwks-private"] {
		d, err := s.keys.next.Bytes()
		if err != nil {
			panic(err)
		}
		next["d"] = encode(d)
	}
	if s.faults["jwks-same-kid"] {
		next["kid"] = "one"
	}
	set := []any{current, next}
	if s.faults["jwks-symmetric"] {
		set = append(set, map[string]any{"kty": "oct", "alg": "HS256", "kid": "three"})
	}
	if s.faults["jwks-small"] {
		n := make([]byte, 128)
		n[0], n[127] = 0xc0, 1
		set = append(set, map[string]any{"kty": "RSA", "alg": "RS256", "kid": "three", "n": encode(n), "e": "AQAB"})
	}
	return map[string]any{"keys": set}
}

func (s *server) metadata(openID bool) map[string]any {
	m := map[string]any{
		"issuer": s.origin, "token_endpoint": s.origin + "/refresh", "authorization_endpoint": s.origin + "/authorize", "jwks_uri": s.origin + "/keys",
		"grant_types_supported": []string{"authorization_code", "refresh_token"}, "response_types_supported": []string{"code"},
		"code_challenge_methods_supported": []string{"S256"},
	}
	if openID {
		m["id_token_signing_alg_values_supported"] = []string{"ES256"}
		m["subject_types_supported"] = []string{"public"}
	}
	for fault, change := range map[string]func(){
		"issuer-elsewhere": func() { m["issuer"] = "https://id.example.com" },
		"http-endpoint":    func() { m["token_endpoint"] = "http" + strings.TrimPrefix(s.origin, "https") + "/refresh" },
		"documents-differ": func() {
			if openID {
				m["token_endpoint"] = s.origin + "/another"
			}
		},
		"password-grant": func() { m["grant_types_supported"] = []string{"password"} },
		"implicit-grant": func() { m["response_types_supported"] = []string{"code", "id_token token"} },
		"pkce-plain":     func() { m["code_challenge_methods_supported"] = []string{"S256", "plain"} },
		"none-offered": func() {
			if openID {
				m["id_token_signing_alg_values_supported"] = []string{"ES256", "none"}
			}
		},
	} {
		if s.faults[fault] {
			change()
		}
	}
	return m
}

func (s *server) token() string {
	now := time.Now()
	header := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "one"}
	claims := map[string]any{"iss": s.origin, "sub": "user-1", "aud": "api", "iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(), "jti": random()}
	for fault, change := range map[string]func(){
		"token-unsigned":    func() { header["alg"] = "none" },
		"token-jku":         func() { header["jku"] = s.origin + "/keys" },
		"token-type":        func() { header["typ"] = "JWT" },
		"token-long-lived":  func() { claims["exp"] = now.Add(30 * 24 * time.Hour).Unix() },
		"token-forever":     func() { delete(claims, "exp") },
		"token-no-audience": func() { delete(claims, "aud") },
		"token-personal":    func() { claims["user"] = map[string]any{"email": "ada@example.com"} },
		"token-huge":        func() { claims["permissions"] = strings.Repeat("read:everything ", 600) },
		"token-unknown-key": func() { header["kid"] = "nobody" },
	} {
		if s.faults[fault] {
			change()
		}
	}
	return s.sign(header, claims)
}

func (s *server) sign(header, claims map[string]any) string {
	part := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		return encode(text)
	}
	text := part(header) + "." + part(claims)
	if header["alg"] == "none" {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.keys.current, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return text + "." + encode(signature)
}
