package account

import (
	"errors"
	"strings"

	"github.com/wavepass/wavepass/pkg/foreignhash"
)

// importedPrefix marks hashes that another program has made. They are of the password as it was typed, and not of the form that
// is hashed here, so a hash alone does not say what to compare.
const importedPrefix = "imported:"

// Imported returns what is stored for a hash that another program has made, until its password is typed the next time. Errors: those of
// foreignhash.Parse.
func Imported(hash string) (string, error) {
	if _, err := foreignhash.Parse(hash); err != nil {
		return "", err
	}
	return importedPrefix + hash, nil
}

// ErrHash says that a text is no argon2id hash as this package makes them, or over the caps.
var ErrHash = errors.New("account: want an argon2id hash in the form $argon2id$v=19$m=…,t=…,p=…$salt$key, of 64 MiB at most")

// OwnHash returns what is stored for a hash that this package has made, perhaps elsewhere. Its error is ErrHash.
func OwnHash(hash string) (string, error) {
	if _, ok := parseHash(hash); !ok {
		return "", ErrHash
	}
	return hash, nil
}

// OfImport returns the hash that Imported was given, and whether what is stored is of an import.
func OfImport(stored string) (hash string, imported bool) {
	return strings.CutPrefix(stored, importedPrefix)
}

// parseImported reads what Imported has returned. ok is false for every other hash.
func parseImported(stored string) (_ foreignhash.Hash, ok bool) {
	text, marked := OfImport(stored)
	if !marked {
		return foreignhash.Hash{}, false
	}
	hash, err := foreignhash.Parse(text)
	return hash, err == nil
}
