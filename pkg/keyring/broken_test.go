package keyring_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestPartThatCannotBeUnsealedIsAnOutage(t *testing.T) {
	for part, use := range map[keyring.Part]func(world) error{
		keyring.Signing: func(w world) error { _, err := w.ring.SigningKeys().Current(ctx); return err },
		keyring.Refresh: func(w world) error { _, err := sumOf(w.ring.MACKeys(), 1, nil); return err },
	} {
		other := map[keyring.Part]keyring.Part{keyring.Signing: keyring.Refresh, keyring.Refresh: keyring.Signing}[part]
		for name, damage := range map[string]func(world){
			"a bit changed":    func(w world) { w.store.parts[part][len(w.store.parts[part])/2] ^= 1 },
			"cut":              func(w world) { w.store.parts[part] = w.store.parts[part][:40] },
			"empty":            func(w world) { w.store.parts[part] = nil },
			"the other part":   func(w world) { w.store.parts[part] = w.store.parts[other] },
			"another's part":   func(w world) { w.store.parts[part] = created(t, keyring.ES256).store.parts[part] },
			"sealer not there": func(w world) { w.sealer.err = errOutage },
		} {
			t.Run(string(part)+"/"+name, func(t *testing.T) {
				w := created(t, keyring.ES256)
				damage(w)
				isUnavailable(t, "first use", use(w))
				if w.store.replaced != 1 {
					t.Error("a keyring that cannot be read was replaced")
				}
			})
		}
	}
}

func TestUnreadableSigningPartIsAnOutage(t *testing.T) {
	key := base64.StdEncoding.EncodeToString([]byte("no key"))
	for name, plain := range map[string]string{
		"not JSON":           `x`,
		"cut":                `{"keys":[`,
		"no keys":            `{"keys":[]}`,
		"null":               `null`,
		"only next":          `{"keys":[{"kid":"k","alg":"ES256","state":"next","private":"` + key + `"}]}`,
		"current, no key":    `{"keys":[{"kid":"k","alg":"ES256","state":"current","private":""}]}`,
		"current, not a key": `{"keys":[{"kid":"k","alg":"ES256","state":"current","private":"` + key + `"}]}`,
		"a name twice":       `{"keys":[],"keys":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			w.seal(t, keyring.Signing, plain)
			_, err := w.ring.SigningKeys().Current(ctx)
			isUnavailable(t, "Key", err)
		})
	}
}

func TestUnreadableMACPartIsAnOutage(t *testing.T) {
	key := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	part := func(current int, keys ...string) string {
		return fmt.Sprintf(`{"current":%d,"keys":[%s]}`, current, strings.Join(keys, ","))
	}
	stored := func(version, length int) string {
		return fmt.Sprintf(`{"version":%d,"key":%q}`, version, key(length))
	}
	for name, plain := range map[string]string{
		"not JSON":             `x`,
		"null":                 `null`,
		"no keys":              part(1),
		"no current key":       part(2, stored(1, 32)),
		"key too short":        part(1, stored(1, 31)),
		"key too long":         part(1, stored(1, 33)),
		"key empty":            part(1, stored(1, 0)),
		"an old key too short": part(2, stored(2, 32), stored(1, 16)),
		"version 256":          part(256, stored(256, 32)),
	} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			w.seal(t, keyring.Refresh, plain)
			_, err := sumOf(w.ring.MACKeys(), 1, nil)
			isUnavailable(t, "Sum", err)
			_, err = versionOf(w.ring.MACKeys())
			isUnavailable(t, "CurrentVersion", err)
		})
	}
}

func TestUnreadablePublicPartIsAnOutage(t *testing.T) {
	entry := func(jwk string) string {
		return `{"keys":[{"state":"current","created_at":"2026-07-01T00:00:00Z","jwk":` + jwk + `}]}`
	}
	for name, data := range map[string]string{
		"not JSON":       `x`,
		"a name twice":   `{"keys":[],"keys":[]}`,
		"jwk not a key":  entry(`{}`),
		"jwk null":       entry(`null`),
		"unknown type":   entry(`{"kty":"XX"}`),
		"private EC key": entry(`{"kty":"EC","crv":"P-256","kid":"k","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`),
		"symmetric key":  entry(`{"kty":"oct","kid":"k","alg":"HS256","k":"c2VjcmV0"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := created(t, keyring.ES256)
			w.store.put(keyring.Public, []byte(data))
			jwks, err := w.public().JWKS(ctx)
			isUnavailable(t, "JWKS", err)
			if len(jwks) != 0 {
				t.Errorf("JWKS gave %s beside an error", jwks)
			}
			_, err = w.public().ByHeader(ctx, "x")
			isUnavailable(t, "ByHeader", err)
		})
	}
}

func TestPartThatBecomesUnreadableIsAnOutageThatEnds(t *testing.T) {
	w := created(t, keyring.ES256)
	signer := w.ring.SigningKeys()
	before, err := signer.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	good := w.store.parts[keyring.Signing]
	w.seal(t, keyring.Signing, `{"keys":[]}`)
	w.clock.Advance(time.Minute)
	if renewed := signer.Renew(ctx, before); renewed.ID != before.ID {
		t.Errorf("renewed to %v, want %v, which can still be used", renewed, before)
	}
	_, err = signer.Current(ctx)
	isUnavailable(t, "Current", err)
	w.store.put(keyring.Signing, good)
	if after, err := signer.Current(ctx); err != nil || after.ID != before.ID {
		t.Errorf("Current: %v, error %v; want %v", after, err, before)
	}
}

// A key that cannot sign must be found out before anything is written.
func TestKeyOfAnotherAlgorithmThanItSaysIsAnOutage(t *testing.T) {
	for _, alg := range algorithms {
		for _, says := range append([]keyring.Algorithm{"HS256", "none", ""}, algorithms...) {
			w := created(t, alg)
			w.seal(t, keyring.Signing, strings.ReplaceAll(string(w.plain(t, keyring.Signing)), `"`+string(alg)+`"`, `"`+string(says)+`"`))
			key, err := w.ring.SigningKeys().Current(ctx)
			if alg == says && err != nil || alg != says && !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("a key of %s that says it is of %q: %v, error %v", alg, says, key, err)
			}
		}
	}
}
