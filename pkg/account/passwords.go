package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxPassword = 256 // code points

// ErrPassword says that a text is not acceptable as a password.
var ErrPassword = errors.New("password: not acceptable")

// opaque maps a password as PRECIS OpaqueString does (RFC 8265 §4.2): spaces of every kind become U+0020, and the
// result is in NFC. It accepts more: every character but controls and noncharacters, because emoji, joiners and
// letters younger than a Unicode table are good in a password (docs/adr/0035-how-names-are-folded.md).
//
// It checks only the upper limit, and does so first, because at a login anybody may send any text.
func opaque(password string) (string, error) {
	switch {
	case password == "":
		return "", ErrPassword
	case len(password) > maxPassword*utf8.UTFMax || utf8.RuneCountInString(password) > maxPassword:
		return "", &PasswordError{Fault: PasswordLong}
	}
	position := 0
	for i, r := range password {
		position++
		_, size := utf8.DecodeRuneInString(password[i:])
		invalid := r == utf8.RuneError && size == 1 // surrogates too: UTF-8 has none
		if invalid || unicode.IsControl(r) || isNoncharacter(r) {
			return "", &CharacterError{Err: ErrPassword, Position: position, Rune: r, Invalid: invalid}
		}
	}
	return norm.NFC.String(strings.Map(mapSpace, password)), nil
}

func mapSpace(r rune) rune {
	if unicode.Is(unicode.Zs, r) {
		return ' '
	}
	return r
}

// isNoncharacter reports whether a code point is one of the 66 that never stand for a character.
func isNoncharacter(r rune) bool { return r&0xfffe == 0xfffe || 0xfdd0 <= r && r <= 0xfdef }
