package dynamo_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/assertion"
)

// keyedKey is the key of the client keyedID.
var keyedKey = sync.OnceValue(func() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
})

func keyedJWKS() string {
	return fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"sig","x":%q}]}`,
		base64.RawURLEncoding.EncodeToString(keyedKey().Public().(ed25519.PublicKey)))
}

// asserted adds a new assertion to a form.
func (w *world) asserted(route string, parameters ...string) request {
	encode := base64.RawURLEncoding.EncodeToString
	now := w.Now().Unix()
	input := encode([]byte(`{"alg":"EdDSA","kid":"k1"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":%q,"sub":%q,"aud":%q,"iat":%d,"exp":%d,"jti":%q}`, keyedID, keyedID, issuer, now, now+240, rand.Text()))
	values := url.Values{
		"client_assertion_type": {assertion.Type}, "client_assertion": {input + "." + encode(ed25519.Sign(keyedKey(), []byte(input)))},
	}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return request{route: route, mediaType: apigw.Form, body: values.Encode()}
}

func (w *world) assertedTokenRequest() request {
	return w.asserted("POST /token", "grant_type", "client_credentials")
}

// TestAssertionIsGoodOnceOnTheEngine sends one to every function that takes it, after it was used.
func TestAssertionIsGoodOnceOnTheEngine(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	sent := w.assertedTokenRequest()
	w.must(sent, 200)
	for _, route := range []string{"POST /token", "POST /introspect", "POST /revoke"} {
		again := sent
		again.route, again.body = route, sent.body+"&token=x"
		w.must(again, 401)
	}
	w.pass(30 * time.Second)
	w.must(sent, 401)
	w.must(w.assertedTokenRequest(), 200)
}
