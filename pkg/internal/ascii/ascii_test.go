package ascii_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/internal/ascii"
)

// checks are what the package is used for, each beside a regular expression that says the same.
var checks = []struct {
	name   string
	holds  func(string) bool
	expect *regexp.Regexp
}{
	{"host name", ascii.IsHostName, regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)},
	{"domain", ascii.IsDomain, regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)},
	{"a key's id", most(ascii.Of("A-Za-z0-9._~-"), 128), regexp.MustCompile(`^[A-Za-z0-9._~-]{1,128}$`)},
	{"printable", most(ascii.Of("!-~"), 64), regexp.MustCompile(`^[!-~]{1,64}$`)},
	{"- at both ends", most(ascii.Of("-a-"), 9), regexp.MustCompile(`^[-a]{1,9}$`)},
	{"one", most(ascii.Of("x"), 1), regexp.MustCompile(`^x$`)},
}

func most(s ascii.Set, most int) func(string) bool {
	return func(text string) bool { return s.Holds(text, most) }
}

var texts = []string{
	"", "a", "-", "a-", "-a", "a-a", "a_b", "_", "A", "a.b", "a..b", ".a", "a.", "a.b.c", "a.bc", "a.b-", "a.-b", "a-.bc", "a.1b", "a.b1", "127.0.0.1", "x", "xx",
	"xn--e1afmkfd.xn--p1ai", "é", "aé", "\x00", "a b", "\x7f", "\x80", "~", "!", "a\n", "\na", "K.com", "app.example.com", "a/b", "Z", "[", "`", "{", "@", "/", ":",
	strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 128), strings.Repeat("a", 129),
	strings.Repeat("a", 63) + ".com", strings.Repeat("a", 64) + ".com", "a." + strings.Repeat("b", 63), "a." + strings.Repeat("b", 64), strings.Repeat("a.", 100) + "bc",
}

func agree(t *testing.T, text string) {
	t.Helper()
	for _, check := range checks {
		if got, want := check.holds(text), check.expect.MatchString(text); got != want {
			t.Errorf("%s: %q: %v, want %v", check.name, text, got, want)
		}
	}
}

func TestChecksAgreeWithRegularExpressions(t *testing.T) {
	for _, text := range texts {
		agree(t, text)
	}
	for c := range 256 {
		agree(t, string([]byte{byte(c)}))
		agree(t, string([]byte{'a', byte(c), 'a', '.', 'b', byte(c)}))
	}
}

func FuzzChecksAgreeWithRegularExpressions(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(agree)
}
