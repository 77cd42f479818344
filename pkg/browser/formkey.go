package browser

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// FormKey binds the forms of the sign-in pages to the browser that they were shown in, before anybody is signed in there. Without it, another
// site could send its own form and sign people in as somebody else.
type FormKey struct{ secret oauth.Secret }

const (
	formKeyCookie = hostPrefix + "wpsi"
	formKeyLen    = 32

	// formLabel stands before the key, so that the token of a form is not the key.
	formLabel = "wavepass form token\x00"
)

// FormKeyOf returns the key that a browser was given before, or a new one and the Set-Cookie value that gives it to the browser. The cookie
// travels when a person follows a link, so that a second tab gets no other key.
func FormKeyOf(v Visit) (k FormKey, cookie string) {
	if k, given := PresentedFormKey(v); given {
		return k, ""
	}
	var random [formKeyLen]byte
	_, _ = rand.Read(random[:]) // it never fails (crypto/rand)
	k = FormKey{oauth.NewSecret(base64.RawURLEncoding.EncodeToString(random[:]))}
	return k, Jar{}.set(formKeyCookie, k.secret, 0, lax)
}

// PresentedFormKey returns the key that the browser sent. Of two nobody knows which one is right, so they count as none.
func PresentedFormKey(v Visit) (k FormKey, given bool) {
	found := v.values(formKeyCookie)
	if len(found) != 1 || len(found[0].Reveal()) != base64.RawURLEncoding.EncodedLen(formKeyLen) {
		return FormKey{}, false
	}
	return FormKey{found[0]}, true
}

// Token is what a form carries. It is not the key, so a page that is stored somewhere opens nothing.
func (k FormKey) Token() oauth.Secret {
	sum := sha256.Sum256([]byte(formLabel + k.secret.Reveal()))
	return oauth.NewSecret(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Made reports, in constant time, whether a token is this key's.
func (k FormKey) Made(token oauth.Secret) bool {
	return subtle.ConstantTimeCompare([]byte(k.Token().Reveal()), []byte(token.Reveal())) == 1
}
