package token_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/token"
)

func TestEveryAlgorithmSignsWhatItVerifies(t *testing.T) {
	several := goodClaims()
	several.Audience = []string{"https://other.example", audience}
	bare := goodClaims()
	bare.Scope, bare.Roles, bare.Custom, bare.ExternalID = "", nil, "", ""
	ofClient := goodClaims()
	ofClient.Login, ofClient.Subject, ofClient.ClientID = nil, "partner", "partner"
	epochZero := goodClaims()
	epochZero.Login.Epoch = 0

	for alg, fixture := range fixtures {
		f := fixture()
		for name, claims := range map[string]token.Claims{
			"account": goodClaims(), "two audiences": several, "no scope, no roles": bare,
			"client credentials": ofClient, "epoch zero": epochZero,
		} {
			t.Run(fmt.Sprintf("%s/%s", alg, name), func(t *testing.T) {
				text, rolesOmitted := token.Sign(f.key, claims)
				if rolesOmitted {
					t.Error("the roles were left out")
				}
				got, err := f.verify(text.Reveal())
				if err != nil {
					t.Fatalf("Verify: %v", err)
				}
				claims.SigningID = f.key.ID
				if diff := cmp.Diff(claims, got); diff != "" {
					t.Errorf("claims changed on the way (-signed +verified):\n%s", diff)
				}
			})
		}
	}
}

func TestHeaderAndPayloadAreExactlyAsDesigned(t *testing.T) {
	account := `{"iss":"https://id.example","sub":"` + accountID + `","aud":"https://api.example",` +
		`"exp":1782900900,"iat":1782900000,"jti":"` + tokenID + `","client_id":"app","scope":"read write",` +
		`"roles":["admin"],"claims":{"beta":true,"plan":"<pro>","seats":5},"external_id":"shop/4711","sid":"` + sessionID + `","epoch":7,"auth_time":1782890000,"amr":["pwd"]}`
	client := `{"iss":"https://id.example","sub":"partner","aud":["https://api.example","https://b.example"],` +
		`"exp":1782900900,"iat":1782900000,"jti":"` + tokenID + `","client_id":"partner"}`
	ofClient := goodClaims()
	ofClient.Login, ofClient.Subject, ofClient.ClientID = nil, "partner", "partner"
	ofClient.Scope, ofClient.Roles, ofClient.Custom, ofClient.ExternalID = "", nil, "", ""
	ofClient.Audience = append(ofClient.Audience, "https://b.example")

	for alg, fixture := range fixtures {
		f := fixture()
		for _, c := range []struct {
			claims  token.Claims
			payload string
		}{{goodClaims(), account}, {ofClient, client}} {
			text, _ := token.Sign(f.key, c.claims)
			parts := strings.Split(text.Reveal(), ".")
			header, _ := base64.RawURLEncoding.DecodeString(parts[0])
			want := fmt.Sprintf(`{"alg":"%s","kid":"%s","typ":"at+jwt"}`, alg, f.key.ID)
			if string(header) != want {
				t.Errorf("header %s, want %s", header, want)
			}
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			if diff := cmp.Diff(c.payload, string(payload)); diff != "" {
				t.Errorf("%s payload (-want +got):\n%s", alg, diff)
			}
		}
	}
}

// Roles have no bound of their own, so they are what is left out. One claim says that they are missing.
func TestLongestTokenHasRoles(t *testing.T) {
	for alg, fixture := range fixtures {
		f := fixture()
		longest := 0
		for length := 1400; length < 1850; length++ {
			claims := goodClaims()
			claims.Roles = []string{strings.Repeat("r", length)}
			text, rolesOmitted := token.Sign(f.key, claims)
			size := len(f.forge(goodPayload().with("roles", `["`+claims.Roles[0]+`"]`).String()))
			if rolesOmitted != (size > token.MaxIssued) {
				t.Fatalf("%s: %d bytes with the roles: left out: %t", alg, size, rolesOmitted)
			}
			claims.SigningID = f.key.ID
			if rolesOmitted {
				claims.Roles, claims.RolesOmitted = nil, true
			} else {
				longest = size
			}
			got, err := f.verify(text.Reveal())
			if err != nil || len(text.Reveal()) > token.MaxIssued {
				t.Fatalf("%s: %d bytes, verified: %v", alg, len(text.Reveal()), err)
			}
			if diff := cmp.Diff(claims, got); diff != "" {
				t.Fatalf("%s: claims (-want +verified):\n%s", alg, diff)
			}
		}
		// A base64url text has no length of 4n+1, so one of two neighbours is reached.
		if longest < token.MaxIssued-1 {
			t.Fatalf("%s: the longest token tried has %d bytes, want %d", alg, longest, token.MaxIssued)
		}
	}
}

// What is signed may have been written to the table before: text that is not UTF-8 must not stop it.
func TestTextThatIsNoUTF8IsSigned(t *testing.T) {
	f := es256()
	claims := goodClaims()
	claims.Scope, claims.Roles = "a\xffb", []string{"\xfe"}
	text, _ := token.Sign(f.key, claims)
	if got, err := f.verify(text.Reveal()); err != nil || got.Scope != "a\ufffdb" || got.Roles[0] != "\ufffd" {
		t.Errorf("scope %q, roles %q, error %v; want the replacement character", got.Scope, got.Roles, err)
	}
}

func TestLoginWithoutMethodsIsSigned(t *testing.T) {
	f := es256()
	claims := goodClaims()
	claims.Login.AMR = nil
	text, _ := token.Sign(f.key, claims)
	if got, err := f.verify(text.Reveal()); err != nil || got.Login == nil || len(got.Login.AMR) != 0 {
		t.Errorf("claims %+v, error %v; want a login with no amr", got, err)
	}
}

func TestTimesAreWholeSeconds(t *testing.T) {
	f := es256()
	claims := goodClaims()
	claims.Expiry = claims.Expiry.Add(999 * time.Millisecond)
	text, _ := token.Sign(f.key, claims)
	got, err := f.verify(text.Reveal())
	if want := now.Add(15 * time.Minute); err != nil || !got.Expiry.Equal(want) {
		t.Errorf("expiry %s, error %v; want %s: a fraction is cut off", got.Expiry, err, want)
	}
}
