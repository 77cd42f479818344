package main

import (
	"slices"
	"strings"
	"testing"
)

func TestForeignSourcesAreRefusedWhateverTheySend(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	app, web := s.login(), s.webLogin("")
	sources := map[string][]string{
		"a stranger":                  {"Origin", "https://evil.example"},
		"a stranger, said to be ours": {"Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"},
		"null":                        {"Origin", "null"},
		"null, said to be ours":       {"Origin", "null", "Sec-Fetch-Site", "same-origin"},
		"a sibling subdomain":         {"Origin", "http://evil.localhost:5173", "Sec-Fetch-Site", "same-site"},
		"a parent domain":             {"Origin", "http://localhost", "Sec-Fetch-Site", "same-site"},
		"another port":                {"Origin", "http://localhost:5174", "Sec-Fetch-Site", "same-site"},
		"https for http":              {"Origin", "https://localhost:5173"},
		"capitals":                    {"Origin", "http://LOCALHOST:5173"},
		"a slash":                     {"Origin", pageOrigin + "/"},
		"a prefix of ours":            {"Origin", pageOrigin + ".evil.example"},
		"ours as a user":              {"Origin", pageOrigin + "@evil.example"},
		"two origins":                 {"Origin", pageOrigin + " https://evil.example"},
		"two Origin headers":          {"Origin", pageOrigin, "Origin", "https://evil.example"},
		"another client's origin":     {"Origin", "http://localhost:8080"},
		"no Origin, same-site":        {"Sec-Fetch-Site", "same-site"},
		"no Origin, cross-site":       {"Sec-Fetch-Site", "cross-site"},
		"no Origin, none":             {"Sec-Fetch-Site", "none"},
		"no Origin, a word":           {"Sec-Fetch-Site", "same-origin, cross-site"},
		"neither":                     nil,
		"a Referer only":              {"Referer", pageOrigin + "/"},
		"the Host only":               {"X-Forwarded-Host", "localhost:5173", "X-Original-Host", "localhost:5173"},
	}
	requests := map[string]struct {
		json, form string
		accepts    []string
	}{
		"/login": {
			`{"client_id":"web","username":"` + demoUsername + `","password":"` + demoPassword + `"}`,
			"client_id=web&username=" + demoUsername + "&password=" + demoPassword, []string{mediaJSON},
		},
		"/refresh": {`{"client_id":"web"}`, "client_id=web&grant_type=refresh_token", []string{mediaJSON, mediaForm}},
		"/logout":  {`{"client_id":"web","everywhere":true}`, "client_id=web&everywhere=true", []string{mediaJSON}},
	}
	for path, request := range requests {
		for name, source := range sources {
			for _, media := range []string{mediaJSON, mediaForm, "text/plain", "multipart/form-data; boundary=x", ""} {
				body := request.json
				if media == mediaForm {
					body = request.form
				}
				for _, method := range []string{"POST", "GET", "PUT", "DELETE", "PATCH"} {
					status, code := 403, "cross_site_request"
					switch {
					case method != "POST":
						status, code = 404, ""
					case media == mediaForm && path == "/logout": // the form of sites, and nothing ends by it
						status, code = 400, "unauthorized_client"
					case media == mediaForm && path == "/login": // the same, and who sends it is looked at first
					case !slices.Contains(request.accepts, media):
						status, code = 415, "invalid_request"
					}
					got := s.do(method, path, media, body, append(source, "Cookie", web.cookie())...)
					s.want(strings.Join([]string{method, path, media, "from", name}, " "), got, status, code)
					if len(got.Header["Set-Cookie"]) > 0 || got.AccessToken != "" {
						t.Errorf("%s %s from %s: refused, with cookies or tokens", method, path, name)
					}
				}
			}
		}
	}
	s.wantUntouched(app, web)
}

func TestOwnSourcesAreServed(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	cookie := s.webLogin("").cookie()
	for name, source := range map[string][]string{
		"the client's origin":               {"Origin", pageOrigin},
		"the client's, a site of its own":   {"Origin", pageOrigin, "Sec-Fetch-Site", "cross-site"},
		"the service's own origin":          {"Origin", s.url},
		"no Origin, but the same by itself": {"Sec-Fetch-Site", "same-origin"},
	} {
		got := s.do("POST", "/refresh", mediaForm, "client_id=web", append(source, "Cookie", cookie)...)
		s.want(name, got, 200, "")
		cookie = got.cookie()
	}
}

func TestPreflightAllowsListedOriginsOnly(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	web := s.webLogin("")
	for origin, allowed := range map[string]bool{
		pageOrigin: true, "http://localhost:8080": true, "https://evil.example": false, "null": false, "https://localhost:5173": false, pageOrigin + "/": false,
	} {
		preflight := s.do("OPTIONS", "/refresh", "", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		real := s.do("POST", "/refresh", mediaJSON, "{", "Origin", origin, "Cookie", web.cookie())
		if preflight.Status != 204 {
			t.Errorf("preflight from %s: %d, want 204", origin, preflight.Status)
		}
		for what, got := range map[string]answer{"preflight": preflight, "request": real} {
			want := map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": ""}
			if allowed {
				want = map[string]string{"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
			}
			for name, value := range want {
				if header := got.Header.Get(name); header != value {
					t.Errorf("%s from %s: %s %q, want %q", what, origin, name, header, value)
				}
			}
		}
		if methods := preflight.Header.Get("Access-Control-Allow-Methods"); (methods != "") != allowed || strings.Contains(methods, "*") {
			t.Errorf("preflight from %s: methods %q", origin, methods)
		}
	}
}

// A cache that holds an answer to one origin must not hand it to a page of another, nor one that came without any.
func TestCacheableAnswersDependOnTheOrigin(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	tag := s.do("GET", "/.well-known/jwks.json", "", "").Header.Get("ETag")
	for name, header := range map[string][]string{
		"a page": {"Origin", pageOrigin}, "another": {"Origin", "http://localhost:8080"}, "no Origin": nil, "a stranger": {"Origin", "https://evil.example"},
	} {
		for _, path := range []string{"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/userinfo", "/none"} {
			if got := s.do("GET", path, "", "", header...); got.Header.Get("Vary") != "Origin" {
				t.Errorf("%s from %s: %d with Vary %q, want Origin", path, name, got.Status, got.Header.Get("Vary"))
			}
		}
		got := s.do("GET", "/.well-known/jwks.json", "", "", append(header, "If-None-Match", tag)...)
		if got.Status != 304 || got.Header.Get("Vary") != "Origin" {
			t.Errorf("again from %s: %d with Vary %q, want 304 and Origin", name, got.Status, got.Header.Get("Vary"))
		}
	}
}

func TestPagesMayReadWhenToComeBack(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	exposed := s.do("GET", "/userinfo", "", "", "Origin", pageOrigin).Header.Get("Access-Control-Expose-Headers")
	if exposed != "retry-after,www-authenticate" {
		t.Errorf("exposed: %q, want Retry-After and WWW-Authenticate", exposed)
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		got := s.do("OPTIONS", "/notes/1", "", "", "Origin", pageOrigin, "Access-Control-Request-Method", method)
		if got.Status != 204 || got.Header.Get("Access-Control-Allow-Origin") != pageOrigin {
			t.Errorf("preflight for %s on a route of an app: %d %v, want 204 and allowed", method, got.Status, got.Header)
		}
	}
}
