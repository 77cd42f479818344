// The command zitadel is zitadel/oidc as a client, as it is; see peer.mjs for what it reads and prints. With ISSUER CLIENT SECRET PORT it is a site that
// signs people in.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

var given struct {
	Issuer       string `json:"issuer"`
	Subject      string `json:"subject"`
	RefreshToken string `json:"refresh_token"`
	Secret       string `json:"secret"`
	PEM          string `json:"pem"`
}

func say(feature, how string, outcome any) { fmt.Printf("%s\t%s\t%v\n", feature, how, outcome) }

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	if len(os.Args) == 5 {
		signIn(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
		return
	}
	must(0, json.NewDecoder(os.Stdin).Decode(&given))
	ctx := context.Background()
	withTokensOfALogin(ctx)
	withTokensOfItsOwn(ctx, "basic", oauth2.AuthStyleInHeader)
	withTokensOfItsOwn(ctx, "post", oauth2.AuthStyleInParams)
	withAKey(ctx)
}

func party(ctx context.Context, id, secret string, style oauth2.AuthStyle) rp.RelyingParty {
	return must(rp.NewRelyingPartyOIDC(ctx, given.Issuer, id, secret, "http://127.0.0.1/callback", []string{"profile"}, rp.WithAuthStyle(style)))
}

func withTokensOfALogin(ctx context.Context) {
	app := party(ctx, "app", "", oauth2.AuthStyleInParams)
	say("discovery", "OpenID", app.OAuthConfig().Endpoint.TokenURL)
	refresh := func(token string) (*oidc.Tokens[*oidc.IDTokenClaims], error) {
		return rp.RefreshTokens[*oidc.IDTokenClaims](ctx, app, token, "", "")
	}
	tokens := must(refresh(given.RefreshToken))
	outcome := "rotated"
	if tokens.RefreshToken == given.RefreshToken {
		outcome = "the same token"
	}
	say("refresh", "public", outcome)
	say("/userinfo", "yes", must(rp.Userinfo[*oidc.UserInfo](ctx, tokens.AccessToken, "Bearer", given.Subject, app)).Subject)
	must(0, rp.RevokeToken(ctx, app, tokens.RefreshToken, "refresh_token"))
	_, err := refresh(tokens.RefreshToken)
	say("revocation", "public", code(err))
}

func withTokensOfItsOwn(ctx context.Context, how string, style oauth2.AuthStyle) {
	service := party(ctx, "partner", given.Secret, style)
	token := must(rp.ClientCredentials(ctx, service, nil)).AccessToken
	asks := must(rs.NewResourceServerClientCredentials(ctx, given.Issuer, "partner", given.Secret)) // by Basic, always
	before := must(rs.Introspect[*oidc.IntrospectionResponse](ctx, asks, token))
	say("client credentials", how, before.Subject)
	if style == oauth2.AuthStyleInHeader {
		say("introspection", how, before.Active)
	}
	must(0, rp.RevokeToken(ctx, service, token, "access_token"))
	say("revocation", how, must(rs.Introspect[*oidc.IntrospectionResponse](ctx, asks, token)).Active)
}

// keyed gives each request an assertion of its own. Those that the library makes by itself live for an hour, and cannot be told otherwise.
type keyed struct{ rs.ResourceServer }

func (k keyed) AuthFn() (any, error) {
	signer, err := client.NewSignerFromPrivateKeyByte([]byte(given.PEM), "k1")
	if err != nil {
		return nil, err
	}
	assertion, err := client.SignedJWTProfileAssertion("keyed", []string{given.Issuer}, time.Minute, signer)
	return client.ClientAssertionFormAuthorization(assertion), err
}

func withAKey(ctx context.Context) {
	asItIs := must(rs.NewResourceServerJWTProfile(ctx, given.Issuer, "keyed", "k1", []byte(given.PEM)))
	_, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, asItIs, "token")
	say("an assertion for an hour", "key", code(err))

	service := keyed{asItIs}
	auth := must(service.AuthFn())
	request := &oidc.ClientCredentialsRequest{GrantType: oidc.GrantTypeClientCredentials, ClientID: "keyed", Scope: oidc.SpaceDelimitedArray{"profile"}}
	token := must(client.CallTokenEndpointWithAuthFn(ctx, request, auth, service)).AccessToken
	before := must(rs.Introspect[*oidc.IntrospectionResponse](ctx, service, token))
	say("client credentials", "key", before.Subject)
	say("introspection", "key", before.Active)
	revoker := party(ctx, "keyed", "", oauth2.AuthStyleInParams).(client.RevokeCaller)
	must(0, client.CallRevokeEndpoint(ctx, client.RevokeRequest{Token: token, ClientID: "keyed"}, must(service.AuthFn()), revoker))
	say("revocation", "key", must(rs.Introspect[*oidc.IntrospectionResponse](ctx, service, token)).Active)
}

// code is the error's code of OAuth.
func code(err error) string {
	var refused *oidc.Error
	if errors.As(err, &refused) {
		return string(refused.ErrorType)
	}
	return fmt.Sprint(err)
}
