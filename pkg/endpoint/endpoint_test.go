package endpoint_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/session"
)

func settings(t *testing.T, environment map[string]string) (endpoint.Settings, error) {
	t.Helper()
	environment["TABLE_NAME"] = "sessions"
	c, err := config.Load(environment)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.New(c, slog.New(slog.DiscardHandler), audit.NewTrail(io.Discard, time.Now), time.Now)
}

func TestEverySettingReachesTheFunctions(t *testing.T) {
	got, err := settings(t, map[string]string{
		"ISSUER": "https://id.example.com", "AUDIENCE": "https://api.example.com", "AWS_REGION": "eu-central-1",
		"SIGNING_ALG": "EdDSA", "KEY_PERIOD": "48h", "KEY_CACHE_AGE": "3m", "ATTEMPT_LIMITS": "7/10m,200/20m",
		"REFRESH_GRACE": "30s", "ROTATION_MIN_AGE": "5s", "REVOCATION_STALENESS": "2s", "COOKIE_DOMAIN": "example.com", "PASSWORD_MIN_LENGTH": "15",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Log == nil || got.Trail == nil || got.Now == nil {
		t.Error("log, trail or clock did not arrive")
	}
	got.Log, got.Trail, got.Now = nil, nil, nil
	want := endpoint.Settings{
		Config:    apigw.Config{Issuer: "https://id.example.com", Audience: "https://api.example.com", Region: "eu-central-1"},
		Algorithm: keyring.EdDSA,
		KeyTimes:  keyring.Times{Period: 48 * time.Hour, CacheAge: 3 * time.Minute},
		Limits:    account.Limits{Account: account.Limit{Count: 7, Window: 10 * time.Minute}, Network: account.Limit{Count: 200, Window: 20 * time.Minute}},
		Rules:     session.Rules{Grace: 30 * time.Second, MinAge: 5 * time.Second},
		Password:  15,
		Staleness: 2 * time.Second,
		Cookies:   browser.Jar{Domain: "example.com"},
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("settings (-want +got):\n%s", difference)
	}
}

func TestKeyTimesThatDoNotFitAreNamed(t *testing.T) {
	_, err := settings(t, map[string]string{"KEY_PERIOD": "10m", "KEY_CACHE_AGE": "1h"})
	if err == nil || !strings.Contains(err.Error(), "KEY_PERIOD, KEY_CACHE_AGE") {
		t.Errorf("error %v, want one that names both settings", err)
	}
}
