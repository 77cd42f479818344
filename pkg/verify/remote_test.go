package verify_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/verify"
)

func TestKeysOfEachAlgorithmAreFound(t *testing.T) {
	for alg, signer := range signers {
		for how, change := range map[string]func(*verify.Config){
			"by discovery": nil,
			"by address":   func(cfg *verify.Config) { cfg.JWKSAddress = issuer + keySetPath },
		} {
			r := newResource(t, signer(), change)
			r.accepts(fmt.Sprint(alg, " ", how))
			if discovered := r.site.count(metadataPath) == 1; discovered != (change == nil) {
				t.Errorf("%s %s: metadata was asked for %d times", alg, how, r.site.count(metadataPath))
			}
		}
	}
}

// An issuer with a path has its metadata below that path.
func TestIssuerWithAPathIsDiscovered(t *testing.T) {
	const own = issuer + "/auth"
	r := newResource(t, es256(), func(cfg *verify.Config) { cfg.Issuer = own })
	r.site.answers = map[string]page{
		"/auth" + metadataPath: {status: 200, body: strings.ReplaceAll(metadata, issuer, own), media: "application/json"},
		"/auth" + keySetPath:   {status: 200, body: r.issuer.jwks, media: "application/json"},
	}
	if err := r.verify(r.issuer.sign(own, start, nil)); err != nil {
		t.Error(err)
	}
	refused(t, r.verify(r.good()), "iss")
}

func TestConfigIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*verify.Config)
		names  string // the field; "" when the configuration is good
	}{
		"good":                      {func(*verify.Config) {}, ""},
		"an issuer with a path":     {func(c *verify.Config) { c.Issuer += "/auth" }, ""},
		"no issuer":                 {func(c *verify.Config) { c.Issuer = "" }, "Issuer"},
		"issuer without a host":     {func(c *verify.Config) { c.Issuer = "https://" }, "Issuer"},
		"issuer by http":            {func(c *verify.Config) { c.Issuer = "http://id.example" }, "Issuer"},
		"issuer of this machine":    {func(c *verify.Config) { c.Issuer = "http://localhost:3000" }, "Issuer"},
		"issuer with a slash":       {func(c *verify.Config) { c.Issuer += "/" }, "Issuer"},
		"issuer with a query":       {func(c *verify.Config) { c.Issuer += "?a=b" }, "Issuer"},
		"issuer with a user":        {func(c *verify.Config) { c.Issuer = "https://u:p@id.example" }, "Issuer"},
		"issuer is a file":          {func(c *verify.Config) { c.Issuer = "file:///keys" }, "Issuer"},
		"no audience":               {func(c *verify.Config) { c.Audience = "" }, "Audience"},
		"key set by http":           {func(c *verify.Config) { c.JWKSAddress = "http://id.example/jwks" }, "JWKSAddress"},
		"key set in a file":         {func(c *verify.Config) { c.JWKSAddress = "/etc/jwks.json" }, "JWKSAddress"},
		"negative staleness":        {func(c *verify.Config) { c.MaxStale = -1 }, "MaxStale"},
		"staleness of a day":        {func(c *verify.Config) { c.MaxStale = 24 * time.Hour }, ""},
		"a scope that is none":      {func(c *verify.Config) { c.Scopes = []string{`a"b`} }, "Scopes"},
		"an empty key set":          {func(c *verify.Config) { c.KeySet = []byte(`{"keys":[]}`) }, "KeySet"},
		"staleness over a day":      {func(c *verify.Config) { c.MaxStale = 24*time.Hour + 1 }, "MaxStale"},
		"loopback, by name":         {func(c *verify.Config) { c.Issuer, c.InsecureLoopbackHTTP = "http://localhost:3000", true }, ""},
		"loopback, by address":      {func(c *verify.Config) { c.Issuer, c.InsecureLoopbackHTTP = "http://[::1]:3000", true }, ""},
		"loopback only":             {func(c *verify.Config) { c.Issuer, c.InsecureLoopbackHTTP = "http://10.0.0.1", true }, "Issuer"},
		"loopback, another's name":  {func(c *verify.Config) { c.Issuer, c.InsecureLoopbackHTTP = "http://localhost.example", true }, "Issuer"},
		"loopback, another's alias": {func(c *verify.Config) { c.Issuer, c.InsecureLoopbackHTTP = "http://127.0.0.1.example", true }, "Issuer"},
	} {
		cfg := verify.Config{Issuer: issuer, Audience: audience}
		tc.change(&cfg)
		_, err := verify.New(cfg)
		if (err == nil) != (tc.names == "") || err != nil && !strings.HasPrefix(err.Error(), "verify: "+tc.names) {
			t.Errorf("%s: error %v, want one that names %q", name, err, tc.names)
		}
	}
}

// Every way in which an issuer can answer wrongly leaves the verifier without keys: it lets nobody in.
func TestWrongAnswersOfTheIssuerAreNotRead(t *testing.T) {
	f := es256()
	other := signers[keyring.EdDSA]().jwks
	for name, tc := range map[string]struct {
		path   string
		change func(*page)
	}{
		"key set: not found":           {keySetPath, func(p *page) { p.status = 404 }},
		"key set: partial":             {keySetPath, func(p *page) { p.status = 206 }},
		"key set: redirect with keys":  {keySetPath, func(p *page) { p.status = 302 }},
		"key set: not modified":        {keySetPath, func(p *page) { p.status = 304 }},
		"key set: no type":             {keySetPath, func(p *page) { p.media = "" }},
		"key set: HTML":                {keySetPath, func(p *page) { p.media = "text/html" }},
		"key set: text":                {keySetPath, func(p *page) { p.media = "text/plain" }},
		"key set: 64 KB and a byte":    {keySetPath, func(p *page) { p.body += strings.Repeat(" ", 64<<10+1-len(p.body)) }},
		"key set: empty":               {keySetPath, func(p *page) { p.body = "" }},
		"key set: cut off":             {keySetPath, func(p *page) { p.body = p.body[:len(p.body)-2] }},
		"metadata: not found":          {metadataPath, func(p *page) { p.status = 404 }},
		"metadata: redirect":           {metadataPath, func(p *page) { p.status = 301 }},
		"metadata: HTML":               {metadataPath, func(p *page) { p.media = "text/html" }},
		"metadata: not JSON":           {metadataPath, func(p *page) { p.body = "issuer" }},
		"metadata: another issuer":     {metadataPath, func(p *page) { p.body = strings.Replace(p.body, issuer, "https://evil.example", 1) }},
		"metadata: issuer and a slash": {metadataPath, func(p *page) { p.body = strings.Replace(p.body, issuer, issuer+"/", 1) }},
		"metadata: issuer twice":       {metadataPath, func(p *page) { p.body = `{"issuer":"https://evil.example",` + p.body[1:] }},
		"metadata: no jwks_uri":        {metadataPath, func(p *page) { p.body = `{"issuer":"` + issuer + `"}` }},
		"metadata: jwks_uri by http":   {metadataPath, func(p *page) { p.body = strings.Replace(p.body, issuer+"/.", "http://id.example/.", 1) }},
		"metadata: 64 KB and a byte":   {metadataPath, func(p *page) { p.body += strings.Repeat(" ", 64<<10+1-len(p.body)) }},
		"key set: somebody else's key": {keySetPath, func(p *page) { p.body = other }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResource(t, f, nil)
			p := r.site.answers[tc.path]
			tc.change(&p)
			r.site.answers[tc.path] = p
			if p.body == other {
				refused(t, r.verify(r.good()), notOurs)
				return
			}
			r.cannotTell(name, r.good())
		})
	}
}

func TestLargestDocumentsAreRead(t *testing.T) {
	r := newResource(t, es256(), nil)
	for path, p := range r.site.answers {
		p.body += strings.Repeat(" ", 64<<10-len(p.body))
		p.media = "application/jwk-set+json; charset=utf-8"
		r.site.answers[path] = p
	}
	r.accepts("with documents of 64 KB")
}

// A redirect is not followed even where following it would give the keys.
func TestRedirectsAreNotFollowed(t *testing.T) {
	f := es256()
	followed := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		followed = true
		_, _ = w.Write([]byte(f.jwks))
	}))
	defer server.Close()
	caller := server.Client()
	for path, want := range map[string]error{"/direct": nil, "/keys": verify.ErrUnavailable} {
		r := newResource(t, f, func(cfg *verify.Config) { cfg.Client, cfg.JWKSAddress = caller, server.URL+path })
		if followed = false; !errors.Is(r.verify(r.good()), want) || followed != (want == nil) {
			t.Errorf("%s: followed: %v; want the error %v", path, followed, want)
		}
	}
	if caller.CheckRedirect != nil {
		t.Error("the caller's own client was changed")
	}
}

func TestUntrustedCertificateIsAnOutage(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	r := newResource(t, es256(), func(cfg *verify.Config) { cfg.Client, cfg.JWKSAddress = nil, server.URL })
	err := r.verify(r.good())
	if !errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want ErrUnavailable for the certificate", err)
	}
}
