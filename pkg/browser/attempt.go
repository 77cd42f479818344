package browser

import (
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// AttemptLife is how long somebody may take to sign in at another provider.
	AttemptLife = 10 * time.Minute

	attemptCookie = hostPrefix + "wpfa-" // then the beginning of the attempt's state
	attemptMark   = 10                   // characters of the state
	// maxAttempts is how many sign-ins at providers a browser may have begun and not finished.
	maxAttempts = 5
	// maxAttempt is how long the value may be. Browsers keep 4,096 bytes, with the name and the attributes.
	maxAttempt = 3900
)

// attemptName is the name of the cookie of a state; empty for what can be no state. A state that we made has only letters and digits of
// base32; anything else is kept out of our headers.
func attemptName(state string) string {
	if len(state) < attemptMark || !ofState.Holds(state[:attemptMark], attemptMark) {
		return ""
	}
	return attemptCookie + state[:attemptMark]
}

var ofState = ascii.Of("A-Z2-7")

// KeepAttempt returns the Set-Cookie values that keep, for a browser that is sent to another provider, what its answer is compared with. The
// cookie comes back with the answer, because that is a link to another site. The result is false when the secret is too long for a cookie.
//
// A browser that has begun too many is told to forget the others. Which of them is the oldest, nobody can see without opening
// them, and whoever has begun so many will hardly finish any.
func KeepAttempt(v Visit, state string, secret oauth.Secret) (cookies []string, ok bool) {
	if len(secret.Reveal()) > maxAttempt {
		return nil, false
	}
	if states := attempts(v); len(states) >= maxAttempts {
		for _, state := range states {
			cookies = append(cookies, ForgetAttempt(state)...)
		}
	}
	return append(cookies, Jar{}.set(attemptName(state), secret, AttemptLife, lax)), true
}

// PresentedAttempt returns what the browser keeps for a state. Of two nobody knows which one is right, so they count as none.
func PresentedAttempt(v Visit, state string) (secret oauth.Secret, given bool) {
	name := attemptName(state)
	if name == "" {
		return oauth.Secret{}, false
	}
	found := v.values(name)
	if len(found) != 1 {
		return oauth.Secret{}, false
	}
	return found[0], true
}

// ForgetAttempt returns the Set-Cookie value that ends the attempt of a state; none for what can be no state.
func ForgetAttempt(state string) []string {
	if name := attemptName(state); name != "" {
		return []string{deletionOf(name, "/", "")}
	}
	return nil
}

// attempts are the beginnings of the states that the browser keeps something for.
func attempts(v Visit) (states []string) {
	for _, cookie := range v.Cookies {
		name, _, _ := strings.Cut(cookie, "=")
		if state, ok := strings.CutPrefix(strings.Trim(name, " \t"), attemptCookie); ok {
			states = append(states, state)
		}
	}
	return states
}
