package authorizer_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	sessionID = "0190b0e4-7e00-7000-8000-0000000000aa"
	tokenID   = "0190b0e4-7e00-7000-8000-0000000000bb"
)

// forge is a deployment, and its own signing key in the hands of a test: what is refused of it is refused for
// what it says, not for its signature.
type forge struct {
	*deployment.Deployment
	t   *testing.T
	key keyring.SigningKey
}

func newForge(t *testing.T) forge {
	t.Helper()
	d := deployment.New(t, browser.Jar{})
	key, err := keyring.New(keyring.Config{Store: d.Store, Sealer: d.Sealer, Algorithm: keyring.ES256, Now: d.Clock.Now}).SigningKeys().Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return forge{d, t, key}
}

func (f forge) public() *ecdsa.PublicKey { return &f.key.Private().(*ecdsa.PrivateKey).PublicKey }

// authorize asks about an Authorization value.
func (f forge) authorize(header string) bool {
	f.t.Helper()
	e := events.APIGatewayV2CustomAuthorizerV2Request{Version: "2.0", Type: "REQUEST", RouteKey: "GET /userinfo", IdentitySource: []string{header}}
	got, err := deployment.AskAuthorizer(f.t.Context(), f.Authorizer, e)
	if err != nil {
		f.t.Fatalf("%.80q: failed instead of refusing, which is a 500: %v", header, err)
	}
	if !got.IsAuthorized && got.Context != nil {
		f.t.Errorf("%.80q: refused, with a context: %v", header, got.Context)
	}
	return got.IsAuthorized
}

// refused reports tokens that are let through, on the first or on the second sight.
func (f forge) refused(what, text string) {
	f.t.Helper()
	for _, sight := range []string{"first", "second"} {
		if f.authorize("Bearer " + text) {
			f.t.Errorf("%s: let through at the %s sight: %.200q", what, sight, text)
		}
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// header is the decoded header of the deployment's tokens.
func (f forge) header() string {
	return fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, f.key.ID)
}

// sign is a compact JWS with a true signature, made without the code under test.
func (f forge) sign(header, payload string) string {
	return signBy(f.key.Private().(*ecdsa.PrivateKey), encode(header)+"."+encode(payload))
}

func signBy(key *ecdsa.PrivateKey, input string) string {
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// payload is what a good token says; tests replace one part of its text.
func payload() string {
	now := deployment.Start.Unix()
	return fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"iat":%d,"jti":%q,"client_id":"app","scope":"profile","roles":["member"],`+
		`"sid":%q,"epoch":%d,"auth_time":%d,"amr":["pwd"]}`,
		deployment.Issuer, deployment.AccountID, deployment.Issuer, now+900, now, tokenID, sessionID, now, now)
}

// but is the good payload with one text replaced, which must be there once.
func (f forge) but(old, new string) string {
	f.t.Helper()
	if strings.Count(payload(), old) != 1 {
		f.t.Fatalf("the payload has %q %d times, want once", old, strings.Count(payload(), old))
	}
	return f.sign(f.header(), strings.Replace(payload(), old, new, 1))
}
