package consent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestConsentCoversWhatWasAllowedToThisVeryClient(t *testing.T) {
	c := client.New("partner", client.Native)
	c.Since = now.Add(-time.Hour)
	given := consent.Consent{AccountID: uuid.New(), ClientID: "partner", Scopes: []string{"openid", "email"}, Given: now}
	for name, tc := range map[string]struct {
		consent consent.Consent
		scopes  []string
		want    bool
	}{
		"the same":                     {given, []string{"openid", "email"}, true},
		"less":                         {given, []string{"email"}, true},
		"nothing":                      {given, nil, true},
		"more":                         {given, []string{"openid", "orders"}, false},
		"never asked":                  {consent.Consent{}, nil, false},
		"another client":               {consent.Consent{ClientID: "other", Scopes: given.Scopes, Given: now}, nil, false},
		"an earlier client of this id": {consent.Consent{ClientID: "partner", Scopes: given.Scopes, Given: now.Add(-2 * time.Hour)}, nil, false},
	} {
		if got := tc.consent.Covers(tc.scopes, c); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestConsentGrows(t *testing.T) {
	c := client.New("partner", client.Native)
	c.Since = now
	id := uuid.New()
	first := consent.Consent{AccountID: id}.With([]string{"openid"}, c, now.Add(time.Minute+time.Millisecond))
	if first.AccountID != id || first.ClientID != "partner" || !slices.Equal(first.Scopes, []string{"openid"}) || !first.Given.Equal(now.Add(time.Minute)) {
		t.Errorf("first: %+v", first)
	}
	if second := first.With([]string{"email", "openid"}, c, now.Add(time.Hour)); !slices.Equal(second.Scopes, []string{"openid", "email"}) || len(first.Scopes) != 1 {
		t.Errorf("second: %+v, and the first is %+v", second, first)
	}
	c.Since = now.Add(2 * time.Hour)
	if again := first.With([]string{"email"}, c, now.Add(3*time.Hour)); !slices.Equal(again.Scopes, []string{"email"}) {
		t.Errorf("for another client of the same id: %+v, want nothing of the earlier one", again)
	}
}
