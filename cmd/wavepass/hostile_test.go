package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	mediaJSON  = "application/json"
	mediaForm  = "application/x-www-form-urlencoded"
	pageOrigin = "http://localhost:5173"
)

// hostile is one request that must be refused, and how.
type hostile struct {
	name, method, path, contentType, body string
	header                                []string
	status                                int
	code                                  string // "" where the gateway itself refuses
}

// valid is a request that would succeed, and change something, if nothing were wrong with it.
type valid struct {
	path, contentType string
	members           [][2]string // names and texts of the body
	header            []string
	accepts           []string // media types
}

func (v valid) body(contentType string) string {
	if contentType == mediaForm {
		form := url.Values{}
		for _, m := range v.members {
			form.Set(m[0], m[1])
		}
		return form.Encode()
	}
	var members []string
	for _, m := range v.members {
		members = append(members, `"`+m[0]+`":"`+m[1]+`"`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// without leaves one member out.
func (v valid) without(name string) valid {
	v.members = slices.DeleteFunc(slices.Clone(v.members), func(m [2]string) bool { return m[0] == name })
	return v
}

// with replaces one member where it stands, or adds it.
func (v valid) with(name, text string) valid {
	v.members = slices.Clone(v.members)
	for i, m := range v.members {
		if m[0] == name {
			v.members[i][1] = text
			return v
		}
	}
	v.members = append(v.members, [2]string{name, text})
	return v
}

// everyHostile are the ways to spoil v that do not depend on what it asks for.
func everyHostile(v valid) (out []hostile) {
	add := func(name, method, contentType, body string, status int, code string, header ...string) {
		out = append(out, hostile{v.path + " " + name, method, v.path, contentType, body, append(header, v.header...), status, code})
	}
	good := v.body(v.contentType)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "post"} {
		add("by "+method, method, v.contentType, good, 404, "")
	}
	add("by OPTIONS", "OPTIONS", v.contentType, good, 204, "") // the gateway's own answer
	for _, media := range []string{
		"", "text/plain", "text/json", "application/xml", "multipart/form-data; boundary=x", mediaJSON + "; charset=utf-16", mediaJSON + ", " + mediaForm, "*/*",
	} {
		add("as "+media, "POST", media, good, 415, "invalid_request")
	}
	for _, media := range []string{mediaJSON, mediaForm} {
		switch {
		case slices.Contains(v.accepts, media):
		case media == mediaForm && (v.path == "/login" || v.path == "/logout"): // the forms of sites, which these clients are not
			add("as "+media, "POST", media, v.body(media), 400, "unauthorized_client")
		default:
			add("as "+media, "POST", media, v.body(media), 415, "invalid_request")
		}
	}
	for _, media := range v.accepts {
		spoil := spoilJSON
		if media == mediaForm {
			spoil = spoilForm
		}
		for name, body := range spoil(v.body(media), v.members[0][1]) {
			add(name+", "+media, "POST", media, body, 400, "invalid_request")
		}
	}
	missing := v.without("client_id")
	add("without client_id", "POST", v.contentType, missing.body(v.contentType), 400, "invalid_request")
	for _, id := range []string{"nope", "APP", "app ", "../app", "0190b0e4-7e00-7000-8000-000000000001", strings.Repeat("a", 5000)} {
		add("of the client "+id[:min(len(id), 40)], "POST", v.contentType, v.with("client_id", id).body(v.contentType), 401, "invalid_client")
	}
	return out
}

// spoilForm are the ways to spoil a form, and spoilJSON those to spoil a JSON object, whose first member is
// client_id.
func spoilForm(body, id string) map[string]string {
	return map[string]string{
		"empty":                     "",
		"over 16 KB":                body + "&x=" + strings.Repeat("x", 16<<10),
		"parameter twice":           body + "&client_id=" + id,
		"parameter twice by escape": body + "&%63lient_id=" + id,
		"not UTF-8":                 body + "&x=%ff",
		"bad escape":                body + "&x=%zz",
		"semicolon":                 body + ";x=y",
	}
}

func spoilJSON(body, id string) map[string]string {
	open := body[:len(body)-1]
	return map[string]string{
		"empty":                  "",
		"over 16 KB":             open + `,"x":"` + strings.Repeat("x", 16<<10) + `"}`,
		"depth 10,000":           open + `,"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"depth 10,001, cut":      open + `,"x":` + strings.Repeat("[", 10_001),
		"member twice":           open + `,"client_id":"` + id + `"}`,
		"member twice by escape": open + `,"\u0063lient_id":"` + id + `"}`,
		"twice deep inside":      open + `,"x":[{"a":1,"a":2}]}`,
		"trailing object":        body + "{}",
		"trailing letter":        body + "x",
		"trailing NUL":           body + "\x00",
		"not UTF-8":              open + ",\"x\":\"\xff\"}",
		"not UTF-8 in a name":    open + ",\"\xff\":1}",
		"lone surrogate":         open + `,"x":"\ud800"}`,
		"byte order mark":        "\xef\xbb\xbf" + body,
		"comment":                open + "/**/}",
		"trailing comma":         open + ",}",
		"array":                  "[" + body + "]",
		"wrong type":             strings.Replace(body, `"client_id":"`+id+`"`, `"client_id":["`+id+`"]`, 1),
		"text":                   `"x"`,
	}
}

// sent is what no refusal repeats: the beginnings of both kinds of tokens, and the password.
var sent = regexp.MustCompile(`wprt_|eyJ|` + demoPassword)

func TestHostileRequestsAreRefusedAndChangeNothing(t *testing.T) {
	t.Setenv("REVOCATION_STALENESS", "0s")
	s := start(t, "--data", t.TempDir())
	app, web := s.login(), s.webLogin("")
	login := valid{"/login", mediaJSON, [][2]string{{"client_id", "app"}, {"username", demoUsername}, {"password", demoPassword}}, nil, []string{mediaJSON}}
	webLogin := login.with("client_id", "web")
	webLogin.header = []string{"Origin", pageOrigin}
	refresh := valid{"/refresh", mediaForm, [][2]string{{"client_id", "app"}, {"refresh_token", app.RefreshToken}}, nil, []string{mediaJSON, mediaForm}}
	webRefresh := valid{"/refresh", mediaJSON, [][2]string{{"client_id", "web"}}, []string{"Origin", pageOrigin, "Cookie", web.cookie()}, []string{mediaJSON, mediaForm}}
	revoke := valid{"/revoke", mediaForm, [][2]string{{"client_id", "app"}, {"token", app.RefreshToken}}, nil, []string{mediaForm}}
	push := valid{"/par", mediaForm, [][2]string{
		{"client_id", "app"}, {"response_type", "code"}, {"redirect_uri", "http://127.0.0.1/cb"},
		{"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, {"code_challenge_method", "S256"},
	}, nil, []string{mediaForm}}
	logout := valid{"/logout", mediaJSON, [][2]string{{"client_id", "app"}, {"refresh_token", app.RefreshToken}}, nil, []string{mediaJSON}}
	webLogout := valid{"/logout", mediaJSON, [][2]string{{"client_id", "web"}}, []string{"Origin", pageOrigin, "Cookie", web.cookie()}, []string{mediaJSON}}

	all := credentialsTwice(app, web, refresh, revoke, logout, login)
	for _, v := range []valid{login, webLogin, refresh, webRefresh, revoke, logout, webLogout, push} {
		all = append(all, everyHostile(v)...)
	}
	for _, h := range all {
		got := s.do(h.method, h.path, h.contentType, h.body, h.header...)
		s.want(h.name, got, h.status, h.code)
		if len(got.Header["Set-Cookie"]) > 0 || got.AccessToken != "" || got.RefreshToken != "" {
			t.Errorf("%s: a refusal with cookies or tokens: %v", h.name, got.Header)
		}
		if h.code != "" && (got.Header.Get("Cache-Control") != "no-store" || sent.MatchString(got.Body)) {
			t.Errorf("%s: may be cached, or repeats what was sent: %s", h.name, got.Body)
		}
	}
	if len(all) < 200 {
		t.Errorf("only %d hostile requests, want the whole matrix", len(all))
	}
	s.wantUntouched(app, web)
}

// credentialsTwice are requests with a credential in two places, or where it does not belong.
func credentialsTwice(app, web answer, refresh, revoke, logout, login valid) []hostile {
	post := func(name string, v valid, contentType string, status int, code string, header ...string) hostile {
		return hostile{v.path + " " + name, "POST", v.path, contentType, v.body(contentType), append(header, v.header...), status, code}
	}
	const basic = "Basic YXBwOg==" // app, empty secret
	inCookie := "__Host-Http-wprt-app=" + app.RefreshToken
	webToken := refresh.with("client_id", "web").with("refresh_token", strings.SplitN(web.cookie(), "=", 2)[1])
	return []hostile{
		post("with two Authorization values", refresh, mediaForm, 400, "invalid_request", "Authorization", basic, "Authorization", basic),
		post("with two Authorization values of no use here", refresh, mediaForm, 400, "invalid_request", "Authorization", "Bearer a", "Authorization", "Bearer b"),
		post("with two Authorization values of no use here", revoke, mediaForm, 400, "invalid_request", "Authorization", "Bearer a, Basic YXBwOg=="),
		post("with two Authorization values in one", revoke, mediaForm, 400, "invalid_request", "Authorization", basic+", "+basic),
		post("with two Authorization values", login, mediaJSON, 400, "invalid_request", "Authorization", "Bearer a", "Authorization", "Bearer b"),
		post("with two Authorization values", logout, mediaJSON, 400, "invalid_request", "Authorization", "Bearer a, Bearer b"),
		post("with Basic of another client", refresh, mediaForm, 400, "invalid_request", "Authorization", "Basic d2ViOg=="),
		post("with malformed Basic", revoke, mediaForm, 400, "invalid_request", "Authorization", "Basic !"),
		post("with a wrong secret", revoke, mediaForm, 401, "invalid_client", "Authorization", "Basic YXBwOng="),
		post("with a wrong secret in the body", refresh.with("client_secret", "x"), mediaForm, 401, "invalid_client"),
		post("with secrets in two places", refresh.with("client_secret", "x"), mediaForm, 400, "invalid_request", "Authorization", basic),
		post("with the token in body and cookie", refresh, mediaForm, 400, "invalid_request", "Cookie", inCookie),
		post("with the token in the cookie", refresh.without("refresh_token"), mediaForm, 400, "invalid_request", "Cookie", inCookie),
		post("with the token in body and cookie", logout, mediaJSON, 400, "invalid_request", "Cookie", inCookie),
		post("with a browser's token in the body", webToken, mediaJSON, 400, "invalid_request", "Origin", pageOrigin),
		post("with a browser's token in body and cookie", webToken, mediaJSON, 400, "invalid_request", "Origin", pageOrigin, "Cookie", web.cookie()),
		post("without a token", refresh.without("refresh_token"), mediaForm, 400, "invalid_request"),
		post("without a token", revoke.without("token"), mediaForm, 400, "invalid_request"),
		post("without a token", logout.without("refresh_token"), mediaJSON, 400, "invalid_request"),
		post("without a username", login.without("username"), mediaJSON, 400, "invalid_request"),
		post("without a password", login.without("password"), mediaJSON, 400, "invalid_request"),
		post("with an empty password", login.with("password", ""), mediaJSON, 400, "invalid_request"),
		post("with an unprintable device name", login.with("device_name", `a\u0000`), mediaJSON, 400, "invalid_request"),
		post("for a service", login.with("client_id", "partner"), mediaJSON, 400, "unauthorized_client"),
		post("with another grant", refresh.with("grant_type", "password"), mediaForm, 400, "unsupported_grant_type"),
		post("of another client", revoke.with("client_id", "web"), mediaForm, 400, "invalid_grant"),
		post("of a service without its secret", revoke.with("client_id", "partner"), mediaForm, 401, "invalid_client"),
		post("with the token padded", refresh.with("refresh_token", app.RefreshToken+"="), mediaForm, 400, "invalid_grant"),
		post("with an access token", refresh.with("refresh_token", app.AccessToken), mediaForm, 400, "invalid_grant"),
		post("with a line end in the token", refresh.with("refresh_token", app.RefreshToken+"\r\n"), mediaForm, 400, "invalid_grant"),
		post("everywhere as a text", logout.with("everywhere", "true"), mediaJSON, 400, "invalid_request"),
	}
}

// wantUntouched reports a trace of anything but the two logins of the test, then refreshes both: had one of
// the requests rotated a session, this would be a replay; had one ended it, this would fail.
func (s *server) wantUntouched(app, web answer) {
	s.t.Helper()
	s.want("the access token", s.userinfo(app.AccessToken), 200, "")
	s.want("the native client's refresh token", s.refresh(app.RefreshToken), 200, "")
	s.want("the browser's cookie", s.webRefresh(web.cookie()), 200, "")
	var events []string
	for _, event := range regexp.MustCompile(`(?m)^\{"event":"([a-z_]+)","time":"[^"]*","request_id":"[^"]*","actor":"person"`).FindAllStringSubmatch(s.log.String(), -1) {
		events = append(events, event[1])
	}
	want := []string{"login", "login", "refresh", "refresh"}
	if got := slices.DeleteFunc(slices.Clone(events), func(e string) bool { return e == "refresh_refused" || e == "client_refused" }); !slices.Equal(got, want) {
		s.t.Errorf("audit events %v, want %v and nothing else but refusals", got, want)
	}
	for _, never := range []string{"panicked", "function failed", "internal error", "unavailable", "goroutine ", "timed out", "not understood"} {
		if strings.Contains(s.log.String(), never) {
			s.t.Errorf("the log contains %q:\n%s", never, s.log)
		}
	}
}
