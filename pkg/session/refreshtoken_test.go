package session_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const (
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	label    = "wavepass refresh token\x00"
)

var sample = session.RefreshToken{
	AccountID:  uuid.MustParse("0190b0e4-7e00-7000-8000-0000000000fb"),
	SessionID:  uuid.MustParse("0190b0e4-7e00-7000-8000-0000000000ff"),
	Generation: 0x01020304,
	Expiry:     time.Unix(1775000000, 0).UTC(),
}

// sampleKey is what encode makes tokens with.
var sampleKey = newKeys().byVersion[2]

func encode(token session.RefreshToken) string { return token.Encode(sampleKey).Reveal() }

// parse also expects the key of the token beside what it says.
func parse(t *testing.T, text string) (session.RefreshToken, error) {
	t.Helper()
	token, key, err := session.ParseRefreshToken(t.Context(), oauth.NewSecret(text), newKeys())
	if err == nil && token.Encode(key).Reveal() != text {
		t.Errorf("parsed with %v, which makes another token of it", key)
	}
	return token, err
}

// forge changes one bit of the MAC.
func forge(token oauth.Secret) oauth.Secret {
	text := token.Reveal()
	c := byte('A')
	if text[80] == c {
		c = 'B'
	}
	return oauth.NewSecret(text[:80] + string(c) + text[81:])
}

// assemble makes the text of a token with a true MAC over any body, under any label.
func assemble(label string, keyVersion byte, body []byte) string {
	mac := newKeys().byVersion[keyVersion].Sum(append([]byte(label), body...))
	return "wprt_" + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(body), mac...))
}

func body(t *testing.T) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(encode(sample), "wprt_"))
	if err != nil || len(raw) != 74 {
		t.Fatalf("%d bytes, error %v, want 74", len(raw), err)
	}
	return raw[:42]
}

func TestRefreshTokenRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*session.RefreshToken){
		"as it is":           func(*session.RefreshToken) {},
		"first generation":   func(r *session.RefreshToken) { r.Generation = 0 },
		"last generation":    func(r *session.RefreshToken) { r.Generation = 1<<32 - 1 },
		"far expiry":         func(r *session.RefreshToken) { r.Expiry = time.Unix(1<<32-1, 0).UTC() },
		"zero account":       func(r *session.RefreshToken) { r.AccountID = uuid.Nil },
		"all ones in the id": func(r *session.RefreshToken) { r.SessionID = uuid.Max },
	} {
		t.Run(name, func(t *testing.T) {
			want := sample
			change(&want)
			text := encode(want)
			got, err := parse(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("round trip (-want +got):\n%s", diff)
			}
			if again := encode(got); again != text {
				t.Errorf("encoded again: %s, want %s", again, text)
			}
		})
	}
}

// The golden text was computed by another implementation of the format; a change of it logs everybody out.
func TestRefreshTokenTextIsFixed(t *testing.T) {
	want, err := os.ReadFile("testdata/refresh_token.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := encode(sample); got != strings.TrimSpace(string(want)) {
		t.Errorf("token text\n got %s\nwant %s", got, want)
	}
}

func TestBodyIsVersionKeyAccountSessionGenerationExpiry(t *testing.T) {
	want := "0102" + "0190b0e47e00700080000000000000fb" + "0190b0e47e00700080000000000000ff" + "01020304" + "69cc59c0"
	if got := fmt.Sprintf("%x", body(t)); got != want {
		t.Errorf("body\n got %s\nwant %s", got, want)
	}
	if got, want := encode(sample), assemble(label, 2, body(t)); got != want {
		t.Errorf("token text\n got %s\nwant %s", got, want)
	}
}

func TestEveryChangedByteIsRefused(t *testing.T) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(encode(sample), "wprt_"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for flip := 1; flip < 256; flip++ {
			changed := bytes.Clone(raw)
			changed[i] ^= byte(flip)
			if got, err := parse(t, "wprt_"+base64.RawURLEncoding.EncodeToString(changed)); err == nil {
				t.Fatalf("byte %d xor %#x was accepted as %+v", i, flip, got)
			}
		}
	}
}

func TestEveryChangedCharacterIsRefused(t *testing.T) {
	text := encode(sample)
	for i := range text {
		for c := range 256 {
			if byte(c) == text[i] {
				continue
			}
			changed := text[:i] + string([]byte{byte(c)}) + text[i+1:]
			if got, err := parse(t, changed); err == nil {
				t.Fatalf("character %d changed from %q to %q was accepted as %+v", i, text[i], byte(c), got)
			}
		}
	}
}

func TestInsertedAndDroppedCharactersAreRefused(t *testing.T) {
	text := encode(sample)
	for i := range len(text) + 1 {
		for _, c := range []string{"\r", "\n", "\r\n", "=", "A", " ", "\x00", "."} {
			if _, err := parse(t, text[:i]+c+text[i:]); err == nil {
				t.Errorf("%q inserted at %d was accepted", c, i)
			}
		}
		if _, err := parse(t, text[:i]); i < len(text) && err == nil {
			t.Errorf("the first %d characters were accepted", i)
		}
	}
}

func TestTextThatIsNotOursIsRefused(t *testing.T) {
	text := encode(sample)
	content := strings.TrimPrefix(text, "wprt_")
	last := strings.IndexByte(alphabet, text[len(text)-1])
	with := func(i int, value byte) []byte {
		b := body(t)
		b[i] = value
		return b
	}
	for name, test := range map[string]struct{ text, reason string }{
		"empty":                          {"", "not a refresh token"},
		"prefix only":                    {"wprt_", "not a refresh token"},
		"no prefix":                      {content, "not a refresh token"},
		"session handle prefix":          {"wpss_" + content, "not a refresh token"},
		"prefix in capitals":             {"WPRT_" + content, "not a refresh token"},
		"space before":                   {" " + text, "not a refresh token"},
		"padded":                         {text + "=", "not a refresh token"},
		"padded in place":                {text[:len(text)-1] + "=", "not canonical"},
		"twice":                          {text + content, "not a refresh token"},
		"standard alphabet":              {"wprt_" + strings.NewReplacer("-", "+", "_", "/").Replace(content), "not canonical"},
		"line feed for a character":      {text[:50] + "\n" + text[51:], "not canonical"},
		"carriage return and feed":       {text[:50] + "\r\n" + text[52:], "not canonical"},
		"line feeds at the end":          {text[:len(text)-2] + "\n\n", "not canonical"},
		"line feeds, the rest canonical": {"wprt_" + content[:96] + "\n\n\n", "not canonical"},
		"nothing but line feeds":         {"wprt_" + strings.Repeat("\n", len(content)), "not canonical"},
		"trailing bits":                  {text[:len(text)-1] + string(alphabet[last+1]), "not canonical"},
		"lower case":                     {"wprt_" + strings.ToLower(content), ""},
		"upper case":                     {"wprt_" + strings.ToUpper(content), ""},
		"version 0, true MAC":            {assemble(label, 2, with(0, 0)), "unknown version"},
		"version 2, true MAC":            {assemble(label, 2, with(0, 2)), "unknown version"},
		"unknown key version":            {assemble(label, 2, with(1, 9)), "unknown key version"},
		"MAC of another key version":     {assemble(label, 1, body(t)), "not ours"},
		"MAC of another use":             {assemble("", 2, body(t)), "not ours"},
		"no MAC":                         {"wprt_" + base64.RawURLEncoding.EncodeToString(body(t)), "not a refresh token"},
		"MAC of zeros":                   {"wprt_" + base64.RawURLEncoding.EncodeToString(append(body(t), make([]byte, 32)...)), "not ours"},
		"a body too long, true MAC":      {assemble(label, 2, append(body(t), 0)), "not a refresh token"},
		"an access token":                {"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl", "not a refresh token"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, test.text)
			wantRefusal(t, err, test.reason)
			if got != (session.RefreshToken{}) {
				t.Errorf("refused, and yet it says %+v", got)
			}
			if len(test.text) > 8 && strings.Contains(err.Error(), test.text) {
				t.Errorf("the error repeats the token: %v", err)
			}
		})
	}
}

func TestSampleHasBothSpecialCharacters(t *testing.T) {
	// Otherwise the case "standard alphabet" above would present the token itself.
	if text := encode(sample)[len("wprt_"):]; !strings.ContainsAny(text, "-_") || text[len(text)-1] == '_' {
		t.Errorf("the sample %s has neither - nor _, choose another", text)
	}
}

func TestEachKeyMakesItsOwnToken(t *testing.T) {
	for version, key := range newKeys().byVersion {
		text := sample.Encode(key)
		got, with, err := session.ParseRefreshToken(t.Context(), text, newKeys())
		if err != nil || got != sample || with.Version() != version {
			t.Errorf("token of key %d: %+v, key %v, error %v", version, got, with, err)
		}
	}
}

func TestKeysThatCannotBeReadAreNoRefusal(t *testing.T) {
	keys := newKeys()
	keys.err = oauth.ErrUnavailable
	_, _, err := session.ParseRefreshToken(t.Context(), sample.Encode(sampleKey), keys)
	wantUnavailable(t, err)
}

func TestLooksLikeRefreshToken(t *testing.T) {
	for text, want := range map[string]bool{
		encode(sample): true, "wprt_": true, "wpss_x": false, "WPRT_": false, "": false, "a.b.c": false, " wprt_": false,
	} {
		if got := session.LooksLikeRefreshToken(oauth.NewSecret(text)); got != want {
			t.Errorf("LooksLikeRefreshToken(%q) = %t, want %t", text, got, want)
		}
	}
}

func FuzzParseRefreshToken(f *testing.F) {
	text := sample.Encode(sampleKey)
	for _, seed := range []string{text.Reveal(), "", "wprt_", text.Reveal() + "=", strings.ToLower(text.Reveal())} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parse(t, text); err != nil {
			wantRefusal(t, err, "")
		}
	})
}
