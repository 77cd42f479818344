package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	issuer    = "https://id.example"
	audience  = "https://api.example"
	accountID = "0197c1a5-2c5e-7d3a-9f1e-0123456789ab"
	sessionID = "0197c1a5-2c5e-7d3a-9f1e-0123456789ac"
	tokenID   = "0197c1a5-2c5e-7d3a-9f1e-0123456789ad"
)

var (
	now    = time.Unix(1_782_900_000, 0).UTC()
	expect = token.Expect{Issuer: issuer, Audience: audience}
)

// partStore is a keyring.Store in memory.
type partStore struct {
	mu      sync.Mutex
	version int64
	parts   map[keyring.Part][]byte
}

func (s *partStore) ReadPart(_ context.Context, part keyring.Part) (keyring.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == 0 {
		return keyring.Item{}, keyring.ErrMissing
	}
	return keyring.Item{Version: s.version, Data: s.parts[part]}, nil
}

func (s *partStore) ReplaceParts(_ context.Context, version int64, parts map[keyring.Part][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version != s.version {
		return keyring.ErrConflict
	}
	s.version, s.parts = version+1, parts
	return nil
}

// noSeal leaves the parts as they are; sealing is not what is tested here.
type noSeal struct{}

func (noSeal) Seal(_ context.Context, _ string, plain []byte) ([]byte, error)  { return plain, nil }
func (noSeal) Open(_ context.Context, _ string, sealed []byte) ([]byte, error) { return sealed, nil }

// fixture is a real keyring with everything that stands on it.
type fixture struct {
	public  *keyring.PublicKeys
	key     keyring.SigningKey
	header  string // the encoded header segment of every good token
	counted *countedKeys
}

// countedKeys counts how often the keys were asked for.
type countedKeys struct {
	token.VerifyKeys
	mu   sync.Mutex
	asks int
}

func (c *countedKeys) ByHeader(ctx context.Context, segment string) (keyring.VerifyKey, error) {
	c.mu.Lock()
	c.asks++
	c.mu.Unlock()
	return c.VerifyKeys.ByHeader(ctx, segment)
}

func newFixture(alg keyring.Algorithm) fixture {
	clock := func() time.Time { return now }
	store := &partStore{}
	f := fixture{public: keyring.NewPublicKeys(store, keyring.Times{}, clock)}
	var err error
	f.key, err = keyring.New(keyring.Config{Store: store, Sealer: noSeal{}, Algorithm: alg, Now: clock}).SigningKeys().Current(context.Background())
	if err != nil {
		panic(err)
	}
	f.header = keyring.HeaderSegment(alg, f.key.ID)
	f.counted = &countedKeys{VerifyKeys: f.public}
	return f
}

// Keys are made once: RSA keys take their time.
var fixtures = map[keyring.Algorithm]func() fixture{
	keyring.ES256: sync.OnceValue(func() fixture { return newFixture(keyring.ES256) }),
	keyring.EdDSA: sync.OnceValue(func() fixture { return newFixture(keyring.EdDSA) }),
	keyring.RS256: sync.OnceValue(func() fixture { return newFixture(keyring.RS256) }),
}

func es256() fixture { return fixtures[keyring.ES256]() }

func (f fixture) verifyAt(at time.Time, text string, want token.Expect) (token.Claims, error) {
	v := token.NewVerifier(f.counted, func() time.Time { return at })
	return v.Verify(context.Background(), oauth.NewSecret(text), want)
}

func (f fixture) verify(text string) (token.Claims, error) { return f.verifyAt(now, text, expect) }

// refused fails the test unless err is ErrInvalid for the reason that begins so: a token that is refused
// for another reason than the tested one proves nothing.
func refused(t *testing.T, err error, reason string) {
	t.Helper()
	if !errors.Is(err, token.ErrInvalid) {
		t.Fatalf("got error %v, want ErrInvalid (%s)", err, reason)
	}
	if got, _ := strings.CutPrefix(err.Error(), token.ErrInvalid.Error()+": "); !strings.HasPrefix(got, reason) {
		t.Fatalf("refused because %q, want a reason that begins %q", got, reason)
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign returns the raw JWS signature of input by the real private key, made without the code under test.
func sign(key crypto.Signer, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(input))
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		if err != nil {
			panic(err)
		}
		return signature
	}
	panic("unknown key type")
}

// segments joins two encoded segments and their true signature.
func (f fixture) segments(header, payload string) string {
	input := header + "." + payload
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(f.key.Private(), input))
}

// forge signs any payload below the good header.
func (f fixture) forge(payload string) string { return f.segments(f.header, encode(payload)) }

// member is one claim as raw JSON.
type member struct{ name, value string }

// payload is a list of claims that tests change one at a time.
type payload []member

func goodPayload() payload {
	return payload{
		{"iss", `"` + issuer + `"`},
		{"sub", `"` + accountID + `"`},
		{"aud", `"` + audience + `"`},
		{"exp", "1782900900"},
		{"iat", "1782900000"},
		{"jti", `"` + tokenID + `"`},
		{"client_id", `"app"`},
		{"scope", `"read write"`},
		{"roles", `["admin"]`},
		{"claims", `{"beta":true,"plan":"<pro>","seats":5}`},
		{"external_id", `"shop/4711"`},
		{"sid", `"` + sessionID + `"`},
		{"epoch", "7"},
		{"auth_time", "1782890000"},
		{"amr", `["pwd"]`},
	}
}

func (p payload) with(name, value string) payload {
	for i := range p {
		if p[i].name == name {
			p[i].value = value
		}
	}
	return p
}

func (p payload) without(names ...string) payload {
	var left payload
	for _, m := range p {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+m.name+" ") {
			left = append(left, m)
		}
	}
	return left
}

func (p payload) plus(name, value string) payload { return append(p, member{name, value}) }

func (p payload) String() string {
	var members []string
	for _, m := range p {
		members = append(members, `"`+m.name+`":`+m.value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// ofClient is the payload of a token from client credentials.
func ofClient() payload {
	return goodPayload().without("claims", "external_id", "sid", "epoch", "auth_time", "amr").with("sub", `"partner"`).with("client_id", `"partner"`)
}

func goodClaims() token.Claims {
	return token.Claims{
		Issuer: issuer, Subject: accountID, Audience: []string{audience},
		Expiry: now.Add(15 * time.Minute), IssuedAt: now, ID: tokenID, ClientID: "app",
		Scope: "read write", Roles: []string{"admin"}, Custom: `{"beta":true,"plan":"<pro>","seats":5}`, ExternalID: "shop/4711",
		Login: &token.Login{
			SessionID: uuid.MustParse(sessionID), Epoch: 7,
			AuthTime: time.Unix(1782890000, 0).UTC(), AMR: []string{"pwd"},
		},
	}
}
