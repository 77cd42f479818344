package accountfile_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/accountfile"
)

const ownHash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// read returns every line of a file.
func read(t *testing.T, format accountfile.Format, text string, o accountfile.Options) (lines []accountfile.Line, err error) {
	t.Helper()
	reader, err := accountfile.NewReader(format, strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
	}
}

func TestLinesThatAreNoAccountSayWhy(t *testing.T) {
	for text, reason := range map[string]string{
		`{}`:                   "neither an e-mail address nor a username",
		`[]`:                   "is no",
		`"ada"`:                "is no",
		`{"username":"ada"} x`: "something after",
		`{"username":"ada"}{}`: "something after",
		`{"username":7}`:       `"username" is no string`,
		`{"username":"a b"}`:   "cannot be used",
		`{"username":"` + strings.Repeat("x", 255) + `"}`: "254 bytes",
		`{"email":"ada"}`:                                                          "e-mail address",
		`{"email":"Ada <ada@example.com>"}`:                                        "cannot be used",
		`{"username":"ada","email":"ada@localhost"}`:                               "e-mail address",
		`{"username":"ada","id":"7"}`:                                              "no UUID",
		`{"username":"ada","id":"00000000-0000-0000-0000-000000000000"}`:           "no UUID",
		`{"username":"ada","id":"0190B0E4-7E00-7000-8000-000000000001"}`:           "no UUID in lower case",
		`{"username":"ada","roles":["a b"]}`:                                       "want at most 100 roles",
		`{"username":"ada","claims":{"Plan":1}}`:                                   "claims",
		`{"username":"ada","claims":[1]}`:                                          "claims",
		`{"username":"ada","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}`:    "want bcrypt",
		`{"username":"ada","password_hash":"x","password_form":"opaque"}`:          "want an argon2id hash",
		`{"username":"ada","password_hash":"` + ownHash + `","password_form":"x"}`: "password_form",
	} {
		lines, err := read(t, accountfile.JSONL, text+"\n"+`{"username":"next"}`, accountfile.Options{})
		if err != nil || len(lines) != 2 || lines[0].Err == nil || !strings.Contains(lines[0].Err.Error(), reason) {
			t.Errorf("%.60s: %+v, %v; want a bad line that says %q", text, lines, err, reason)
			continue
		}
		if lines[1].Err != nil || lines[1].Number != 2 || lines[1].Record.Username != "next" {
			t.Errorf("%.60s: the next line is %+v", text, lines[1])
		}
	}
}

// TestIDFollowsFromFormatPersonAndName, so that the same line is the same account, and another person never is.
func TestIDFollowsFromFormatPersonAndName(t *testing.T) {
	id := func(format accountfile.Format, text string) string {
		t.Helper()
		lines, err := read(t, format, text, accountfile.Options{})
		if err != nil || len(lines) != 1 || lines[0].Err != nil {
			t.Fatalf("%s: %+v, %v", text, lines, err)
		}
		return lines[0].Record.ID
	}
	one := id(accountfile.Auth0, `{"user_id":"1","email":"ada@example.com"}`)
	if again := id(accountfile.Auth0, `{"user_id":"1","email":"ADA@example.com","blocked":true}`); again != one {
		t.Errorf("the same person has the ids %s and %s", one, again)
	}
	for what, other := range map[string]string{
		"another system": id(accountfile.JSONL, `{"email":"ada@example.com"}`),
		"another number": id(accountfile.Auth0, `{"user_id":"2","email":"ada@example.com"}`),
		"another name":   id(accountfile.Auth0, `{"user_id":"1","email":"bea@example.com"}`),
	} {
		if other == one {
			t.Errorf("%s has the same id", what)
		}
	}
	const own = "0190b0e4-7e00-7000-8000-000000000001"
	if got := id(accountfile.JSONL, `{"username":"ada","id":"`+own+`"}`); got != own {
		t.Errorf("an id of the file became %s", got)
	}
}

func TestRecordOfAnAccountIsReadAsTheSame(t *testing.T) {
	imported, err := account.Imported("$2b$10$IpClYaNjkJXkw5ZREJnQ0.Hds0.vr1tbGVLGcmxDq.m8JKKG5cZFG")
	if err != nil {
		t.Fatal(err)
	}
	for _, stored := range []string{"", ownHash, imported} {
		lines, err := read(t, accountfile.JSONL, `{"username":"ada","email":"a@example.com","email_verified":true,"roles":["r"],"scopes":["s"],"claims":{"plan":"pro"},"disabled":true}`, accountfile.Options{})
		if err != nil || lines[0].Err != nil {
			t.Fatal(err, lines)
		}
		a, _, err := lines[0].Record.Account(now)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(accountfile.RecordOf(a, stored))
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(t, accountfile.JSONL, string(text), accountfile.Options{})
		if err != nil || again[0].Err != nil {
			t.Fatalf("%s: %v %+v", text, err, again)
		}
		b, hash, err := again[0].Record.Account(now)
		if err != nil || hash != stored || !a.Access().Equal(b.Access()) || a.ID != b.ID || a.Username != b.Username || a.Email != b.Email || !b.Disabled {
			t.Errorf("%s became %+v with %q (%v), want %+v with %q", text, b, hash, err, a, stored)
		}
	}
}

func TestFileWithAMarkAtItsBeginningIsRead(t *testing.T) {
	for format, text := range map[accountfile.Format]string{
		accountfile.JSONL: "\ufeff" + `{"username":"ada"}`, accountfile.Devise: "\ufeffid,email\r\n1,ada@example.com\r\n", accountfile.Supabase: "\ufeff" + `{"id":1,"EMAIL":"ada@example.com"}`,
	} {
		lines, err := read(t, format, text, accountfile.Options{})
		if err != nil || len(lines) != 1 || lines[0].Err != nil || !strings.HasPrefix(lines[0].Record.Username, "ada") {
			t.Errorf("%s: %+v, %v", format, lines, err)
		}
	}
}

// FuzzReader looks for a file of any format that is read without end, or whose records an import could not store.
func FuzzReader(f *testing.F) {
	config := "algorithm: SCRYPT,\nbase64_signer_key: AAAA,\nbase64_salt_separator: Bw==,\nrounds: 8,\nmem_cost: 14,\n"
	f.Fuzz(func(t *testing.T, format, text string) {
		reader, err := accountfile.NewReader(accountfile.Format(format), strings.NewReader(text), accountfile.Options{HashConfig: config, Pepper: "p"})
		if err != nil {
			return
		}
		for range len(text) + 2 {
			line, err := reader.Next()
			if err != nil {
				return
			}
			if line.Err != nil {
				continue
			}
			if a, _, err := line.Record.Account(now); err != nil || a.Username == "" {
				t.Fatalf("the record %+v is good, and its account is not: %v", line.Record, err)
			}
		}
		t.Errorf("%q has more records than bytes", text)
	})
}
