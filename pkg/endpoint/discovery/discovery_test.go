package discovery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	keySet              = "GET /.well-known/jwks.json"
	authorizationServer = "GET /.well-known/oauth-authorization-server"
	openIDConfiguration = "GET /.well-known/openid-configuration"
)

// The whole documents: a member that is added here has to be served.
func TestMetadataIsExactlyWhatIsServed(t *testing.T) {
	common := map[string]any{
		"issuer":                                                   deployment.Issuer,
		"token_endpoint":                                           deployment.Issuer + "/token",
		"token_endpoint_auth_methods_supported":                    []any{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},
		"authorization_endpoint":                                   deployment.Issuer + "/authorize",
		"pushed_authorization_request_endpoint":                    deployment.Issuer + "/par",
		"authorization_response_iss_parameter_supported":           true,
		"code_challenge_methods_supported":                         []any{"S256"},
		"grant_types_supported":                                    []any{"authorization_code", "refresh_token", "client_credentials"},
		"response_types_supported":                                 []any{"code"},
		"response_modes_supported":                                 []any{"query"},
		"introspection_endpoint":                                   deployment.Issuer + "/introspect",
		"introspection_endpoint_auth_methods_supported":            []any{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"revocation_endpoint":                                      deployment.Issuer + "/revoke",
		"revocation_endpoint_auth_methods_supported":               []any{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported":         []any{"ES256", "EdDSA", "RS256"},
		"introspection_endpoint_auth_signing_alg_values_supported": []any{"ES256", "EdDSA", "RS256"},
		"revocation_endpoint_auth_signing_alg_values_supported":    []any{"ES256", "EdDSA", "RS256"},
		"jwks_uri": deployment.Issuer + "/.well-known/jwks.json",
	}
	openID := map[string]any{
		"userinfo_endpoint":                          deployment.Issuer + "/userinfo",
		"end_session_endpoint":                       deployment.Issuer + "/signout",
		"subject_types_supported":                    []any{"public"},
		"id_token_signing_alg_values_supported":      []any{"ES256"},
		"introspection_signing_alg_values_supported": []any{"ES256"},
		"request_uri_parameter_supported":            false,
		"claims_parameter_supported":                 false,
		"claims_supported":                           []any{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "amr", "sid", "at_hash", "email", "email_verified"},
		"scopes_supported":                           []any{"openid", "profile", "email", "account"},
		"prompt_values_supported":                    []any{"none", "login", "consent", "select_account"},
	}
	for name, value := range common {
		openID[name] = value
	}
	d := deployment.New(t, browser.Jar{})
	d.Login("app") // the first login creates the keys
	d.Store.ForgetCalls()
	for route, want := range map[string]map[string]any{authorizationServer: common, openIDConfiguration: openID} {
		got := d.Do(deployment.Request{Route: route})
		d.Want(route, got, 200, "")
		var document map[string]any
		if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, document); diff != "" {
			t.Errorf("%s (-want +got):\n%s", route, diff)
		}
	}
	if calls := d.Store.Calls(); len(calls) != 1 {
		t.Errorf("metadata asked the store %v, want the public keys once", calls)
	}
}

// The issuer is the one that tokens name (docs/design.md §14), never a host that a caller chose.
func TestMetadataNamesTheIssuerOfTokens(t *testing.T) {
	const own = "abc123.execute-api.eu-central-1.amazonaws.com"
	for name, tc := range map[string]struct{ setting, domain, want string }{
		"set":              {"https://auth.example.com", own, "https://auth.example.com"},
		"set, with a path": {"https://example.com/auth", own, "https://example.com/auth"},
		"the gateway's":    {"", own, "https://" + own},
		"a custom domain":  {"", "auth.example.com", ""},
		"another API's":    {"", "evil666.execute-api.eu-central-1.amazonaws.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testclock.New(deployment.Start)
			store := fakestore.New(clock.Now)
			rotate(t, store, fakestore.NewSealer(), keyring.ES256, clock)
			settings := deployment.Settings(io.Discard, clock.Now)
			settings.Issuer, settings.Region = tc.setting, "eu-central-1"
			f := discovery.New(settings, store)
			for _, route := range []string{authorizationServer, openIDConfiguration} {
				e := events.APIGatewayV2HTTPRequest{RouteKey: route, Headers: map[string]string{"host": "evil.example", "x-forwarded-host": "evil.example"}}
				e.RequestContext.APIID, e.RequestContext.DomainName = "abc123", tc.domain
				got, err := f(context.Background(), e)
				if err != nil {
					t.Fatal(err)
				}
				if tc.want == "" {
					if got.StatusCode != 500 || strings.Contains(got.Body, "issuer") {
						t.Errorf("%s: %d %s, want a 500", route, got.StatusCode, got.Body)
					}
					continue
				}
				var document map[string]any
				if err := json.Unmarshal([]byte(got.Body), &document); err != nil || got.StatusCode != 200 {
					t.Fatalf("%s: %d %s (%v)", route, got.StatusCode, got.Body, err)
				}
				if document["issuer"] != tc.want || document["jwks_uri"] != tc.want+"/.well-known/jwks.json" || strings.Contains(got.Body, "evil") {
					t.Errorf("%s: %s, want the issuer %s", route, got.Body, tc.want)
				}
			}
		})
	}
}

func TestPublicAnswersMayBeKeptForFiveMinutes(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	d.Login("app") // the first login creates the keys
	tags := map[string]string{}
	for _, route := range []string{keySet, authorizationServer, openIDConfiguration} {
		first := d.Do(deployment.Request{Route: route})
		tag := first.Headers["Etag"]
		if first.StatusCode != 200 || first.Headers["Cache-Control"] != "public, max-age=300" || len(tag) < 10 {
			t.Fatalf("%s: %d %v", route, first.StatusCode, first.Headers)
		}
		if earlier, ok := tags[tag]; ok {
			t.Errorf("%s has the entity tag of %s", route, earlier)
		}
		tags[tag] = route
		for ifNoneMatch, status := range map[string]int{
			tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304,
			"": 200, `"other"`: 200, `""`: 200, strings.Trim(tag, `"`): 200, strings.ToLower(tag) + "x": 200,
		} {
			got := d.Do(deployment.Request{Route: route}.With("if-none-match", ifNoneMatch))
			if got.StatusCode != status || (got.Body == "") != (status == 304) || got.Headers["Etag"] != tag || got.Headers["Cache-Control"] != "public, max-age=300" {
				t.Errorf("%s, If-None-Match %s: %d, %d bytes, %v; want %d", route, ifNoneMatch, got.StatusCode, len(got.Body), got.Headers, status)
			}
		}
	}
}

func TestOutageIsNotKept(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	for _, route := range []string{keySet, openIDConfiguration} {
		got := d.Do(deployment.Request{Route: route}.With("if-none-match", "*")) // nobody has created the keys
		d.Want(route, got, 503, "temporarily_unavailable")
		if got.Headers["Cache-Control"] != "no-store" || got.Headers["Etag"] != "" {
			t.Errorf("%s: a 503 that may be kept: %v", route, got.Headers)
		}
	}
}

// During a change of the setting the key set has keys of two algorithms, whatever the setting says by then.
func TestAlgorithmsAreThoseOfThePublishedKeys(t *testing.T) {
	clock := testclock.New(deployment.Start)
	store := fakestore.New(clock.Now)
	sealer := fakestore.NewSealer()
	for _, step := range []struct {
		configured keyring.Algorithm
		want       []any
	}{
		{keyring.EdDSA, []any{"EdDSA"}},
		{keyring.RS256, []any{"EdDSA", "RS256"}},
	} {
		rotate(t, store, sealer, step.configured, clock)
		f := discovery.New(deployment.Settings(io.Discard, clock.Now), store)
		got, err := f(t.Context(), events.APIGatewayV2HTTPRequest{RouteKey: openIDConfiguration})
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(any(step.want), document["id_token_signing_alg_values_supported"]); diff != "" {
			t.Errorf("configured %s (-want +got):\n%s", step.configured, diff)
		}
	}
}

// rotate does what a run of the schedule does, which also creates the keys.
func rotate(t *testing.T, store *fakestore.Store, sealer *fakestore.Sealer, alg keyring.Algorithm, clock *testclock.Clock) {
	t.Helper()
	ring := keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: alg, Now: clock.Now})
	if _, err := ring.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsOfClientsAreAnnouncedWhenTheyAreTaken(t *testing.T) {
	for _, taken := range []bool{false, true} {
		d := deployment.New(t, browser.Jar{}).Beside(func(s *endpoint.Settings) { s.Documents.Allowed = taken })
		d.Login("app") // creates the keys
		for _, route := range []string{"GET /.well-known/oauth-authorization-server", "GET /.well-known/openid-configuration"} {
			said := map[string]any{}
			if err := json.Unmarshal([]byte(d.Do(deployment.Request{Route: route}).Body), &said); err != nil {
				t.Fatal(err)
			}
			if _, ok := said["client_id_metadata_document_supported"]; ok != taken {
				t.Errorf("%s: announced is %t, want %t", route, ok, taken)
			}
			methods := fmt.Sprint(said["token_endpoint_auth_methods_supported"])
			if !strings.Contains(methods, "none") || said["authorization_response_iss_parameter_supported"] != true || fmt.Sprint(said["code_challenge_methods_supported"]) != "[S256]" ||
				strings.Contains(fmt.Sprint(said["scopes_supported"]), "offline_access") {
				t.Errorf("%s: %v", route, said)
			}
		}
	}
}
