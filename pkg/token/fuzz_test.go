package token_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

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
			Iss, Sub, Jti, Scope string
			ClientID             string `json:"client_id"`
			Exp, Iat             int64
			Aud                  any
			Roles                []string
			Sid                  *uuid.UUID
			Epoch                *int64
		}
		if err := json.Unmarshal([]byte(text), &std); err != nil {
			t.Fatalf("accepted %q, which is not JSON to encoding/json: %v", text, err)
		}
		audience := fmt.Sprint(got.Audience)
		if one, ok := std.Aud.(string); ok {
			std.Aud = []string{one}
		}
		if std.Iss != got.Issuer || std.Sub != got.Subject || std.Jti != got.ID || std.Scope != got.Scope || std.ClientID != got.ClientID ||
			std.Exp != got.Expiry.Unix() || std.Iat != got.IssuedAt.Unix() || fmt.Sprint(std.Aud) != audience || !slices.Equal(std.Roles, got.Roles) {
			t.Fatalf("%q means %+v here and %+v to encoding/json", text, got, std)
		}
		if (std.Sid != nil) != (got.Login != nil) || got.Login != nil && (*std.Sid != got.Login.SessionID || *std.Epoch != got.Login.Epoch) {
			t.Fatalf("%q is of the session %+v here and of %v, epoch %v, to encoding/json", text, got.Login, std.Sid, std.Epoch)
		}
	})
}

// FuzzVerify looks for a text beside the signed ones that is accepted, or that panics. TOKEN, HEADER, PAYLOAD
// and SIGNATURE in it stand for the good token and its segments: keys differ from run to run.
func FuzzVerify(f *testing.F) {
	fix := fixtures[keyring.EdDSA]()
	good, _ := token.Sign(fix.key, goodClaims())
	parts := strings.Split(good.Reveal(), ".")
	fill := strings.NewReplacer("TOKEN", good.Reveal(), "HEADER", parts[0], "PAYLOAD", parts[1], "SIGNATURE", parts[2])
	f.Add("TOKEN")
	f.Fuzz(func(t *testing.T, text string) {
		text = fill.Replace(text)
		for _, sight := range []string{"first", "second"} {
			_, err := fix.verify(text)
			switch signed := text == good.Reveal(); {
			case err == nil && !signed:
				t.Fatalf("accepted %q at the %s sight, which was never signed", text, sight)
			case err != nil && signed:
				t.Fatalf("refused the signed token: %v", err)
			case err != nil && !errors.Is(err, token.ErrInvalid):
				t.Fatalf("%q: %v, want ErrInvalid", text, err)
			}
		}
	})
}

// FuzzHeader looks for a header beside the one of the key that is accepted under a true signature. KID in it
// stands for the key's id. An encoded one is used as it is.
func FuzzHeader(f *testing.F) {
	fix := fixtures[keyring.EdDSA]()
	f.Add(`{"alg":"EdDSA","kid":"KID","typ":"at+jwt"}`, false)
	f.Fuzz(func(t *testing.T, header string, encoded bool) {
		segment := strings.ReplaceAll(header, "KID", fix.key.ID)
		if !encoded {
			segment = encode(segment)
		}
		_, err := fix.verify(fix.segments(segment, encode(goodPayload().String())))
		if (err == nil) != (segment == fix.header) {
			t.Fatalf("header %q: %v, want only the key's own to be accepted", header, err)
		}
	})
}
