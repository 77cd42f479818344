package verify_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
)

const audience = "https://api.example.com"

// signer is a signing key, and the key set that it is published in.
type signer struct {
	keyring.SigningKey
	jwks string
}

// signers have a key each. They are made once, because RSA keys take their time.
var signers = map[keyring.Algorithm]func() signer{
	keyring.ES256: sync.OnceValue(func() signer { return newSigner(keyring.ES256) }),
	keyring.EdDSA: sync.OnceValue(func() signer { return newSigner(keyring.EdDSA) }),
	keyring.RS256: sync.OnceValue(func() signer { return newSigner(keyring.RS256) }),
}

func newSigner(alg keyring.Algorithm) signer {
	ctx := context.Background()
	store := fakestore.New(time.Now)
	key, err := keyring.New(keyring.Config{Store: store, Sealer: fakestore.NewSealer(), Algorithm: alg, Now: time.Now}).SigningKeys().Current(ctx)
	if err != nil {
		panic(err)
	}
	jwks, err := keyring.NewPublicKeys(store, keyring.Times{}, time.Now).JWKS(ctx)
	if err != nil {
		panic(err)
	}
	return signer{key, string(jwks)}
}

// sign returns an access token that was issued at that time, with what a test changes in it.
func (s signer) sign(issuer string, at time.Time, change func(*token.Claims)) string {
	at = at.Truncate(time.Second)
	c := token.Claims{
		Issuer: issuer, Subject: "0197c1a5-2c5e-7d3a-9f1e-0123456789ab", Audience: []string{audience},
		IssuedAt: at, Expiry: at.Add(time.Minute), ID: uuid.NewString(), ClientID: "app", Scope: "profile waves:read", Roles: []string{"member"},
		Login: &token.Login{SessionID: uuid.MustParse("0197c1a5-2c5e-7d3a-9f1e-0123456789ac"), Epoch: 1, AuthTime: at, AMR: []string{"pwd"}},
	}
	if change != nil {
		change(&c)
	}
	text, _ := token.Sign(s.SigningKey, c)
	return text.Reveal()
}

// deployment stands for a deployment of Wavepass: its public documents over TLS, and what it signs.
type deployment struct {
	*httptest.Server
	signer
	fetches atomic.Int32 // of the key set
	down    atomic.Bool
}

func deploy() *deployment {
	d := &deployment{signer: signers[keyring.ES256]()}
	d.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case d.down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/.well-known/jwks.json"}`, d.URL, d.URL)
		case r.URL.Path == "/.well-known/jwks.json":
			d.fetches.Add(1)
			fmt.Fprint(w, d.jwks)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	return d
}

// sign returns an access token that was issued just now, with what a test changes in it.
func (d *deployment) sign(change func(*token.Claims)) string {
	return d.signer.sign(d.URL, time.Now(), change)
}
