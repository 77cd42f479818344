package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/verify"
)

// What docs/resource-servers.md calls the issuer and the audience.
const (
	pageIssuer   = "https://auth.example.com"
	pageAudience = "https://api.example.com"
)

var algorithms = []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256}

// secure is what `wavepass local` runs, on TLS: libraries refuse to fetch keys by http. Its key is here to sign what
// Wavepass never would.
type secure struct {
	*server
	tls  *httptest.Server
	alg  keyring.Algorithm
	key  keyring.SigningKey
	cert string // file: the certificate, as a CA

	clients client.Registrar
}

func startSecure(t *testing.T, alg keyring.Algorithm) *secure {
	t.Helper()
	t.Setenv("SIGNING_ALG", string(alg))
	t.Setenv("AUDIENCE", pageAudience)
	tls := httptest.NewUnstartedServer(nil)
	issuer := "https://" + tls.Listener.Addr().String()
	cfg, err := settings(map[string]string{"ISSUER": issuer})
	check(t, err)
	d, err := (&localCommand{folder: folder{Data: t.TempDir()}}).open(t.Context(), cfg, audit.NewTrail(io.Discard, time.Now))
	check(t, err)
	t.Cleanup(d.close)
	routes, err := gateway.ReadTemplate(template, nil)
	check(t, err)
	log := slog.New(slog.DiscardHandler)
	functionSettings, err := endpoint.New(cfg, log, audit.NewTrail(io.Discard, time.Now), time.Now)
	check(t, err)
	handler, err := gateway.New(routes, behindGateway(d.functions(functionSettings)), gateway.Options{Issuer: issuer, Log: log})
	check(t, err)
	tls.Config.Handler, tls.Config.ErrorLog = handler, slog.NewLogLogger(log.Handler(), slog.LevelError)
	tls.StartTLS()
	t.Cleanup(tls.Close)

	s := &secure{server: &server{t: t, url: tls.URL, client: tls.Client()}, tls: tls, alg: alg, cert: filepath.Join(t.TempDir(), "ca.pem")}
	s.clients = d.store
	s.key, err = d.keyring(cfg, audit.NewTrail(io.Discard, time.Now)).SigningKeys().Current(t.Context())
	check(t, err)
	check(t, os.WriteFile(s.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o600))
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attempt is a token, and whether a resource server has to accept it.
type attempt struct {
	name, text string
	accepted   bool
}

// attempts are the rows of the page's last table, between two good tokens.
func (s *secure) attempts() []attempt {
	s.t.Helper()
	good := s.login().AccessToken
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	own := map[string]any{"alg": s.alg, "kid": s.key.ID, "typ": "at+jwt"}
	claims := decoded(s.t, good, 1)
	now := time.Now().Unix()

	signed := func(header, claims map[string]any) string { return s.sign(s.key.Private(), header, claims) }
	stranger, strangersJWK := s.stranger()
	list := []attempt{
		{"as issued", good, true},
		{"signed again", signed(own, claims), true},
		{"issued by a clock that is ahead", signed(own, with(claims, "iat", now+20)), true},
		{"alg none", segment(with(own, "alg", "none")) + "." + payload + ".", false},
		{"alg none, without kid", segment(map[string]any{"alg": "none", "typ": "at+jwt"}) + "." + payload + ".", false},
		{"alg none, signed", segment(with(own, "alg", "none")) + "." + payload + "." + signature, false},
		{"another key under our kid", s.sign(stranger, own, claims), false},
		{"another key in the header", s.sign(stranger, with(own, "jwk", strangersJWK), claims), false},
		{"another key in the header, without kid", s.sign(stranger, with(with(own, "jwk", strangersJWK), "kid", nil), claims), false},
		{"unknown kid", signed(with(own, "kid", "unknown"), claims), false},
		{"payload changed", header + "." + segment(with(claims, "scope", "admin")) + "." + signature, false},
		{"signature changed", header + "." + payload + "." + flip(signature), false},
		{"typ JWT", signed(with(own, "typ", "JWT"), claims), false},
		{"no typ", signed(with(own, "typ", nil), claims), false},
		{"another iss", signed(own, with(claims, "iss", "https://evil.example")), false},
		{"another aud", signed(own, with(claims, "aud", "https://other.example")), false},
		{"another aud, as a list", signed(own, with(claims, "aud", []string{"https://other.example"})), false},
		{"no aud", signed(own, with(claims, "aud", nil)), false},
		{"expired", signed(own, with(with(claims, "exp", now-120), "iat", now-1020)), false},
		{"no exp", signed(own, with(claims, "exp", nil)), false},
	}
	for form, secret := range s.publicForms() {
		for _, kid := range []any{s.key.ID, nil} {
			input := segment(with(with(own, "alg", "HS256"), "kid", kid)) + "." + payload
			list = append(list, attempt{"HS256 with the public key as " + form, input + "." + hs256(secret, input), false})
		}
	}
	return append(list, attempt{"as issued, afterwards", good, true})
}

// judge compares what became of each attempt: an error is a refusal. One that is about fetching keys proves nothing.
func (s *secure) judge(by string, list []attempt, refusals []error) {
	s.t.Helper()
	for i, a := range list {
		switch err := refusals[i]; {
		case (err == nil) != a.accepted:
			s.t.Errorf("%s: %s: %s: error %v, want it accepted: %v", by, s.alg, a.name, err, a.accepted)
		case err != nil && (errors.Is(err, verify.ErrUnavailable) || strings.Contains(strings.ToLower(err.Error()), "fetch")):
			s.t.Errorf("%s: %s: %s: refused for the wrong reason: %v", by, s.alg, a.name, err)
		}
	}
}

func TestInteropGoResourceServer(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			s := startSecure(t, alg)
			for name, address := range map[string]string{"discovery": "", "the key set's address": s.url + "/.well-known/jwks.json"} {
				v, err := verify.New(verify.Config{Issuer: s.url, Audience: pageAudience, JWKSAddress: address, Client: s.client})
				check(t, err)
				list := s.attempts()
				refusals := make([]error, len(list))
				for i, a := range list {
					_, refusals[i] = v.Verify(t.Context(), a.text)
				}
				s.judge("verify by "+name, list, refusals)
			}
		})
	}
}

// golang.org/x/oauth2 finds out by itself how a client says who it is: it tries Basic with an empty secret first.
func TestInteropGoClientRefreshes(t *testing.T) {
	s := startSecure(t, keyring.ES256)
	login := s.login()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.client)
	for name, style := range map[string]oauth2.AuthStyle{
		"found out": oauth2.AuthStyleAutoDetect, "Basic": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams,
	} {
		cfg := oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: s.url + "/refresh", AuthStyle: style}}
		got, err := cfg.TokenSource(ctx, &oauth2.Token{RefreshToken: login.RefreshToken}).Token()
		check(t, err)
		if !got.Valid() || got.Type() != "Bearer" || got.RefreshToken == login.RefreshToken {
			t.Errorf("%s: token %v of type %q, rotated: %v", name, got.Valid(), got.Type(), got.RefreshToken != login.RefreshToken)
		}
		s.want("userinfo", s.userinfo(got.AccessToken), http.StatusOK, "")
	}
	_, err := (&oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: s.url + "/refresh"}}).
		TokenSource(ctx, &oauth2.Token{RefreshToken: "nonsense"}).Token()
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_grant" {
		t.Errorf("a bad refresh token: %v, want invalid_grant", err)
	}
}

// sign is a JWS as RFC 7515 and 7518 §3 make it, with any header.
func (s *secure) sign(key crypto.Signer, header, claims map[string]any) string {
	s.t.Helper()
	input := segment(header) + "." + segment(claims)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, v, failed := ecdsa.Sign(rand.Reader, key, digest[:])
		check(s.t, failed)
		signature = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		check(s.t, err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}
