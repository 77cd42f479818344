package account_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/secure/precis"

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
		"final sigma":                    {"νικος", "νικοσ"},
		"final sigma in capitals":        {"ΝΙΚΟΣ", "νικοσ"},
		"final sigmas in an address":     {"Οδυσσευς.Της@Ιθακης.gr", "οδυσσευσ.τησ@ιθακησ.gr"},
		"old Cyrillic letter form":       {"\u1c80ада", "вада"},
		"dotless i is no i":              {"ışık", "ışık"},
		"digit before other letters":     {"1é", "1é"},
		"Arabic part of an address":      {"علي@example.com", "علي@example.com"},
		"Arabic domain":                  {"ali@مثال.com", "ali@مثال.com"},
		"Arabic address":                 {"علي@مثال.إختبار", "علي@مثال.إختبار"},
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
		"directions mixed before @": "שa@example.com",
		"directions mixed behind @": "ada@aמ.com",
		"digit in a Hebrew domain":  "ada@1a.מ",
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

// characters calls do with every assigned character, but with few of the large scripts that have no case and read
// from left to right, and with few code points that are none.
func characters(do func(r rune)) {
	for r := range unicode.MaxRune {
		one := unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut, unicode.Co)
		if !one && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C) || r%1009 == 0 {
			do(r)
		}
	}
}

// TestLettersThatDifferInCaseAreOneLetter asks Unicode's simple case folding. Of marks it has one, U+0345, which stays.
func TestLettersThatDifferInCaseAreOneLetter(t *testing.T) {
	compared := 0
	characters(func(r rune) {
		canonical, err := account.CanonicalUsername("x" + string(r) + "y")
		if err != nil || !unicode.IsLetter(r) {
			return
		}
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			got, err := account.CanonicalUsername("x" + string(other) + "y")
			if err != nil || !unicode.IsLetter(other) {
				continue // a form for compatibility, which no name may have
			}
			if compared++; got != canonical {
				t.Errorf("%U is %q in a name, %U is %q", r, canonical, other, got)
			}
		}
	})
	if compared < 2500 {
		t.Errorf("%d pairs compared: too few for Unicode", compared)
	}
}

// TestNamesOfTheOldFoldingStayAcceptable: whatever UsernameCaseMapped accepted may be typed still.
func TestNamesOfTheOldFoldingStayAcceptable(t *testing.T) {
	characters(func(r rune) {
		for _, name := range []string{"a" + string(r), "ש" + string(r), "ש@" + string(r), string(r) + "@a.b"} {
			if _, err := precis.UsernameCaseMapped.String(name); err != nil {
				continue
			}
			if _, err := account.CanonicalUsername(name); err != nil {
				t.Errorf("%+q was a name, and now: %v", name, err)
			}
		}
	})
}

func TestUsernameErrorsNameTheCharacter(t *testing.T) {
	for in, want := range map[string]string{
		"ada lovelace":    "character 4, U+0020,",
		"ada🌊":            "character 4, U+1F30A,",
		"éada\u200b\x00":  "character 5, U+200B,",
		"l·l ada":         "character 4, U+0020,", // the dot may stand there
		"ada·":            "character 4, U+00B7,",
		"ada\u0660\u06f0": "character 4, U+0660,", // digits of two kinds
		"ad\xffa":         "character 3 is not valid UTF-8",
		"שa":              "right to left",
	} {
		if _, err := account.CanonicalUsername(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+q: error %v, want one that says %q", in, err, want)
		}
	}
}

func TestNewAccount(t *testing.T) {
	a, hash, err := account.New("Ada@Example.com", accepted(t, password), start)
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
	b, otherHash, err := account.New("Ada@Example.com", accepted(t, password), start)
	if err != nil || b.ID == a.ID || otherHash == hash {
		t.Errorf("a second account has id %s and hash %s, error %v, want its own", b.ID, otherHash, err)
	}
}
