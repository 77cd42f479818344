package authorizer_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// An API of another stack asks by an address of its own, which is not that of the tokens' issuer.
func TestAuthorizerServesOtherStacksWithIssuerSetAndElseSaysWhyNot(t *testing.T) {
	f := newForge(t)
	issuer := "https://" + own
	text := f.sign(f.header(), strings.ReplaceAll(payload(), deployment.Issuer, issuer))
	for name, tc := range map[string]struct {
		issuer, apiID, domain string
		allowed, explained    bool
	}{
		"own API, ISSUER empty":        {"", apiID, own, true, false},
		"other stack, ISSUER empty":    {"", "other1", "other1.execute-api.eu-central-1.amazonaws.com", false, true},
		"custom domain, ISSUER empty":  {"", "other1", "api.example.com", false, true},
		"other stack, ISSUER set":      {issuer, "other1", "other1.execute-api.eu-central-1.amazonaws.com", true, false},
		"custom domain, ISSUER set":    {issuer, "other1", "api.example.com", true, false},
		"own API, another ISSUER set":  {"https://id.example", apiID, own, false, false}, // a foreign token, nothing to set
		"own API of the other's token": {deployment.Issuer, apiID, own, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			settings := deployment.Settings(io.Discard, f.Clock.Now)
			settings.Issuer, settings.Region, settings.Log = tc.issuer, "eu-central-1", slog.New(slog.NewTextHandler(&log, nil))
			e := events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + text}}
			e.RequestContext = events.APIGatewayV2HTTPRequestContext{APIID: tc.apiID, DomainName: tc.domain, RouteKey: "GET /orders"}
			got, err := deployment.AskAuthorizer(t.Context(), authorizer.New(settings, f.Store), e)
			if err != nil || got.IsAuthorized != tc.allowed {
				t.Errorf("let through %t, %v; want %t:\n%s", got.IsAuthorized, err, tc.allowed, &log)
			}
			if explained := strings.Contains(log.String(), "set ISSUER"); explained != tc.explained {
				t.Errorf("the log says to set ISSUER: %t, want %t:\n%s", explained, tc.explained, &log)
			}
		})
	}
}
