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

// TestDocumentedFormsOfOtherSystemsAreRead has records as each system's documentation or its own program writes them.
func TestDocumentedFormsOfOtherSystemsAreRead(t *testing.T) {
	const bcrypt = "$2b$10$IpClYaNjkJXkw5ZREJnQ0.Hds0.vr1tbGVLGcmxDq.m8JKKG5cZFG"
	custom := func(algorithm, password string) string {
		return `{"email":"ada@example.com","custom_password_hash":{"algorithm":"` + algorithm + `","hash":{"value":"` + bcrypt + `","encoding":"utf8"}` + password + `}}`
	}
	config := "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n"
	const columns = "id,email,encrypted_password,email_confirmed_at,banned_until\r\n1,ada@example.com," + bcrypt + ",2024-01-01 00:00:00.123456+00,"
	for _, test := range []struct {
		what                         string
		format                       accountfile.Format
		text                         string
		verified, disabled, password bool
		reason                       string // of a bad line
	}{
		{"the job of Auth0", accountfile.Auth0, `{"user_id":"auth0|1","email":"ada@example.com","email_verified":true,"blocked":true}`, true, true, false, ""},
		{"the hashes of Auth0's support", accountfile.Auth0, `{"_id":{"$oid":"60425dc43519d90068f82973"},"email_verified":false,"email":"ada@example.com","passwordHash":"` + bcrypt + `","password_set_date":{"$date":"2021-03-05T16:32:36.000Z"},"tenant":"t","connection":"c","_tmp_is_unique":true}`, false, false, true, ""},
		{"bcrypt of before Auth0", accountfile.Auth0, custom("bcrypt", ""), false, false, true, ""},
		{"a salt beside the hash", accountfile.Auth0, custom("sha256", ""), false, false, false, "none of argon2, bcrypt and pbkdf2"},
		{"passwords in UTF-16", accountfile.Auth0, custom("bcrypt", `,"password":{"encoding":"utf16le"}`), false, false, false, "not utf8"},
		{"firebase auth:export", accountfile.Firebase, `{"users": [{
  "localId": "1", "email": "ada@example.com", "emailVerified": true,
  "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
  "salt": "42xEC+ixf3L2lw==", "lastSignedInAt": "1500000000000", "createdAt": "1500000000000", "disabled": true, "customAttributes": "{}", "providerUserInfo": []
}]}
`, true, true, true, ""},
		{"list-users of the AWS CLI", accountfile.Cognito, `{
    "Users": [{"Username": "5d2c", "Attributes": [{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}, {"Name": "sub", "Value": "5d2c"}],
        "UserCreateDate": "2024-01-01T00:00:00.000000+00:00", "UserLastModifiedDate": "2024-01-01T00:00:00.000000+00:00", "Enabled": false, "UserStatus": "CONFIRMED"}]
}`, true, true, false, ""},
		{"nobody banned", accountfile.Supabase, columns + "\r\n", true, false, true, ""},
		{"a ban that has ended", accountfile.Supabase, columns + "2024-01-02 00:00:00+00\r\n", true, false, true, ""},
		{"the same with a zone of half an hour", accountfile.Supabase, columns + "2024-01-02 00:00:00.5+05:30\r\n", true, false, true, ""},
		{"the same in JSON", accountfile.Supabase, `{"id":"1","email":"ada@example.com","encrypted_password":null,"email_confirmed_at":null,"banned_until":"2024-01-02T00:00:00.000Z"}`, false, false, false, ""},
		{"a ban that lasts", accountfile.Supabase, columns + "2124-01-02 00:00:00+00\r\n", true, true, true, ""},
		{"a ban for ever", accountfile.Supabase, columns + "infinity\r\n", true, true, true, ""},
		{"Devise", accountfile.Devise, "id,email,encrypted_password,confirmed_at\n1,ada@example.com," + bcrypt + ",2024-01-01 00:00:00.000000\n", true, false, true, ""},
		{"Devise without confirmation or password", accountfile.Devise, "id,email,encrypted_password\n1,ada@example.com,\n", false, false, false, ""},
	} {
		lines, err := read(t, test.format, test.text, accountfile.Options{HashConfig: config})
		switch {
		case err != nil || len(lines) != 1:
			t.Errorf("%s: %+v, %v; want one line", test.what, lines, err)
		case test.reason != "":
			if lines[0].Err == nil || !strings.Contains(lines[0].Err.Error(), test.reason) {
				t.Errorf("%s: %+v, want a bad line that says %q", test.what, lines[0], test.reason)
			}
		default:
			r := lines[0].Record
			if lines[0].Err != nil || r.Username != "ada@example.com" || r.EmailVerified != test.verified || r.Disabled != test.disabled || (r.PasswordHash != "") != test.password {
				t.Errorf("%s: %+v; want ada, verified %t, disabled %t, with a password %t", test.what, lines[0], test.verified, test.disabled, test.password)
			}
		}
	}
}

// TestPageOfAnExportIsNotTakenForAllOfIt when the program that made it says that there are more.
func TestPageOfAnExportIsNotTakenForAllOfIt(t *testing.T) {
	for text, says := range map[string]string{
		`{"Users":[{"Username":"ann"}],"NextToken":"x"}`:  `"NextToken": there are more`,
		`{"Users":[{"Username":"ann"}],"NextToken":null}`: "",
		`{"Users":[{"Username":"ann"}]`:                   "ends in the middle, after 1",
	} {
		lines, err := read(t, accountfile.Cognito, text, accountfile.Options{})
		if len(lines) != 1 || says == "" && err != nil || says != "" && (!errors.Is(err, accountfile.ErrFile) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %d lines, %v; want one, and %q", text, len(lines), err, says)
		}
	}
}

func TestFileInUTF16IsRefused(t *testing.T) {
	for _, text := range []string{"\xff\xfe{\x00", "\xfe\xff\x00{"} {
		if _, err := accountfile.NewReader(accountfile.Cognito, strings.NewReader(text), accountfile.Options{}); !errors.Is(err, accountfile.ErrFile) || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("%q: %v, want that it is in UTF-16", text, err)
		}
	}
}

func TestFileWithAMarkAtItsBeginningIsRead(t *testing.T) {
	for format, text := range map[accountfile.Format]string{
		accountfile.Cognito: "\ufeff" + `{"Users":[{"Username":"ada"}]}`,
		accountfile.JSONL:   "\ufeff" + `{"username":"ada"}`, accountfile.Devise: "\ufeffid,email\r\n1,ada@example.com\r\n", accountfile.Supabase: "\ufeff" + `{"id":1,"EMAIL":"ada@example.com"}`,
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
