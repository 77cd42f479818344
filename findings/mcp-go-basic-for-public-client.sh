#!/usr/bin/env bash
# Surprise: MCP's Go SDK authenticates a public client by Basic with an empty password, and leaves client_id out of the form.
# Version: github.com/modelcontextprotocol/go-sdk v1.8.0
# Source: auth.AuthorizationCodeHandler, which takes the style from the metadata without looking whether there is a secret; run here
#
# A client that was registered beforehand and has no secret, at a server with "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"]. RFC 6749 §4.1.3
# has a client that does not authenticate name itself by client_id in the form. One would expect client_id=c in the body and no Authorization. Servers that take Basic for an
# attempt to authenticate refuse the code.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

func main() {
	var origin, authorization, clientID string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := func(members map[string]any) { _ = json.NewEncoder(w).Encode(members) }
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource"):
			answer(map[string]any{"resource": origin + "/mcp", "authorization_servers": []string{origin}})
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			answer(map[string]any{
				"issuer": origin, "authorization_endpoint": origin + "/authorize", "token_endpoint": origin + "/token", "response_types_supported": []string{"code"},
				"code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic", "none"},
			})
		case r.URL.Path == "/token":
			authorization, clientID = r.Header.Get("Authorization"), r.PostFormValue("client_id")
			w.WriteHeader(http.StatusBadRequest)
			answer(map[string]any{"error": "invalid_request"})
		default:
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+origin+`/.well-known/oauth-protected-resource/mcp"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	origin = server.URL

	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: "c"}, RedirectURL: "http://127.0.0.1:9/cb",
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			asked, err := url.Parse(args.URL)
			if err != nil {
				return nil, err
			}
			return &auth.AuthorizationResult{Code: "code", State: asked.Query().Get("state")}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	transport := &mcp.StreamableClientTransport{Endpoint: origin + "/mcp", OAuthHandler: handler}
	_, _ = mcp.NewClient(&mcp.Implementation{Name: "c", Version: "1"}, nil).Connect(context.Background(), transport, nil)

	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if strings.HasSuffix(module.Path, "/go-sdk") {
			fmt.Println(module.Path, module.Version)
		}
	}
	basic, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(authorization, "Basic "))
	fmt.Printf("Authorization: %q, which says %q (expected: none)\n", authorization, basic)
	fmt.Printf("client_id in the form: %q (expected: \"c\")\n", clientID)
	if string(basic) == "c:" && clientID == "" {
		os.Exit(0)
	}
	os.Exit(1)
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/modelcontextprotocol/go-sdk@v1.8.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go build -o try .
./try
