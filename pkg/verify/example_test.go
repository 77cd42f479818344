package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/wavepass/wavepass/pkg/verify"
)

func Example() {
	auth := deploy() // stands for a deployment of Wavepass
	defer auth.Close()

	verifier, err := verify.New(verify.Config{
		Issuer:   auth.URL,
		Audience: "https://api.example.com",
		Client:   auth.Client(), // trusts the certificate of this example
	})
	if err != nil {
		panic(err)
	}
	api := http.NewServeMux()
	api.Handle("GET /waves", verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		fmt.Fprint(w, "hello, ", claims.Subject, " at ", claims.ClientID)
	}), "waves:read"))
	api.Handle("POST /waves", verifier.Middleware(http.NotFoundHandler(), "waves:write"))

	good := auth.sign(nil) // a token with the scopes "profile waves:read"
	for _, try := range [][2]string{{"GET", ""}, {"GET", "Bearer " + good}, {"GET", "Bearer " + good + "x"}, {"POST", "Bearer " + good}} {
		request := httptest.NewRequest(try[0], "/waves", nil)
		if try[1] != "" {
			request.Header.Set("Authorization", try[1])
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		fmt.Printf("%d %s%s\n", answer.Code, answer.Body, answer.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 401 Bearer
	// 200 hello, 0197c1a5-2c5e-7d3a-9f1e-0123456789ab at app
	// 401 Bearer error="invalid_token"
	// 403 Bearer error="insufficient_scope", scope="waves:write"
}

func ExampleNew() {
	verifier, err := verify.New(verify.Config{
		Issuer:   "https://auth.example.com",
		Audience: "https://api.example.com",
	})
	fmt.Println(verifier != nil, err)

	_, err = verify.New(verify.Config{Issuer: "http://auth.example.com", Audience: "https://api.example.com"})
	fmt.Println(err)
	// Output:
	// true <nil>
	// verify: Issuer "http://auth.example.com": want https: anybody who can change the keys on their way can make tokens
}
