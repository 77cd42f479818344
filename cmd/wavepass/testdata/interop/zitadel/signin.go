package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// signIn serves a site that signs people in, on 127.0.0.1 until standard input ends. It says "ready" when it listens.
func signIn(issuer, client, secret, port string) {
	address := "http://127.0.0.1:" + port
	key := []byte(rand.Text())[:16]
	cookies := httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())
	party := must(rp.NewRelyingPartyOIDC(context.Background(), issuer, client, secret, address+"/cb", []string{oidc.ScopeOpenID, oidc.ScopeProfile},
		rp.WithCookieHandler(cookies), rp.WithPKCE(cookies), rp.WithSigningAlgsFromDiscovery()))
	var hint atomic.Value // the ID token of the person who signed in last
	show := func(w http.ResponseWriter, text string) {
		_, _ = fmt.Fprintf(w, "<!doctype html><title>app</title><link rel=icon href=data:,><p id=said>%s</p><a id=out href=/out>Sign out</a>", text)
	}
	signedIn := func(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, party rp.RelyingParty, info *oidc.UserInfo) {
		hint.Store(tokens.IDToken)
		fresh, err := rp.RefreshTokens[*oidc.IDTokenClaims](r.Context(), party, tokens.RefreshToken, "", "")
		switch {
		case err != nil:
			show(w, err.Error())
		case fresh.AccessToken == tokens.AccessToken || info.Subject != tokens.IDTokenClaims.Subject:
			show(w, "the same access token, or another person")
		default:
			show(w, "signed in")
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", rp.AuthURLHandler(rand.Text, party))
	mux.Handle("/cb", rp.CodeExchangeHandler(rp.UserinfoCallback(signedIn), party))
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, party.GetEndSessionEndpoint()+"?"+url.Values{
			"id_token_hint": {hint.Load().(string)}, "post_logout_redirect_uri": {address + "/bye"},
		}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { show(w, "signed out") })
	listener := must(net.Listen("tcp", "127.0.0.1:"+port))
	fmt.Println("ready")
	go func() { must(0, http.Serve(listener, mux)) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
