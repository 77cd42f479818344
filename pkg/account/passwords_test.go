package account_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/secure/precis"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

func TestPasswordsThatMayBeSet(t *testing.T) {
	for name, in := range map[string]string{
		"shortest":                        "k7q2w9xz",
		"shortest in code points":         "éèéèéêëé",
		"shortest in wide ones":           "🌊🌊🏄🌊🌊🌊🌊🏄",
		"longest":                         strings.Repeat("wave-and-surfing", 16),
		"longest in wide ones":            strings.Repeat("🌊🏄🌊🌊🏖🏄🏄🏖", 32),
		"spaces":                          "correct horse battery",
		"only symbols and capitals":       "!\"§$%&/()=?ÄÖÜ",
		"an emoji of two characters":      "wave❤\ufe0fwavewave",
		"an emoji of joined characters":   "wave👨\u200d👩\u200d👧wave",
		"a soft hyphen":                   "wave\u00adwavewave",
		"a right-to-left mark":            "wave\u200fwavewave",
		"of private use":                  "wave\ue000wavewave",
		"unassigned":                      "wave\U0003fffdwavewave",
		"directions mixed":                "waveשלוםwave",
		"old Hangul":                      "wave\u1100wavewave",
		"a replacement character as such": "wave\ufffdwavewave",
	} {
		if _, err := (account.PasswordRules{}).Accept(oauth.NewSecret(in)); err != nil {
			t.Errorf("%s: password of %d bytes refused: %v", name, len(in), err)
		}
	}
}

func TestPasswordsThatMayNotBeSet(t *testing.T) {
	for name, test := range map[string]struct{ in, says string }{
		"empty":                    {"", "fewer than 8"},
		"too short":                {"1234567", "fewer than 8"},
		"too short in code points": {"ééééééé", "fewer than 8"},
		"too short once composed":  {"e\u0301e\u0301e\u0301e\u0301", "fewer than 8"},
		"too long":                 {strings.Repeat("x", 257), "more than 256"},
		"too long in wide ones":    {strings.Repeat("🌊", 257), "more than 256"},
		"far too long":             {strings.Repeat("x", 1<<20), "more than 256"},
		"a control character":      {"canary-pass\x07word", "character 12, U+0007,"},
		"a line feed":              {"canary-pass\nword", "character 12, U+000A,"},
		"a null":                   {"canary-pass\x00word", "character 12, U+0000,"},
		"a control of Latin-1":     {"canary-é\u0085word", "character 9, U+0085,"},
		"a noncharacter":           {"canary-pass\uffffword", "character 12, U+FFFF,"},
		"another":                  {"canary-pass\ufdd0word", "character 12, U+FDD0,"},
		"one of another plane":     {"canary-pass\U0010fffeword", "character 12, U+10FFFE,"},
		"half a character":         {"canary-password\xc3", "character 16 is not valid UTF-8"},
		"a surrogate":              {"canary-pass\xed\xa0\x80word", "character 12 is not valid UTF-8"},
	} {
		_, err := account.PasswordRules{}.Accept(oauth.NewSecret(test.in))
		if !errors.Is(err, account.ErrPassword) {
			t.Errorf("%s: password of %d bytes: %v, want ErrPassword", name, len(test.in), err)
			continue
		}
		if text := err.Error(); strings.Contains(text, "canary") || strings.Contains(text, "word\xc3") || !strings.Contains(text, test.says) {
			t.Errorf("%s: error %q, want one that says %q and nothing of the password", name, text, test.says)
		}
	}
}

// TestOpaqueStringsAreHashedAsBefore: a stored hash is one of what OpaqueString makes of a password. Passwords that it
// accepts are mapped in the same way.
func TestOpaqueStringsAreHashedAsBefore(t *testing.T) {
	accepted := 0
	check := func(password string) {
		want, err := precis.OpaqueString.String(password)
		if err != nil {
			return
		}
		accepted++
		if got, err := account.Opaque(password); err != nil || got != want {
			t.Errorf("%+q is mapped to %+q, error %v; OpaqueString makes it %+q", password, got, err, want)
		}
	}
	characters(func(r rune) { check("a" + string(r) + "e\u0301") })
	random := rand.New(rand.NewPCG(20, 26))
	ranges := []rune{0x250, 0x600, 0x1200, 0x3100, 0xac00, 0x20000}
	for range 30_000 {
		password := make([]rune, 1+random.IntN(24))
		for i := range password {
			password[i] = 0x20 + random.Int32N(ranges[random.IntN(len(ranges))])
		}
		check(string(password))
	}
	check(strings.Repeat("e\u0301\u0323", 80))
	check("e" + strings.Repeat("\u0301", 200)) // more marks than a stream-safe text may have
	if accepted < 40_000 {
		t.Errorf("OpaqueString accepted %d of the passwords: too few to compare", accepted)
	}
}

func TestEveryOtherCharacterIsAcceptedInAPassword(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if unicode.Is(unicode.Cs, r) {
			continue // no string has one
		}
		refused := unicode.IsControl(r) || unicode.Is(unicode.Noncharacter_Code_Point, r)
		if _, err := account.Opaque("password" + string(r)); (err != nil) != refused {
			t.Errorf("%U: error %v, want one: %t", r, err, refused)
		}
	}
}
