package token

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// SignIntrospection returns an answer of the introspection endpoint as a signed JWT for the service that asked (RFC 9701 §5). What
// the answer says stands in one claim, and the type of the JWT is its own, so that nobody takes it for an access token.
func SignIntrospection(key keyring.SigningKey, issuer, service string, now time.Time, answer []byte) (oauth.Secret, error) {
	payload, err := json.Marshal(struct {
		Issuer   string         `json:"iss"`
		Audience string         `json:"aud"`
		IssuedAt int64          `json:"iat"`
		Answer   jsontext.Value `json:"token_introspection"`
	}{issuer, service, now.Unix(), answer})
	if err != nil {
		return oauth.Secret{}, err
	}
	return oauth.NewSecret(compactOf(key, keyring.HeaderSegmentOf("token-introspection+jwt", key.Algorithm, key.ID), payload)), nil
}
