package deployment

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
)

// A token that a client has for itself is good at routes that ask for a token, and at none that is about a person, whatever scopes
// an operator has given to the client. Nor does a person's token pass for a client's.
func TestTokensOfClientsAndOfPeopleAreNeverTakenForEachOther(t *testing.T) {
	d := New(t, browser.Jar{})
	partner, err := d.Store.Client(t.Context(), "partner")
	if err != nil {
		t.Fatal(err)
	}
	partner.Scopes = []string{"account", "openid", "profile", "sessions:manage"}
	partner.Introspects = []string{"app"}
	if err := d.Store.PutClient(t.Context(), partner); err != nil {
		t.Fatal(err)
	}
	const credentials = "client_id=partner&client_secret=" + Secret
	own := d.Do(Form("POST /token", "grant_type=client_credentials&"+credentials)).AccessToken
	ada := d.Login("app")
	for _, r := range []Request{
		{Route: "GET /userinfo"},
		{Route: "GET /sessions"},
		{Route: "DELETE /sessions"},
		{Route: "GET /grants"},
		{Route: "DELETE /grants/{client}", Path: map[string]string{"client": "third"}},
		{Route: "DELETE /sessions", Query: map[string]string{"except": "current"}},
		{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": ada.SessionID().String()}},
		JSON("POST /password", `{"current_password":"`+Password+`","new_password":"another-canary-wave"}`),
	} {
		d.Want(r.Route+" with a client's own token", d.As(own, r), 403, "access_denied")
	}
	for what, got := range map[string]Answer{
		"a client's token at /refresh": d.Do(Form("POST /refresh", "client_id=app&refresh_token="+own)),
		"a client's token at /token":   d.Do(Form("POST /token", "grant_type=refresh_token&client_id=app&refresh_token="+own)),
		"a client's token at /logout":  d.Do(JSON("POST /logout", `{"client_id":"app","everywhere":true,"refresh_token":"`+own+`"}`)),
		"another client revokes it":    d.Do(Form("POST /revoke", "client_id=app&token="+own)),
		"it revokes a person's":        d.Do(Form("POST /revoke", credentials+"&token="+ada.AccessToken)),
		"it revokes a session":         d.Do(Form("POST /revoke", credentials+"&token="+ada.RefreshToken)),
	} {
		d.Want(what, got, 400, "invalid_grant")
	}
	told := func(text string) string { return d.Do(Form("POST /introspect", credentials+"&token="+text)).Body }
	if got := told(own); !strings.Contains(got, `"sub":"partner"`) || strings.Contains(got, `"sid"`) || strings.Contains(got, `"auth_time"`) {
		t.Errorf("introspection of a client's own token: %s, want nothing of a login", got)
	}
	if got := told(ada.AccessToken); !strings.Contains(got, `"sub":"`+AccountID.String()+`"`) || !strings.Contains(got, `"sid"`) {
		t.Errorf("introspection of ada's token: %s, want her session", got)
	}
	d.Want("ada afterwards", d.As(ada.AccessToken, Request{Route: "GET /userinfo"}), 200, "")
	d.wantRefused(ada)
}

// wantRefused signs what stands between the two kinds of tokens with our own key: no function may take any of it.
func (d *Deployment) wantRefused(ada Answer) {
	d.tb.Helper()
	ring := keyring.New(keyring.Config{Store: d.Store, Sealer: d.Sealer, Algorithm: keyring.ES256, Now: d.Clock.Now})
	key, err := ring.SigningKeys().Current(d.tb.Context())
	if err != nil {
		d.tb.Fatal(err)
	}
	login := &token.Login{SessionID: ada.SessionID(), Epoch: Start.Unix(), AuthTime: Start, AMR: []string{"pwd"}}
	for what, c := range map[string]token.Claims{
		"an account without a login":           {Subject: AccountID.String(), ClientID: "app"},
		"an account without a login, a client": {Subject: AccountID.String(), ClientID: "partner"},
		"a client with a login":                {Subject: "partner", ClientID: "partner", Login: login},
		"a client with another's id":           {Subject: "partner", ClientID: "app"},
	} {
		c.Issuer, c.Audience, c.ID, c.Scope = Issuer, []string{Issuer}, uuid.NewString(), "account openid profile"
		c.IssuedAt, c.Expiry = Start, Start.Add(900e9)
		signed, _ := token.Sign(key, c)
		if got := d.As(signed.Reveal(), Request{Route: "GET /userinfo"}); got.StatusCode != 403 || got.Error != "" {
			d.tb.Errorf("the authorizer takes %s: %d %s", what, got.StatusCode, got.Body)
		}
		if got := d.Do(Form("POST /introspect", "client_id=partner&client_secret="+Secret+"&token="+signed.Reveal())); got.Body != `{"active":false}` {
			d.tb.Errorf("introspection takes %s: %s", what, got.Body)
		}
		if got := d.Do(Form("POST /revoke", "client_id=partner&client_secret="+Secret+"&token="+signed.Reveal())); got.StatusCode != 200 || len(d.Store.Log()) > 0 {
			d.tb.Errorf("%s is taken for one to revoke: %d %v", what, got.StatusCode, d.Store.Log())
		}
	}
}
