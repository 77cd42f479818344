package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// window is how many characters in a row betray a secret. What is printed in part betrays it too.
const window = 16

// secrets are what must never be said, in every form in which a program might say it.
type secrets struct{ windows map[string]string } // piece of a form → the secret's name

func newSecrets() *secrets { return &secrets{map[string]string{}} }

func (s *secrets) form(name, form string) {
	for i := 0; i+window <= len(form); i++ {
		s.windows[form[i:i+window]] = name
	}
}

// text adds a secret that is a text.
func (s *secrets) text(t *testing.T, name, text string) {
	t.Helper()
	if len(text) < window {
		t.Fatalf("%s: a canary of %d characters, want at least %d", name, len(text), window)
	}
	s.form(name, text)
	s.base64(name, base64.RawStdEncoding, []byte(text))
	s.form(name, fmt.Sprintf("%x", text))
}

// key adds a secret that is bytes.
func (s *secrets) key(t *testing.T, name string, raw []byte) {
	t.Helper()
	if len(raw) < window {
		t.Fatalf("%s: %d bytes, want at least %d", name, len(raw), window)
	}
	s.base64(name, base64.RawStdEncoding, raw)
	s.base64(name, base64.RawURLEncoding, raw)
	s.form(name, string(raw))
	s.form(name, new(big.Int).SetBytes(raw).String())
	for _, verb := range []string{"%x", "%X", "% x", "%v", "%#v", "%q"} {
		s.form(name, strings.Trim(fmt.Sprintf(verb, raw), `[]{}"`))
	}
	s.form(name, strings.ReplaceAll(strings.Trim(fmt.Sprint(raw), "[]"), " ", ","))
}

// base64 adds raw as it looks alone or in the midst of something longer.
func (s *secrets) base64(name string, encoding *base64.Encoding, raw []byte) {
	for before := range 3 {
		padded := append(make([]byte, before), raw...)
		form := encoding.EncodeToString(padded)[(before*8+5)/6:]
		if len(padded)%3 != 0 {
			form = form[:len(form)-1] // it depends on what follows
		}
		s.form(name, form)
	}
}

// find returns the names of the secrets that are in text, each with the line that it is in.
func (s *secrets) find(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		for i := 0; i+window <= len(line); i++ {
			if name, ok := s.windows[line[i:i+window]]; ok {
				found[name] = line
			}
		}
	}
	return found
}

// keyring adds every private key of the keyring in store.
func (s *secrets) keyring(t *testing.T, store keyring.Store, sealer keyring.Sealer) {
	t.Helper()
	for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh} {
		item, err := store.ReadPart(context.Background(), part)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := sealer.Open(context.Background(), string(part), item.Data)
		if err != nil {
			t.Fatal(err)
		}
		var content struct {
			Keys []struct {
				Private []byte `json:"private"` // of signing keys
				Key     []byte `json:"key"`     // of MAC keys
			} `json:"keys"`
		}
		if err := json.Unmarshal(plain, &content); err != nil || len(content.Keys) == 0 {
			t.Fatalf("%s: %d keys, error %v", part, len(content.Keys), err)
		}
		for _, k := range content.Keys {
			if part == keyring.Refresh {
				s.key(t, "MAC key", k.Key)
				continue
			}
			// The document holds the public half too, so only the number itself is a secret.
			parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
			if err != nil {
				t.Fatal(err)
			}
			number, err := parsed.(*ecdsa.PrivateKey).Bytes()
			if err != nil {
				t.Fatal(err)
			}
			s.key(t, "signing key", number)
		}
	}
}

// The search must find what it looks for, or the tests that use it mean nothing.
func TestSecretsAreFoundInEveryForm(t *testing.T) {
	s := newSecrets()
	raw := []byte("\x8f0123456789abcdef0123456789abcd\xff")
	s.key(t, "key", raw)
	s.text(t, "password", "surf-the-canary-wave")
	for _, said := range []string{
		fmt.Sprint(raw), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprintf("%#v", raw), fmt.Sprintf("%q", raw),
		fmt.Sprint(struct{ Name, Key any }{"n", raw}), base64.StdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(append([]byte("x"), raw...)), base64.RawURLEncoding.EncodeToString(append([]byte("xy"), raw...)),
		base64.StdEncoding.EncodeToString(append(append([]byte("xyz"), raw...), "abcd"...)), new(big.Int).SetBytes(raw).String(),
		"a line\nbefore " + string(raw[3:25]) + " after", `{"k":` + fmt.Sprintf("%q", base64.StdEncoding.EncodeToString(raw)) + `}`,
	} {
		if got := s.find(said); got["key"] == "" || got["password"] != "" {
			t.Errorf("in %q: found %v, want the key alone", said, got)
		}
	}
	for _, said := range []string{
		"password=surf-the-canary-wave", "cut off after surf-the-canary-w", "f-the-canary-wave is its end", fmt.Sprintf("%x", "surf-the-canary"),
		base64.StdEncoding.EncodeToString([]byte(`{"password":"surf-the-canary-wave"}`)),
	} {
		if got := s.find(said); got["password"] == "" {
			t.Errorf("in %q: found %v, want the password", said, got)
		}
	}
	if got := s.find("surf-the-canary a perfectly harmless line 0123456789"); len(got) > 0 {
		t.Errorf("found %v where nothing is", got)
	}
}
