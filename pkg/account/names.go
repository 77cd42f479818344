package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

const maxUsername = 254 // bytes: the longest e-mail address

// ErrUsername says that a text is not acceptable as a username.
var ErrUsername = errors.New("username: want 1 to 254 bytes of letters, digits, marks and symbols of ASCII (RFC 8265)")

// identifier is UsernameCaseMapped (RFC 8265 §3.3) without the Bidi rule, which CanonicalUsername applies part by part.
var identifier = precis.NewIdentifier(precis.FoldWidth, precis.LowerCase(), precis.Norm(norm.NFC))

// foldings bounds how often a name is folded until it does not change any more (RFC 8266 §2.1 has the same number).
const foldings = 4

// CanonicalUsername returns the form under which a username is stored: PRECIS UsernameCaseMapped (RFC 8265 §3.3), in which
// case, width and composition make no difference, with two changes (docs/adr/0035-how-names-are-folded.md). A letter that
// is written differently at the end of a word, as the final sigma, is the same letter. In an e-mail address the Bidi rule
// applies to the part before the @ and to each label of the domain separately. The error is ErrUsername.
func CanonicalUsername(username string) (string, error) {
	if len(username) > maxUsername || username == "" {
		return "", ErrUsername
	}
	canonical := username
	for range foldings {
		prepared, err := identifier.String(canonical)
		if err != nil {
			return "", unacceptable(username)
		}
		folded := norm.NFC.String(strings.Map(foldCase, prepared))
		if folded == canonical {
			if err := checkCanonical(canonical); err != nil {
				return "", err
			}
			return canonical, nil
		}
		canonical = folded
	}
	return "", ErrUsername
}

func checkCanonical(name string) error {
	if len(name) > maxUsername {
		return ErrUsername
	}
	local, domain, _ := strings.Cut(name, "@")
	if satisfyBidiRule(name) || satisfyBidiRule(local) && satisfyBidiRule(strings.Split(domain, ".")...) {
		return nil
	}
	return fmt.Errorf("%w: it has letters written from right to left among others (RFC 5893)", ErrUsername)
}

// satisfyBidiRule reports whether labels satisfy the Bidi rule, which applies to all of them if one has letters that are
// written from right to left (RFC 5893 §2).
func satisfyBidiRule(labels ...string) bool {
	return !slices.ContainsFunc(labels, func(label string) bool { return bidirule.DirectionString(label) == bidi.RightToLeft }) ||
		!slices.ContainsFunc(labels, func(label string) bool { return !bidirule.ValidString(label) })
}

// foldCase returns one lower-case letter for all letters that are equal under Unicode's simple case folding. It leaves marks as
// they are: folding U+0345, an iota below a letter, would make it a letter of its own.
func foldCase(r rune) rune {
	if !unicode.IsLetter(r) {
		return r
	}
	lower := unicode.ToLower(unicode.ToUpper(r))
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if other == lower {
			return lower
		}
	}
	return r
}

// unacceptable returns an error that names the first character that may not be in a username. If there is none, it names the first
// one that is allowed only next to certain others (RFC 5892 appendix A).
func unacceptable(username string) error {
	var contextual *CharacterError
	position := 0
	for i, r := range username {
		position++
		_, size := utf8.DecodeRuneInString(username[i:])
		found := &CharacterError{Err: ErrUsername, Position: position, Rune: r, Invalid: r == utf8.RuneError && size == 1}
		switch folded, _ := utf8.DecodeRuneInString(width.Fold.String(string(r))); {
		case !found.Invalid && identifier.Allowed().Contains(folded):
		case strings.ContainsRune(contextualRunes, r) || unicode.Is(unicode.Nd, r):
			contextual = cmp.Or(contextual, found)
		default:
			return found
		}
	}
	if contextual == nil {
		return ErrUsername
	}
	return contextual
}

// contextualRunes are the characters, apart from digits, that RFC 5892 allows only next to certain others.
const contextualRunes = "\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d"

// CharacterError says which character of a text is refused. It does not contain the rest of the text.
type CharacterError struct {
	Err      error // ErrUsername or ErrPassword
	Position int   // in characters, from 1
	Rune     rune
	Invalid  bool // it is a byte that is not UTF-8
}

func (e *CharacterError) Error() string { return e.Err.Error() + ": " + e.Refused() }

func (e *CharacterError) Unwrap() error { return e.Err }

// Refused returns the sentence about the character.
func (e *CharacterError) Refused() string {
	if e.Invalid {
		return fmt.Sprintf("character %d is not valid UTF-8", e.Position)
	}
	return fmt.Sprintf("character %d, U+%04X, cannot be used", e.Position, e.Rune)
}

// storedForms returns the forms under which a username may be stored; the first that is stored counts. Accounts older than the
// folding of CanonicalUsername are stored as UsernameCaseMapped. That form comes first, so that everybody reaches the same
// account as before.
func storedForms(username string) ([]string, error) {
	canonical, err := CanonicalUsername(username)
	if len(username) > maxUsername {
		return nil, err
	}
	var forms []string
	add := func(form string) {
		if form != "" && len(form) <= maxUsername && !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	if older, olderErr := precis.UsernameCaseMapped.String(username); olderErr == nil {
		add(older)
	}
	add(canonical)
	add(withFinalSigmas(canonical))
	if address, addressErr := CanonicalAddress(username); addressErr == nil { // an account that signed up with it has it as its login name
		add(address)
	}
	if len(forms) == 0 {
		return nil, err
	}
	return forms, nil
}

// withFinalSigmas returns a canonical name with a final sigma at the end of each word, as Greek is written.
func withFinalSigmas(name string) string {
	letters := []rune(name)
	for i, r := range letters {
		if r == 'σ' && i > 0 && unicode.IsLetter(letters[i-1]) && (i == len(letters)-1 || !unicode.IsLetter(letters[i+1])) {
			letters[i] = 'ς'
		}
	}
	return string(letters)
}

// FindLogin returns the login name of a username, and the form under which it is stored. It reads all forms at once, so that it
// takes as long for a name that does not exist. Errors: ErrUsername, ErrNotFound, oauth.ErrUnavailable.
func FindLogin(ctx context.Context, store Store, username string) (stored string, found LoginName, err error) {
	forms, err := storedForms(username)
	if err != nil {
		return "", LoginName{}, err
	}
	logins, errs := make([]LoginName, len(forms)), make([]error, len(forms))
	var wg sync.WaitGroup
	for i, form := range forms {
		wg.Go(func() { logins[i], errs[i] = store.LoginName(ctx, form) })
	}
	wg.Wait()
	for i, form := range forms {
		if !errors.Is(errs[i], ErrNotFound) {
			return form, logins[i], errs[i]
		}
	}
	return "", LoginName{}, ErrNotFound
}

// Register stores an account that New has made for a username, unless a form of the username is stored already. To register the
// same account again changes nothing. Errors: ErrExists, oauth.ErrUnavailable.
func Register(ctx context.Context, store interface {
	Store
	Creator
}, username string, a Account, hash string) error {
	// The older forms are not stored any more, so a reading before the write is enough for them.
	switch _, found, err := FindLogin(ctx, store, username); {
	case err == nil && found.AccountID != a.ID:
		return ErrExists
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	return store.CreateAccount(ctx, a, hash)
}
