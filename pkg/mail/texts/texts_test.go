package texts_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/texts"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// folder is a copy of the embedded texts, with changes; an empty text takes a file away.
func folder(t *testing.T, changes map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(texts.Embedded(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(texts.Embedded(), name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range changes {
		if delete(files, name); text != "" {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return files
}

func read(t *testing.T, files fs.FS, service string) *texts.Texts {
	t.Helper()
	got, err := texts.Read(files, service)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func write(t *testing.T, from *texts.Texts, o mail.Order, l mail.Letter) mail.Mail {
	t.Helper()
	m, err := from.Write(o, l, noon)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryPurposeHasATextInEachLanguage(t *testing.T) {
	embedded := read(t, texts.Embedded(), "Shop")
	for _, purpose := range mail.Purposes() {
		subjects := map[string]bool{}
		for _, language := range []string{"en", "de"} {
			o := mail.Order{Purpose: purpose, Address: "ada@example.com", NewAddress: "new@example.com", Language: language}
			m := write(t, embedded, o, mail.Letter{Purpose: purpose, Link: "https://id.example.com/l", Code: "BCDFGHJKLM", Until: noon.Add(7 * 24 * time.Hour)})
			subjects[m.Subject] = true
			for what, text := range map[string]string{"subject": m.Subject, "text": m.Text, "HTML": m.HTML} {
				if !strings.Contains(text, "Shop") || strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
					t.Errorf("%s/%s: %s %q", language, purpose, what, text)
				}
			}
			if strings.Contains(m.Text, "\n\n\n") || !strings.Contains(m.HTML, `<html lang="`+language+`">`) || m.To != "ada@example.com" || m.Purpose != purpose {
				t.Errorf("%s/%s: %+v", language, purpose, m)
			}
		}
		if len(subjects) != 2 {
			t.Errorf("%s has the same subject in both languages", purpose)
		}
	}
}

func TestLanguageIsTheOneThatFitsBest(t *testing.T) {
	files := folder(t, nil)
	for name, file := range maps.Clone(files) {
		if rest, ok := strings.CutPrefix(name, "en/"); ok {
			files["de-CH/"+rest] = file
		}
	}
	read := read(t, files, "Shop")
	letter := mail.Letter{Purpose: mail.Recover, Link: "https://id.example.com/l"}
	for tag, want := range map[string]string{"de": "de", "de-AT": "de", "DE_at": "de", "de-CH": "de-ch", "de-ch-1996": "de-ch", "en-GB": "en", "fr": "en", "": "en", "d": "en", "-": "en", "*": "en"} {
		if m := write(t, read, mail.Order{Address: "ada@example.com", Language: tag}, letter); !strings.Contains(m.HTML, `<html lang="`+want+`">`) {
			t.Errorf("%q: %.60s, want %s", tag, m.HTML, want)
		}
	}
}

func TestHTMLIsEscapedAndTextIsNot(t *testing.T) {
	const name = `A&B <script>alert(1)</script> "x"`
	m := write(t, read(t, texts.Embedded(), name), mail.Order{Address: "o'neil@example.com"}, mail.Letter{Purpose: mail.Recover, Link: "https://id.example.com/l?a=1&b='2'", Code: "BC"})
	if !strings.Contains(m.Text, name) || !strings.Contains(m.Text, "https://id.example.com/l?a=1&b='2'") {
		t.Errorf("text was escaped: %s", m.Text)
	}
	if strings.Contains(m.HTML, "<script") || !strings.Contains(m.HTML, "A&amp;B &lt;script&gt;") || !strings.Contains(m.HTML, `href="https://id.example.com/l?a=1&amp;b=%272%27"`) {
		t.Errorf("HTML was not escaped: %s", m.HTML)
	}
}

func TestSubjectIsOneLine(t *testing.T) {
	m := write(t, read(t, texts.Embedded(), "Shop\r\nBcc: eve@example.com\u2028x\x00y"), mail.Order{Address: "ada@example.com"}, mail.Letter{Purpose: mail.Recover, Link: "https://id.example.com/l"})
	if strings.ContainsAny(m.Subject, "\r\n\u2028\x00") || !strings.Contains(m.Subject, "Shop  Bcc") {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestSubjectOfAnOperatorsTemplateIsOneLineToo(t *testing.T) {
	changed := folder(t, map[string]string{"en/recover.txt": "Subject: {{printf \"%s\\r\\nBcc: eve@example.com\" .Service}}\n\n{{.Link}}"})
	m := write(t, read(t, changed, "Shop"), mail.Order{Address: "ada@example.com"}, mail.Letter{Purpose: mail.Recover, Link: "https://id.example.com/l"})
	if m.Subject != "Shop  Bcc: eve@example.com" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestTextWithoutACodeLeavesItsSentenceOut(t *testing.T) {
	read := read(t, texts.Embedded(), "Shop")
	for _, purpose := range []mail.Purpose{mail.SignUp, mail.Recover, mail.ConfirmAddress} {
		m := write(t, read, mail.Order{Address: "ada@example.com"}, mail.Letter{Purpose: purpose, Link: "https://id.example.com/l", Until: noon.Add(time.Hour)})
		if strings.Contains(m.Text, "type this code") || strings.Contains(m.HTML, "type this code") {
			t.Errorf("%s: %s", purpose, m.Text)
		}
	}
}

func TestFolderThatIsWrongIsRefusedWithItsFaults(t *testing.T) {
	for what, tc := range map[string]struct {
		changes map[string]string
		want    []string
	}{
		"missing files":               {map[string]string{"en/recover.txt": "", "de/signup.html": ""}, []string{"en/recover.txt: file does not exist", "de/signup.html: file does not exist"}},
		"no layout":                   {map[string]string{"layout.html": ""}, []string{"layout.html: file does not exist"}},
		"no subject":                  {map[string]string{"en/recover.txt": "Hello\n\n{{.Link}}"}, []string{`en/recover.txt: its first line must be "Subject:" and the subject`}},
		"an empty subject":            {map[string]string{"en/recover.txt": "Subject:  \n\n{{.Link}}"}, []string{"en/recover.txt: its first line"}},
		"an empty file":               {map[string]string{"en/recover.txt": " "}, []string{"en/recover.txt: its first line"}},
		"an unknown variable":         {map[string]string{"en/recover.txt": "Subject: x\n\n{{.Link}} {{.Name}}"}, []string{"en/recover.txt: unknown variable {{.Name}}", ".Service"}},
		"one in the subject":          {map[string]string{"en/recover.txt": "Subject: {{.Name}}\n\n{{.Link}}"}, []string{"en/recover.txt: unknown variable {{.Name}}"}},
		"one in a branch":             {map[string]string{"en/recover.txt": "Subject: x\n\n{{.Link}}{{if eq .Code \"never\"}}{{.Name}}{{end}}"}, []string{"unknown variable {{.Name}}"}},
		"one in HTML":                 {map[string]string{"de/recover.html": `<a href="{{.Link}}">{{with .Code}}{{else}}{{.Passwort}}{{end}}</a>`}, []string{"de/recover.html: unknown variable {{.Passwort}}"}},
		"one in the layout":           {map[string]string{"layout.html": `<title>{{.Title}}</title>{{template "content" .}}`}, []string{"unknown variable {{.Title}}"}},
		"no link in the text":         {map[string]string{"en/recover.txt": "Subject: x\n\nHello"}, []string{"en/recover.txt: it lacks {{.Link}}"}},
		"no link in the HTML":         {map[string]string{"en/recover.html": "<p>Hello</p>"}, []string{`en/recover.html: it lacks href="{{.Link}}"`}},
		"not a template":              {map[string]string{"en/recover.txt": "Subject: x\n\n{{.Link}"}, []string{"en/recover.txt"}},
		"HTML that is not a template": {map[string]string{"en/recover.html": `<a href="{{.Link}}">{{if}}`}, []string{"en/recover.html"}},
	} {
		_, err := texts.Read(folder(t, tc.changes), "Shop")
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", what, err, want)
			}
		}
	}
	if _, err := texts.Read(fstest.MapFS{"layout.html": {Data: []byte("x")}}, "Shop"); err == nil || !strings.Contains(err.Error(), "a folder for each language") {
		t.Errorf("no languages: %v", err)
	}
}
