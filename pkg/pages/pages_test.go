package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/pages"
)

func draw(t *testing.T, l pages.Looks) *pages.Pages {
	t.Helper()
	p, err := pages.New(l)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	english = pages.Languages{}
	german  = pages.Languages{Wanted: []string{"fr", "de-AT"}}
)

// each draws one page of every kind, whose values are all text.
func each(p *pages.Pages, l pages.Languages, text string) map[string]pages.Page {
	form := pages.Form{Base: "/tenant", Request: text, Token: text}
	drawn := map[string]pages.Page{
		"signin":          p.SignIn(l, pages.SignIn{Form: form, Client: text, Username: text, Providers: []pages.Button{{ID: text, Name: text}}}),
		"signin too many": p.SignIn(l, pages.SignIn{Form: form, Client: text, Problem: pages.TooMany, Wait: 7}),
		"consent":         p.Consent(l, pages.Consent{Form: form, Client: text, Host: text, Local: true, Username: text, Scopes: []pages.Scope{{"openid"}, {"profile"}, {"email"}, {text}}}),
		"goon client":     p.GoOn(l, pages.GoOn{Address: "https://app.example/cb?code=" + text, Client: text}),
		"goon":            p.GoOn(l, pages.GoOn{Address: "/authorize?x"}),
		"signout":         p.SignOut(l, pages.SignOut{Form: form, Username: text}),
		"signedout":       p.SignedOut(l),
	}
	for _, what := range []pages.Mailed{pages.SigningUp, pages.Recovering} {
		drawn[string(what)+" ask"] = p.Ask(l, pages.Ask{What: what, Base: "/tenant", Email: text, Problem: pages.NoAddress})
		drawn[string(what)+" choose"] = p.Choose(l, pages.Choose{What: what, Base: "/tenant", Email: text, Code: text, Problem: pages.WrongCode})
		drawn[string(what)+" choose by link"] = p.Choose(l, pages.Choose{What: what, Base: "/tenant", Link: text, Problem: pages.PasswordCharacter})
		drawn[string(what)+" chosen"] = p.Chosen(l, pages.Chosen{What: what, Username: text})
	}
	drawn["change"] = p.Change(l, pages.Change{Base: "/tenant", Username: text, Email: text, Problem: pages.WrongPassword})
	drawn["confirm by link"] = p.Confirm(l, pages.Confirm{Base: "/tenant", Link: text})
	drawn["confirm by code"] = p.Confirm(l, pages.Confirm{Base: "/tenant", Subject: text, Email: text, Code: text, Problem: pages.WrongCode})
	drawn["email chosen"] = p.Chosen(l, pages.Chosen{What: pages.Changing, Username: text})
	drawn["takeback choose"] = p.Choose(l, pages.Choose{What: pages.TakingBack, Base: "/tenant", Link: text, Problem: pages.PasswordCharacter})
	drawn["close"] = p.Close(l, pages.Close{Base: "/tenant", Username: text, Token: text, Problem: pages.WrongPassword})
	drawn["closed"] = p.Chosen(l, pages.Chosen{What: pages.Closing})
	drawn["close, an old login"] = p.Close(l, pages.Close{Problem: pages.OldLogin})
	drawn["close, a password"] = p.Close(l, pages.Close{Problem: pages.HasPassword})
	drawn["keep"] = p.Keep(l, pages.Keep{Base: "/tenant", Link: text})
	drawn["keep chosen"] = p.Chosen(l, pages.Chosen{What: pages.Keeping, Username: text})
	drawn["takeback chosen"] = p.Chosen(l, pages.Chosen{What: pages.TakingBack})
	for _, problem := range []pages.Problem{
		pages.WrongPassword, pages.NoCookies, pages.Stale, pages.Unavailable, pages.Internal, pages.BadRequest, pages.Denied, pages.NotOurs,
		pages.ProviderFails, pages.Disabled, pages.DeadLink, pages.DeadTakeBack, pages.AddressTaken, pages.Closed, pages.NoDocument, pages.TooManyDocuments,
	} {
		drawn["failed "+string(problem)] = p.Failed(l, pages.Failed{Problem: problem, Detail: text, Trace: text, Again: "/authorize?" + text})
	}
	return drawn
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	p := draw(t, pages.Looks{Name: "Acme & Sons"})
	for _, tc := range []struct {
		languages pages.Languages
		tag, word string
	}{
		{english, "en", "Sign in"}, {german, "de", "Anmelden"},
		{pages.Languages{Accept: "de;q=0.8, fr"}, "de", "Anmelden"},
		{pages.Languages{Wanted: []string{"en"}, Accept: "de"}, "en", "Sign in"},
		{pages.Languages{Wanted: []string{"-", "fr"}, Accept: ";;"}, "en", "Sign in"},
	} {
		for name, page := range each(p, tc.languages, "x") {
			text := string(page.HTML)
			if !strings.Contains(text, `<html lang="`+tc.tag+`">`) || !strings.Contains(text, "Acme &amp; Sons") || strings.Contains(text, "%!") {
				t.Errorf("%+v %s:\n%s", tc.languages, name, text)
			}
		}
		if page := p.SignIn(tc.languages, pages.SignIn{}); !strings.Contains(string(page.HTML), "<h1>"+tc.word+"</h1>") {
			t.Errorf("%+v: want %q in\n%s", tc.languages, tc.word, page.HTML)
		}
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	read := func(name string) map[string]string {
		document, err := os.ReadFile("texts/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		if err := json.Unmarshal(document, &texts); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	verbs := regexp.MustCompile(`%.`)
	en, de := read("en"), read("de")
	for key, text := range en {
		if other, ok := de[key]; !ok || !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(other, -1)) {
			t.Errorf("%s: %q in English, %q in German: want both, with the same values in them", key, text, other)
		}
	}
	for key := range de {
		if en[key] == "" {
			t.Errorf("%s has no English text", key)
		}
	}
}

var hostileValues = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus=alert(1) autofocus x='`, `</style><script>alert(1)</script>`,
	`{{.Client}}`, `javascript:alert(1)`, "\x00\u2028<svg/onload=alert(1)>", `&lt;script&gt;`, `--><script>alert(1)</script>`,
}

// A value of a stranger is text wherever it stands.
func TestHostileValuesStayText(t *testing.T) {
	p := draw(t, pages.Looks{})
	for _, hostile := range hostileValues {
		plain := each(p, english, "x")
		for name, page := range each(p, english, hostile) {
			// The elements and the names of their attributes are those of the page with a harmless value.
			if got, want := skeleton(page.HTML), skeleton(plain[name].HTML); got != want {
				t.Errorf("%s with %q has other elements:\n%s\nwant\n%s", name, hostile, got, want)
			}
		}
	}
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	quoted = regexp.MustCompile(`"[^"]*"`)
)

func skeleton(document []byte) string {
	return quoted.ReplaceAllString(strings.Join(tags.FindAllString(string(document), -1), "\n"), `""`)
}

func TestPagesHaveNoScriptAndOneStyleSheet(t *testing.T) {
	p := draw(t, pages.Looks{Logo: "https://acme.example/logo.svg"})
	for name, page := range each(p, english, "x") {
		policy := page.Headers["Content-Security-Policy"]
		_, rest, _ := strings.Cut(string(page.HTML), "<style>")
		style, rest, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src https://acme.example/logo.svg"
		if policy != want {
			t.Errorf("%s: policy %s, want %s", name, policy, want)
		}
		if strings.Contains(rest, "<style") || strings.Contains(string(page.HTML), "<script") || strings.Contains(rest, " style=") || page.Headers["Referrer-Policy"] != "same-origin" || page.Headers["Cross-Origin-Opener-Policy"] != "same-origin" {
			t.Errorf("%s has a script, a second style, another Referrer-Policy or no Cross-Origin-Opener-Policy: %v\n%s", name, page.Headers, rest)
		}
	}
}

func TestGoingOn(t *testing.T) {
	p := draw(t, pages.Looks{})
	for address, want := range map[string]string{
		"https://app.example/cb?code=1&state=2": "https://app.example/cb?code=1&state=2",
		"com.example.app:/cb?code=1":            "com.example.app:/cb?code=1",
		"/authorize?x=1":                        "/authorize?x=1",
		"javascript:alert(1)":                   "/",
		"JavaScript:alert(1)":                   "/",
		"data:text/html,x":                      "/",
	} {
		page := p.GoOn(english, pages.GoOn{Address: address, Client: "app"})
		if page.Headers["Refresh"] != "0; url="+want || !strings.Contains(html.UnescapeString(string(page.HTML)), `<a href="`+want+`">`) {
			t.Errorf("%s: Refresh %q, want %q and a link to it:\n%s", address, page.Headers["Refresh"], want, page.HTML)
		}
	}
}

func TestLooks(t *testing.T) {
	for _, bad := range []pages.Looks{
		{Name: strings.Repeat("n", 65)}, {Name: "a\nb"}, {Logo: "http://acme.example/logo.png"}, {Logo: "https://acme.example/a;script-src *"},
		{Logo: "logo.png"}, {Colour: "blue"}, {Colour: "#12345"}, {Colour: "#12345g"}, {Colour: "#123456;}"}, {Colour: "#+12345"},
	} {
		if _, err := pages.New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for colour, want := range map[string][]string{
		"#0a5fd9": {"--accent:#0a5fd9", "--on-accent:#ffffff"},
		"#ffe04a": {"--accent:#ffe04a", "--on-accent:#000000"},
	} {
		text := string(draw(t, pages.Looks{Colour: colour}).SignedOut(english).HTML)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: want %s in the style", colour, part)
			}
		}
		if colour == "#0a5fd9" && !strings.Contains(text, ";--edge:#0a5fd9;--dark-edge:") || strings.Contains(text, "--dark-edge:"+colour) == (colour == "#0a5fd9") {
			t.Errorf("%s: its button has no edge that is seen on a dark card: %s", colour, text[strings.Index(text, "--edge"):][:60])
		}
		if colour == "#ffe04a" && strings.Contains(text, "--link:"+colour) {
			t.Error("links are of a colour that cannot be read on white")
		}
	}
}
