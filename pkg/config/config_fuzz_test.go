package config_test

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/config"
)

// FuzzLoad looks for a configuration that is accepted although a value is outside its limits. Each line of
// the environment is NAME=value.
func FuzzLoad(f *testing.F) {
	f.Add("TABLE_NAME=t\nISSUER=https://id.example.com\nSIGNING_ALG=EdDSA")
	f.Fuzz(func(t *testing.T, environment string) {
		variables := map[string]string{}
		for line := range strings.SplitSeq(environment, "\n") {
			name, value, _ := strings.Cut(line, "=")
			variables[name] = value
		}
		c, err := config.Load(variables)
		if err != nil {
			return
		}
		within := func(name string, value, least, most time.Duration) {
			if value < least || value > most {
				t.Errorf("%s: accepted %s of %q", name, value, variables[name])
			}
		}
		within("REVOCATION_STALENESS", c.Staleness, 0, 5*time.Minute)
		within("REFRESH_GRACE", c.Grace, 0, 10*time.Minute)
		within("ROTATION_MIN_AGE", c.RotationMinAge, 0, time.Minute)
		within("ATTEMPT_LIMITS", c.AttemptLimits.Account.Window, time.Minute, 24*time.Hour)
		within("ATTEMPT_LIMITS", c.AttemptLimits.Network.Window, time.Minute, 24*time.Hour)
		cloud := variables["AWS_LAMBDA_FUNCTION_NAME"] != "" && !c.SAMLocal
		for what, wrong := range map[string]bool{
			"TABLE_NAME: empty":            c.TableName == "",
			"SIGNING_ALG":                  c.SigningAlg != "ES256" && c.SigningAlg != "EdDSA" && c.SigningAlg != "RS256",
			"REVOCATION_SHARDS":            c.Shards < 1 || c.Shards > 64,
			"ATTEMPT_LIMITS: count":        min(c.AttemptLimits.Account.Count, c.AttemptLimits.Network.Count) < 1,
			"ISSUER: not an address":       c.Issuer != "" && !isIssuer(c.Issuer),
			"ISSUER, AUDIENCE: too long":   len(c.Issuer) > 160 || len(c.Audience) > 160,
			"AUDIENCE: escaped in JSON":    strings.Trim(strconv.QuoteToASCII(c.Audience), `"`) != c.Audience || strings.Contains(c.Audience, " "),
			"ISSUER: none under sam local": c.Issuer == "" && c.SAMLocal && c.CheckIssuer() == nil,
			"COOKIE_DOMAIN":                c.CookieDomain != "" && !isDomain(c.CookieDomain),
			"SEALING_KEY: local in Lambda": cloud && strings.HasPrefix(c.SealingKey, "local:"),
			"DYNAMODB_ENDPOINT in Lambda":  cloud && c.DynamoEndpoint != "",
		} {
			if wrong {
				t.Errorf("%s: accepted %+v of %q", what, c, environment)
			}
		}
	})
}

// isIssuer is RFC 8414 §2 by the letter of the text: an https address without query and fragment; http on
// this machine. Whoever compares issuers compares texts, so the scheme is in lower case.
func isIssuer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Hostname() == "" || strings.ContainsAny(text, "?# \t\r\n\"") || strings.HasSuffix(text, "/") {
		return false
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || ip.IsLoopback()
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") && local
}

// isDomain keeps what a Set-Cookie value is made of apart from its attributes.
func isDomain(text string) bool {
	return strings.Contains(text, ".") && !strings.HasPrefix(text, ".") && !strings.HasSuffix(text, ".") &&
		strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
