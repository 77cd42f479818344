package foreignhash_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/foreignhash"
)

const (
	salt16 = "c2FsdHNhbHRzYWx0c2FsdA"
	key32  = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"
	bcrypt = "IpClYaNjkJXkw5ZREJnQ0.Hds0.vr1tbGVLGcmxDq.m8JKKG5cZFG"
)

var project = foreignhash.Project{SignerKey: bytes.Repeat([]byte("k"), 64), SaltSeparator: []byte{7}, Rounds: 8, MemCost: 14}

// firebase is a hash of a project with other costs.
func firebase(rounds, memCost int) string {
	p := project
	p.Rounds, p.MemCost = rounds, memCost
	return foreignhash.Firebase(p, []byte("0123456789"), bytes.Repeat([]byte("h"), 64))
}

// aspnet is a hash of version 3 with these numbers in it.
func aspnet(version byte, prf, rounds, saltLen uint32, keyLen int) string {
	data := []byte{version}
	for _, n := range []uint32{prf, rounds, saltLen} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	return base64.StdEncoding.EncodeToString(append(data, bytes.Repeat([]byte("s"), 16+keyLen)...))
}

func TestCostsUpToTheCapsAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"bcrypt":             "$2b$14$" + bcrypt,
		"bcrypt, cheapest":   "$2y$04$" + bcrypt,
		"bcrypt-sha256":      "$bcrypt-sha256$v=2,t=2b,r=14$" + bcrypt[:22] + "$" + bcrypt[22:],
		"argon2 memory":      "$argon2id$v=19$m=131072,t=4,p=4$" + salt16 + "$" + key32,
		"argon2 passes":      "$argon2i$v=19$p=16,t=512,m=1024$" + salt16 + "$" + key32,
		"scrypt memory":      "$scrypt$ln=17,r=8,p=2$" + salt16 + "$" + key32,
		"scrypt lanes":       "$scrypt$ln=10,r=8,p=256$" + salt16 + "$" + key32,
		"PBKDF2":             "$pbkdf2-sha256$3145728$" + salt16 + "$" + key32,
		"PBKDF2, 2 blocks":   "$pbkdf2$1572864$" + salt16 + "$" + key32,
		"Auth0":              "$pbkdf2-sha256$i=3145728,l=32$" + salt16 + "$" + key32,
		"Django":             "pbkdf2_sha256$3145728$salt$" + key32 + "=",
		"Django scrypt":      "scrypt$131072$salt$8$2$" + key32 + "=",
		"Firebase":           firebase(8, 17),
		"ASP.NET":            aspnet(1, 2, 3145728, 16, 32),
		"a pepper":           foreignhash.Peppered("$2a$14$"+bcrypt, "p"),
		"Django's argon2":    "argon2$argon2id$v=19$m=102400,t=2,p=8$" + salt16 + "$" + key32,
		"Django's bcrypt":    "bcrypt$$2b$12$" + bcrypt,
		"Django's prehashed": "bcrypt_sha256$$2b$12$" + bcrypt,
	} {
		if _, err := foreignhash.Parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCostOverACapIsRefusedWithItsReason would run for hours, or take the machine's memory, if one of them were computed.
func TestCostOverACapIsRefusedWithItsReason(t *testing.T) {
	for text, reason := range map[string]string{
		"$2b$15$" + bcrypt: "bcrypt of cost 15, at most 14",
		"$2b$31$" + bcrypt: "bcrypt of cost 31",
		"$bcrypt-sha256$v=2,t=2b,r=15$" + bcrypt[:22] + "$" + bcrypt[22:]: "bcrypt of cost 15",
		"bcrypt$$2b$15$" + bcrypt:                                        "bcrypt of cost 15",
		"bcrypt_sha256$$2b$15$" + bcrypt:                                 "bcrypt of cost 15",
		foreignhash.Peppered("$2a$15$"+bcrypt, "p"):                      "bcrypt of cost 15",
		"$argon2id$v=19$m=131073,t=1,p=1$" + salt16 + "$" + key32:        "131073 KiB of memory, at most 131072",
		"$argon2d$v=19$p=1,t=1,m=2147483647$" + salt16 + "$" + key32:     "2147483647 KiB",
		"argon2$argon2id$v=19$m=131073,t=1,p=1$" + salt16 + "$" + key32:  "131073 KiB",
		"$argon2id$v=19$m=131072,t=5,p=1$" + salt16 + "$" + key32:        "5 passes over 131072 KiB",
		"$argon2id$v=19$m=1024,t=2147483647,p=1$" + salt16 + "$" + key32: "2147483647 passes",
		"$argon2id$v=19$m=1024,t=1,p=17$" + salt16 + "$" + key32:         "17 threads, at most 16",
		"$scrypt$ln=18,r=8,p=1$" + salt16 + "$" + key32:                  "131072 KiB of memory",
		"$scrypt$ln=2147483647,r=8,p=1$" + salt16 + "$" + key32:          "131072 KiB of memory",
		"$scrypt$ln=1,r=2147483647,p=1$" + salt16 + "$" + key32:          "131072 KiB of memory",
		"$scrypt$ln=17,r=8,p=3$" + salt16 + "$" + key32:                  "p = 3, at most",
		"scrypt$262144$salt$8$1$" + key32 + "=":                          "131072 KiB of memory",
		"scrypt$1024$salt$8$257$" + key32 + "=":                          "p = 257, at most",
		firebase(9, 17):                                                  "131072 KiB of memory",
		firebase(8, 64):                                                  "131072 KiB of memory",
		"$pbkdf2$3145729$" + salt16 + "$" + salt16:                       "3145729 rounds",
		"$pbkdf2$1572865$" + salt16 + "$" + key32:                        "for each of 2 blocks",
		"$pbkdf2-sha512$i=3145729,l=32$" + salt16 + "$" + key32:          "3145729 rounds",
		"pbkdf2_sha1$1572865$salt$" + key32 + "=":                        "for each of 2 blocks",
		aspnet(1, 1, 1<<32-1, 16, 32):                                    "3145729 rounds",
	} {
		_, err := foreignhash.Parse(text)
		if !errors.Is(err, foreignhash.ErrCost) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.30s…: %v, want it too dear, with %q", text, err, reason)
		}
	}
}

func TestOtherFormsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":               "",
		"text":                  "surf the canary wave",
		"long":                  strings.Repeat("$2b$10$", 300),
		"MD5":                   "5f4dcc3b5aa765d61d8327deb882cf99",
		"md5crypt":              "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"WordPress":             "$P$B12345678abcdefghijklmnopqrstuv",
		"Django's md5":          "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
		"Django without one":    "!abc",
		"LDAP":                  "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9hj",
		"yescrypt":              "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		"bcrypt of crypt 2x":    "$2x$10$" + bcrypt,
		"bcrypt cut":            "$2b$10$" + bcrypt[:52],
		"bcrypt one digit":      "$2b$5$" + bcrypt,
		"bcrypt cost 3":         "$2b$03$" + bcrypt,
		"bcrypt signed":         "$2b$+5$" + bcrypt,
		"bcrypt-sha256 1":       "$bcrypt-sha256$2a,12$" + bcrypt[:22] + "$" + bcrypt[22:],
		"argon2 of version 16":  "$argon2id$v=16$m=1024,t=1,p=1$" + salt16 + "$" + key32,
		"argon2 no version":     "$argon2id$m=1024,t=1,p=1$" + salt16 + "$" + key32,
		"argon2 with data":      "$argon2id$v=19$m=1024,t=1,p=1,data=Zm9v$" + salt16 + "$" + key32,
		"argon2 twice m":        "$argon2id$v=19$m=1024,m=1024,p=1$" + salt16 + "$" + key32,
		"argon2 no passes":      "$argon2id$v=19$m=1024,t=0,p=1$" + salt16 + "$" + key32,
		"argon2 no threads":     "$argon2id$v=19$m=1024,t=1,p=0$" + salt16 + "$" + key32,
		"argon2 little memory":  "$argon2id$v=19$m=15,t=1,p=2$" + salt16 + "$" + key32,
		"argon2 zero before":    "$argon2id$v=19$m=01024,t=1,p=1$" + salt16 + "$" + key32,
		"argon2 short key":      "$argon2id$v=19$m=1024,t=1,p=1$" + salt16 + "$QUFB",
		"argon2 long key":       "$argon2id$v=19$m=1024,t=1,p=1$" + salt16 + "$" + strings.Repeat("QUFB", 22),
		"argon2 long salt":      "$argon2id$v=19$m=1024,t=1,p=1$" + strings.Repeat("QUFB", 43) + "$" + key32,
		"argon2 not base64":     "$argon2id$v=19$m=1024,t=1,p=1$" + salt16 + "$!" + key32,
		"scrypt without work":   "$scrypt$ln=0,r=8,p=1$" + salt16 + "$" + key32,
		"PBKDF2 without rounds": "$pbkdf2-sha256$0$" + salt16 + "$" + key32,
		"PBKDF2 short key":      "$pbkdf2-sha256$1000$" + salt16 + "$QUFB",
		"Auth0, other length":   "$pbkdf2-sha256$i=1000,l=64$" + salt16 + "$" + key32,
		"PBKDF2 of SHA-3":       "$pbkdf2-sha3$1000$" + salt16 + "$" + key32,
		"Django's N":            "scrypt$1025$salt$8$1$" + key32 + "=",
		"Django's N of zero":    "scrypt$0$salt$8$1$" + key32 + "=",
		"ASP.NET 2":             aspnet(0, 1, 1000, 16, 32),
		"ASP.NET PRF":           aspnet(1, 3, 1000, 16, 32),
		"ASP.NET salt":          aspnet(1, 1, 1000, 100, 32),
		"ASP.NET salt, 4 GB":    aspnet(1, 1, 1000, 1<<32-1, 32),
		"ASP.NET key":           aspnet(1, 1, 1000, 16, 15),
		"ASP.NET rounds":        aspnet(1, 1, 0, 16, 32),
		"ASP.NET header":        "AQAAAAE=",
		"Firebase fields":       "firebase-scrypt$8$14$a$b$c",
		"Firebase signer":       foreignhash.Firebase(foreignhash.Project{SignerKey: []byte("short"), Rounds: 8, MemCost: 14}, []byte("salt"), bytes.Repeat([]byte("h"), 64)),
		"Firebase hash":         foreignhash.Firebase(project, []byte("salt"), []byte("h")),
		"Firebase base64":       strings.Replace(firebase(8, 14), "$14$", "$14$=", 1),
		"a pepper on argon2":    foreignhash.Peppered("$argon2id$v=19$m=1024,t=1,p=1$"+salt16+"$"+key32, "p"),
		"a pepper on nothing":   foreignhash.Peppered("", "p"),
		"pepper not base64":     "bcrypt-pepper$!$2b$10$" + bcrypt,
	} {
		_, err := foreignhash.Parse(text)
		if !errors.Is(err, foreignhash.ErrForm) {
			t.Errorf("%s: %v, want that it is no form that is read", name, err)
		}
		if err != nil && len(text) > 20 && strings.Contains(err.Error(), text[len(text)-12:]) {
			t.Errorf("%s: the error quotes the hash: %v", name, err)
		}
	}
}

// FuzzParse looks for a text that is read although its cost is over a cap, as another reading of it finds it.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := foreignhash.Parse(text); err != nil {
			return
		}
		var cost int
		for _, prefix := range []string{"$2a$", "$2b$", "$2y$", "bcrypt$$2b$"} {
			if n, _ := fmt.Sscanf(strings.TrimPrefix(text, prefix), "%d", &cost); n == 1 && strings.HasPrefix(text, prefix) && cost > 14 {
				t.Errorf("%q is read", text)
			}
		}
		for _, parameter := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("$,", r) }) {
			for name, most := range map[string]int{"m=": 128 << 10, "ln=": 20, "i=": 3 << 20, "p=": 2 << 20} {
				digits, found := strings.CutPrefix(parameter, name)
				if n, _ := fmt.Sscanf(digits, "%d", &cost); found && n == 1 && cost > most {
					t.Errorf("%q is read", text)
				}
			}
		}
	})
}
