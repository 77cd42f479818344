package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/keyring"
)

const (
	// attemptLife is how long somebody may take to sign in at a provider.
	attemptLife = 10 * time.Minute
	// attemptCookie begins the names of cookies with attempts; then comes the beginning of the attempt's state.
	attemptCookie = "__Host-Http-wpfa-"
	attemptMark   = 10 // characters of the state
	// maxAttempts is how many sign-ins at providers a browser may have begun and not finished.
	maxAttempts = 5
	// maxAttemptCookie is how long the value may be. Browsers keep 4,096 bytes, with the name and the attributes.
	maxAttemptCookie = 3900

	// attemptLabel makes of the MAC key a key for nothing but attempts.
	attemptLabel = "wavepass sign-in attempt\x00"
)

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

// cookie returns the Set-Cookie value that keeps a.
func (f function) cookie(ctx context.Context, a attempt) (string, error) {
	key, err := f.macs.Current(ctx)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	aead, err := sealer(key)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal([]byte{key.Version()}, nil, plain, []byte(a.State))
	value := base64.RawURLEncoding.EncodeToString(sealed)
	if len(value) > maxAttemptCookie {
		return "", errLongRequest
	}
	return attemptCookie + a.State[:attemptMark] + "=" + value + "; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax", nil
}

// attemptOf returns the attempt that a state belongs to. Without one the error is federation.ErrNotOurs.
func (f function) attemptOf(ctx context.Context, r *apigw.Request, state string) (a attempt, err error) {
	if len(state) < attemptMark {
		return a, federation.ErrNotOurs
	}
	values := attempts(r)[attemptCookie+state[:attemptMark]]
	if len(values) != 1 {
		return a, federation.ErrNotOurs
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(values[0])
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

// attempts are the cookies with attempts, by their names.
func attempts(r *apigw.Request) map[string][]string {
	found := map[string][]string{}
	for _, cookie := range r.Cookies {
		name, value, _ := strings.Cut(cookie, "=")
		if name = strings.Trim(name, " \t"); strings.HasPrefix(name, attemptCookie) {
			found[name] = append(found[name], strings.Trim(value, " \t"))
		}
	}
	return found
}

// forget is the Set-Cookie value that ends an attempt.
func forget(name string) string {
	return name + "=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
}

// forgetMost returns the Set-Cookie values that end all attempts of a browser that has too many. Which of them is the oldest, nobody can see
// without opening them, and whoever has begun so many will hardly finish any.
func forgetMost(r *apigw.Request) (cookies []string) {
	if found := attempts(r); len(found) >= maxAttempts {
		for name := range found {
			if isMark(strings.TrimPrefix(name, attemptCookie)) {
				cookies = append(cookies, forget(name))
			}
		}
	}
	return cookies
}

// isMark keeps what a neighbour has planted out of our headers.
func isMark(text string) bool {
	return len(text) == attemptMark && !strings.ContainsFunc(text, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < '2' || c > '7') })
}
