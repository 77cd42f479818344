package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
)

func TestAnAddressHasOneForm(t *testing.T) {
	for address, want := range map[string]string{
		"ada@example.com":                        "ada@example.com",
		"Ada@EXAMPLE.Com":                        "ada@example.com",
		"ada+list@example.com":                   "ada+list@example.com",
		"o'neil@example.com":                     "o'neil@example.com",
		"a.b.c@sub.example.com":                  "a.b.c@sub.example.com",
		"ada@müller.example":                     "ada@xn--mller-kva.example",
		"ada@MÜLLER.example":                     "ada@xn--mller-kva.example",
		"ada@xn--mller-kva.DE":                   "ada@xn--mller-kva.de",
		"ada@例え。テスト":                             "ada@xn--r8jz45g.xn--zckzah",
		strings.Repeat("a", 64) + "@example.com": "",
		"a@" + strings.Repeat(strings.Repeat("b", 61)+".", 4) + "com":                            "",
		strings.Repeat("A", 3) + "@" + strings.Repeat(strings.Repeat("b", 49)+".", 4) + "exampl": "",
	} {
		if want == "" {
			want = strings.ToLower(address)
		}
		got, err := account.CanonicalAddress(address)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", address, got, err, want)
		}
		if again, err := account.CanonicalAddress(got); again != got || err != nil {
			t.Errorf("%s again: %q, %v, want %q", got, again, err, got)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, address := range []string{
		"", "@", "ada", "ada@", "@example.com", "ada@localhost", "ada@example.com.", "ada@.example.com", "ada@example..com",
		"ada@127.0.0.1", "ada@[127.0.0.1]", "ada@-example.com", "ada@example-.com", "ada@exa_mple.com", "ada@exam ple.com",
		"a..b@example.com", ".a@example.com", "a.@example.com", `"a b"@example.com`, "a b@example.com", "a@b@example.com",
		"ada@example.com ", " ada@example.com", "ada@example.com\r\nBcc: x@example.com", "ada\x00@example.com", "ада@example.com", "ada\u200b@example.com",
		"Ada <ada@example.com>", "ada@example.com,ben@example.com", "ada@exam\u200bple.\u200d", "ada@xn--a.com", "ada@\xff.com",
		strings.Repeat("a", 65) + "@example.com",
		"a@" + strings.Repeat("b", 64) + ".com",
		"ada@" + strings.Repeat(strings.Repeat("b", 61)+".", 4) + "com",
		"a@" + strings.Repeat("ü", 126),
	} {
		if got, err := account.CanonicalAddress(address); !errors.Is(err, account.ErrAddress) || got != "" {
			t.Errorf("%q: %q, %v, want ErrAddress", address, got, err)
		}
	}
}

func FuzzCanonicalAddress(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "Ada@müller.example", "a@b", "ada@xn--mller-kva.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, err := account.CanonicalAddress(address)
		if err != nil {
			return
		}
		if again, err := account.CanonicalAddress(got); err != nil || again != got || len(got) > 254 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q became %q, and that %q, %v", address, got, again, err)
		}
	})
}
