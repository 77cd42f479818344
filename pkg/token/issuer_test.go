package token_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

func TestEveryAlgorithmSignsWhatItVerifies(t *testing.T) {
	several := goodClaims()
	several.Audience = []string{"https://other.example", audience}
	bare := goodClaims()
	bare.Scope, bare.Roles = "", nil
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
				text, err := token.NewIssuer(f.signer).Sign(context.Background(), claims)
				if err != nil {
					t.Fatalf("Sign: %v", err)
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
		`"roles":["admin"],"sid":"` + sessionID + `","epoch":7,"auth_time":1782890000,"amr":["pwd"]}`
	client := `{"iss":"https://id.example","sub":"partner","aud":["https://api.example","https://b.example"],` +
		`"exp":1782900900,"iat":1782900000,"jti":"` + tokenID + `","client_id":"partner"}`
	ofClient := goodClaims()
	ofClient.Login, ofClient.Subject, ofClient.ClientID = nil, "partner", "partner"
	ofClient.Scope, ofClient.Roles = "", nil
	ofClient.Audience = append(ofClient.Audience, "https://b.example")

	for alg, fixture := range fixtures {
		f := fixture()
		for _, c := range []struct {
			claims  token.Claims
			payload string
		}{{goodClaims(), account}, {ofClient, client}} {
			text, err := token.NewIssuer(f.signer).Sign(context.Background(), c.claims)
			if err != nil {
				t.Fatalf("%s: Sign: %v", alg, err)
			}
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

func TestTokenOf2048BytesIsTheLongestIssued(t *testing.T) {
	f := es256()
	issued := token.NewIssuer(f.signer)
	longest := 0
	for scope := 850; scope < 1150; scope++ {
		claims := goodClaims()
		claims.Scope = strings.Repeat("s", scope)
		text, err := issued.Sign(context.Background(), claims)
		size := len(f.forge(goodPayload().with("scope", `"`+claims.Scope+`"`).String()))
		switch {
		case size > token.MaxIssued && !errors.Is(err, token.ErrTooLong):
			t.Fatalf("%d bytes: got error %v, want ErrTooLong", size, err)
		case size > token.MaxIssued && !text.IsZero():
			t.Fatalf("%d bytes: a token came beside ErrTooLong", size)
		case size <= token.MaxIssued && err != nil:
			t.Fatalf("%d bytes: %v", size, err)
		case size <= token.MaxIssued:
			longest = size
		}
	}
	// A base64url text has no length of 4n+1, so one of two neighbours is reached.
	if longest < token.MaxIssued-1 {
		t.Fatalf("the longest token tried has %d bytes, want %d", longest, token.MaxIssued)
	}
}

func TestTooManyRolesAreErrTooLong(t *testing.T) {
	claims := goodClaims()
	for i := range 200 {
		claims.Roles = append(claims.Roles, fmt.Sprintf("role-%d", i))
	}
	if _, err := token.NewIssuer(es256().signer).Sign(context.Background(), claims); !errors.Is(err, token.ErrTooLong) {
		t.Errorf("got error %v, want ErrTooLong", err)
	}
}

type noKey struct{}

func (noKey) Key(context.Context) (keyring.SigningKey, error) {
	return keyring.SigningKey{}, fmt.Errorf("%w: sealed", oauth.ErrUnavailable)
}

func TestWithoutAKeyNothingIsSigned(t *testing.T) {
	text, err := token.NewIssuer(noKey{}).Sign(context.Background(), goodClaims())
	if !errors.Is(err, oauth.ErrUnavailable) || !text.IsZero() {
		t.Errorf("got a token: %t, error %v; want none and ErrUnavailable", !text.IsZero(), err)
	}
}

func TestTimesAreWholeSeconds(t *testing.T) {
	f := es256()
	claims := goodClaims()
	claims.Expiry = claims.Expiry.Add(999 * time.Millisecond)
	text, err := token.NewIssuer(f.signer).Sign(context.Background(), claims)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.verify(text.Reveal())
	if want := now.Add(15 * time.Minute); err != nil || !got.Expiry.Equal(want) {
		t.Errorf("expiry %s, error %v; want %s: a fraction is cut off", got.Expiry, err, want)
	}
}
