package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/token"
)

// countingKey is a public key that counts the signature checks: each asks for its point once.
type countingKey struct {
	*ecdsa.PublicKey
	checks *atomic.Int64
}

func (k countingKey) Public() crypto.PublicKey { k.checks.Add(1); return k.PublicKey }

func (countingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("not called") }

func (k countingKey) Equal(other crypto.PublicKey) bool {
	o, ok := other.(countingKey)
	return ok && k.PublicKey.Equal(o.PublicKey)
}

// memory is a verifier that remembers, and what a test can change below it.
type memory struct {
	t        *testing.T
	verifier *token.Verifier
	checks   *atomic.Int64
	now      time.Time
	key      keyring.VerifyKey // of the set; none without an id
	err      error             // of the key set
}

func newMemory(t *testing.T, most int) *memory {
	m := &memory{t: t, checks: &atomic.Int64{}, now: now}
	m.key = keyring.VerifyKey{ID: es256().key.ID, Algorithm: keyring.ES256, Public: countingKey{es256().key.Private().Public().(*ecdsa.PublicKey), m.checks}}
	m.verifier = token.NewRememberingVerifier(m, func() time.Time { return m.now }, most)
	return m
}

func (m *memory) ByHeader(_ context.Context, segment string) (keyring.VerifyKey, error) {
	if m.err == nil && segment != keyring.HeaderSegment(m.key.Algorithm, m.key.ID) {
		return keyring.VerifyKey{}, keyring.ErrUnknownKey
	}
	return m.key, m.err
}

func (m *memory) verify(text string) error {
	_, err := m.verifier.Verify(m.t.Context(), oauth.NewSecret(text), expect)
	return err
}

// good fails the test unless the token verifies, with so many signature checks.
func (m *memory) good(what, text string, checks int64) {
	m.t.Helper()
	before := m.checks.Load()
	if err := m.verify(text); err != nil {
		m.t.Errorf("%s: %v, want it verified", what, err)
	}
	if n := m.checks.Load() - before; n != checks {
		m.t.Errorf("%s: the signature was checked %d times, want %d", what, n, checks)
	}
}

// numbered is a good token, another one for each number.
func numbered(i int) string {
	return es256().forge(goodPayload().with("jti", fmt.Sprintf(`"0197c1a5-2c5e-7d3a-9f1e-%012d"`, i)).String())
}

func TestSignatureOfARepeatedTokenIsCheckedOnce(t *testing.T) {
	m, text := newMemory(t, 10), numbered(1)
	m.good("first sight", text, 1)
	m.good("second sight", text, 0)
	m.good("another token", numbered(2), 1)
	m.good("third sight", text, 0)
	m.verifier = token.NewVerifier(m, func() time.Time { return now })
	m.good("without memory", text, 1)
	m.good("without memory, again", text, 1)
}

func TestSeenTokenSaysTheSameAndIsItsCallersOwn(t *testing.T) {
	m, text := newMemory(t, 10), oauth.NewSecret(es256().forge(goodPayload().String()))
	want := goodClaims()
	want.SigningID = m.key.ID
	for sight := range 3 {
		got, err := m.verifier.Verify(t.Context(), text, expect)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("sight %d: error %v (-want +got)\n%s", sight, err, diff)
		}
		_, _ = append(got.Audience, "more"), append(got.Roles, "more") // writes into no other list
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("sight %d: a list that grew has changed another (-want +got)\n%s", sight, diff)
		}
		got.Audience[0], got.Roles[0], got.Login.AMR[0] = "changed", "changed", "changed"
		got.Login.SessionID = uuid.Nil
	}
}

func TestSeenTokenIsJudgedAnewEveryTime(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *memory, want *token.Expect)
		reason string
	}{
		"expired":          {func(m *memory, _ *token.Expect) { m.now = now.Add(15 * time.Minute) }, "exp: expired"},
		"clock set back":   {func(m *memory, _ *token.Expect) { m.now = now.Add(-31 * time.Second) }, "iat: in the future"},
		"another issuer":   {func(_ *memory, want *token.Expect) { want.Issuer = "https://other.example" }, "iss: another issuer"},
		"another audience": {func(_ *memory, want *token.Expect) { want.Audience = "https://other.example" }, "aud: another audience"},
		"key gone":         {func(m *memory, _ *token.Expect) { m.key.ID = "another" }, "header: "},
		"other algorithm":  {func(m *memory, _ *token.Expect) { m.key.Algorithm = keyring.EdDSA }, "header: "},
	} {
		t.Run(name, func(t *testing.T) {
			m, text, want := newMemory(t, 10), numbered(1), expect
			m.good("first sight", text, 1)
			m.good("second sight", text, 0)
			key := m.key
			c.change(m, &want)
			_, err := m.verifier.Verify(t.Context(), oauth.NewSecret(text), want)
			refused(t, err, c.reason)
			m.key, m.now = key, now
			m.good("everything as before", text, 0)
		})
	}
}

// A keyring that was made anew may use a key id again.
func TestSeenTokenDiesWithItsKeyAlsoWhenAnotherHasItsID(t *testing.T) {
	m, text := newMemory(t, 10), numbered(1)
	m.good("first sight", text, 1)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, public := range map[string]crypto.PublicKey{
		"another key":              countingKey{&stranger.PublicKey, m.checks},
		"a key of another type":    &stranger.PublicKey,
		"a key that is no key":     nil,
		"the private half of none": stranger,
	} {
		was := m.key.Public
		m.key.Public = public
		if err := m.verify(text); err == nil {
			t.Errorf("%s under its id: still accepted", name)
		}
		m.key.Public = was
	}
	m.good("its own key again", text, 0)
}

func TestSeenTokenNeedsReadableKeys(t *testing.T) {
	m, text := newMemory(t, 10), numbered(1)
	m.good("first sight", text, 1)
	m.err = fmt.Errorf("%w: time-out", oauth.ErrUnavailable)
	if err := m.verify(text); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestRespelledTokenIsNotTheSeenOne(t *testing.T) {
	m, text := newMemory(t, 10), numbered(1)
	m.good("first sight", text, 1)
	cut := strings.LastIndexByte(text, '.') + 1
	for _, other := range []string{
		text[:cut] + strings.Repeat("A", len(text)-cut), text[:len(text)-1], text + "A", text + "\n", strings.ToLower(text),
		text[:cut] + numbered(2)[cut:],
	} {
		if err := m.verify(other); err == nil {
			t.Errorf("accepted %q, having seen %q", other, text)
		}
	}
}

// What does not verify must not push out what does.
func TestOnlyGoodTokensAreRemembered(t *testing.T) {
	m, text := newMemory(t, 4), numbered(1)
	m.good("first sight", text, 1)
	expired := goodPayload().with("exp", "1782900000")
	for i := range 50 {
		for what, bad := range map[string]string{
			"forged":         numbered(i)[:100] + strings.Repeat("A", 400),
			"bad signature":  strings.TrimSuffix(numbered(i), numbered(i)[len(numbered(i))-20:]) + strings.Repeat("A", 20),
			"expired":        es256().forge(expired.with("jti", fmt.Sprintf(`"0197c1a5-2c5e-7d3a-9f1e-%012d"`, i)).String()),
			"other audience": es256().forge(goodPayload().with("aud", fmt.Sprintf(`"%d"`, i)).String()),
			"bad claims":     es256().forge(fmt.Sprintf(`{"iss":%d}`, i)),
		} {
			if m.verify(bad) == nil {
				t.Fatalf("%s: verified", what)
			}
		}
	}
	m.good("after 250 bad ones", text, 0)
}

func TestMemoryIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	const most = 10
	m, favourite := newMemory(t, most), numbered(0)
	m.good("favourite", favourite, 1)
	texts := make([]string, 10*most)
	for i := range texts {
		texts[i] = numbered(i + 1)
		m.good("first sight", texts[i], 1)
		m.good("favourite", favourite, 0)
	}
	before := m.checks.Load()
	remembered := 0
	for i := len(texts) - 1; i >= 0; i-- { // the youngest first
		if err := m.verify(texts[i]); err != nil {
			t.Fatal(err)
		}
		if m.checks.Load() == before {
			remembered++
		}
		before = m.checks.Load()
	}
	if remembered < most/2-1 || remembered > most {
		t.Errorf("%d tokens were remembered, want between %d and %d", remembered, most/2-1, most)
	}
}

func TestManyVerifyAtOnce(t *testing.T) {
	m := newMemory(t, 4)
	texts := make([]string, 8)
	for i := range texts {
		texts[i] = numbered(i)
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if err := m.verify(texts[(worker+i)%len(texts)]); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
			}
		})
	}
	wg.Wait()
}

// held is a key set as a function holds it: looking a key up allocates nothing.
type held map[string]keyring.VerifyKey

func (h held) ByHeader(_ context.Context, segment string) (keyring.VerifyKey, error) {
	key, ok := h[segment]
	if !ok {
		return keyring.VerifyKey{}, keyring.ErrUnknownKey
	}
	return key, nil
}

// known returns a verifier that has seen the text.
func known() (v *token.Verifier, text oauth.Secret) {
	f := es256()
	text = oauth.NewSecret(f.forge(goodPayload().String()))
	keys := held{f.header: {ID: f.key.ID, Algorithm: keyring.ES256, Public: f.key.Private().Public()}}
	v = token.NewRememberingVerifier(keys, func() time.Time { return now }, 2)
	return v, text
}

// The copy of the claims is all that a known token may allocate: its lists, and the login.
func TestKnownTokenAllocatesNoMoreThanItsCopy(t *testing.T) {
	v, text := known()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(t.Context(), text, expect); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("a known token allocates %v times, want at most 2", n)
	}
}

// BenchmarkVerifyKnown is what the authorizer does with a token that it has seen before; the budget is 1.5 µs.
func BenchmarkVerifyKnown(b *testing.B) {
	v, text := known()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), text, expect); err != nil {
			b.Fatal(err)
		}
	}
}
