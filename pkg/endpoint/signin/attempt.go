package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// attemptLabel makes of the MAC key a key for nothing but attempts.
const attemptLabel = "wavepass sign-in attempt\x00"

var errLongRequest = errors.New("signin: the authorization request is too long to be kept in a cookie")

// attempt is a sign-in that has begun at a provider. It is kept in a cookie of the browser, which cannot read it, and ends with the answer.
type attempt struct {
	federation.Attempt
	Request string    `json:"request"` // the authorization request
	Until   time.Time `json:"until"`
}

// sealer returns what seals attempts by a MAC key.
func sealer(key keyring.MACKey) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key.Sum([]byte(attemptLabel)))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keep returns the Set-Cookie values that keep a.
func (f function) keep(ctx context.Context, r *apigw.Request, a attempt) ([]string, error) {
	key, err := f.macs.Current(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	sealed := aead.Seal([]byte{key.Version()}, nil, plain, []byte(a.State))
	cookies, ok := browser.KeepAttempt(r.Visit(pagesClient), a.State, oauth.NewSecret(base64.RawURLEncoding.EncodeToString(sealed)))
	if !ok {
		return nil, errLongRequest
	}
	return cookies, nil
}

// attemptOf returns the attempt that a state belongs to. Without one the error is federation.ErrNotOurs.
func (f function) attemptOf(ctx context.Context, r *apigw.Request, state string) (a attempt, err error) {
	kept, given := browser.PresentedAttempt(r.Visit(pagesClient), state)
	if !given {
		return a, federation.ErrNotOurs
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(kept.Reveal())
	if err != nil || len(sealed) == 0 {
		return a, federation.ErrNotOurs
	}
	key, err := f.macs.Key(ctx, sealed[0])
	switch {
	case errors.Is(err, keyring.ErrUnknownKey):
		return a, federation.ErrNotOurs
	case err != nil:
		return a, err
	}
	aead, err := sealer(key)
	if err != nil {
		return a, err
	}
	plain, err := aead.Open(nil, nil, sealed[1:], []byte(state)) // which fails for another state
	if err != nil || json.Unmarshal(plain, &a) != nil || !f.Now().Before(a.Until) {
		return attempt{}, federation.ErrNotOurs
	}
	return a, nil
}
