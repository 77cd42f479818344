package account

import (
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

func isImported(stored string) bool { return strings.HasPrefix(stored, importedPrefix) }

// parseImported reads what Imported has returned. ok is false for every other hash.
func parseImported(stored string) (_ foreignhash.Hash, ok bool) {
	text, marked := strings.CutPrefix(stored, importedPrefix)
	if !marked {
		return foreignhash.Hash{}, false
	}
	hash, err := foreignhash.Parse(text)
	return hash, err == nil
}
