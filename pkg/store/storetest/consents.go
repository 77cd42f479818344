package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var consentTests = []subtest{
	{"ComesBackAsItWasPut", consentRoundTrip},
	{"IsTakenBack", consentTakenBack},
	{"ListIsOfOneAccountInOrder", consentList},
	{"CancelledIsUnavailable", consentCancelled},
}

func (f fixture) newConsent(t *testing.T) consent.Consent {
	t.Helper()
	return consent.Consent{AccountID: newID(t), ClientID: fresh(t, "c"), Scopes: []string{"openid", "orders:read"}, Given: f.clock.Now().Truncate(time.Second).UTC()}
}

func consentRoundTrip(t *testing.T, f fixture) {
	c := f.newConsent(t)
	_, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
	wantErr(t, "read before", err, consent.ErrNotFound)
	for _, scopes := range [][]string{{"openid"}, c.Scopes, nil} {
		c.Scopes = scopes
		for range 2 { // it may be repeated
			wantErr(t, "put", f.PutConsent(t.Context(), c), nil)
		}
		got, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
		wantErr(t, "read", err, nil)
		same(t, "consent", got, c)
	}
	for _, other := range []string{"", c.ClientID + "x", c.ClientID[:5]} {
		_, err := f.Consent(t.Context(), c.AccountID, other)
		wantErr(t, "of another client", err, consent.ErrNotFound)
	}
	_, err = f.Consent(t.Context(), newID(t), c.ClientID)
	wantErr(t, "of another account", err, consent.ErrNotFound)
}

func consentTakenBack(t *testing.T, f fixture) {
	c := f.newConsent(t)
	wantErr(t, "put", f.PutConsent(t.Context(), c), nil)
	for range 2 {
		wantErr(t, "take back", f.PutConsent(t.Context(), consent.Consent{AccountID: c.AccountID, ClientID: c.ClientID}), nil)
		_, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
		wantErr(t, "read", err, consent.ErrNotFound)
		all, err := f.Consents(t.Context(), c.AccountID)
		wantErr(t, "list", err, nil)
		same(t, "consents", all, nil)
	}
	wantErr(t, "put again", f.PutConsent(t.Context(), c), nil)
	got, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
	wantErr(t, "read", err, nil)
	same(t, "consent", got, c)
}

func consentList(t *testing.T, f fixture) {
	first, other := f.newConsent(t), f.newConsent(t)
	second := first
	second.ClientID += "-2"
	second.Scopes = nil
	for _, c := range []consent.Consent{second, other, first} {
		wantErr(t, "put", f.PutConsent(t.Context(), c), nil)
	}
	got, err := f.Consents(t.Context(), first.AccountID)
	wantErr(t, "list", err, nil)
	same(t, "consents", got, []consent.Consent{first, second})
}

func consentCancelled(t *testing.T, f fixture) {
	c := f.newConsent(t)
	_, readErr := f.Consent(cancelled(t), c.AccountID, c.ClientID)
	_, listErr := f.Consents(cancelled(t), c.AccountID)
	for what, err := range map[string]error{"read": readErr, "list": listErr, "put": f.PutConsent(cancelled(t), c)} {
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s with a cancelled context: %v, want ErrUnavailable", what, err)
		}
	}
}
