package verify_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
)

const audience = "https://api.example.com"

// deployment stands for a deployment of Wavepass: its public documents over TLS, and what it signs.
type deployment struct {
	*httptest.Server
	key     keyring.SigningKey
	jwks    []byte
	fetches atomic.Int32 // of the key set
	down    atomic.Bool
}

func deploy() *deployment {
	ctx := context.Background()
	store := fakestore.New(time.Now)
	key, err := keyring.New(keyring.Config{Store: store, Sealer: fakestore.NewSealer(), Algorithm: keyring.ES256, Now: time.Now}).SigningKeys().Current(ctx)
	if err != nil {
		panic(err)
	}
	d := &deployment{key: key}
	if d.jwks, err = keyring.NewPublicKeys(store, keyring.Times{}, time.Now).JWKS(ctx); err != nil {
		panic(err)
	}
	d.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case d.down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/.well-known/jwks.json"}`, d.URL, d.URL)
		case r.URL.Path == "/.well-known/jwks.json":
			d.fetches.Add(1)
			w.Write(d.jwks)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	return d
}

// sign returns an access token with what a test changes in it.
func (d *deployment) sign(change func(*token.Claims)) string {
	now := time.Now().Truncate(time.Second)
	c := token.Claims{
		Issuer: d.URL, Subject: "0197c1a5-2c5e-7d3a-9f1e-0123456789ab", Audience: []string{audience},
		IssuedAt: now, Expiry: now.Add(time.Minute), ID: uuid.NewString(), ClientID: "app", Scope: "profile waves:read", Roles: []string{"member"},
		Login: &token.Login{SessionID: uuid.MustParse("0197c1a5-2c5e-7d3a-9f1e-0123456789ac"), Epoch: 1, AuthTime: now, AMR: []string{"pwd"}},
	}
	if change != nil {
		change(&c)
	}
	text, _ := token.Sign(d.key, c)
	return text.Reveal()
}
