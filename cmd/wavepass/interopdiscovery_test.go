package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// go-oidc accepts the algorithms that discovery lists for ID tokens, and no other. It does not look at `typ`, so it is no verifier of
// access tokens to recommend; but people use it as one.
func TestGoOIDCAcceptsTokensByTheAlgorithmsOfDiscovery(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			s := startSecure(t, alg)
			provider, err := oidc.NewProvider(oidc.ClientContext(t.Context(), s.client), s.url)
			check(t, err)
			token := s.login().AccessToken
			if _, err := provider.Verifier(&oidc.Config{ClientID: pageAudience}).Verify(t.Context(), token); err != nil {
				t.Errorf("a good token: %v, want it accepted", err)
			}
			for _, a := range s.attempts() {
				if a.accepted || strings.Contains(a.name, "typ") {
					continue
				}
				if _, err := provider.Verifier(&oidc.Config{ClientID: pageAudience}).Verify(t.Context(), a.text); err == nil {
					t.Errorf("%s: accepted, want it refused", a.name)
				}
			}
		})
	}
}

// The same for code in Python that hands the list of discovery to PyJWT.
func TestInteropPyJWTByTheAlgorithmsOfDiscovery(t *testing.T) {
	home := libraries(t)
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			s := startSecure(t, alg)
			said := s.run(exec.Command(filepath.Join(home, "venv/bin/python"), "testdata/interop/discovery.py", s.url, pageAudience, s.login().AccessToken))
			if said != "accepted\n" {
				t.Errorf("PyJWT says %q, want it accepted", said)
			}
		})
	}
}
