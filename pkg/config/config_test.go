package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/config"
)

func TestDefaults(t *testing.T) {
	got, err := config.Load(map[string]string{"TABLE_NAME": "wavepass"})
	if err != nil {
		t.Fatal(err)
	}
	limit := func(n int) config.AttemptLimit { return config.AttemptLimit{Count: n, Window: 15 * time.Minute} }
	want := config.Config{
		TableName: "wavepass", SigningAlg: "ES256", KeyPeriod: 30 * 24 * time.Hour, KeyCacheAge: 5 * time.Minute,
		Staleness: 5 * time.Second, Shards: 1, Grace: time.Minute, RotationMinAge: 10 * time.Second,
		AttemptLimits:     config.AttemptLimits{Account: limit(10), Network: limit(300)},
		PasswordMinLength: 8,
		ClientIDMetadata:  "off",
		SignUp:            "none",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestEveryWrongValueIsRefusedByName(t *testing.T) {
	for _, tc := range []struct{ name, value, says string }{
		{"TABLE_NAME", "", "TABLE_NAME"},
		{"CLIENT_ID_METADATA", "yes", "CLIENT_ID_METADATA: "},
		{"SIGNUP", "yes", "SIGNUP: "},
		{"ISSUER", "auth.example.com", "ISSUER: "},
		{"ISSUER", "http://auth.example.com", "ISSUER: "},
		{"ISSUER", "https://auth.example.com/", "ISSUER: "},
		{"ISSUER", "https://auth.example.com?x=1", "ISSUER: "},
		{"ISSUER", "https://auth.example.com#x", "ISSUER: "},
		{"ISSUER", "https://me@auth.example.com", "ISSUER: "},
		{"ISSUER", "https://", "ISSUER: "},
		{"ISSUER", "https://:443", "ISSUER: "},
		{"ISSUER", "https://auth.example.com?", "ISSUER: "},
		{"ISSUER", "https://auth.example.com#", "ISSUER: "},
		{"ISSUER", "HTTPS://auth.example.com", "ISSUER: "},
		{"ISSUER", `https://auth.example.com"`, "ISSUER: "},
		{"ISSUER", "https://auth.example.com/a b", "ISSUER: "},
		{"ISSUER", "https://" + strings.Repeat("a", 153), "ISSUER: "},
		{"AUDIENCE", strings.Repeat("a", 161), "AUDIENCE: "},
		{"AUDIENCE", `https://api.example.com"`, "AUDIENCE: "},
		{"AUDIENCE", `a\u0061`, "AUDIENCE: "},
		{"AUDIENCE", "https://a.example https://b.example", "AUDIENCE: "},
		{"AUDIENCE", "https://bücher.example", "AUDIENCE: "},
		{"SIGNING_ALG", "HS256", "SIGNING_ALG: "},
		{"SIGNING_ALG", "none", "SIGNING_ALG: "},
		{"KEY_PERIOD", "30d", "KEY_PERIOD: "},
		{"KEY_CACHE_AGE", "5", "KEY_CACHE_AGE: "},
		{"REVOCATION_STALENESS", "5", "REVOCATION_STALENESS: "},
		{"REVOCATION_STALENESS", "-1s", "REVOCATION_STALENESS: "},
		{"REVOCATION_STALENESS", "6m", "REVOCATION_STALENESS: "},
		{"PASSWORD_MIN_LENGTH", "7", "PASSWORD_MIN_LENGTH: 7: want 8 to 64"},
		{"PASSWORD_MIN_LENGTH", "65", "PASSWORD_MIN_LENGTH: 65: want 8 to 64"},
		{"PASSWORD_MIN_LENGTH", "long", "PASSWORD_MIN_LENGTH: "},
		{"REVOCATION_SHARDS", "0", "REVOCATION_SHARDS: "},
		{"REVOCATION_SHARDS", "65", "REVOCATION_SHARDS: "},
		{"REVOCATION_SHARDS", "many", "REVOCATION_SHARDS: "},
		{"REFRESH_GRACE", "-1s", "REFRESH_GRACE: "},
		{"REFRESH_GRACE", "11m", "REFRESH_GRACE: "},
		{"ROTATION_MIN_AGE", "10", "ROTATION_MIN_AGE: "},
		{"ROTATION_MIN_AGE", "-1s", "ROTATION_MIN_AGE: "},
		{"ROTATION_MIN_AGE", "61s", "ROTATION_MIN_AGE: "},
		{"COOKIE_DOMAIN", ".example.com", "COOKIE_DOMAIN: "},
		{"COOKIE_DOMAIN", "com", "COOKIE_DOMAIN: "},
		{"COOKIE_DOMAIN", "example.com; Path=/x", "COOKIE_DOMAIN: "},
		{"COOKIE_DOMAIN", "10.0.0.1", "COOKIE_DOMAIN: "},
		{"COOKIE_DOMAIN", "Example.com", "COOKIE_DOMAIN: "},
		{"ATTEMPT_LIMITS", "10", "ATTEMPT_LIMITS: "},
		{"ATTEMPT_LIMITS", "10/15m", "ATTEMPT_LIMITS: "},
		{"ATTEMPT_LIMITS", "0/15m,300/15m", "ATTEMPT_LIMITS: "},
		{"ATTEMPT_LIMITS", "10/15m,300/1s", "ATTEMPT_LIMITS: "},
	} {
		environment := map[string]string{"TABLE_NAME": "wavepass"}
		environment[tc.name] = tc.value
		if _, err := config.Load(environment); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s=%q: error %v, want one that contains %q", tc.name, tc.value, err, tc.says)
		}
	}
}

func TestAllWrongValuesAreNamedAtOnce(t *testing.T) {
	_, err := config.Load(map[string]string{
		"TABLE_NAME": "wavepass", "SIGNING_ALG": "x", "ISSUER": "x", "REVOCATION_SHARDS": "99",
	})
	for _, name := range []string{"SIGNING_ALG", "ISSUER", "REVOCATION_SHARDS"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}

func TestLongestIssuerAndAudienceAreAccepted(t *testing.T) {
	issuer, audience := "https://"+strings.Repeat("a", 152), strings.Repeat("~", 160)
	if _, err := config.Load(map[string]string{"TABLE_NAME": "w", "ISSUER": issuer, "AUDIENCE": audience}); err != nil {
		t.Error(err)
	}
}

func TestIssuerOnThisMachineMayBeHTTP(t *testing.T) {
	for _, issuer := range []string{"http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000", "https://auth.example.com/tenant"} {
		if _, err := config.Load(map[string]string{"TABLE_NAME": "w", "ISSUER": issuer}); err != nil {
			t.Errorf("ISSUER=%q: %v", issuer, err)
		}
	}
}

func TestLaptopSettingsAreRefusedInTheCloud(t *testing.T) {
	for name, value := range map[string]string{"SEALING_KEY": "local:c2VjcmV0LWtleQ==", "DYNAMODB_ENDPOINT": "http://127.0.0.1:8000"} {
		environment := map[string]string{"TABLE_NAME": "w", "ISSUER": "https://a.example", name: value}
		if _, err := config.Load(environment); err != nil {
			t.Errorf("on a laptop: %v", err)
		}
		environment["AWS_LAMBDA_FUNCTION_NAME"] = "login"
		_, err := config.Load(environment)
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s in the cloud: error %v, want one about it", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("the error shows the key: %v", err)
		}
		environment["AWS_SAM_LOCAL"] = "true"
		if _, err := config.Load(environment); err != nil {
			t.Errorf("under sam local: %v", err)
		}
	}
}

func TestSAMLocalNeedsAnIssuerWhereOneIsUsed(t *testing.T) {
	for _, tc := range []struct {
		samLocal, issuer string
		wrong            bool
	}{
		{"true", "", true}, {"true", "http://localhost:3000", false}, {"", "", false},
	} {
		cfg, err := config.Load(map[string]string{"TABLE_NAME": "w", "AWS_SAM_LOCAL": tc.samLocal, "ISSUER": tc.issuer})
		if err != nil {
			t.Fatal(err) // a function that issues nothing needs none
		}
		if err := cfg.CheckIssuer(); (err != nil) != tc.wrong || err != nil && !strings.Contains(err.Error(), "ISSUER") {
			t.Errorf("sam local %q, issuer %q: error %v, want one about ISSUER: %t", tc.samLocal, tc.issuer, err, tc.wrong)
		}
	}
}
