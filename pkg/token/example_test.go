package token_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// guard lets requests through that carry an access token for this API.
func guard(verifier *token.RemoteVerifier, next func(http.ResponseWriter, *http.Request, token.Claims)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claims, err := verifier.Verify(r.Context(), oauth.NewSecret(text))
		switch {
		case errors.Is(err, oauth.ErrUnavailable): // the keys cannot be had: nothing is known about the token
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 §3.1
			w.WriteHeader(http.StatusUnauthorized)
		default:
			next(w, r, claims)
		}
	})
}

func ExampleNewRemoteVerifier() {
	verifier, err := token.NewRemoteVerifier(token.RemoteConfig{
		Issuer:   "https://auth.example.com",
		Audience: "https://api.example.com",
	})
	fmt.Println(verifier != nil, err)

	_, err = token.NewRemoteVerifier(token.RemoteConfig{
		Issuer:   "http://auth.example.com",
		Audience: "https://api.example.com",
	})
	fmt.Println(err)
	// Output:
	// true <nil>
	// token: Issuer "http://auth.example.com": want https: whoever can change the keys on their way can make tokens
}

func ExampleRemoteVerifier() {
	auth, accessToken := exampleIssuer() // stands for a deployment of Wavepass, and a login there
	defer auth.Close()

	verifier, err := token.NewRemoteVerifier(token.RemoteConfig{
		Issuer:   auth.URL,
		Audience: "https://api.example.com",
		Client:   auth.Client(), // trusts its certificate
	})
	if err != nil {
		panic(err)
	}
	api := guard(verifier, func(w http.ResponseWriter, _ *http.Request, claims token.Claims) {
		fmt.Fprint(w, "hello, ", claims.Subject, " at ", claims.ClientID)
	})

	for _, authorization := range []string{"", "Bearer " + accessToken, "Bearer " + accessToken + "x"} {
		request := httptest.NewRequest("GET", "/hello", nil)
		request.Header.Set("Authorization", authorization)
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		fmt.Printf("%d %s%s\n", answer.Code, answer.Body, answer.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 401 Bearer
	// 200 hello, 0197c1a5-2c5e-7d3a-9f1e-0123456789ab at app
	// 401 Bearer error="invalid_token"
}
