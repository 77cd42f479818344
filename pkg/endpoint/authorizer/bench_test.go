package authorizer_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/token"
)

// BenchmarkAuthorize does in turn, so that whatever else the machine does befalls all alike: the signature check
// alone, a verification, a whole event, with its JSON, with a token at first sight, one with a token seen before, and the same at an API
// whose policy has 60 lines. It reports their medians. The budgets: verify at most 5 µs over raw, and those of docs/design.md §16.
func BenchmarkAuthorize(b *testing.B) {
	clock := testclock.New(deployment.Start)
	f := newFleet(b, fakestore.New(clock.Now), 1, 5*time.Second, clock.Now)
	callers := make([]caller, 2*4096) // more than are remembered, so that each is at first sight again when its turn comes
	for i := range callers {
		callers[i] = f.newCaller()
	}
	key, err := f.signer.Current(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	raw, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		b.Fatal(err)
	}
	public := &key.Private().(*ecdsa.PrivateKey).PublicKey
	verifier := token.NewVerifier(keyring.NewPublicKeys(f.store, keyring.Times{}, clock.Now), clock.Now)
	want := token.Expect{Issuer: deployment.Issuer, Audience: deployment.Issuer}

	putRoutes(b, f.store, "other1", 60)
	times := map[string][]time.Duration{}
	measure := func(name string, do func() bool) {
		begin := time.Now()
		if !do() {
			b.Fatalf("%s: refused", name)
		}
		times[name] = append(times[name], time.Since(begin))
	}
	for i := 0; b.Loop(); i++ {
		c := callers[i%len(callers)]
		text := c.token.Reveal()
		dot := strings.LastIndexByte(text, '.')
		signature, _ := base64.RawURLEncoding.DecodeString(text[dot+1:])
		input, secret := []byte(text[:dot]), c.token
		measure("raw", func() bool { return raw.Verify(input, signature, public) == nil })
		measure("verify", func() bool { _, err := verifier.Verify(b.Context(), secret, want); return err == nil })
		measure("first-sight", func() bool { return f.accepts(f.copies[0], c) })
		measure("seen-before", func() bool { return f.accepts(f.copies[0], c) })
		c.event = bytes.ReplaceAll(c.event, []byte("abc123"), []byte("other1"))
		f.accepts(f.copies[0], c)
		measure("seen-before-60-lines", func() bool { return f.accepts(f.copies[0], c) })
	}
	b.ReportMetric(0, "ns/op") // the sum of the four says nothing
	for name, all := range times {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2])/1000, name+"-µs")
	}
}

// putRoutes stores a policy with so many routes, of which the golden event has the last.
func putRoutes(b *testing.B, store fleetStore, api string, n int) {
	d := policy.Document{Unlisted: policy.Deny}
	for i := range n - 1 {
		d.Routes = append(d.Routes, policy.Line{Route: fmt.Sprintf("POST /things%d/{id}", i), Needs: policy.Needs{Scopes: []string{"things"}}})
	}
	d.Routes = append(d.Routes, policy.Line{Route: "GET /orders/{id}", Needs: policy.Needs{Scopes: []string{"profile"}, Roles: []string{"member"}}})
	document, err := json.Marshal(d)
	if err != nil {
		b.Fatal(err)
	}
	if err := store.(policy.Store).PutPolicy(b.Context(), api, policy.Record{Version: 1, Document: document}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAuthorizeSeenBefore(b *testing.B) {
	clock := testclock.New(deployment.Start)
	f := newFleet(b, fakestore.New(clock.Now), 1, 5*time.Second, clock.Now)
	c := f.newCaller()
	b.ReportAllocs()
	for b.Loop() {
		if !f.accepts(f.copies[0], c) {
			b.Fatal("refused")
		}
	}
}
