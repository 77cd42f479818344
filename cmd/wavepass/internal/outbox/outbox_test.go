package outbox_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/outbox"
	"github.com/wavepass/wavepass/pkg/mail"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type world struct {
	t   *testing.T
	dir string
	box *outbox.Folder
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "outbox"), now: noon}
	var err error
	if w.box, err = outbox.Open(w.dir, func() time.Time { return w.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.box.Close() })
	return w
}

func (w *world) send(m mail.Mail) {
	w.t.Helper()
	if err := w.box.Send(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(time.Second)
}

func (w *world) get(path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "127.0.0.1:5000"
	for _, c := range change {
		c(r)
	}
	answer := httptest.NewRecorder()
	w.box.ServeHTTP(answer, r)
	return answer
}

var recovery = mail.Mail{
	Purpose: mail.Recover, To: "ada@example.com", Subject: "Grüße & <b>more</b>", Text: "Hello\n\nhttps://id.example.com/l?a=1&b=2\n<script>x</script>\n", HTML: "<p>Hello</p>",
}

func TestMailIsTwoFilesThatOnlyTheirOwnerReads(t *testing.T) {
	w := newWorld(t)
	w.send(recovery)
	entries, err := os.ReadDir(w.dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v; want two files", entries, err)
	}
	for i, ending := range []string{"html", "txt"} {
		info, err := entries[i].Info()
		if err != nil || info.Mode().Perm() != 0o600 || !regexp.MustCompile(`^20260301-120000\.000_recover_ada@example\.com_[A-Z2-7]{4}\.`+ending+`$`).MatchString(info.Name()) {
			t.Errorf("%v, %v", info, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(w.dir, entries[1].Name()))
	if want := "To: ada@example.com\nSubject: Grüße & <b>more</b>\nDate: 2026-03-01T12:00:00Z\n\n" + recovery.Text; err != nil || string(text) != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
	if info, err := os.Stat(w.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestAddressNamesNoFileElsewhere(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{"../../x@example.com", "a/b@example.com", `a\b@example.com`, strings.Repeat("a", 240) + "@example.com", "a'{}|~!#$%&*=?^`@example.com"} {
		m := recovery
		m.To = to
		w.send(m)
	}
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 10 {
		t.Errorf("%d files, %v; want 10", len(entries), err)
	}
	if got := w.get("/outbox").Body.String(); strings.Count(got, "<li>") != 5 {
		t.Errorf("the page shows %d mails, want 5", strings.Count(got, "<li>"))
	}
}

func TestPageShowsTheNewestMailFirstAndEachInFull(t *testing.T) {
	w := newWorld(t)
	if got := w.get("/outbox"); got.Code != 200 || !strings.Contains(got.Body.String(), "There are no mails yet") {
		t.Errorf("empty: %d %s", got.Code, got.Body)
	}
	w.send(recovery)
	second := recovery
	second.Subject = "Second"
	w.send(second)
	list := w.get("/outbox").Body.String()
	links := regexp.MustCompile(`href="(/outbox/2026[^"]+)">([^<]+)<`).FindAllStringSubmatch(list, -1)
	if len(links) != 2 || links[0][2] != "Second" || links[1][2] != "Grüße &amp; &lt;b&gt;more&lt;/b&gt;" {
		t.Fatalf("links %q", links)
	}
	one := w.get(links[1][1])
	if body := one.Body.String(); one.Code != 200 || !strings.Contains(body, `<a href="https://id.example.com/l?a=1&amp;b=2">`) || strings.Contains(body, "<script>") || !strings.Contains(body, `<iframe sandbox title`) {
		t.Errorf("%d %s", one.Code, body)
	}
	if policy := one.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy of the page %q", policy)
	}
	html := w.get(links[1][1] + ".html")
	if policy := html.Header().Get("Content-Security-Policy"); html.Body.String() != recovery.HTML || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "allow-") || strings.Contains(policy, "script") {
		t.Errorf("%s, policy %q", html.Body, policy)
	}
	if css := w.get("/outbox/page.css"); css.Code != 200 || !strings.HasPrefix(css.Header().Get("Content-Type"), "text/css") {
		t.Errorf("style sheet: %d", css.Code)
	}
	for _, answer := range []*httptest.ResponseRecorder{one, html} {
		if answer.Header().Get("Referrer-Policy") != "no-referrer" || answer.Header().Get("Cache-Control") != "no-store" || answer.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("headers %v", answer.Header())
		}
	}
}

func TestOutboxIsShownToThisMachineOnlyAndOnlyRead(t *testing.T) {
	w := newWorld(t)
	w.send(recovery)
	for _, remote := range []string{"192.0.2.1:5000", "[2001:db8::1]:5000", "nonsense"} {
		if got := w.get("/outbox", func(r *http.Request) { r.RemoteAddr = remote }); got.Code != 403 || strings.Contains(got.Body.String(), "ada@") {
			t.Errorf("%s: %d %s", remote, got.Code, got.Body)
		}
	}
	if got := w.get("/outbox", func(r *http.Request) { r.RemoteAddr = "[::1]:5000" }); got.Code != 200 {
		t.Errorf("::1: %d", got.Code)
	}
	if got := w.get("/outbox", func(r *http.Request) { r.Method = "POST" }); got.Code != 405 {
		t.Errorf("POST: %d", got.Code)
	}
}

func TestNothingButMailsIsShown(t *testing.T) {
	w := newWorld(t)
	const name = "20260301-120000.000_recover_x_AAAA"
	secret := filepath.Join(filepath.Dir(w.dir), "secret.txt")
	for path, text := range map[string]string{secret: "secret", filepath.Join(w.dir, "other.txt"): "secret", filepath.Join(w.dir, "other.html"): "secret"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(w.dir, name+".txt")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/outbox/other", "/outbox/other.html", "/outbox/..%2Fsecret", "/outbox/../secret", "/outbox/" + name, "/outbox/" + name + ".html", "/outbox/page.html"} {
		if got := w.get(path); got.Code == 200 || strings.Contains(got.Body.String(), "secret\n") && got.Code == 200 {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	if got := w.get("/outbox").Body.String(); strings.Contains(got, "<li>") {
		t.Errorf("the page shows %s", got)
	}
}
