package metadata_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/metadata"
)

const (
	id       = "https://example.com/client.json" // which httptest's certificate is for
	callback = "http://127.0.0.1/cb"
	good     = `{"client_id":"` + id + `","client_name":"Agent","redirect_uris":["` + callback + `"]}`
)

// world is a network in which every connection leads to one server on this machine, whatever address it is for. The addresses of names are
// those that the test gives.
type world struct {
	roots  *x509.CertPool
	server string

	mu     sync.Mutex
	found  [][]string // by look-up; the last one for all that follow
	looked int
	dialed []string
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	found := w.found[min(w.looked, len(w.found)-1)]
	w.looked++
	var all []netip.Addr
	for _, text := range found {
		all = append(all, netip.MustParseAddr(text))
	}
	return all, nil
}

func (w *world) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, address)
	w.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, w.server)
}

func (w *world) Roots() *x509.CertPool { return w.roots }

// serve returns a network whose names lead to 93.184.215.14, where handler answers.
func serve(t *testing.T, handler http.HandlerFunc) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	w := &world{roots: x509.NewCertPool(), server: server.Listener.Addr().String(), found: [][]string{{"93.184.215.14"}}}
	w.roots.AddCert(server.Certificate())
	return w
}

// says answers with a body of application/json, and with headers like "Name: value".
func says(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, body)
	}
}

// read reads and parses the document at an address, as a sign-in does.
func read(t *testing.T, w *world, address string) (metadata.Document, error) {
	t.Helper()
	body, _, err := metadata.NewFetcher(w).Read(t.Context(), address)
	if err != nil {
		return metadata.Document{}, err
	}
	return metadata.Parse(address, body)
}

func TestGoodDocumentIsRead(t *testing.T) {
	asked := 0
	w := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Method != http.MethodGet || r.URL.RequestURI() != "/client.json" || r.Host != "example.com" || r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
			t.Errorf("asked %s %s of %s with %v", r.Method, r.URL, r.Host, r.Header)
		}
		says(good)(w, r)
	})
	d, err := read(t, w, id)
	if err != nil || d.ID != id || d.Name != "Agent" || len(d.Redirects) != 1 || d.Redirects[0] != callback {
		t.Errorf("got %+v, %v", d, err)
	}
	if asked != 1 || w.looked != 1 || fmt.Sprint(w.dialed) != "[93.184.215.14:443]" {
		t.Errorf("asked %d times, looked up %d times, connected to %v", asked, w.looked, w.dialed)
	}
	body := good[:len(good)-1] + `,"logo_uri":"` + strings.Repeat("x", metadata.MaxDocument-len(good)-len(`,"logo_uri":""`)) + `"}`
	if _, err := read(t, serve(t, says(body)), id); err != nil || len(body) != metadata.MaxDocument {
		t.Errorf("a document of %d bytes: %v", len(body), err)
	}
	for _, address := range []string{"2606:2800:21f:cb07::1", "::ffff:93.184.215.14"} { // resolvers write IPv4 in either form
		w := serve(t, says(good))
		w.found = [][]string{{address}}
		if _, err := read(t, w, id); err != nil {
			t.Errorf("at %s: %v", address, err)
		}
	}
}

func TestNoRequestLeavesForAnAddressThatIsNotPublic(t *testing.T) {
	private := []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
		"169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "198.51.100.7", "203.0.113.9",
		"198.18.0.1", "198.19.255.255", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::7f00:1", "::169.254.169.254",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::", "2002:a9fe:a9fe::1", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
	}
	for _, address := range private {
		for name, found := range map[string][]string{"alone": {address}, "after a public one": {"93.184.215.14", address}, "before a public one": {address, "93.184.215.14"}} {
			w := serve(t, says(good))
			w.found = [][]string{found}
			_, err := read(t, w, id)
			var refused *metadata.Error
			if !errors.As(err, &refused) || refused.Unreachable || len(w.dialed) > 0 {
				t.Errorf("%s, %s: %v, connected to %v", address, name, err, w.dialed)
			}
		}
	}
	if len(private) < 50 {
		t.Errorf("only %d addresses", len(private))
	}
}

// A name that leads elsewhere a moment later: there is no second look-up, so what was checked is what is asked.
func TestNameThatChangesBetweenLookUpAndConnection(t *testing.T) {
	w := serve(t, says(good))
	w.found = [][]string{{"93.184.215.14"}, {"127.0.0.1"}}
	if _, err := read(t, w, id); err != nil {
		t.Errorf("the public address: %v", err)
	}
	if fmt.Sprint(w.dialed) != "[93.184.215.14:443]" || w.looked != 1 {
		t.Errorf("looked up %d times, connected to %v", w.looked, w.dialed)
	}
	if _, err := read(t, w, id); err == nil || len(w.dialed) != 1 {
		t.Errorf("the private one: %v, connected to %v", err, w.dialed)
	}
}

func TestHostileIDs(t *testing.T) {
	for _, address := range []string{
		"", "https", "https:", "https://", "https:///client.json", "http://example.com/client.json", "ftp://example.com/c", "HTTPS://example.com/c", "https:example.com/c",
		"https://example.com", "https://example.com/", "https://example.com?x=1", "https://example.com/c?x=1", "https://example.com/c?", "https://example.com/c#f", "https://example.com/c#",
		"https://ada@example.com/c", "https://ada:secret@example.com/c", "https://example.com:443/c", "https://example.com:8443/c", "https://example.com:/c", "https://example.com:0/c",
		"https://EXAMPLE.com/c", "https://exämple.com/c", "https://example.com/ä", "https://example.com/c d", "https://example.com/c\n", "https://example.com/\x00", "https://example.com\\@evil.example/c",
		"https://example.com/../c", "https://example.com/a/./c", "https://example.com/a/%2e%2e/c", "https://example.com/a%5cb", "https://example.com/%00", "https://example.com/%zz",
		"https://127.0.0.1/c", "https://[::1]/c", "https://[::ffff:127.0.0.1]/c", "https://2130706433/c", "https://0x7f.1/c", "https://0177.0.0.1/c", "https://localhost/c", "https://metadata/c", "https://-a.example/c",
		"https://example.com./c", "https://.example.com/c", "https://a..example.com/c", "https://*.example.com/c", "https://example.com/" + strings.Repeat("a", 200), "https://" + strings.Repeat("a.", 300) + "example/c",
		" https://example.com/c", "https://example.com/c ", "javascript:alert(1)", "data:application/json,{}", "file:///etc/passwd", "urn:uuid:1", "//example.com/c", "app", "https://example.com/<script>",
	} {
		w := serve(t, says(good))
		var refused *metadata.Error
		if _, err := read(t, w, address); !errors.As(err, &refused) || w.looked+len(w.dialed) > 0 {
			t.Errorf("%q: %v, looked up %d times, connected to %v", address, err, w.looked, w.dialed)
		}
	}
}

func TestHostileAnswers(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", id)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, good)
		}
	}
	padded := func(n int) string {
		return good[:len(good)-1] + `,"logo_uri":"` + strings.Repeat("x", n-len(good)-len(`,"logo_uri":""`)) + `"}`
	}
	for name, tc := range map[string]struct {
		handler     http.HandlerFunc
		unreachable bool
		says        string
	}{
		"301":                       {status(301), false, "redirects"},
		"302":                       {status(302), false, "redirects"},
		"303":                       {status(303), false, "redirects"},
		"307":                       {status(307), false, "redirects"},
		"308":                       {status(308), false, "redirects"},
		"201":                       {status(201), false, "status 201"},
		"206":                       {status(206), false, "status 206"},
		"401":                       {status(401), false, "status 401"},
		"404":                       {status(404), false, "status 404"},
		"410":                       {status(410), false, "status 410"},
		"429":                       {status(429), true, "status 429"},
		"500":                       {status(500), true, "status 500"},
		"503":                       {status(503), true, "status 503"},
		"HTML":                      {says("<!doctype html><title>Hello</title>", "Content-Type: text/html; charset=utf-8"), false, "not application/json"},
		"JSON as text":              {says(good, "Content-Type: text/plain"), false, "not application/json"},
		"JSON as a script":          {says(good, "Content-Type: application/javascript"), false, "not application/json"},
		"no type":                   {says(good, "Content-Type: "), false, "not application/json"},
		"a malformed type":          {says(good, "Content-Type: application/json; ="), false, "not application/json"},
		"compressed":                {says("\x1f\x8b", "Content-Encoding: gzip"), false, "compressed"},
		"5,001 bytes":               {says(padded(metadata.MaxDocument + 1)), false, "more than 5000 bytes"},
		"5,001 bytes in pieces":     {pieces(padded(metadata.MaxDocument + 1)), false, "more than 5000 bytes"},
		"a length that is not true": {lying, true, "cut off"},
		"endless":                   {endless, false, "more than 5000 bytes"},
		"endless headers":           {says(good, "X-Long: "+strings.Repeat("x", 100_000)), true, "could not be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, serve(t, tc.handler), id)
			var refused *metadata.Error
			if !errors.As(err, &refused) || refused.Unreachable != tc.unreachable || !strings.Contains(refused.Says, tc.says) {
				t.Errorf("%v, want %q, unreachable: %t", err, tc.says, tc.unreachable)
			}
		})
	}
}

// pieces answers without saying how long the answer is.
func pieces(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, piece := range []string{body[:100], body[100:]} {
			_, _ = io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	}
}

func lying(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, good)
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, strings.Repeat(" ", 1000)); err != nil {
			return
		}
	}
}

func TestSlowHostsAreGivenUpAfterThreeSeconds(t *testing.T) {
	stop := func(r *http.Request) { <-r.Context().Done() }
	for name, handler := range map[string]http.HandlerFunc{
		"never answers": func(_ http.ResponseWriter, r *http.Request) { stop(r) },
		"never ends": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, good[:20])
			w.(http.Flusher).Flush()
			stop(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := read(t, serve(t, handler), id)
			var refused *metadata.Error
			if took := time.Since(began); !errors.As(err, &refused) || !refused.Unreachable || took < 2*time.Second {
				t.Errorf("%v after %s", err, took)
			}
		})
	}
}

func TestHostsThatCannotBeAsked(t *testing.T) {
	unknown := serve(t, says(good))
	unknown.found = nil
	none := serve(t, says(good))
	none.found = [][]string{{}}
	stranger := serve(t, says(good))
	stranger.roots = x509.NewCertPool()
	closed := serve(t, says(good))
	closed.server = "127.0.0.1:1"
	old := httptest.NewUnstartedServer(says(good))
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	oldTLS := &world{roots: x509.NewCertPool(), server: old.Listener.Addr().String(), found: [][]string{{"93.184.215.14"}}}
	oldTLS.roots.AddCert(old.Certificate())
	for name, w := range map[string]*world{"unknown name": unknown, "no address": none, "unknown authority": stranger, "nobody listens": closed, "TLS 1.1": oldTLS} {
		_, err := read(t, w, id)
		var refused *metadata.Error
		if !errors.As(err, &refused) || !refused.Unreachable {
			t.Errorf("%s: %v, want that it is unreachable", name, err)
		}
	}
	if _, err := read(t, serve(t, says(good)), "https://another.test/client.json"); err == nil {
		t.Error("a certificate for another host was taken")
	}
	if w := serve(t, says(good)); true {
		t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
		if _, err := read(t, w, id); err != nil {
			t.Errorf("with a proxy in the environment, which would look the name up itself: %v", err)
		}
	}
}
