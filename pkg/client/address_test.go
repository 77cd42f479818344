package client_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
)

// addresses is the table of what may be registered: per address what is said of it as an origin and as a redirect of a
// browser and of a native client, "" when it is accepted.
var addresses = []struct {
	text                    string
	origin, browser, native string
}{
	{"https://app.example.com", "", "", ""},
	{"https://app.example.com:8443", "", "", ""},
	{"https://xn--bcher-kva.example", "", "", ""},
	{"https://203.0.113.7", "", "", ""},
	{"https://[2001:db8::1]:8443", "", "", ""},
	{"http://127.0.0.1:5173", "", "", ""},
	{"http://127.0.0.1", "", "", ""},
	{"http://[::1]:5173", "", "", ""},
	{"http://localhost:5173", "", "", ""},
	{"https://app.example.com/", "https://app.example.com", "", ""},
	{"https://app.example.com/callback?from=wavepass", "https://app.example.com", "", ""},
	{"https://app.example.com/a%20b", "https://app.example.com", "", ""},
	{"com.example.app:/callback", "like https", "", ""},
	{"com.example.app://callback/x", "like https", "", ""},

	{"", "like https", "like https", "like https"},
	{"null", "like https", "like https", "like https"},
	{"*", "like https", "wildcards", "wildcards"},
	{"https://*.example.com", "wildcards", "wildcards", "wildcards"},
	{"https://app.example.com/*", "alone", "wildcards", "wildcards"},
	{"app.example.com/callback", "like https", "like https", "like https"},
	{"/callback", "like https", "like https", "like https"},
	{"//app.example.com/callback", "like https", "like https", "like https"},
	{"javascript:alert(1)", "like https", "a dot in it", "a dot in it"},
	{"data:text/html,x", "like https", "a dot in it", "a dot in it"},
	{"myapp:/callback", "like https", "a dot in it", "a dot in it"},
	{"ftp://app.example.com", "like https", "a dot in it", "a dot in it"},
	{"com.example_app:/callback", "like https", "_", "_"},
	{"com.example.app:callback", "like https", "com.example.app:/callback", "com.example.app:/callback"},
	{"COM.example.app:/callback", "like https", "like https", "like https"},
	{"HTTPS://app.example.com", "lower case", "like https", "like https"},
	{"https://App.example.com", "lower case", "lower case", "lower case"},
	{"http://app.example.com", "https", "https", "https"},
	{"http://192.168.0.7:5173", "https", "https", "https"},
	{"http://localhost.example.com", "https", "https", "https"},
	{"http://127.0.0.1.example.com", "https", "https", "https"},
	{"https://app.example.com:443", "default port", "", ""},
	{"https://app.example.com:", "default port", "a port behind it", "a port behind it"},
	{"https://app.example.com:0", "1 to 65535", "1 to 65535", "1 to 65535"},
	{"https://app.example.com:08443", "1 to 65535", "1 to 65535", "1 to 65535"},
	{"https://app.example.com:65536", "1 to 65535", "1 to 65535", "1 to 65535"},
	{"https://app.example.com:x", "like https", "like https", "like https"},
	{"https://ada@app.example.com", "alone", "user name", "user name"},
	{"https://ada:x@app.example.com", "alone", "user name", "user name"},
	{"https://@app.example.com", "alone", "user name", "user name"},
	{"https://app.example.com@evil.example", "alone", "user name", "user name"},
	{"https://app.example.com#top", "alone", "fragment", "fragment"},
	{"https://app.example.com/#", "alone", "fragment", "fragment"},
	{"https://app.example.com\\@evil.example", "like https", "percent-encode", "percent-encode"},
	{"https://app.example.com/a\\b", "alone", "percent-encode", "percent-encode"},
	{"https://app.example.com/a%5Cb", "alone", "backslash", "backslash"},
	{"https://app.example.com/../admin", "alone", "dot segment", "dot segment"},
	{"https://app.example.com/a/./b", "alone", "dot segment", "dot segment"},
	{"https://app.example.com/a/%2E%2e/b", "alone", "dot segment", "dot segment"},
	{"https://app.example.com/a/.%2e", "alone", "dot segment", "dot segment"},
	{"https://app.example.com/a%2", "like https", "like https", "like https"},
	{"https://app.example.com/ callback", "alone", "percent-encode", "percent-encode"},
	{"https://app.example.com/\n", "like https", "percent-encode", "percent-encode"},
	{"https://bücher.example", "xn--", "xn--", "xn--"},
	{"https://app..example.com", "xn--", "xn--", "xn--"},
	{"https://app.example.com.", "xn--", "xn--", "xn--"},
	{"https:///callback", "like https", "host", "host"},
	{"https:callback", "like https", "host", "host"},
	{"https://" + strings.Repeat("a", 600), "at most 512", "at most 512", "at most 512"},
}

func TestAddresses(t *testing.T) {
	for _, a := range addresses {
		for _, c := range []struct {
			field, says string
			kind        client.Kind
			put         func(*client.Client, []string)
		}{
			{"origins", a.origin, client.Browser, func(c *client.Client, list []string) { c.Origins = list }},
			{"redirects", a.browser, client.Browser, func(c *client.Client, list []string) { c.Redirects = list }},
			{"redirects", a.native, client.Native, func(c *client.Client, list []string) { c.Redirects = list }},
			{"redirects", a.native, client.Site, func(c *client.Client, list []string) { c.Redirects = list }},
			{"post_logout_redirects", a.native, client.Site, func(c *client.Client, list []string) { c.PostLogoutRedirects = list }},
			{"post_logout_redirects", a.browser, client.Browser, func(c *client.Client, list []string) { c.PostLogoutRedirects = list }},
		} {
			changed := client.New("c", c.kind)
			c.put(&changed, []string{"https://fine.example.com", a.text})
			err := changed.Check()
			begins := "client c: " + c.field + "[1] "
			switch {
			case c.says == "" && err != nil:
				t.Errorf("%q as one of the %s of a %s: %v, want it accepted", a.text, c.field, c.kind, err)
			case c.says != "" && err == nil:
				t.Errorf("%q as one of the %s of a %s was accepted, want an error that says %q", a.text, c.field, c.kind, c.says)
			case c.says != "" && (!strings.HasPrefix(err.Error(), begins) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%q as one of the %s of a %s: %v, want it to begin %q and to say %q", a.text, c.field, c.kind, err, begins, c.says)
			}
		}
	}
}

// FuzzAddress holds every address that is accepted to what a browser makes of it: the same text, and nothing that runs.
func FuzzAddress(f *testing.F) {
	for _, a := range addresses {
		f.Add(a.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []client.Kind{client.Browser, client.Site, client.Native} {
			origin, redirect := client.New("c", kind), client.New("c", kind)
			origin.Origins, redirect.Redirects = []string{text}, []string{text}
			asOrigin, asRedirect := origin.Check() == nil, redirect.Check() == nil
			if !asOrigin && !asRedirect {
				continue
			}
			u, err := url.Parse(text)
			if err != nil || u.String() != text || u.User != nil || strings.ContainsAny(text, "*#\\\t\r\n <>\"") {
				t.Fatalf("%q was accepted: %+v, %v", text, u, err)
			}
			if asOrigin && text != u.Scheme+"://"+u.Host {
				t.Fatalf("%q is no origin", text)
			}
			switch host := u.Hostname(); {
			case u.Scheme == "https" && host != "":
			case u.Scheme == "http" && (host == "::1" || strings.HasPrefix(host, "127.") || host == "localhost"):
			case u.Scheme == "http" && strings.Contains(host, ":"): // another spelling of a loopback address
			case asRedirect && !asOrigin && strings.Contains(u.Scheme, ".") && u.Opaque == "":
			default:
				t.Fatalf("%q of a %s client was accepted", text, kind)
			}
			for _, segment := range strings.Split(u.Path, "/") {
				if segment == "." || segment == ".." {
					t.Fatalf("%q with a dot segment was accepted", text)
				}
			}
		}
	})
}
