package foreignhash

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// The first words of forms of our own, for hashes that need more than their program keeps beside them.
const (
	peppered = "bcrypt-pepper"
	firebase = "firebase-scrypt"
)

// Peppered is the hash of a program that appends a pepper to each password before bcrypt, as Devise does.
func Peppered(bcryptHash, pepper string) string {
	return peppered + "$" + base64.RawURLEncoding.EncodeToString([]byte(pepper)) + bcryptHash
}

func parsePeppered(rest string) (func(string) bool, error) {
	encoded, modular, _ := strings.Cut(rest, "$")
	pepper, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, form("its pepper is not in base64")
	}
	fields := strings.Split(modular, "$")
	if len(fields) != 3 || fields[0] == "bcrypt-sha256" {
		return nil, form("what has a pepper is not bcrypt")
	}
	fits, err := parseModular("$" + modular)
	if err != nil {
		return nil, err
	}
	return func(password string) bool { return fits(password + string(pepper)) }, nil
}

// Project is what Firebase shows as the password hash parameters of a project.
type Project struct {
	SignerKey, SaltSeparator []byte
	Rounds, MemCost          int
}

// Firebase is the hash of an account of a project.
func Firebase(p Project, salt, key []byte) string {
	fields := []string{firebase, strconv.Itoa(p.Rounds), strconv.Itoa(p.MemCost)}
	for _, part := range [][]byte{p.SaltSeparator, p.SignerKey, salt, key} {
		fields = append(fields, base64.RawURLEncoding.EncodeToString(part))
	}
	return strings.Join(fields, "$")
}

// parseFirebase reads Firebase's scrypt: it derives a key from the password and encrypts the project's signer key with it.
func parseFirebase(rest string) (func(string) bool, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 6 {
		return nil, form("of Firebase, it has not six fields")
	}
	rounds, roundsErr := number(fields[0])
	logN, memoryErr := number(fields[1])
	if roundsErr != nil || memoryErr != nil {
		return nil, form("a cost is no number")
	}
	if err := checkScrypt(logN, rounds, 1); err != nil {
		return nil, err
	}
	var parts [4][]byte
	for i, encoded := range fields[2:] {
		var err error
		if parts[i], err = base64.RawURLEncoding.DecodeString(encoded); err != nil {
			return nil, form("of Firebase, a field is not in base64")
		}
	}
	separator, signer, salt, want := parts[0], parts[1], parts[2], parts[3]
	salted := append(salt, separator...)
	if err := checkSizes(salted, want); err != nil {
		return nil, err
	}
	if len(signer) != len(want) {
		return nil, form("of Firebase, hash and signer key have not the same length")
	}
	return func(password string) bool {
		key, err := scrypt.Key([]byte(password), salted, 1<<logN, rounds, 1, 32)
		if err != nil {
			return false
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return false
		}
		got := make([]byte, len(signer))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(got, signer)
		return subtle.ConstantTimeCompare(got, want) == 1
	}, nil
}

// parseASPNET reads version 3 of ASP.NET Identity: base64 of a marker, the hash function, rounds, the length of the salt, all in
// four bytes but the marker, then salt and key.
func parseASPNET(text string) (func(string) bool, error) {
	const header = 13
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data) < header || data[0] != 1 {
		return nil, ErrForm
	}
	functions := []func() hash.Hash{sha1.New, sha256.New, sha512.New}
	function, rounds, saltLen := binary.BigEndian.Uint32(data[1:]), binary.BigEndian.Uint32(data[5:]), binary.BigEndian.Uint32(data[9:])
	if function >= uint32(len(functions)) || saltLen > maxSalt || int(saltLen) > len(data)-header {
		return nil, form("of ASP.NET, its hash function or salt is unknown")
	}
	salt, key := data[header:header+saltLen], data[header+saltLen:]
	return ownPBKDF2(functions[function], int(min(rounds, maxRounds+1)), salt, key)
}

// ownPBKDF2 checks the costs of PBKDF2, and returns what compares with the key.
func ownPBKDF2(function func() hash.Hash, rounds int, salt, key []byte) (func(string) bool, error) {
	if err := checkSizes(salt, key); err != nil {
		return nil, err
	}
	if err := checkRounds(rounds, len(key), function().Size()); err != nil {
		return nil, err
	}
	return func(password string) bool {
		got, err := pbkdf2.Key(function, password, salt, rounds, len(key))
		return err == nil && subtle.ConstantTimeCompare(got, key) == 1
	}, nil
}

// parseDjango reads the hashes of Django, which begin with the name of the hasher.
func parseDjango(hasher, rest string) (func(string) bool, error) {
	fields := strings.Split(rest, "$")
	switch {
	case hasher == "argon2", hasher == "bcrypt":
		return parseModular("$" + strings.TrimPrefix(rest, "$"))
	case hasher == "bcrypt_sha256":
		fits, err := parseModular(rest)
		return func(password string) bool {
			sum := sha256.Sum256([]byte(password))
			return fits(hex.EncodeToString(sum[:]))
		}, err
	case hasher == "pbkdf2_sha256" && len(fields) == 3:
		return djangoPBKDF2(sha256.New, fields)
	case hasher == "pbkdf2_sha1" && len(fields) == 3:
		return djangoPBKDF2(sha1.New, fields)
	case hasher == "scrypt" && len(fields) == 5:
		return djangoScrypt(fields)
	}
	return nil, ErrForm
}

// djangoPBKDF2 reads rounds, salt and key. The salt is text.
func djangoPBKDF2(function func() hash.Hash, fields []string) (func(string) bool, error) {
	rounds, err := number(fields[0])
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return nil, form("its key is not in base64")
	}
	return ownPBKDF2(function, rounds, []byte(fields[1]), key)
}

// djangoScrypt reads N, salt, r, p and key. The salt is text.
func djangoScrypt(fields []string) (func(string) bool, error) {
	var costs [3]int
	for i, field := range []string{fields[0], fields[2], fields[3]} {
		var err error
		if costs[i], err = number(field); err != nil {
			return nil, err
		}
	}
	n, r, p := costs[0], costs[1], costs[2]
	if bits.OnesCount(uint(n)) != 1 {
		return nil, form("of scrypt, N is no power of two")
	}
	if err := checkScrypt(bits.Len(uint(n))-1, r, p); err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil {
		return nil, form("its key is not in base64")
	}
	salt := []byte(fields[1])
	if err := checkSizes(salt, key); err != nil {
		return nil, err
	}
	return func(password string) bool {
		got, err := scrypt.Key([]byte(password), salt, n, r, p, len(key))
		return err == nil && subtle.ConstantTimeCompare(got, key) == 1
	}, nil
}
