package account

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wavepass/wavepass/pkg/account/blocklist"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	// MinPassword is how many code points a new password has, unless PasswordRules ask for more.
	MinPassword = 8

	minNamePart = 3 // a shorter part of a name is in too many words
)

// PasswordRules say what is acceptable as a new password (NIST SP 800-63B-4 §3.1.1.2). There are none about kinds of characters.
type PasswordRules struct {
	MinLength int      // in code points; MinPassword counts where it is more
	Service   []string // names and addresses of the service
}

// NewPassword is a password that was accepted by PasswordRules. Nothing else can be set.
type NewPassword struct{ prepared oauth.Secret }

func (p NewPassword) hash() string { return hashPassword(p.prepared.Reveal()) }

// Fits reports whether it is the password of a hash of ours. The caller counts guesses.
func (p NewPassword) Fits(hash string) bool { return verifyPassword(hash, p.prepared.Reveal()) }

// PasswordFault is what is wrong with a new password.
type PasswordFault string

// What may be wrong with a new password.
const (
	PasswordShort   PasswordFault = "short"
	PasswordLong    PasswordFault = "long"
	PasswordCommon  PasswordFault = "common"
	PasswordRepeats PasswordFault = "repeats"
	PasswordNames   PasswordFault = "names"
)

// PasswordError is an ErrPassword that says what to do. It contains nothing of the password.
type PasswordError struct {
	Fault PasswordFault
	Least int // code points, for PasswordShort
}

func (e *PasswordError) Error() string { return "password: " + e.Advice() }

func (*PasswordError) Unwrap() error { return ErrPassword }

// Advice returns what is wrong, and what to do about it.
func (e *PasswordError) Advice() string {
	switch e.Fault {
	case PasswordShort:
		return fmt.Sprintf("it has fewer than %d characters; a few words in a row are long and easy to remember", e.Least)
	case PasswordLong:
		return fmt.Sprintf("it has more than %d characters", maxPassword)
	case PasswordCommon:
		return "many people use it, so it is among the first that are tried; choose one that is yours alone, for example a few words that do not belong together"
	case PasswordRepeats:
		return "it is a sequence, or repeats a few characters; choose a few words that do not belong together"
	case PasswordNames:
		return fmt.Sprintf("it is little more than a name of yours or of this service; want %d characters beside names", MinPassword)
	}
	return ErrPassword.Error()
}

// Accept returns the password if it is acceptable to set for a person with these login names and addresses. The error is an ErrPassword: a
// *PasswordError or a *CharacterError.
func (r PasswordRules) Accept(password oauth.Secret, person ...string) (NewPassword, error) {
	if password.IsZero() {
		return NewPassword{}, &PasswordError{Fault: PasswordShort, Least: r.least()}
	}
	prepared, err := opaque(password.Reveal())
	if err != nil {
		return NewPassword{}, err
	}
	if utf8.RuneCountInString(prepared) < r.least() {
		return NewPassword{}, &PasswordError{Fault: PasswordShort, Least: r.least()}
	}
	if fault := guessable(blocklist.Fold(prepared), slices.Concat(person, r.Service)); fault != "" {
		return NewPassword{}, &PasswordError{Fault: fault}
	}
	return NewPassword{oauth.NewSecret(prepared)}, nil
}

func (r PasswordRules) least() int { return max(r.MinLength, MinPassword) }

// guessable returns why a folded password would be among the first guesses of somebody who knows these names, empty when it would not.
func guessable(folded string, names []string) PasswordFault {
	if blocklist.Common(folded) {
		return PasswordCommon
	}
	piece := repeated(folded)
	if isSequence(folded) || piece != folded && utf8.RuneCountInString(piece) < MinPassword {
		return PasswordRepeats
	}
	rest := without(piece, names)
	if rest != piece {
		rest = strings.TrimFunc(rest, isSeparator)
		if utf8.RuneCountInString(rest) < MinPassword || isSequence(rest) {
			return PasswordNames
		}
	}
	if blocklist.Common(rest) {
		return PasswordCommon
	}
	return ""
}

func isSeparator(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// repeated returns the shortest text of which a text is a repetition, the whole text when it is none.
func repeated(text string) string {
	// A text that repeats stands a second time in two of itself, before the end of the first.
	return text[:1+strings.Index((text + text)[1:], text)]
}

// isSequence reports whether each character is the same as the one before, or the next one, or the one before that: aaaa, 1234, dcba.
func isSequence(text string) bool {
	characters := []rune(text)
	for step := rune(-1); step <= 1; step++ {
		follows := true
		for i := 1; i < len(characters) && follows; i++ {
			follows = characters[i] == characters[i-1]+step
		}
		if follows {
			return true
		}
	}
	return false
}

// without takes out of a folded text the names, and the words that they consist of, the longest first.
func without(text string, names []string) string {
	var parts []string
	for _, name := range names {
		name = blocklist.Fold(name)
		parts = append(parts, name)
		parts = append(parts, strings.FieldsFunc(name, isSeparator)...)
	}
	slices.SortStableFunc(parts, func(a, b string) int { return len(b) - len(a) })
	for _, part := range parts {
		if utf8.RuneCountInString(part) >= minNamePart {
			text = strings.ReplaceAll(text, part, "")
		}
	}
	return text
}
