package foreignhash

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
)

// parseModular reads the forms that begin with $ and a name. go-crypt decodes them, after their costs were read here.
func parseModular(text string) (func(string) bool, error) {
	fields := strings.Split(text, "$")[1:]
	switch name := fields[0]; {
	case slices.Contains([]string{"2a", "2b", "2y"}, name) && len(fields) == 3:
		return parseBcrypt(text, fields[1])
	case name == "bcrypt-sha256" && len(fields) == 4:
		return parseBcryptSHA256(text, fields[1])
	case slices.Contains([]string{"argon2id", "argon2i", "argon2d"}, name) && len(fields) == 5:
		return parseArgon2(text, fields[1], fields[2], fields[3], fields[4])
	case name == "scrypt" && len(fields) == 4:
		return parseScrypt(text, fields[1], fields[2], fields[3])
	case slices.Contains([]string{"pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"}, name) && len(fields) == 4:
		return parsePBKDF2(fields)
	}
	return nil, ErrForm
}

// decoded is what go-crypt has read.
func decoded(digest algorithm.Digest, err error) (func(string) bool, error) {
	if err != nil {
		return nil, form("it cannot be decoded") // the library's text may quote the hash
	}
	return digest.Match, nil
}

func checkBcryptCost(cost int) error {
	switch {
	case cost < 4:
		return form("bcrypt has a cost of at least 4")
	case cost > maxBcryptCost:
		return tooDear("bcrypt of cost %d, at most %d", cost, maxBcryptCost)
	}
	return nil
}

func parseBcrypt(text, digits string) (func(string) bool, error) {
	if len(digits) != 2 {
		return nil, form("the cost of bcrypt has two digits")
	}
	cost, err := number(strings.TrimPrefix(digits, "0"))
	if err != nil {
		return nil, err
	}
	if err := checkBcryptCost(cost); err != nil {
		return nil, err
	}
	return decoded(bcrypt.DecodeVariant(bcrypt.VariantStandard)(text))
}

// parseBcryptSHA256 reads passlib's form, which hashes an HMAC of the password. Version 1 hashed a plain SHA-256.
func parseBcryptSHA256(text, list string) (func(string) bool, error) {
	costs, ok := strings.CutPrefix(list, "v=2,t=2b,")
	if !ok {
		return nil, form("bcrypt-sha256 is not of version 2 with 2b")
	}
	values, err := parameters(costs, "r")
	if err != nil {
		return nil, err
	}
	if err := checkBcryptCost(values[0]); err != nil {
		return nil, err
	}
	return decoded(bcrypt.DecodeVariant(bcrypt.VariantSHA256)(text))
}

func parseArgon2(text, version, list, salt, key string) (func(string) bool, error) {
	if version != "v=19" {
		return nil, form("argon2 is not of version 19")
	}
	values, err := parameters(list, "m", "t", "p")
	if err != nil {
		return nil, err
	}
	switch memory, passes, threads := values[0], values[1], values[2]; {
	case threads < 1 || passes < 1 || memory < 8*threads:
		return nil, form("argon2 without passes, threads or enough memory")
	case memory > maxMemory:
		return nil, tooDear("argon2 with %d KiB of memory, at most %d", memory, maxMemory)
	case passes > maxArgonWork/memory:
		return nil, tooDear("argon2 with %d passes over %d KiB, at most %d KiB together", passes, memory, maxArgonWork)
	case threads > maxThreads:
		return nil, tooDear("argon2 with %d threads, at most %d", threads, maxThreads)
	}
	if err := checkBase64(base64.RawStdEncoding, salt, key); err != nil {
		return nil, err
	}
	return decoded(argon2.Decode(text))
}

// checkBase64 checks the lengths of a salt and a key.
func checkBase64(encoding *base64.Encoding, salt, key string) error {
	saltBytes, saltErr := encoding.DecodeString(salt)
	keyBytes, keyErr := encoding.DecodeString(key)
	if saltErr != nil || keyErr != nil {
		return form("salt or key is not in base64")
	}
	return checkSizes(saltBytes, keyBytes)
}

// checkScrypt checks the costs of scrypt, N being 1<<logN.
func checkScrypt(logN, r, p int) error {
	switch {
	case logN < 1 || r < 1 || p < 1:
		return form("scrypt without work")
	case logN > 20 || r > maxMemory*8>>logN: // 128 bytes times N times r
		return tooDear("scrypt with N = 2^%d and r = %d, at most %d KiB of memory", logN, r, maxMemory)
	case p > maxScryptWork/(r<<logN):
		return tooDear("scrypt with N = 2^%d, r = %d and p = %d, at most %d together", logN, r, p, maxScryptWork)
	}
	return nil
}

func parseScrypt(text, list, salt, key string) (func(string) bool, error) {
	values, err := parameters(list, "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	if err := checkScrypt(values[0], values[1], values[2]); err != nil {
		return nil, err
	}
	if err := checkBase64(base64.RawStdEncoding, salt, key); err != nil {
		return nil, err
	}
	return decoded(scrypt.Decode(text))
}

// parsePBKDF2 reads passlib's form and Auth0's, whose rounds are a parameter beside the length of the key.
func parsePBKDF2(fields []string) (func(string) bool, error) {
	hash, costs := strings.TrimPrefix(fields[0], "pbkdf2-"), fields[1]
	salt, key := strings.ReplaceAll(fields[2], ".", "+"), strings.ReplaceAll(fields[3], ".", "+")
	if err := checkBase64(base64.RawStdEncoding, salt, key); err != nil {
		return nil, err
	}
	length := base64.RawStdEncoding.DecodedLen(len(key))
	if strings.HasPrefix(costs, "i=") {
		values, err := parameters(costs, "i", "l")
		if err != nil {
			return nil, err
		}
		if values[1] != length {
			return nil, form("its key has not the length that it says")
		}
		costs = strings.TrimPrefix(strings.Split(costs, ",")[0], "i=")
	}
	rounds, err := number(costs)
	if err != nil {
		return nil, err
	}
	if err := checkRounds(rounds, length, map[string]int{"pbkdf2": 20, "sha256": 32, "sha512": 64}[hash]); err != nil {
		return nil, err
	}
	passlibs := strings.ReplaceAll(salt+"$"+key, "+", ".") // its alphabet
	return decoded(pbkdf2.Decode("$" + fields[0] + "$" + costs + "$" + passlibs))
}

// checkRounds checks the costs of PBKDF2 for a key of some length, with a hash of some size.
func checkRounds(rounds, length, size int) error {
	blocks := (length + size - 1) / size
	switch {
	case rounds < 1:
		return form("PBKDF2 without rounds")
	case rounds > maxRounds/blocks:
		return tooDear("PBKDF2 with %d rounds for each of %d blocks, at most %d together", rounds, blocks, maxRounds)
	}
	return nil
}
