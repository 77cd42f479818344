package revoke_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
)

func revoke(parameters ...string) deployment.Request {
	form := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return deployment.Form("POST /revoke", form.Encode())
}

// partnersToken is an access token that the client "partner" has for itself.
func partnersToken(t *testing.T, d *deployment.Deployment) string {
	t.Helper()
	ring := keyring.New(keyring.Config{Store: d.Store, Sealer: d.Sealer, Algorithm: keyring.ES256, Now: d.Clock.Now})
	key, err := ring.SigningKeys().Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := token.Sign(key, token.Claims{
		Issuer: deployment.Issuer, Audience: []string{deployment.Issuer}, Subject: "partner", ClientID: "partner", ID: uuid.NewString(),
		IssuedAt: d.Clock.Now(), Expiry: d.Clock.Now().Add(15 * time.Minute), Scope: "profile",
	})
	return text.Reveal()
}

// Only a client that has authenticated is named as the one that acted: anybody can give the id of the others.
func TestRevocationNamesTheClientThatAuthenticated(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	partners, adas := partnersToken(t, d), d.Login("app").AccessToken
	for _, tc := range []struct {
		request deployment.Request
		token   string
		actor   string
		subject string
		status  int // of a request about the person with the token
		code    string
	}{
		{revoke("token", partners, "client_id", "partner", "client_secret", deployment.Secret), partners, "client:partner", "partner", 403, "access_denied"},
		{revoke("token", adas, "client_id", "app"), adas, "person", deployment.AccountID.String(), 200, ""},
	} {
		d.Want(tc.actor+" before", d.As(tc.token, deployment.Request{Route: "GET /userinfo"}), tc.status, tc.code)
		before := len(d.Trail())
		d.Want(tc.actor+" revokes", d.Do(tc.request), 200, "")
		event := d.Trail()[before:]
		for _, want := range []string{`"event":"token_revoked"`, `"actor":"` + tc.actor + `"`, `"sub":"` + tc.subject + `"`} {
			if strings.Count(event, "\n") != 1 || !strings.Contains(event, want) {
				t.Errorf("%s revokes: want one event with %s, got\n%s", tc.actor, want, event)
			}
		}
		d.Want(tc.actor+" afterwards", d.As(tc.token, deployment.Request{Route: "GET /userinfo"}), 403, "")
	}
}

func TestServiceClientWithoutItsSecretRevokesNothing(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	text := partnersToken(t, d)
	for name, request := range map[string]deployment.Request{
		"no secret":     revoke("token", text, "client_id", "partner"),
		"a wrong one":   revoke("token", text, "client_id", "partner", "client_secret", "guess"),
		"another's id":  revoke("token", text, "client_id", "app", "client_secret", deployment.Secret),
		"nobody at all": revoke("token", text),
	} {
		if got := d.Do(request); got.StatusCode == 200 || len(d.Store.Log()) > 0 || strings.Contains(d.Trail(), "token_revoked") {
			t.Errorf("%s: %d %s, log %v", name, got.StatusCode, got.Error, d.Store.Log())
		}
	}
}

// A cold copy would have to read all of the log first, and that takes longest when people most need to log out.
func TestAccessTokenIsTakenBackWhileTheLogCannotBeRead(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	text := d.Login("app").AccessToken
	d.Store.Before = hooks.Fail("Since")
	d.Want("revoke", d.Do(revoke("token", text, "client_id", "app")), 200, "")
	d.Store.Before = nil
	d.Want("userinfo afterwards", d.As(text, deployment.Request{Route: "GET /userinfo"}), 403, "")
}
