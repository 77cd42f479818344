package authorizer_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
)

// authorizationOf is what RFC 6750 §2.1 writes, the scheme in any case (RFC 9110 §11.1).
var authorizationOf = regexp.MustCompile(`^(?i:bearer) +([^ ]+)$`)

// FuzzAuthorize looks for an event that is let through without naming the signed token as its only identity
// source, and for one that makes the function fail.
func FuzzAuthorize(f *testing.F) {
	f.Add(`{"version":"2.0","identitySource":["Bearer $ACCESS"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := deployment.NewScene(t)
		var e events.APIGatewayV2CustomAuthorizerV2Request
		if json.Unmarshal([]byte(s.Fill(text)), &e) != nil {
			t.Skip("the runtime does not call a function with what is no event")
		}
		first, err := deployment.AskAuthorizer(t.Context(), s.Authorizer, e)
		again, errAgain := deployment.AskAuthorizer(t.Context(), s.Authorizer, e)
		if err != nil || errAgain != nil {
			t.Fatalf("failed instead of refusing: %v, %v", err, errAgain)
		}
		s.CheckLog(t)
		signed := false
		if len(e.IdentitySource) == 1 {
			m := authorizationOf.FindStringSubmatch(e.IdentitySource[0])
			signed = m != nil && m[1] == s.App.AccessToken
		}
		if first.IsAuthorized != signed || again.IsAuthorized != signed {
			t.Errorf("let through %v, at the second sight %v, want %v, for identity sources %q", first.IsAuthorized, again.IsAuthorized, signed, e.IdentitySource)
		}
		if len(first.Context) > 0 != signed || signed && first.Context["sub"] != deployment.AccountID.String() {
			t.Errorf("context %v for identity sources %q", first.Context, strings.Join(e.IdentitySource, "|"))
		}
	})
}
