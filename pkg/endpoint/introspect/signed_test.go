package introspect_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// askSigned returns the header and the claims of a signed answer, after checking its signature by the rules of RFC 7518 §3.4.
func (w world) askSigned(text string) (header, claims map[string]any, raw string) {
	w.t.Helper()
	raw = w.rawAnswer(form("POST /introspect", "partner", "token", text).With("accept", "application/token-introspection+jwt"))
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		w.t.Fatalf("no JWT: %q", raw)
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			w.t.Fatal(err)
		}
	}
	ring := keyring.New(keyring.Config{Store: w.Store, Sealer: w.Sealer, Algorithm: keyring.ES256, Now: w.Clock.Now})
	key, err := ring.SigningKeys().Current(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(decoded[2][:32]), new(big.Int).SetBytes(decoded[2][32:])
	if !ecdsa.Verify(key.Private().Public().(*ecdsa.PublicKey), digest[:], r, s) {
		w.t.Error("the signature does not verify")
	}
	return decode(w.t, string(decoded[0])), decode(w.t, string(decoded[1])), raw
}

// rawAnswer is the body of an answer that is no JSON.
func (w world) rawAnswer(r deployment.Request) string {
	w.t.Helper()
	got := w.Raw(r)
	if got.StatusCode != 200 || got.Headers["Content-Type"] != "application/token-introspection+jwt" || got.Headers["Cache-Control"] != "no-store" {
		w.t.Fatalf("%d %v %s, want a signed answer", got.StatusCode, got.Headers, got.Body)
	}
	return got.Body
}

func TestSignedAnswerIsForTheServiceThatAsked(t *testing.T) {
	w := newWorld(t)
	good := w.Login("app").AccessToken
	for what, tc := range map[string]struct {
		text string
		want map[string]any
	}{
		"good": {good, decode(t, w.ask("partner", good).Body)},
		"dead": {"garbage", map[string]any{"active": false}},
	} {
		header, claims, raw := w.askSigned(tc.text)
		if header["typ"] != "token-introspection+jwt" || header["alg"] != "ES256" || len(header) != 3 {
			t.Errorf("%s: header %v", what, header)
		}
		// RFC 9701 §5: no sub and no exp, so that it is no token of any kind.
		want := map[string]any{"iss": deployment.Issuer, "aud": "partner", "iat": float64(deployment.Start.Unix()), "token_introspection": tc.want}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
		w.wantInactive(what+": the answer as a token", raw)
		answer, err := deployment.AskAuthorizer(t.Context(), w.Authorizer, events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + raw}})
		if err != nil || answer.IsAuthorized {
			t.Errorf("%s: the authorizer takes the answer for a token: %v, %v", what, answer.IsAuthorized, err)
		}
	}
}

func TestAnswerIsSignedForThoseWhoAskForIt(t *testing.T) {
	w := newWorld(t)
	w.Login("app") // there are keys
	for accept, signed := range map[string]bool{
		"application/token-introspection+jwt": true, "Application/Token-Introspection+JWT": true,
		"application/json;q=0.5, application/token-introspection+jwt": true, "application/token-introspection+jwt;q=0.1": true,
		"": false, "application/json": false, "*/*": false, "application/*": false, "application/jwt": false,
		"application/token-introspection+jwt;q=0": false, "application/token-introspection+jwt;q=x": false, "application/token-introspection+jwts": false,
	} {
		r := form("POST /introspect", "partner", "token", "x")
		if accept != "" {
			r = r.With("accept", accept)
		}
		if got := w.Raw(r); (got.Headers["Content-Type"] != "application/json") != signed || got.StatusCode != 200 {
			t.Errorf("Accept %q: %d %s, want it signed: %v", accept, got.StatusCode, got.Headers["Content-Type"], signed)
		}
	}
	wrong := form("POST /introspect", "app", "token", "x").With("accept", "application/token-introspection+jwt")
	if got := w.Do(wrong); got.Error != "invalid_client" || got.Headers["Content-Type"] != "application/json" {
		t.Errorf("an error: %v %s, want JSON", got.Headers, got.Body)
	}
}
