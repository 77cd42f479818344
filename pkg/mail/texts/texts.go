// Package texts owns what the mails say: it reads the texts of Wavepass or of an operator, and writes a mail out of one. Only what sends mails imports
// it, so that functions which merely order one start without the templates.
package texts

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode"

	"github.com/wavepass/wavepass/pkg/mail"
)

//go:embed de en layout.html
var embedded embed.FS

// Embedded are the texts of Wavepass itself, in English and German: a folder for each language, in it a text and an HTML file for each
// purpose, and beside the folders layout.html, which the HTML stands in.
func Embedded() fs.FS { return embedded }

// Texts are the texts of mails, read and checked. Safe for concurrent use.
type Texts struct {
	service   string
	languages map[string]map[mail.Purpose]text
}

// text is how the mails of one purpose look in one language.
type text struct {
	subject, plain *template.Template
	html           *htmltemplate.Template
}

// Variables are what texts can name. All of it is made by Wavepass or the operator, or is an address that has passed our checks:
// nothing that a stranger has typed stands in a mail, or sign-up would send anybody's words to anybody.
type Variables struct {
	Service    string // the name of the service
	Language   string // of the text, like de
	Subject    string // of this mail
	Address    string // that the mail goes to
	NewAddress string // of address_changing; empty: the account is to have none
	Link       string
	Code       string
	Minutes    int // that the link is good from now on
	Days       int // the same, in whole days, at least 1
}

const (
	layoutName    = "layout.html"
	subjectPrefix = "Subject: "
	otherLanguage = "en" // for those who read none of the languages, if there is one
)

// linked are the purposes whose mails are worth nothing without the link.
var linked = []mail.Purpose{mail.SignUp, mail.Recover, mail.ConfirmAddress, mail.Invitation, mail.AddressChanging, mail.Deletion}

// Read reads the texts of a folder like Embedded, for the service of that name. Its error names every file that is missing, every
// unknown variable, and every text that lacks what it must have.
func Read(folder fs.FS, service string) (*Texts, error) {
	layout, err := fs.ReadFile(folder, layoutName)
	if err != nil {
		return nil, fmt.Errorf("texts of mails: %s: %w", layoutName, reason(err))
	}
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, fmt.Errorf("texts of mails: %w", reason(err))
	}
	t := &Texts{service: oneLine(service), languages: map[string]map[mail.Purpose]text{}}
	var wrong []error
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		language := strings.ToLower(entry.Name())
		t.languages[language] = map[mail.Purpose]text{}
		for _, purpose := range mail.Purposes() {
			read, err := t.read(folder, path.Join(entry.Name(), string(purpose)), language, purpose, string(layout))
			if err != nil {
				wrong = append(wrong, err)
			}
			t.languages[language][purpose] = read
		}
	}
	if len(t.languages) == 0 {
		wrong = append(wrong, errors.New("want a folder for each language, like en"))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("texts of mails:\n%w", errors.Join(wrong...))
	}
	return t, nil
}

func (t *Texts) read(folder fs.FS, name, language string, purpose mail.Purpose, layout string) (text, error) {
	plain, plainErr := fs.ReadFile(folder, name+".txt")
	html, htmlErr := fs.ReadFile(folder, name+".html")
	for file, err := range map[string]error{name + ".txt": plainErr, name + ".html": htmlErr} {
		if err != nil {
			return text{}, fmt.Errorf("%s: %w", file, reason(err))
		}
	}
	first, body, _ := strings.Cut(strings.ReplaceAll(string(plain), "\r\n", "\n"), "\n")
	subject, ok := strings.CutPrefix(first, subjectPrefix)
	if !ok || strings.TrimSpace(subject) == "" {
		return text{}, fmt.Errorf("%s.txt: its first line must be %q and the subject", name, strings.TrimSpace(subjectPrefix))
	}
	var read text
	var err error
	if read.subject, err = plainTemplate(name+".txt", subject); err != nil {
		return text{}, err
	}
	if read.plain, err = plainTemplate(name+".txt", strings.TrimLeft(body, "\n")); err != nil {
		return text{}, err
	}
	read.html, err = htmltemplate.New(layoutName).Parse(layout)
	if err == nil {
		_, err = read.html.New("content").Parse(string(html))
	}
	for _, part := range read.html.Templates() {
		if err == nil && part.Tree != nil {
			err = onlyVariables(part.Tree)
		}
	}
	if err != nil {
		return text{}, fmt.Errorf("%s.html: %w", name, err)
	}
	return read, t.try(read, name, language, purpose)
}

func plainTemplate(name, source string) (*template.Template, error) {
	parsed, err := template.New(name).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, part := range parsed.Templates() {
		if err := onlyVariables(part.Tree); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return parsed, nil
}

// try writes a mail of made-up things: what fails here would fail when somebody waits for a mail.
func (t *Texts) try(read text, name, language string, purpose mail.Purpose) error {
	for _, sample := range []mail.Letter{
		{Purpose: purpose, Link: "https://sample.example/link?a=1&b=2", Code: "BCDFGHJKLM", Until: time.Unix(1800, 0)},
		{Purpose: purpose, Link: "https://sample.example/link?a=1&b=2"},
	} {
		m, err := read.write(t.variables(mail.Order{Address: "ada@example.com", NewAddress: "new@example.com"}, sample, language, time.Unix(0, 0)))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !slices.Contains(linked, purpose) {
			continue
		}
		if !strings.Contains(m.Text, sample.Link) {
			return fmt.Errorf("%s.txt: it lacks {{.Link}}", name)
		}
		if !strings.Contains(m.HTML, htmltemplate.HTMLEscapeString(sample.Link)) {
			return fmt.Errorf("%s.html: it lacks href=\"{{.Link}}\"", name)
		}
	}
	return nil
}

// Write writes the mail of an order, in the language that fits best.
func (t *Texts) Write(o mail.Order, l mail.Letter, now time.Time) (mail.Mail, error) {
	language := t.language(o.Language)
	m, err := t.languages[language][l.Purpose].write(t.variables(o, l, language, now))
	if err != nil {
		return mail.Mail{}, fmt.Errorf("mail: %s: %w", l.Purpose, err)
	}
	m.Purpose, m.To = l.Purpose, o.Address
	return m, nil
}

func (t *Texts) variables(o mail.Order, l mail.Letter, language string, now time.Time) Variables {
	v := Variables{Service: t.service, Language: language, Address: o.Address, NewAddress: o.NewAddress, Link: l.Link, Code: l.Code}
	if !l.Until.IsZero() {
		left := max(0, l.Until.Sub(now))
		v.Minutes, v.Days = int(left.Round(time.Minute)/time.Minute), max(1, int(left.Round(time.Hour)/(24*time.Hour)))
	}
	return v
}

func (t text) write(v Variables) (mail.Mail, error) {
	if t.subject == nil {
		return mail.Mail{}, errors.New("there is no text for it")
	}
	var subject, plain, html bytes.Buffer
	if err := t.subject.Execute(&subject, v); err != nil {
		return mail.Mail{}, err
	}
	v.Subject = oneLine(subject.String())
	if err := errors.Join(t.plain.Execute(&plain, v), t.html.Execute(&html, v)); err != nil {
		return mail.Mail{}, err
	}
	return mail.Mail{Subject: v.Subject, Text: plain.String(), HTML: html.String()}, nil
}

// language returns the one that fits a tag best: the same, or its first part, as de for de-AT.
func (t *Texts) language(tag string) string {
	for tag = strings.ToLower(tag); tag != ""; {
		if _, ok := t.languages[tag]; ok {
			return tag
		}
		cut := strings.LastIndexAny(tag, "-_")
		if cut < 0 {
			break
		}
		tag = tag[:cut]
	}
	if _, ok := t.languages[otherLanguage]; ok {
		return otherLanguage
	}
	return slices.Min(slices.Collect(maps.Keys(t.languages)))
}

// oneLine makes a space of whatever could end a line of a header.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}

// reason leaves out the path, which the caller has named.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// onlyVariables fails for a template that names what is none of Variables, in a branch that a sample may not come to.
func onlyVariables(tree *parse.Tree) error {
	var unknown error
	walk(tree.Root, func(field *parse.FieldNode) {
		if !slices.Contains(variableNames, field.Ident[0]) || len(field.Ident) > 1 {
			unknown = fmt.Errorf("unknown variable {{.%s}}: there are .%s", strings.Join(field.Ident, "."), strings.Join(variableNames, ", ."))
		}
	})
	return unknown
}
