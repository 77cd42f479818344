package check

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// document is what a service publishes about itself.
type document map[string]any

func (d document) text(name string) string { text, _ := d[name].(string); return text }

func (d document) list(name string) (list []string) {
	all, _ := d[name].([]any)
	for _, one := range all {
		if text, ok := one.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

// keySet is a JWKS (RFC 7517).
type keySet struct{ keys []map[string]any }

func readKeySet(a answer) *keySet {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if a.status != 200 || json.Unmarshal(a.body, &set) != nil || set.Keys == nil {
		return nil
	}
	return &keySet{set.Keys}
}

// privateMembers are those of RFC 7518 §6, and priv of keys for ML-DSA (draft-ietf-cose-dilithium).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

func (k *keySet) ids() (ids []string) {
	for _, key := range k.keys {
		id, _ := key["kid"].(string)
		ids = append(ids, id)
	}
	return ids
}

// bits is the size of a key, or 0 when it is not known.
func bits(key map[string]any) int {
	text := func(name string) string { s, _ := key[name].(string); return s }
	switch text("kty") {
	case "RSA":
		n, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text("n"), "="))
		if err != nil {
			return 0
		}
		for len(n) > 0 && n[0] == 0 {
			n = n[1:]
		}
		if len(n) == 0 {
			return 0
		}
		size := len(n) * 8
		for first := n[0]; first&0x80 == 0; first <<= 1 {
			size--
		}
		return size
	case "EC", "OKP":
		return map[string]int{"P-256": 256, "P-384": 384, "P-521": 521, "secp256k1": 256, "Ed25519": 256, "Ed448": 456, "X25519": 256}[text("crv")]
	}
	return 0
}

// accessToken is one as its reader sees it. An opaque one has no header.
type accessToken struct {
	size   int
	opaque bool
	header document
	claims document
	seen   time.Time
}

func readAccessToken(text string, now time.Time) *accessToken {
	t := &accessToken{size: len(text), seen: now, opaque: true}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t
	}
	read := func(part string, into *document) bool {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		return err == nil && json.Unmarshal(raw, into) == nil
	}
	t.opaque = !read(parts[0], &t.header) || !read(parts[1], &t.claims)
	return t
}

// seconds returns a time claim.
func (t accessToken) seconds(name string) (time.Time, bool) {
	value, ok := t.claims[name].(float64)
	return time.Unix(int64(value), 0), ok
}

// life is how long the token lives, counted from when it was issued; ok is false for one that never expires.
func (t accessToken) life() (life time.Duration, ok bool) {
	expires, ok := t.seconds("exp")
	if !ok {
		return 0, false
	}
	issued, known := t.seconds("iat")
	if !known {
		issued = t.seen
	}
	return expires.Sub(issued), true
}

// personal are claims of OpenID Connect Core 1.0 §5.1, and others that are common, which say who somebody is.
var personal = []string{
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "username", "profile", "picture", "email", "gender", "birthdate",
	"phone_number", "phone", "address", "ssn", "ip", "ip_address", "password",
}

// aboutPeople lists the claims of the token that say who somebody is, also those of an object like "user".
func (t accessToken) aboutPeople() (found []string) {
	for name, value := range t.claims {
		if slices.Contains(personal, name) {
			found = append(found, name)
		}
		if inner, ok := value.(map[string]any); ok {
			for below := range inner {
				if slices.Contains(personal, below) {
					found = append(found, name+"."+below)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}
