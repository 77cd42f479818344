package token_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
)

// FuzzPayload looks for a payload that we read in another way than the standard decoder does.
func FuzzPayload(f *testing.F) {
	fix := fixtures[keyring.EdDSA]() // the quickest to sign
	for _, p := range []payload{goodPayload(), ofClient(), goodPayload().plus("ISS", "1"), goodPayload().plus("x", "{}")} {
		f.Add(p.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := fix.verify(fix.forge(text))
		if err != nil {
			return
		}
		var std struct {
			Iss, Sub, Jti string
			Exp           int64
		}
		if err := json.Unmarshal([]byte(text), &std); err != nil {
			t.Fatalf("accepted %q, which is not JSON to encoding/json: %v", text, err)
		}
		if std.Iss != got.Issuer || std.Sub != got.Subject || std.Jti != got.ID || std.Exp != got.Expiry.Unix() {
			t.Fatalf("%q means %+v here and %+v to encoding/json", text, got, std)
		}
	})
}

// FuzzVerify looks for a text beside the signed ones that is accepted, or that panics.
func FuzzVerify(f *testing.F) {
	fix := fixtures[keyring.EdDSA]()
	good, err := token.NewIssuer(fix.signer).Sign(context.Background(), goodClaims())
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{good.Reveal(), good.Reveal() + "=", "..", "a.b.c", fix.header + ".e30.AA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := fix.verify(text); err == nil && text != good.Reveal() {
			t.Fatalf("accepted %q, which was never signed", text)
		}
	})
}
