package apigw

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Tokens returns the answer of RFC 6749 §5.1, or what a site is given in its place, with these Set-Cookie values. It is the one place where raw tokens are
// written out.
func Tokens(t oauth.TokenResponse, cookies []string) (Response, error) {
	response, err := encodeTokens(t, nil)
	response.Cookies = cookies
	return response, err
}

// TokensToPassOn is Tokens for a back end that passes what it gets on to a browser: the Set-Cookie values are a list in the body.
func TokensToPassOn(t oauth.TokenResponse, cookies []string) (Response, error) {
	return encodeTokens(t, cookies)
}

func encodeTokens(t oauth.TokenResponse, cookies []string) (Response, error) {
	tokenType := oauth.TokenTypeBearer
	if t.AccessToken.IsZero() {
		tokenType = ""
	}
	response, err := Encode(struct {
		AccessToken  string   `json:"access_token,omitzero"`
		TokenType    string   `json:"token_type,omitzero"`
		ExpiresIn    int64    `json:"expires_in"`
		Scope        string   `json:"scope,omitzero"`
		RefreshToken string   `json:"refresh_token,omitzero"`
		IDToken      string   `json:"id_token,omitzero"`
		CSRFToken    string   `json:"csrf_token,omitzero"`
		DeviceToken  string   `json:"device_token,omitzero"`
		Cookies      []string `json:"cookies,omitempty"`
	}{t.AccessToken.Reveal(), tokenType, int64(t.ExpiresIn / time.Second), t.Scope, t.RefreshToken.Reveal(), t.IDToken.Reveal(), t.CSRFToken.Reveal(), t.DeviceToken.Reveal(), cookies})
	response.Headers = map[string]string{"Pragma": "no-cache"} // RFC 6749 §5.1
	return response, err
}

// Encode returns a 200 with value as JSON.
func Encode(value any) (Response, error) {
	body, err := json.Marshal(value)
	return Response{Status: http.StatusOK, Body: body}, err
}
