// Package foreignhash compares passwords with the hashes that other programs have made of them, for accounts that come from there.
// It makes none itself.
//
// A hash says how much work it is. So the costs are read and capped here, before a library sees the hash, and what is
// over a cap is refused with the reason.
package foreignhash

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Caps on a hash. The functions that check passwords have one core and 1,769 MB; there the work is at most about a second.
const (
	maxText       = 2048      // bytes of a hash
	maxSalt       = 128       // bytes
	minKey        = 16        // bytes: of a shorter one another password is found too soon
	maxKey        = 64        // bytes
	maxMemory     = 128 << 10 // KiB; Django's argon2 takes 100 MiB
	maxArgonWork  = 512 << 10 // KiB times passes
	maxThreads    = 16
	maxBcryptCost = 14
	maxScryptWork = 2 << 20 // blocks of 128 bytes, over all lanes
	maxRounds     = 3 << 20 // of PBKDF2, for each block of the key
)

var (
	// ErrForm says that a text is no hash of a form that is read here.
	ErrForm = errors.New("foreignhash: want bcrypt, scrypt, PBKDF2 or argon2 in a form that docs/import.md lists")
	// ErrCost says that to check one password with a hash would take too much memory or time.
	ErrCost = errors.New("foreignhash: too dear")
)

// Hash is a hash whose costs are within the caps.
type Hash struct{ fits func(password string) bool }

// Fits reports whether the hash is of the password, byte by byte. Where an algorithm reads only the beginning of a
// password, as bcrypt the first 72 bytes, what comes after them makes no difference: it made none for the program that hashed it.
func (h Hash) Fits(password string) bool { return h.fits(password) }

// Parse reads a hash. Its errors, ErrForm and ErrCost, say why, and have nothing of the hash in their text.
func Parse(text string) (Hash, error) {
	if len(text) > maxText {
		return Hash{}, fmt.Errorf("%w: it has more than %d bytes", ErrForm, maxText)
	}
	first, rest, dollar := strings.Cut(text, "$")
	var fits func(string) bool
	var err error
	switch {
	case !dollar:
		fits, err = parseASPNET(text)
	case first == "":
		fits, err = parseModular(text)
	case first == peppered:
		fits, err = parsePeppered(rest)
	case first == firebase:
		fits, err = parseFirebase(rest)
	default:
		fits, err = parseDjango(first, rest)
	}
	if err != nil {
		return Hash{}, err
	}
	return Hash{fits}, nil
}

// form returns an ErrForm with a reason.
func form(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForm, fmt.Sprintf(format, args...))
}

// tooDear returns an ErrCost with a reason.
func tooDear(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCost, fmt.Sprintf(format, args...))
}

// number reads a count as programs write it: digits, without sign, space and leading zero.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, form("a cost is no number")
	}
	return int(n), nil
}

// parameters reads a list like m=65536,t=3,p=4, which has each of the names once, in any order.
func parameters(list string, names ...string) ([]int, error) {
	values := make([]int, len(names))
	seen := make([]bool, len(names))
	pairs := strings.Split(list, ",")
	for _, pair := range pairs {
		name, text, _ := strings.Cut(pair, "=")
		for i := range names {
			if names[i] != name || seen[i] {
				continue
			}
			value, err := number(text)
			if err != nil {
				return nil, err
			}
			values[i], seen[i] = value, true
		}
	}
	if len(pairs) != len(names) || slices.Contains(seen, false) {
		return nil, form("its parameters are not %s", strings.Join(names, ", "))
	}
	return values, nil
}

// checkSizes returns an error unless salt and key have usual lengths.
func checkSizes(salt, key []byte) error {
	switch {
	case len(salt) > maxSalt:
		return form("its salt has more than %d bytes", maxSalt)
	case len(key) < minKey || len(key) > maxKey:
		return form("its key has not %d to %d bytes", minKey, maxKey)
	}
	return nil
}
