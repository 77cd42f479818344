package account_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
)

func TestCanonicalUsername(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"plain":                          {"ada", "ada"},
		"capitals":                       {"Ada.LOVELACE@Example.COM", "ada.lovelace@example.com"},
		"full-width letters":             {"Ａｄａ", "ada"},
		"composed and decomposed agree":  {"rene\u0301", "ren\u00e9"},
		"decomposed capital":             {"RENE\u0301", "ren\u00e9"},
		"Greek capitals":                 {"ΣΟΦΙΑ", "σοφια"},
		"Cyrillic":                       {"Иван", "иван"},
		"sharp s stays":                  {"groß", "groß"},
		"Hebrew":                         {"שלום", "שלום"},
		"hash sign":                      {"ada#1", "ada#1"},
		"digits and marks":               {"0-_.+@!$%&'*/=?^`{|}~", "0-_.+@!$%&'*/=?^`{|}~"},
		"longest":                        {strings.Repeat("A", 254), strings.Repeat("a", 254)},
		"longest in multi-byte letters":  {strings.Repeat("é", 127), strings.Repeat("é", 127)},
		"half-width katakana gets wider": {"ｱﾀﾞ", "アダ"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := account.CanonicalUsername(test.in)
			if err != nil || got != test.want {
				t.Fatalf("CanonicalUsername(%q) = %q, %v, want %q", test.in, got, err, test.want)
			}
			if again, err := account.CanonicalUsername(got); err != nil || again != got {
				t.Errorf("the canonical form %q is not its own: %q, %v", got, again, err)
			}
		})
	}
}

func TestTextsThatAreNoUsername(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                     "",
		"space":                     "ada lovelace",
		"only a space":              " ",
		"space at the end":          "ada ",
		"no-break space":            "ada\u00a0l",
		"tab":                       "ada\t",
		"line feed":                 "ada\n",
		"null":                      "ada\x00",
		"delete":                    "ada\x7f",
		"zero-width space":          "ada\u200b",
		"soft hyphen":               "a\u00adda",
		"right-to-left override":    "a\u202eda",
		"emoji":                     "ada🌊",
		"ligature":                  "ﬁsh",
		"invalid UTF-8":             "ada\xff",
		"half a character":          "ada\xc3",
		"private use":               "ada\ue000",
		"unassigned":                "ada\U0003ffff",
		"directions mixed":          "שa",
		"one byte too long":         strings.Repeat("a", 255),
		"too long in multi-bytes":   strings.Repeat("é", 128),
		"too long once lower-cased": strings.Repeat("İ", 127),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := account.CanonicalUsername(in)
			if !errors.Is(err, account.ErrUsername) || got != "" {
				t.Errorf("CanonicalUsername(%q) = %q, %v, want ErrUsername", in, got, err)
			}
		})
	}
}

func FuzzCanonicalUsername(f *testing.F) {
	for _, seed := range []string{"ada", "Ａｄａ", "rene\u0301", "İ", "ada\xff", "שלום", "ΣΑΣ", "\u1e9e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := account.CanonicalUsername(in)
		if err != nil {
			return
		}
		if got == "" || len(got) > 254 || strings.ContainsAny(got, " \x00\n\r\t") {
			t.Errorf("CanonicalUsername(%q) = %q", in, got)
		}
		if again, err := account.CanonicalUsername(got); err != nil || again != got {
			t.Errorf("the canonical form of %q, %q, is not its own: %q, %v", in, got, again, err)
		}
	})
}

func TestNewAccount(t *testing.T) {
	a, hash, err := account.New("Ada@Example.com", password, start)
	if err != nil {
		t.Fatal(err)
	}
	if a.Username != "ada@example.com" || a.ID.Version() != 7 || a.Epoch != start.Unix() || a.Disabled {
		t.Errorf("account %+v, want canonical name, UUIDv7, epoch %d, enabled", a, start.Unix())
	}
	format := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !format.MatchString(hash) {
		t.Errorf("hash %s, want PHC format with 19 MiB, 2 passes, 1 thread", hash)
	}
	b, otherHash, err := account.New("Ada@Example.com", password, start)
	if err != nil || b.ID == a.ID || otherHash == hash {
		t.Errorf("a second account has id %s and hash %s, error %v, want its own", b.ID, otherHash, err)
	}
}

func TestPasswordsThatMayBeSet(t *testing.T) {
	for name, in := range map[string]string{
		"shortest":                  "12345678",
		"shortest in code points":   "éééééééé",
		"shortest in wide ones":     "🌊🌊🌊🌊🌊🌊🌊🌊",
		"longest":                   strings.Repeat("x", 256),
		"longest in wide ones":      strings.Repeat("🌊", 256),
		"spaces":                    "correct horse battery",
		"only symbols and capitals": "!\"§$%&/()=?ÄÖÜ",
	} {
		if _, _, err := account.New("ada", in, start); err != nil {
			t.Errorf("%s: password of %d bytes refused: %v", name, len(in), err)
		}
	}
}

func TestPasswordsThatMayNotBeSet(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                    "",
		"too short":                "1234567",
		"too short in code points": "ééééééé",
		"too short once composed":  "e\u0301e\u0301e\u0301e\u0301",
		"too long":                 strings.Repeat("x", 257),
		"too long in wide ones":    strings.Repeat("🌊", 257),
		"far too long":             strings.Repeat("x", 1<<20),
		"a control character":      "canary-pass\x07word",
		"a line feed":              "canary-pass\nword",
		"a null":                   "canary-pass\x00word",
	} {
		_, hash, err := account.New("ada", in, start)
		if !errors.Is(err, account.ErrPassword) || hash != "" {
			t.Errorf("%s: password of %d bytes gave %q, %v, want ErrPassword", name, len(in), hash, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error repeats the password: %v", name, err)
		}
	}
}

func TestNewAccountNeedsAUsername(t *testing.T) {
	if _, hash, err := account.New("a da", password, start); !errors.Is(err, account.ErrUsername) || hash != "" {
		t.Errorf("hash %q, error %v, want ErrUsername", hash, err)
	}
}

func TestPasswordIsUTF8(t *testing.T) {
	for _, in := range []string{"canary-pass\xffword", "canary-password\xc3"} {
		if _, _, err := account.New("ada", in, start); !errors.Is(err, account.ErrPassword) {
			t.Errorf("New with password %q: %v, want ErrPassword", in, err)
		}
	}
}
