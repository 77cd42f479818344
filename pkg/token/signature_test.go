package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	wrongLength   = "signature: wrong length"
	doesNotVerify = "signature: does not verify"
)

// withSignature puts another signature below the good header and payload.
func (f fixture) withSignature(make func(input string, good []byte) []byte) string {
	input := f.header + "." + encode(goodPayload().String())
	return input + "." + base64.RawURLEncoding.EncodeToString(make(input, sign(f.key.Private(), input)))
}

func TestSignatureHasExactlyItsLength(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		for name, change := range map[string]func(input string, good []byte) []byte{
			"one byte more":      func(_ string, good []byte) []byte { return append(good, 0) },
			"a zero before":      func(_ string, good []byte) []byte { return append([]byte{0}, good...) },
			"one byte less":      func(_ string, good []byte) []byte { return good[:len(good)-1] },
			"half":               func(_ string, good []byte) []byte { return good[:len(good)/2] },
			"twice":              func(_ string, good []byte) []byte { return append(good, good...) },
			"one byte":           func(string, []byte) []byte { return []byte{1} },
			"each half padded":   func(_ string, good []byte) []byte { return padHalves(good) },
			"another RSA length": func(string, []byte) []byte { return make([]byte, 384) },
		} {
			t.Run(fmt.Sprintf("%s/%s", alg, name), func(t *testing.T) {
				_, err := f.verify(f.withSignature(change))
				refused(t, err, wrongLength)
			})
		}
	}
}

// padHalves writes r and s with a leading zero each, which some libraries read as the same numbers.
func padHalves(signature []byte) []byte {
	half := len(signature) / 2
	padded := append([]byte{0}, signature[:half]...)
	return append(append(padded, 0), signature[half:]...)
}

func TestDERSignatureIsRefused(t *testing.T) {
	f := es256()
	key := f.key.Private().(*ecdsa.PrivateKey)
	_, err := f.verify(f.withSignature(func(input string, _ []byte) []byte {
		for {
			digest := sha256.Sum256([]byte(input))
			der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			if len(der) != 64 { // the usual case; 64 bytes would be refused for another reason
				return der
			}
		}
	}))
	refused(t, err, wrongLength)
}

func TestSignatureOfAnotherKeyIsRefused(t *testing.T) {
	strangerEC, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, strangerEd, _ := ed25519.GenerateKey(rand.Reader)
	strangerRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for alg, theirs := range map[keyring.Algorithm]func(string) []byte{
		keyring.ES256: func(input string) []byte { return sign(strangerEC, input) },
		keyring.EdDSA: func(input string) []byte { return sign(strangerEd, input) },
		keyring.RS256: func(input string) []byte { return sign(strangerRSA, input) },
	} {
		f := fixtures[alg]()
		_, err := f.verify(f.withSignature(func(input string, _ []byte) []byte { return theirs(input) }))
		refused(t, err, doesNotVerify)
	}
	// Both have 64 bytes: only the key that the header names may decide how they are read.
	es, ed := es256(), fixtures[keyring.EdDSA]()
	_, err = es.verify(es.withSignature(func(input string, _ []byte) []byte { return sign(ed.key.Private(), input) }))
	refused(t, err, doesNotVerify)
	_, err = ed.verify(ed.withSignature(func(input string, _ []byte) []byte { return sign(es.key.Private(), input) }))
	refused(t, err, doesNotVerify)
}

func TestDegenerateSignaturesAreRefused(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		for name, change := range map[string]func(input string, good []byte) []byte{
			"zeros": func(_ string, good []byte) []byte { return make([]byte, len(good)) },
			"ones":  func(_ string, good []byte) []byte { return []byte(strings.Repeat("\xff", len(good))) },
			"halves change": func(_ string, good []byte) []byte {
				return append(good[len(good)/2:len(good):len(good)], good[:len(good)/2]...)
			},
			"of the payload alone": func(input string, _ []byte) []byte {
				return sign(f.key.Private(), strings.SplitN(input, ".", 2)[1])
			},
		} {
			t.Run(fmt.Sprintf("%s/%s", alg, name), func(t *testing.T) {
				_, err := f.verify(f.withSignature(change))
				refused(t, err, doesNotVerify)
			})
		}
	}
}

func TestEveryBitOfTheSignatureCounts(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		for i := range len(sign(f.key.Private(), "")) {
			_, err := f.verify(f.withSignature(func(_ string, good []byte) []byte {
				good[i] ^= 1 << (i % 8)
				return good
			}))
			t.Run(fmt.Sprintf("%s/byte %d", alg, i), func(t *testing.T) { refused(t, err, doesNotVerify) })
		}
	}
}

func TestEveryCharacterOfThePayloadIsSigned(t *testing.T) {
	f := es256()
	good := f.forge(goodPayload().String())
	for i := len(f.header) + 1; i < strings.LastIndexByte(good, '.'); i++ {
		other := byte('A')
		if good[i] == 'A' {
			other = 'B'
		}
		_, err := f.verify(good[:i] + string(other) + good[i+1:])
		t.Run(fmt.Sprintf("character %d", i), func(t *testing.T) { refused(t, err, doesNotVerify) })
	}
}

// The signature is checked before the payload is decoded: nobody but us chooses what the decoder reads.
func TestUnsignedPayloadIsNotDecoded(t *testing.T) {
	f := es256()
	signature := base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	_, err := f.verify(f.header + "." + encode("not JSON") + "." + signature)
	refused(t, err, doesNotVerify)
}

// oneKey is a key set of one key.
type oneKey keyring.VerifyKey

func (k oneKey) ByHeader(_ context.Context, segment string) (keyring.VerifyKey, error) {
	if segment != keyring.HeaderSegment(k.Algorithm, k.ID) {
		return keyring.VerifyKey{}, keyring.ErrUnknownKey
	}
	return keyring.VerifyKey(k), nil
}

// A key set whose entry says one algorithm and holds the key of another must not verify anything.
func TestKeyOfAnotherTypeThanItsAlgorithmVerifiesNothing(t *testing.T) {
	f := es256()
	for _, alg := range []keyring.Algorithm{"EdDSA", "RS256", "HS256", "none", "unheard-of"} {
		key := oneKey{ID: "k", Algorithm: alg, Public: f.key.Private().Public()}
		v := token.NewVerifier(key, func() time.Time { return now })
		text := f.segments(keyring.HeaderSegment(alg, "k"), encode(goodPayload().String()))
		if _, err := v.Verify(context.Background(), oauth.NewSecret(text), expect); err == nil {
			t.Errorf("an EC key registered for %s verified a token", alg)
		} else if errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: got an outage (%v), want a refusal or a fault", alg, err)
		}
	}
}

// BenchmarkVerify is to be read beside BenchmarkRawES256: the budget is 5 µs and 40 allocations more.
func BenchmarkVerify(b *testing.B) {
	f := es256()
	text := oauth.NewSecret(f.forge(goodPayload().String()))
	v := token.NewVerifier(f.public, func() time.Time { return now })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), text, expect); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawES256 checks the same signature with the library alone.
func BenchmarkRawES256(b *testing.B) {
	f := es256()
	text := f.forge(goodPayload().String())
	dot := strings.LastIndexByte(text, '.')
	signature, _ := base64.RawURLEncoding.DecodeString(text[dot+1:])
	verifier, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		b.Fatal(err)
	}
	input, public := []byte(text[:dot]), f.key.Private().Public()
	b.ReportAllocs()
	for b.Loop() {
		if err := verifier.Verify(input, signature, public); err != nil {
			b.Fatal(err)
		}
	}
}
