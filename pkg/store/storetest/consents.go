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
	{"IsStoredInPlaceOfWhatWasRead", consentChanged},
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
	var before consent.Consent
	for _, scopes := range [][]string{{"openid"}, c.Scopes, nil} {
		c.Scopes = scopes
		for range 2 { // it may be repeated
			wantErr(t, "put", f.PutConsent(t.Context(), before, c), nil)
		}
		before = c
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
	wantErr(t, "put", f.PutConsent(t.Context(), consent.Consent{}, c), nil)
	for range 2 {
		wantErr(t, "take back", f.TakeBackConsent(t.Context(), c.AccountID, c.ClientID), nil)
		_, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
		wantErr(t, "read", err, consent.ErrNotFound)
		all, err := f.Consents(t.Context(), c.AccountID)
		wantErr(t, "list", err, nil)
		same(t, "consents", all, nil)
	}
	wantErr(t, "put again", f.PutConsent(t.Context(), consent.Consent{}, c), nil)
	got, err := f.Consent(t.Context(), c.AccountID, c.ClientID)
	wantErr(t, "read", err, nil)
	same(t, "consent", got, c)
}

// consentChanged: a decision undoes nothing that was decided since the earlier one was read.
func consentChanged(t *testing.T, f fixture) {
	first := f.newConsent(t)
	second := first
	second.Scopes = append(second.Scopes, "more") // in the same second
	third := second
	third.Given = third.Given.Add(time.Second)
	put := func(what string, before, c consent.Consent, want error) {
		t.Helper()
		wantErr(t, what, f.PutConsent(t.Context(), before, c), want)
	}
	put("in place of what never was", second, third, consent.ErrChanged)
	put("the first", consent.Consent{}, first, nil)
	put("as if nothing was there", consent.Consent{}, second, consent.ErrChanged)
	put("in place of the first", first, second, nil)
	put("in place of the first, once more", first, third, consent.ErrChanged)
	got, err := f.Consent(t.Context(), first.AccountID, first.ClientID)
	wantErr(t, "read", err, nil)
	same(t, "consent", got, second)
	wantErr(t, "take back", f.TakeBackConsent(t.Context(), first.AccountID, first.ClientID), nil)
	put("in place of what was taken back", second, third, consent.ErrChanged)
	_, err = f.Consent(t.Context(), first.AccountID, first.ClientID)
	wantErr(t, "read", err, consent.ErrNotFound)
}

func consentList(t *testing.T, f fixture) {
	first, other := f.newConsent(t), f.newConsent(t)
	second := first
	second.ClientID += "-2"
	second.Scopes = nil
	for _, c := range []consent.Consent{second, other, first} {
		wantErr(t, "put", f.PutConsent(t.Context(), consent.Consent{}, c), nil)
	}
	got, err := f.Consents(t.Context(), first.AccountID)
	wantErr(t, "list", err, nil)
	same(t, "consents", got, []consent.Consent{first, second})
}

func consentCancelled(t *testing.T, f fixture) {
	c := f.newConsent(t)
	_, readErr := f.Consent(cancelled(t), c.AccountID, c.ClientID)
	_, listErr := f.Consents(cancelled(t), c.AccountID)
	for what, err := range map[string]error{
		"read": readErr, "list": listErr, "put": f.PutConsent(cancelled(t), consent.Consent{}, c), "take back": f.TakeBackConsent(cancelled(t), c.AccountID, c.ClientID),
	} {
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s with a cancelled context: %v, want ErrUnavailable", what, err)
		}
	}
}
