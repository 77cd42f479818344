package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a hash: OWASP's second configuration for argon2id, 19 MiB.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLen      = 16
	keyLen       = 32

	// Caps on the costs of a stored hash, so that a bad import cannot stop the function.
	maxArgonMemory  = 64 * 1024  // KiB, RFC 9106 §4
	maxArgonWork    = 256 * 1024 // KiB times passes
	maxArgonThreads = 4
)

// hashPassword returns an argon2id hash in PHC string format.
func hashPassword(password string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return encodeHash(salt, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, keyLen))
}

func encodeHash(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// decoyHash is verified when there is no account or no readable hash, so that the answer takes as long. No password fits it,
// because its key was chosen and not computed.
var decoyHash = encodeHash(make([]byte, saltLen), make([]byte, keyLen))

// passwordHash is a parsed argon2id hash.
type passwordHash struct {
	memory    uint32 // KiB
	time      uint32
	threads   uint8
	salt, key []byte
}

// verifyPassword reports whether password fits hash. No password fits a hash that cannot be read.
func verifyPassword(hash, password string) bool {
	h, readable := parseHash(hash)
	if !readable {
		h, _ = parseHash(decoyHash)
	}
	got := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1 && readable
}

// parseHash reads the PHC string format of argon2id, with the parameters in their usual order.
func parseHash(hash string) (h passwordHash, ok bool) {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return h, false
	}
	var version, memory, time, threads int
	if _, err := fmt.Sscanf(fields[2]+" "+fields[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil {
		return h, false
	}
	if fields[2] != fmt.Sprintf("v=%d", version) || fields[3] != fmt.Sprintf("m=%d,t=%d,p=%d", memory, time, threads) {
		return h, false // spaces, signs or more behind it: Sscanf is lenient
	}
	if version != argon2.Version || memory < 8 || memory > maxArgonMemory || time < 1 || time > maxArgonWork/memory ||
		threads < 1 || threads > maxArgonThreads {
		return h, false
	}
	salt, err := base64.RawStdEncoding.Strict().DecodeString(fields[4])
	if err != nil {
		return h, false
	}
	key, err := base64.RawStdEncoding.Strict().DecodeString(fields[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return h, false
	}
	return passwordHash{uint32(memory), uint32(time), uint8(threads), salt, key}, true
}
