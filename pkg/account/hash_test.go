package account_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
)

func TestHashOfANewAccountFitsItsPasswordOnly(t *testing.T) {
	a, hash, err := account.New("Ada", accepted(t, password), start)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.store.SetAccount(a, hash)
	if got := w.wantIn("ADA", password); got.Account.ID != a.ID {
		t.Errorf("logged in as %s, want %s", got.Account.ID, a.ID)
	}
	w.wantInvalid("ada", password+"x")
}

func TestHashIsThatOfAnyOtherArgon2Program(t *testing.T) {
	_, hash, err := account.New("ada", accepted(t, "rene\u0301 \u00a0canary"), start)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(hash, "$")
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil || len(salt) != 16 {
		t.Fatalf("salt of %d bytes, error %v, want 16", len(salt), err)
	}
	// RFC 8265 §4.2: composed, and every kind of space is the ASCII one.
	key := argon2.IDKey([]byte("ren\u00e9  canary"), salt, 2, 19*1024, 1, 32)
	if want := base64.RawStdEncoding.EncodeToString(key); fields[5] != want {
		t.Errorf("key %s, want %s", fields[5], want)
	}
}

func TestImportedCostsUpToTheCapsVerify(t *testing.T) {
	for name, hash := range map[string]string{
		"least":         phc(password, 8, 1, 1, 32),
		"most work":     phc(password, 32*1024, 8, 4, 32),
		"most threads":  phc(password, 64, 1, 4, 32),
		"most memory":   phc(password, 64*1024, 1, 4, 32),
		"shortest key":  phc(password, 8, 1, 1, 16),
		"longest key":   phc(password, 8, 1, 1, 64),
		"another usual": phc(password, 1024, 3, 2, 24),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.SetAccount(w.ada, hash)
			w.wantIn("ada", password)
		})
	}
}

// Each hash is the true one of the password, but for the one thing that its name says.
func TestUnreadableHashFitsNothing(t *testing.T) {
	salt := []byte("saltsaltsaltsalt")
	text := base64.RawStdEncoding.EncodeToString
	true2i := argon2.Key([]byte(password), salt, 1, 8, 1, 32)
	good := cheap(password)
	key := good[strings.LastIndexByte(good, '$')+1:]
	for name, hash := range map[string]string{
		"text":                 password,
		"one field":            "$",
		"empty fields":         "$$$$$",
		"memory over the cap":  phc(password, 64*1024+1, 1, 4, 32),
		"work over the cap":    phc(password, 32*1024, 9, 4, 32),
		"threads over the cap": phc(password, 64, 1, 5, 32),
		"key too short":        phc(password, 8, 1, 1, 15),
		"key too long":         phc(password, 8, 1, 1, 65),
		"no key":               strings.TrimSuffix(good, key),
		"memory too small":     phc(password, 7, 1, 1, 32),
		"no passes":            strings.Replace(good, "t=1", "t=0", 1),
		"no threads":           strings.Replace(good, "p=1", "p=0", 1),
		"negative passes":      strings.Replace(good, "t=1", "t=-1", 1),
		"passes modulo 2^32":   strings.Replace(good, "t=1", "t=4294967297", 1),
		"threads modulo 2^8":   strings.Replace(good, "p=1", "p=257", 1),
		"huge memory":          strings.Replace(good, "m=8", "m=99999999999999999999", 1),
		"argon2i":              fmt.Sprintf("$argon2i$v=19$m=8,t=1,p=1$%s$%s", text(salt), text(true2i)),
		"argon2i called id":    fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", text(salt), text(true2i)),
		"capital name":         strings.Replace(good, "argon2id", "Argon2id", 1),
		"old version":          strings.Replace(good, "v=19", "v=16", 1),
		"no version":           strings.Replace(good, "$v=19", "", 1),
		"other order":          strings.Replace(good, "m=8,t=1", "t=1,m=8", 1),
		"text before":          "x" + good,
		"field after":          good + "$",
		"padded":               good + "=",
		"URL alphabet":         strings.NewReplacer("+", "-", "/", "_").Replace(good[:len(good)-3]) + "-_8",
		"trailing bits":        good[:len(good)-1] + string(good[len(good)-1]+1), // the same bytes, not canonical
		"other salt":           strings.Replace(good, text(salt), text([]byte("SALTsaltsaltsalt")), 1),
		"bcrypt":               "$2b$04$abcdefghijklmnopqrstuuWWh8iN5lWxE4RqNB0mF0hLrQ3JcVY9e",
	} {
		t.Run(name, func(t *testing.T) {
			if hash == good {
				t.Fatal("the hash was not changed")
			}
			w := newWorld(t)
			w.store.SetAccount(w.ada, hash)
			w.wantInvalid("ada", password)
		})
	}
}

func TestAccountWithoutAHashLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.store = fakestore.New(w.clock.Now)
	w.store.SetAccount(w.ada, "")
	w.auth = account.NewAuthenticator(w.store, w.store, account.DefaultLimits, w.clock.Now)
	for _, password := range []string{password, "", strings.Repeat("\x00", 32)} {
		w.wantInvalid("ada", password)
	}
}
