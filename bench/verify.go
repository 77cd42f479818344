package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/token"
	"github.com/wavepass/wavepass/pkg/verify"
)

const issuer = "https://id.example.com"

// signed has tokens of a deployment, and what is needed to check them.
type signed struct {
	store  *bolt.Store
	key    keyring.SigningKey
	jwks   []byte
	text   string // a token
	public crypto.PublicKey
}

func (l *lab) sign(ctx context.Context, alg keyring.Algorithm) (signed, error) {
	store, err := bolt.Open(filepath.Join(l.work, newID()), time.Now)
	if err != nil {
		return signed{}, err
	}
	l.atEnd(func() { _ = store.Close() })
	sealer, err := seal.NewLocal(make([]byte, 32))
	if err != nil {
		return signed{}, err
	}
	key, err := keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: alg, Now: time.Now}).SigningKeys().Current(ctx)
	if err != nil {
		return signed{}, err
	}
	s := signed{store: store, key: key, public: key.Private().Public()}
	entry, err := jwk.FromRaw(s.public)
	if err != nil {
		return signed{}, err
	}
	for name, value := range map[string]string{"kid": key.ID, "alg": string(alg), "use": "sig"} {
		if err := entry.Set(name, value); err != nil {
			return signed{}, err
		}
	}
	if s.jwks, err = json.Marshal(map[string]any{"keys": []any{entry}}); err != nil {
		return signed{}, err
	}
	s.text, err = s.another()
	return s, err
}

// another signs a token of another person.
func (s signed) another() (string, error) {
	now := time.Now().Truncate(time.Second)
	text, omitted := token.Sign(s.key, token.Claims{
		Issuer: issuer, Subject: newID(), Audience: []string{issuer}, Expiry: now.Add(time.Hour), IssuedAt: now, ID: newID(), ClientID: "app",
		Scope: "profile", Roles: []string{"member"}, Login: &token.Login{SessionID: uuid.MustParse(newID()), Epoch: 7, AuthTime: now, AMR: []string{"pwd"}},
	})
	if omitted {
		return "", errors.New("the token is too long for its roles")
	}
	return text.Reveal(), nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// verify compares checks of an access token, each as the library's own documentation does it: signature, issuer, audience, expiry.
func (l *lab) verify(ctx context.Context) ([]comparison, error) {
	var all []comparison
	for _, alg := range []keyring.Algorithm{keyring.ES256, keyring.EdDSA, keyring.RS256} {
		s, err := l.sign(ctx, alg)
		if err != nil {
			return nil, err
		}
		checks, err := s.checks(ctx, alg)
		if err != nil {
			return nil, err
		}
		c := comparison{
			name: "verify-" + strings.ToLower(string(alg)), title: "Verify an access token, " + string(alg),
			text:    "Signature, issuer, audience and expiry of the same token, each library as its documentation does it. Wavepass is `pkg/verify`, which also checks the rest of RFC 9068.",
			metrics: []metric{{title: "a token", unit: "µs of a processor"}},
		}
		for _, check := range checks {
			if err := check.call(s.text); err != nil {
				return nil, fmt.Errorf("%s: %w", check.name, err)
			}
			if check.call(s.text[:len(s.text)-8]+"AAAAAAAA") == nil {
				return nil, fmt.Errorf("%s takes a token whose signature is wrong", check.name)
			}
			c.contenders = append(c.contenders, contender{check.name, perCall(func() error { return check.call(s.text) })})
		}
		for _, p := range l.foreign() {
			program, err := p.start(ctx, l, s)
			if err != nil {
				return nil, err
			}
			for _, library := range p.libraries {
				c.contenders = append(c.contenders, contender{library + ", " + p.language, program.measure(library)})
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// check is one way to check a token.
type check struct {
	name string
	call func(text string) error
}

func (s signed) checks(ctx context.Context, alg keyring.Algorithm) ([]check, error) {
	own, err := verify.New(verify.Config{Issuer: issuer, Audience: issuer, KeySet: s.jwks, Now: frozen()})
	if err != nil {
		return nil, err
	}
	set, err := jwk.Parse(s.jwks)
	if err != nil {
		return nil, err
	}
	var joseSet jose.JSONWebKeySet
	if err := json.Unmarshal(s.jwks, &joseSet); err != nil {
		return nil, err
	}
	oidcVerifier := oidc.NewVerifier(issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{s.public}}, &oidc.Config{
		ClientID: issuer, SupportedSigningAlgs: []string{string(alg)},
	})
	parser := jwt.NewParser(jwt.WithValidMethods([]string{string(alg)}), jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithExpirationRequired())
	keyOf := func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != s.key.ID {
			return nil, errors.New("unknown key")
		}
		return s.public, nil
	}
	raw := rawCheck(s.public)
	return []check{
		{"Wavepass", func(text string) error { _, err := own.Verify(ctx, text); return err }},
		{"the signature alone, standard library", raw},
		{"golang-jwt", func(text string) error { _, err := parser.ParseWithClaims(text, &claims{}, keyOf); return err }},
		{"go-jose", func(text string) error {
			parsed, err := josejwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				return err
			}
			keys := joseSet.Key(parsed.Headers[0].KeyID)
			if len(keys) != 1 {
				return errors.New("unknown key")
			}
			var standard josejwt.Claims
			var more moreClaims
			if err := parsed.Claims(keys[0].Key, &standard, &more); err != nil {
				return err
			}
			return standard.Validate(josejwt.Expected{Issuer: issuer, AnyAudience: josejwt.Audience{issuer}, Time: time.Now()})
		}},
		{"go-oidc", func(text string) error {
			parsed, err := oidcVerifier.Verify(ctx, text)
			if err != nil {
				return err
			}
			var more moreClaims
			return parsed.Claims(&more)
		}},
		{"jwx", func(text string) error {
			_, err := jwxjwt.ParseString(text, jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(issuer))
			return err
		}},
	}, nil
}

// frozen is a clock for the keys' age only: it moves on with the real one, but a key set given at the start stays young for all of a run.
func frozen() func() time.Time {
	at := time.Now()
	return func() time.Time { return at }
}

// moreClaims are the claims beyond those of RFC 7519, as somebody would write them down.
type moreClaims struct {
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope"`
	Roles     []string `json:"roles"`
	SessionID string   `json:"sid"`
}

type claims struct {
	jwt.RegisteredClaims
	moreClaims
}

// rawCheck checks the signature and looks at nothing else.
func rawCheck(public crypto.PublicKey) func(text string) error {
	return func(text string) error {
		dot := strings.LastIndexByte(text, '.')
		signature, err := base64.RawURLEncoding.DecodeString(text[dot+1:])
		if err != nil {
			return err
		}
		input, good := []byte(text[:dot]), false
		digest := sha256.Sum256(input)
		switch key := public.(type) {
		case *ecdsa.PublicKey:
			good = ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		case ed25519.PublicKey:
			good = ed25519.Verify(key, input, signature)
		case *rsa.PublicKey:
			good = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		}
		if !good {
			return errors.New("wrong signature")
		}
		return nil
	}
}

// foreign are the programs in other languages that measure libraries on demand, those that can run here.
func (l *lab) foreign() []foreignProgram {
	var all []foreignProgram
	if l.node() {
		all = append(all, foreignProgram{"Node", []string{l.nodeProgram(), "verify.mjs"}, []string{"jose", "aws-jwt-verify", "fast-jwt"}, "aws-jwt-verify"})
	}
	if python := filepath.Join(l.peers, "venv", "bin", "python"); !l.alone && exists(python) {
		all = append(all, foreignProgram{"Python", []string{python, "verify.py"}, []string{"PyJWT"}, "PyJWT"})
	} else if !l.alone {
		l.leaveOut("Python: `python3 -m venv bench/peers/venv && bench/peers/venv/bin/pip install -r bench/peers/requirements.txt` has not been run.")
	}
	return all
}

type foreignProgram struct {
	language   string
	command    []string
	libraries  []string
	authorizer string // the library that its authorizer is written around
}

// peerProgram is one that runs.
type peerProgram struct {
	in    io.Writer
	out   *bufio.Scanner
	calls map[string]int // how many fill the time of a batch
}

func (f foreignProgram) start(ctx context.Context, l *lab, s signed) (*peerProgram, error) {
	run := exec.Command(f.command[0], f.command[1:]...)
	input, err := json.Marshal(map[string]any{"issuer": issuer, "audience": issuer, "jwks": json.RawMessage(s.jwks), "token": s.text, "event": string(eventWith(s.text))})
	if err != nil {
		return nil, err
	}
	run.Dir, run.Env, run.Stderr = l.peers, append(os.Environ(), "BENCH="+string(input)), os.Stderr
	in, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := run.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peerProgram{in, bufio.NewScanner(out), map[string]int{}}, l.begin(ctx, run)
}

// measure asks for so many calls that they fill the time of a batch.
func (p *peerProgram) measure(library string) func(context.Context) ([]float64, error) {
	return func(context.Context) ([]float64, error) {
		for n := max(p.calls[library], 64); ; n *= 2 {
			if _, err := fmt.Fprintf(p.in, "%s %d\n", library, n); err != nil {
				return nil, err
			}
			if !p.out.Scan() {
				return nil, fmt.Errorf("the program has ended: %w", p.out.Err())
			}
			var took float64 // ms for all
			if _, err := fmt.Sscan(p.out.Text(), &took); err != nil {
				return nil, fmt.Errorf("%q: %w", p.out.Text(), err)
			}
			if p.calls[library] > 0 || took >= float64(batchTime.Milliseconds()) {
				p.calls[library] = n
				return []float64{took * 1000 / float64(n)}, nil
			}
		}
	}
}

//go:embed event.json
var eventText string

// authorize compares whole events of an HTTP API, from JSON to JSON. The others check the token; Wavepass also asks its denylist and its policy.
func (l *lab) authorize(ctx context.Context) ([]comparison, error) {
	s, err := l.sign(ctx, keyring.ES256)
	if err != nil {
		return nil, err
	}
	checks, err := s.checks(ctx, keyring.ES256)
	if err != nil {
		return nil, err
	}
	own, err := newAuthorizer(s.store)
	if err != nil {
		return nil, err
	}
	const people = 2 * 8192 // more than the authorizer remembers, so that each is at first sight again when their turn comes
	payloads := make([][]byte, people)
	for i := range payloads {
		text, err := s.another()
		if err != nil {
			return nil, err
		}
		payloads[i] = eventWith(text)
	}
	turn := 0
	c := comparison{
		name: "authorize", title: "A whole authorizer event, ES256",
		text: "An event of an HTTP API (format 2.0) from its JSON to the answer's. Wavepass also asks what it knows of revocations, and the policy of the API. " +
			"The others decode the event as handlers do in their language (in Go with aws-lambda-go's type and encoding/json), check the token as above, and ask nothing about revocations.",
		metrics: []metric{{title: "an event", unit: "µs of a processor"}},
		contenders: []contender{
			{"Wavepass, a token at first sight", perCall(func() error {
				turn++
				return allowed(own(ctx, payloads[turn%people]))
			})},
			{"Wavepass, a token seen before", perCall(func() error { return allowed(own(ctx, payloads[0])) })},
		},
	}
	for _, check := range checks {
		if check.name == "Wavepass" || strings.HasPrefix(check.name, "the signature") {
			continue
		}
		handler := plainAuthorizer(check.call)
		c.contenders = append(c.contenders, contender{check.name, perCall(func() error { return allowed(handler(ctx, payloads[0])) })})
	}
	for _, p := range l.foreign() {
		program, err := p.start(ctx, l, s)
		if err != nil {
			return nil, err
		}
		c.contenders = append(c.contenders, contender{p.authorizer + ", " + p.language, program.measure("authorize")})
	}
	return []comparison{c}, nil
}

// newAuthorizer returns Wavepass's function.
func newAuthorizer(store authorizer.Store) (authorizer.Function, error) {
	cfg, err := config.Load(map[string]string{"ISSUER": issuer, "TABLE_NAME": "bench"})
	if err != nil {
		return nil, err
	}
	settings, err := endpoint.New(cfg, slog.New(slog.DiscardHandler), audit.NewTrail(io.Discard, time.Now), time.Now)
	if err != nil {
		return nil, err
	}
	return authorizer.New(settings, store), nil
}

func eventWith(text string) []byte { return []byte(strings.ReplaceAll(eventText, "$ACCESS", text)) }

func allowed(answer []byte, err error) error {
	if err == nil && !bytes.HasPrefix(answer, []byte(`{"isAuthorized":true`)) {
		err = fmt.Errorf("refused: %s", answer)
	}
	return err
}

// plainAuthorizer is an authorizer as one writes it around a library.
func plainAuthorizer(check func(text string) error) func(context.Context, []byte) ([]byte, error) {
	return func(_ context.Context, payload []byte) ([]byte, error) {
		var e events.APIGatewayV2CustomAuthorizerV2Request
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, err
		}
		answer := events.APIGatewayV2CustomAuthorizerSimpleResponse{}
		if text, bearer := strings.CutPrefix(strings.Join(e.IdentitySource, ""), "Bearer "); bearer && check(text) == nil {
			answer.IsAuthorized = true
		}
		return json.Marshal(answer)
	}
}
