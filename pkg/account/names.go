package account

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	maxUsername = 254 // bytes: the longest e-mail address
	minPassword = 8   // code points, when a password is set
	maxPassword = 256 // code points
)

// ErrUsername and ErrPassword say that a text cannot be a username or a password.
var (
	ErrUsername = errors.New("username: want 1 to 254 bytes without spaces or control characters (RFC 8265)")
	ErrPassword = errors.New("password: want 8 to 256 characters, none of them a control character (RFC 8265)")
)

// CanonicalUsername returns the form under which a username is stored and looked up: PRECIS
// UsernameCaseMapped, so that case, width and composition make no difference (RFC 8265 §3.3).
func CanonicalUsername(username string) (string, error) {
	if len(username) > maxUsername {
		return "", ErrUsername
	}
	canonical, err := precis.UsernameCaseMapped.String(username)
	if err != nil || canonical == "" || len(canonical) > maxUsername {
		return "", ErrUsername
	}
	return canonical, nil
}

// CheckPassword returns ErrPassword when a text cannot be a new password.
func CheckPassword(password oauth.Secret) error {
	_, err := preparePassword(password.Reveal())
	return err
}

// preparePassword applies PRECIS OpaqueString (RFC 8265 §4.2) and the limits for a new password.
func preparePassword(password string) (string, error) {
	prepared, err := opaque(password)
	if err != nil || utf8.RuneCountInString(prepared) < minPassword {
		return "", ErrPassword
	}
	return prepared, nil
}

// opaque applies only the upper limit, and that before any work: at login the text is a stranger's.
func opaque(password string) (string, error) {
	if !utf8.ValidString(password) || len(password) > maxPassword*utf8.UTFMax || utf8.RuneCountInString(password) > maxPassword {
		return "", ErrPassword
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil || prepared == "" {
		return "", ErrPassword
	}
	return prepared, nil
}
