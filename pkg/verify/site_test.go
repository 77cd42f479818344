package verify_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/token"
	"github.com/wavepass/wavepass/pkg/verify"
)

const (
	issuer       = "https://id.example"
	notOurs      = "header: not that of one of our keys"
	metadataPath = "/.well-known/openid-configuration"
	keySetPath   = "/.well-known/jwks.json"
	metadata     = `{"issuer":"` + issuer + `","jwks_uri":"` + issuer + keySetPath + `"}`
)

var start = time.Unix(1_782_900_000, 0).UTC()

// refused fails the test unless the token was refused for that reason: being refused for another one proves nothing.
func refused(t *testing.T, err error, reason string) {
	t.Helper()
	if !errors.Is(err, verify.ErrInvalidToken) || !strings.Contains(err.Error(), reason) {
		t.Fatalf("got error %v, want ErrInvalidToken (%s)", err, reason)
	}
}

// site is an issuer's web site, as an http.RoundTripper: what it answers and how often it was asked.
type site struct {
	mu      sync.Mutex
	answers map[string]page // by path
	down    bool
	asked   map[string]int
	wait    chan struct{} // when set, key sets are answered only after it was closed
}

type page struct {
	status       int
	body         string
	media        string
	cacheControl string
	age          string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked[r.URL.Path]++
	p, down, wait := s.answers[r.URL.Path], s.down, s.wait
	s.mu.Unlock()
	if wait != nil && r.URL.Path == keySetPath {
		select {
		case <-wait:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if down || "https://"+r.URL.Host != issuer { // also by http
		return nil, errors.New("nobody answers at " + r.URL.String())
	}
	header := http.Header{}
	for name, value := range map[string]string{"Content-Type": p.media, "Cache-Control": p.cacheControl, "Age": p.age} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return &http.Response{StatusCode: p.status, Header: header, Body: io.NopCloser(strings.NewReader(p.body)), Request: r}, nil
}

func (s *site) change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// resource is a resource server that trusts the issuer of a site.
type resource struct {
	t        *testing.T
	issuer   signer
	site     *site
	clock    *testclock.Clock
	verifier *verify.Verifier
}

// newResource lets change alter the configuration, which discovers the key set and has the defaults.
func newResource(t *testing.T, by signer, change func(*verify.Config)) *resource {
	t.Helper()
	r := &resource{t: t, issuer: by, clock: testclock.New(start), site: &site{asked: map[string]int{}, answers: map[string]page{
		metadataPath: {status: 200, body: metadata, media: "application/json"},
		keySetPath:   {status: 200, body: by.jwks, media: "application/json"},
	}}}
	cfg := verify.Config{Issuer: issuer, Audience: audience, Client: &http.Client{Transport: r.site}, Now: r.clock.Now}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.verifier, err = verify.New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

// lasting is a token that is valid whenever it is verified.
func lasting(by signer) string {
	return by.sign(issuer, start, func(c *token.Claims) { c.Expiry = start.Add(100 * 365 * 24 * time.Hour) })
}

// good is a lasting token of the issuer.
func (r *resource) good() string { return lasting(r.issuer) }

// withHeader is a good token below another header. Its signature does not verify, which is noticed after the header.
func (r *resource) withHeader(header string) string {
	_, rest, _ := strings.Cut(r.good(), ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

// unknown is a token that names a key which the issuer does not have.
func (r *resource) unknown() string {
	return r.withHeader(`{"alg":"ES256","kid":"unknown","typ":"at+jwt"}`)
}

func (r *resource) verify(text string) error {
	_, err := r.verifier.Verify(context.Background(), text)
	return err
}

func (r *resource) accepts(when string) {
	r.t.Helper()
	if err := r.verify(r.good()); err != nil {
		r.t.Errorf("%s: a good token is refused: %v", when, err)
	}
}

// cannotTell wants an outage: the caller is neither let in nor told that the token is bad.
func (r *resource) cannotTell(when, text string) {
	r.t.Helper()
	if err := r.verify(text); !errors.Is(err, verify.ErrUnavailable) || errors.Is(err, verify.ErrInvalidToken) {
		r.t.Errorf("%s: got %v, want ErrUnavailable", when, err)
	}
}

// wantFetches wants the key set to have been asked for so often.
func (r *resource) wantFetches(when string, want int) {
	r.t.Helper()
	if got := r.site.count(keySetPath); got != want {
		r.t.Errorf("%s: the key set was fetched %d times, want %d", when, got, want)
	}
}

// after moves the clock.
func (r *resource) after(d time.Duration) { r.clock.Advance(d) }

func es256() signer { return signers[keyring.ES256]() }
