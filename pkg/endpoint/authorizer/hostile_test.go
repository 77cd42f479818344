package authorizer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

func TestForgedGoodTokenIsLetThrough(t *testing.T) {
	// Or the tests below prove nothing.
	f := newForge(t)
	good := f.sign(f.header(), payload())
	for _, header := range []string{"Bearer " + good, "bearer " + good, "BEARER   " + good, "Bearer " + good} {
		if !f.authorize(header) {
			t.Errorf("refused %.40q…: %s", header, f.Log())
		}
	}
}

func TestRespelledTokensAreRefused(t *testing.T) {
	f := newForge(t)
	good := f.sign(f.header(), payload())
	for !strings.ContainsAny(good[strings.LastIndex(good, "."):], "-_") {
		good = f.sign(f.header(), payload())
	}
	if !f.authorize("Bearer " + good) {
		t.Fatalf("the token itself is refused: %s", f.Log())
	}
	parts := strings.Split(good, ".")
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", good[len(good)-1])
	for what, text := range map[string]string{
		"padded":                good + "=",
		"padded twice":          good + "==",
		"padded inside":         parts[0] + "=." + parts[1] + "." + parts[2],
		"standard alphabet":     strings.NewReplacer("-", "+", "_", "/").Replace(good),
		"CR LF at the end":      good + "\r\n",
		"LF in the signature":   good[:len(good)-8] + "\n" + good[len(good)-8:],
		"CR in the payload":     parts[0] + "." + parts[1][:8] + "\r" + parts[1][8:] + "." + parts[2],
		"LF in the header":      parts[0][:4] + "\n" + parts[0][4:] + "." + parts[1] + "." + parts[2],
		"trailing bits":         good[:len(good)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last+1]),
		"lower case":            strings.ToLower(good),
		"upper case":            strings.ToUpper(good),
		"truncated":             good[:len(good)-1],
		"truncated by four":     good[:len(good)-4],
		"signature left out":    parts[0] + "." + parts[1] + ".",
		"payload left out":      parts[0] + ".." + parts[2],
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            good + ".",
		"a space before":        " \t" + good,
		"a space after":         good + " ",
		"NUL after":             good + "\x00",
		"percent-encoded":       strings.ReplaceAll(good, ".", "%2E"),
		"quoted":                `"` + good + `"`,
		"two of it":             good + "," + good,
		"two headers of it":     good + ", Bearer " + good,
		"over 4,096 bytes":      parts[0] + "." + parts[1] + strings.Repeat("A", 4096) + "." + parts[2],
		"flattened JSON":        fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"general JSON":          fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2]),
		"JSON, encoded":         encode(fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])),
		"another's signature":   parts[0] + "." + encode(strings.Replace(payload(), "member", "owners", 1)) + "." + parts[2],
		"signature in ASN.1":    parts[0] + "." + parts[1] + "." + encode("\x30\x44"+strings.Repeat("\x02", 68)),
		"a signature of zeros":  parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"nothing":               "",
		"dots":                  "..",
		"a megabyte of letters": strings.Repeat("a", 1<<20),
	} {
		f.refused(what, text)
	}
	if !f.authorize("Bearer " + good) {
		t.Error("the token itself is refused after its copies were")
	}
	noOutage(f)
}

func TestForeignHeadersAreRefused(t *testing.T) {
	f := newForge(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(member string) string { return strings.TrimSuffix(f.header(), "}") + "," + member + "}" }
	jwk := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode(string(stranger.X.FillBytes(make([]byte, 32)))), encode(string(stranger.Y.FillBytes(make([]byte, 32)))))
	for what, header := range map[string]string{
		"typ JWT":            strings.Replace(f.header(), "at+jwt", "JWT", 1),
		"typ in capitals":    strings.Replace(f.header(), "at+jwt", "AT+JWT", 1),
		"typ as media type":  strings.Replace(f.header(), "at+jwt", "application/at+jwt", 1),
		"no typ":             strings.Replace(f.header(), `,"typ":"at+jwt"`, "", 1),
		"no kid":             fmt.Sprintf(`{"alg":"ES256","typ":%q}`, "at+jwt"),
		"another kid":        strings.Replace(f.header(), f.key.ID, "another", 1),
		"a path as kid":      strings.Replace(f.header(), f.key.ID, "../../keys/"+f.key.ID, 1),
		"alg in lower case":  strings.Replace(f.header(), "ES256", "es256", 1),
		"alg ES384":          strings.Replace(f.header(), "ES256", "ES384", 1),
		"alg RS256":          strings.Replace(f.header(), "ES256", "RS256", 1),
		"alg none":           strings.Replace(f.header(), "ES256", "none", 1),
		"alg twice":          `{"alg":"none",` + f.header()[1:],
		"crit":               with(`"crit":["exp"]`),
		"empty crit":         with(`"crit":[]`),
		"b64":                with(`"b64":false,"crit":["b64"]`),
		"jku":                with(`"jku":"https://evil.example/jwks.json"`),
		"jwk":                with(`"jwk":` + jwk),
		"x5c":                with(`"x5c":["MIIB"]`),
		"x5u":                with(`"x5u":"https://evil.example/cert"`),
		"cty":                with(`"cty":"JWT"`),
		"zip":                with(`"zip":"DEF"`),
		"space":              strings.Replace(f.header(), ",", ", ", 1),
		"members turned":     fmt.Sprintf(`{"kid":%q,"alg":"ES256","typ":"at+jwt"}`, f.key.ID),
		"name escaped":       strings.Replace(f.header(), `"alg"`, `"\u0061lg"`, 1),
		"something after it": f.header() + " ",
	} {
		f.refused(what, f.sign(header, payload()))
		f.refused(what+", by a stranger", signBy(stranger, encode(header)+"."+encode(payload())))
	}
	f.refused("good header, by a stranger", signBy(stranger, encode(f.header())+"."+encode(payload())))
	f.refused("jwk, by its own key", signBy(stranger, encode(with(`"jwk":`+jwk))+"."+encode(payload())))
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		header := encode(strings.Replace(f.header(), "ES256", alg, 1))
		f.refused("unsigned, alg "+alg, header+"."+encode(payload())+".")
		f.refused("unsigned, alg "+alg+", some signature", header+"."+encode(payload())+"."+strings.Repeat("A", 86))
	}
	noOutage(f)
}

func TestPublicKeyIsNoMACKey(t *testing.T) {
	f := newForge(t)
	der, err := x509.MarshalPKIXPublicKey(f.public())
	if err != nil {
		t.Fatal(err)
	}
	point, err := f.public().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	jwks := f.Do(deployment.Request{Route: "GET /.well-known/jwks.json"}).Body
	for what, key := range map[string][]byte{
		"DER": der, "PEM": text, "PEM without its last line end": text[:len(text)-1], "point": point, "JWKS": []byte(jwks), "nothing": {},
	} {
		for _, header := range []string{f.header(), strings.Replace(f.header(), "ES256", "HS256", 1)} {
			input := encode(header) + "." + encode(payload())
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(input))
			sum := mac.Sum(nil)
			f.refused("HS256 with the "+what, input+"."+base64.RawURLEncoding.EncodeToString(sum))
			f.refused("HS256 with the "+what+", twice as long", input+"."+base64.RawURLEncoding.EncodeToString(append(sum, sum...)))
		}
	}
	noOutage(f)
}

func TestExpiredFutureAndRevokedTokensAreRefusedAtAnySight(t *testing.T) {
	f := newForge(t)
	now := deployment.Start.Unix()
	stamp := func(name string, from, to int64) string {
		return f.but(fmt.Sprintf(`"%s":%d`, name, from), fmt.Sprintf(`"%s":%d`, name, to))
	}
	f.refused("expired now", stamp("exp", now+900, now))
	f.refused("expired long ago", stamp("exp", now+900, 1))
	f.refused("issued beyond the leeway", stamp("iat", now, now+31))
	if !f.authorize("Bearer " + stamp("iat", now, now+30)) {
		t.Error("issued within the leeway: refused")
	}
	good := f.sign(f.header(), payload())
	for range 2 {
		if !f.authorize("Bearer " + good) {
			t.Fatalf("the token itself is refused: %s", f.Log())
		}
	}
	f.Clock.Advance(15*time.Minute - time.Second)
	if !f.authorize("Bearer " + good) {
		t.Errorf("refused in its last second: %s", f.Log())
	}
	f.Clock.Advance(time.Second)
	f.refused("expired since it was seen", good)
}

// noOutage reports refusals that were taken for faults of ours.
func noOutage(f forge) {
	f.t.Helper()
	if strings.Contains(f.Log(), `"level":"ERROR"`) {
		f.t.Errorf("a hostile token was logged as an outage:\n%s", f.Log())
	}
}
