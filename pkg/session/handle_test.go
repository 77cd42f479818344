package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

var (
	sampleSecret = session.HandleSecret(bytes.Repeat([]byte{0xfb, 0xef, 0xff, 1}, 8))
	handled      = session.Session{AccountID: uuid.MustParse("0190b0e4-7e00-7000-8000-0000000000fb"), ID: uuid.MustParse("0190b0e4-7e00-7000-8000-0000000000ff")}
)

// handleText is put together without the code under test.
func handleText(version byte, account, id uuid.UUID, secret []byte) string {
	raw := slices.Concat([]byte{version}, account[:], id[:], secret)
	return "wpss_" + base64.RawURLEncoding.EncodeToString(raw)
}

func TestHandleOpensItsSession(t *testing.T) {
	s, h := handled.GiveHandle(sampleSecret)
	text := h.Encode().Reveal()
	if want := handleText(1, s.AccountID, s.ID, sampleSecret[:]); text != want || len(text) != 92 {
		t.Errorf("the handle is %q, want %q", text, want)
	}
	if sum := sha256.Sum256(sampleSecret[:]); !bytes.Equal(s.HandleHash, sum[:]) {
		t.Errorf("the session keeps %x, want the SHA-256 of the secret", s.HandleHash)
	}
	parsed, err := session.ParseHandle(oauth.NewSecret(text))
	if err != nil || parsed.AccountID != s.AccountID || parsed.SessionID != s.ID || !parsed.Opens(s) || parsed.Encode().Reveal() != text {
		t.Errorf("parsed: %v, error %v; opens its session: %t", parsed, err, parsed.Opens(s))
	}
	csrf := sha256.Sum256(append([]byte("wavepass csrf token\x00"), sampleSecret[:]...))
	if got := parsed.CSRFToken().Reveal(); got != base64.RawURLEncoding.EncodeToString(csrf[:]) {
		t.Errorf("the CSRF token is %s", got)
	}
}

func TestHandleOpensNothingElse(t *testing.T) {
	s, h := handled.GiveHandle(sampleSecret)
	for name, change := range map[string]func(*session.Session){
		"another account":           func(s *session.Session) { s.AccountID = uuid.Max },
		"another session":           func(s *session.Session) { s.ID = uuid.Max },
		"another secret":            func(s *session.Session) { s.HandleHash = bytes.Repeat([]byte{1}, 32) },
		"no hash, as native ones":   func(s *session.Session) { s.HandleHash = nil },
		"an empty hash":             func(s *session.Session) { s.HandleHash = []byte{} },
		"the beginning of the hash": func(s *session.Session) { s.HandleHash = s.HandleHash[:16] },
		"the secret for its hash":   func(s *session.Session) { s.HandleHash = sampleSecret[:] },
	} {
		other := s
		change(&other)
		if h.Opens(other) {
			t.Errorf("%s: opened", name)
		}
	}
	if (session.Handle{}).Opens(session.Session{}) {
		t.Error("the zero handle opens the zero session")
	}
	unlabelled := sha256.Sum256([]byte(""))
	if (session.Handle{}).Opens(session.Session{HandleHash: unlabelled[:]}) {
		t.Error("the zero handle opens a session with the hash of no secret")
	}
}

func TestEachHandleHasItsOwnSecret(t *testing.T) {
	if first, second := session.NewHandleSecret(), session.NewHandleSecret(); first == second {
		t.Error("two secrets are equal")
	}
}

func TestEveryChangedByteOfAHandleOpensNothing(t *testing.T) {
	s, h := handled.GiveHandle(sampleSecret)
	text := h.Encode().Reveal()
	for i := range text {
		for c := range 256 {
			if byte(c) == text[i] {
				continue
			}
			changed, err := session.ParseHandle(oauth.NewSecret(text[:i] + string([]byte{byte(c)}) + text[i+1:]))
			if err == nil && changed.Opens(s) {
				t.Fatalf("character %d changed to %q opens the session", i, byte(c))
			}
		}
	}
}

func TestTextThatIsNoHandleIsRefused(t *testing.T) {
	good := handleText(1, handled.AccountID, handled.ID, sampleSecret[:])
	content := strings.TrimPrefix(good, "wpss_")
	for name, text := range map[string]string{
		"empty":             "",
		"prefix":            "wpss_",
		"no prefix":         content,
		"another prefix":    "wprt_" + content,
		"capital prefix":    "WPSS_" + content,
		"version 0":         handleText(0, handled.AccountID, handled.ID, sampleSecret[:]),
		"version 2":         handleText(2, handled.AccountID, handled.ID, sampleSecret[:]),
		"a byte less":       handleText(1, handled.AccountID, handled.ID, sampleSecret[:31]),
		"a byte more":       handleText(1, handled.AccountID, handled.ID, append(sampleSecret[:], 1)),
		"quoted":            `"` + good + `"`,
		"space before":      " " + good,
		"space behind":      good + " ",
		"padded":            good + "=",
		"line feed":         good[:50] + "\n" + good[50:],
		"line feeds inside": good[:50] + "\n" + good[51:],
		"at the end":        good[:len(good)-1] + "\n",
		"standard alphabet": "wpss_" + strings.NewReplacer("-", "+", "_", "/").Replace(content),
		"trailing bits":     "wpss_" + content[:len(content)-1] + "B",
		"a refresh token":   "wprt_" + strings.Repeat("A", 99),
		"8 KB":              "wpss_" + strings.Repeat("A", 8192),
		"percent-encoded":   strings.Replace(good, "_", "%5F", 1),
	} {
		if name == "trailing bits" && content[len(content)-1] == 'B' {
			t.Fatal("the sample ends in B: choose another")
		}
		got, err := session.ParseHandle(oauth.NewSecret(text))
		wantRefusal(t, err, "")
		if got.AccountID != uuid.Nil {
			t.Errorf("%s: refused, and yet it says %v", name, got)
		}
	}
}

func TestHandlesPrintNoSecret(t *testing.T) {
	_, h := handled.GiveHandle(sampleSecret)
	wrapped := struct{ h session.Handle }{h}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, value := range []any{h, &h, wrapped, h.Encode(), h.CSRFToken()} {
			got := fmt.Sprintf(verb, value)
			for _, form := range []string{string(sampleSecret[:4]), hex.EncodeToString(sampleSecret[:4]), h.Encode().Reveal()[50:], h.CSRFToken().Reveal()} {
				if strings.Contains(got, form) {
					t.Errorf("%s of a %T prints the secret: %s", verb, value, got)
				}
			}
		}
	}
}

func TestLooksLikeHandle(t *testing.T) {
	for text, want := range map[string]bool{"wpss_": true, "wpss_x": true, "wprt_x": false, "WPSS_x": false, "": false, " wpss_": false} {
		if got := session.LooksLikeHandle(oauth.NewSecret(text)); got != want {
			t.Errorf("LooksLikeHandle(%q) = %t, want %t", text, got, want)
		}
	}
}

// What parses is spelt in one way only.
func FuzzParseHandle(f *testing.F) {
	good := handleText(1, handled.AccountID, handled.ID, sampleSecret[:])
	for _, seed := range []string{good, "", "wpss_", good + "=", strings.ToLower(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := session.ParseHandle(oauth.NewSecret(text))
		if err != nil {
			wantRefusal(t, err, "")
			return
		}
		if got := h.Encode().Reveal(); got != text {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}
