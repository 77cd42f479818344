package token_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	notCompact   = "not a compact JWS"
	notAlphabet  = "a character outside base64url"
	notCanonical = "not canonical base64url"
	notOurs      = "header: not that of one of our keys"
)

// The other tests change one thing about this token; it must be good.
func TestForgedTokenWithNothingWrongIsAccepted(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		for _, p := range []payload{goodPayload(), ofClient()} {
			if _, err := f.verify(f.forge(p.String())); err != nil {
				t.Errorf("%s %s: %v", alg, p, err)
			}
		}
	}
}

func TestOnlyCompactFormIsRead(t *testing.T) {
	f := es256()
	good := f.forge(goodPayload().String())
	part := strings.Split(good, ".")
	for name, c := range map[string]struct{ text, reason string }{
		"empty":                {"", notCompact},
		"no dot":               {strings.ReplaceAll(good, ".", ""), notCompact},
		"one dot":              {part[0] + "." + part[1], notCompact},
		"three dots":           {good + "." + part[2], notCompact},
		"a dot behind":         {good + ".", notCompact},
		"a dot before":         {"." + good, notCompact},
		"five parts like JWE":  {good + "." + part[1] + "." + part[2], notCompact},
		"empty header":         {"." + part[1] + "." + part[2], notCompact},
		"empty payload":        {part[0] + ".." + part[2], notCompact},
		"empty signature":      {part[0] + "." + part[1] + ".", notCompact},
		"two dots alone":       {"..", notCompact},
		"flattened JSON":       {fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, part[0], part[1], part[2]), notCompact},
		"general JSON":         {fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, part[1], part[0], part[2]), notCompact},
		"JSON with two dots":   {fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q,"x":".."}`, part[0], part[1], part[2]), notCompact},
		"JSON in three parts":  {fmt.Sprintf(`{"payload":%q,"x":"a.b.c","signature":%q}`, part[1], part[2]), notAlphabet},
		"a refresh token":      {"wprt_" + encode(strings.Repeat("\x01", 74)), notCompact},
		"a session handle":     {"wpss_" + encode(strings.Repeat("\x01", 65)), notCompact},
		"scheme before":        {"Bearer " + good, notAlphabet},
		"space behind":         {good + " ", notAlphabet},
		"newline behind":       {good + "\n", notAlphabet},
		"two tokens, a comma":  {good + "," + good, notCompact},
		"over 4096, all dots":  {strings.Repeat(".", token.MaxRead+1), "longer than 4096"},
		"over 4096, no dot":    {strings.Repeat("A", token.MaxRead+1), "longer than 4096"},
		"over 4096, trailing":  {good + strings.Repeat("A", token.MaxRead), "longer than 4096"},
		"full-width full stop": {strings.ReplaceAll(good, ".", "\uff0e"), notCompact},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.counted.asks
			_, err := f.verify(c.text)
			refused(t, err, c.reason)
			if asked := f.counted.asks - before; asked != 0 {
				t.Errorf("the keys were asked %d times for a text that is no JWS", asked)
			}
		})
	}
}

func TestLengthLimitIs4096Bytes(t *testing.T) {
	f := es256()
	seen := map[int]bool{}
	for padding := 2400; padding < 2800; padding++ {
		text := f.forge(goodPayload().plus("x", `"`+strings.Repeat("x", padding)+`"`).String())
		if len(text) < token.MaxRead-2 || len(text) > token.MaxRead+2 {
			continue
		}
		seen[len(text)] = true
		_, err := f.verify(text)
		if len(text) <= token.MaxRead && err != nil {
			t.Errorf("%d bytes: %v", len(text), err)
		}
		if len(text) > token.MaxRead {
			refused(t, err, "longer than 4096")
		}
	}
	if len(seen) < 3 {
		t.Fatalf("lengths tried: %v, want some on both sides of %d", seen, token.MaxRead)
	}
}

func TestEverySegmentIsUnpaddedBase64URL(t *testing.T) {
	f := es256()
	for _, insert := range []string{"=", "==", "+", "/", "\r", "\n", "\r\n", " ", "\t", "\x00", "\x7f", "\x80", "é", "%", "~", "@", "[", "`", "{", ":"} {
		for segment := range 3 {
			for _, where := range []string{"begin", "middle", "end"} {
				t.Run(fmt.Sprintf("%q at the %s of segment %d", insert, where, segment), func(t *testing.T) {
					part := strings.Split(f.forge(goodPayload().String()), ".")
					at := map[string]int{"begin": 0, "middle": len(part[segment]) / 2, "end": len(part[segment])}[where]
					part[segment] = part[segment][:at] + insert + part[segment][at:]
					// Signed again, so that only the alphabet can be the reason.
					text := part[0] + "." + part[1] + "." + part[2]
					if segment < 2 {
						text = f.segments(part[0], part[1])
					}
					_, err := f.verify(text)
					refused(t, err, notAlphabet)
				})
			}
		}
	}
}

// loosen sets a bit that decoding throws away: another text for the same bytes.
func loosen(t *testing.T, segment string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(segment)%4 == 0 {
		t.Fatalf("segment of %d characters has no spare bits", len(segment))
	}
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	loose := segment[:len(segment)-1] + string(alphabet[last|1])
	want, _ := base64.RawURLEncoding.DecodeString(segment)
	if got, err := base64.RawURLEncoding.DecodeString(loose); err != nil || string(got) != string(want) || loose == segment {
		t.Fatalf("%q is not another text for the bytes of %q (%v)", loose, segment, err)
	}
	return loose
}

func TestEverySegmentIsCanonical(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		spare := goodPayload().String()
		for len(spare)%3 == 0 {
			spare += " "
		}
		part := strings.Split(f.forge(spare), ".")
		cases := map[string]struct{ text, reason string }{
			"payload, spare bits":   {f.segments(f.header, loosen(t, part[1])), notCanonical},
			"signature, spare bits": {part[0] + "." + part[1] + "." + loosen(t, part[2]), notCanonical},
			"payload, 4n+1":         {f.segments(f.header, part[1][:len(part[1])/4*4]+"A"), notCanonical},
			"signature, 4n+1":       {part[0] + "." + part[1] + "." + part[2][:len(part[2])/4*4] + "A", notCanonical},
		}
		if len(f.header)%4 != 0 { // the header is compared as text, so its spare bits make another header
			cases["header, spare bits"] = struct{ text, reason string }{f.segments(loosen(t, f.header), part[1]), notOurs}
		}
		for name, c := range cases {
			t.Run(fmt.Sprintf("%s/%s", alg, name), func(t *testing.T) {
				_, err := f.verify(c.text)
				refused(t, err, c.reason)
			})
		}
	}
}

func TestOnlyTheExactHeaderIsAccepted(t *testing.T) {
	f := es256()
	kid := f.key.ID
	extra := func(member string) string {
		return `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt",` + member + `}`
	}
	for name, header := range map[string]string{
		"alg none":           `{"alg":"none","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg None":           `{"alg":"None","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg HS256":          `{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg ES384":          `{"alg":"ES384","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg EdDSA":          `{"alg":"EdDSA","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg in lower case":  `{"alg":"es256","kid":"` + kid + `","typ":"at+jwt"}`,
		"alg missing":        `{"kid":"` + kid + `","typ":"at+jwt"}`,
		"kid of nobody":      `{"alg":"ES256","kid":"nobody","typ":"at+jwt"}`,
		"kid missing":        `{"alg":"ES256","typ":"at+jwt"}`,
		"kid empty":          `{"alg":"ES256","kid":"","typ":"at+jwt"}`,
		"typ JWT":            `{"alg":"ES256","kid":"` + kid + `","typ":"JWT"}`,
		"typ missing":        `{"alg":"ES256","kid":"` + kid + `"}`,
		"typ long form":      `{"alg":"ES256","kid":"` + kid + `","typ":"application/at+jwt"}`,
		"typ in upper case":  `{"alg":"ES256","kid":"` + kid + `","typ":"AT+JWT"}`,
		"crit":               extra(`"crit":["exp"]`),
		"b64":                extra(`"b64":false`),
		"crit and b64":       extra(`"crit":["b64"],"b64":false`),
		"jku":                extra(`"jku":"https://evil.example/jwks"`),
		"jwk":                extra(`"jwk":{"kty":"EC"}`),
		"x5u":                extra(`"x5u":"https://evil.example/x"`),
		"x5c":                extra(`"x5c":["AA=="]`),
		"cty":                extra(`"cty":"JWT"`),
		"typ twice":          extra(`"typ":"JWT"`),
		"another order":      `{"typ":"at+jwt","alg":"ES256","kid":"` + kid + `"}`,
		"kid before alg":     `{"kid":"` + kid + `","alg":"ES256","typ":"at+jwt"}`,
		"a space inside":     `{"alg": "ES256","kid":"` + kid + `","typ":"at+jwt"}`,
		"a space behind":     `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"} `,
		"an escape":          `{"alg":"\u0045S256","kid":"` + kid + `","typ":"at+jwt"}`,
		"names in upper":     `{"ALG":"ES256","KID":"` + kid + `","TYP":"at+jwt"}`,
		"an array":           `[{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}]`,
		"not JSON":           `ES256`,
		"header of EdDSA":    `{"alg":"EdDSA","kid":"` + fixtures[keyring.EdDSA]().key.ID + `","typ":"at+jwt"}`,
		"byte order mark":    "\ufeff" + `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`,
		"kid climbs folders": `{"alg":"ES256","kid":"../../` + kid + `","typ":"at+jwt"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.verify(f.segments(encode(header), encode(goodPayload().String())))
			refused(t, err, notOurs)
		})
	}
}

// The public key is public: a verifier that took it for an HMAC key would accept anybody's tokens.
func TestPublicKeyIsNeverAnHMACKey(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		der, err := x509.MarshalPKIXPublicKey(f.key.Private().Public())
		if err != nil {
			t.Fatal(err)
		}
		pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for name, key := range map[string][]byte{"DER": der, "PEM": pemText} {
			hs256 := encode(`{"alg":"HS256","kid":"` + f.key.ID + `","typ":"at+jwt"}`)
			for _, c := range []struct{ header, reason string }{{hs256, notOurs}, {f.header, "signature: wrong length"}} {
				t.Run(fmt.Sprintf("%s/%s/%s", alg, name, c.reason), func(t *testing.T) {
					input := c.header + "." + encode(goodPayload().String())
					mac := hmac.New(sha256.New, key)
					mac.Write([]byte(input))
					_, err := f.verify(input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
					refused(t, err, c.reason)
				})
			}
		}
	}
}

type brokenKeys struct{ err error }

func (b brokenKeys) ByHeader(context.Context, string) (keyring.VerifyKey, error) {
	return keyring.VerifyKey{}, b.err
}

func TestUnreadableKeysAreAnOutageNotARefusal(t *testing.T) {
	outage := fmt.Errorf("%w: time-out", oauth.ErrUnavailable)
	v := token.NewVerifier(brokenKeys{outage}, func() time.Time { return now })
	_, err := v.Verify(context.Background(), oauth.NewSecret(es256().forge(goodPayload().String())), expect)
	if !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, token.ErrInvalid) {
		t.Errorf("got error %v, want ErrUnavailable and not ErrInvalid", err)
	}
}
