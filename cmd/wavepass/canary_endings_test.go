package main

import (
	"net/url"
	"strings"
)

func (w *walker) protected() {
	w.t.Helper()
	given := w.ready["left"]
	get := func(what string, status int, path string, header ...string) {
		w.t.Helper()
		w.send(what, status, "GET", path, "", "", header...)
	}
	get("userinfo", 200, "/userinfo", "Authorization", "Bearer "+given.access)
	get("no token", 401, "/userinfo")
	get("token in a cookie", 401, "/userinfo", "Cookie", "access_token="+given.access)
	get("token in the address", 401, "/userinfo?access_token="+given.access)
	for what, authorization := range map[string]string{
		"refresh token":     "Bearer " + given.refresh,
		"cut off":           "Bearer " + given.access[:len(given.access)-1],
		"padded":            "Bearer " + given.access + "=",
		"two tokens":        "Bearer " + given.access + ", Bearer " + given.access,
		"JSON serialized":   `Bearer {"payload":"` + given.access + `"}`,
		"no scheme":         given.access,
		"Basic":             "Basic " + given.access,
		"other signature":   "Bearer " + given.access[:len(given.access)-40] + strings.Repeat("A", 40),
		"header of another": "Bearer eyJhbGciOiJub25lIn0" + given.access[strings.Index(given.access, "."):],
	} {
		get(what, 403, "/userinfo", "Authorization", authorization)
	}
	get("key set", 200, "/.well-known/jwks.json", "Authorization", "Bearer "+given.access)
}

func (w *walker) revocations() {
	w.t.Helper()
	revoke := func(what string, status int, clientID, token string, header ...string) {
		w.t.Helper()
		w.form(what, status, "/revoke", url.Values{"client_id": {clientID}, "token": {token}}, header...)
	}
	given, left := w.ready["revoked"], w.ready["left"]
	revoke("another client's refresh token", 400, "other", left.refresh)
	revoke("another client's access token", 400, "other", left.access)
	w.form("service, wrong secret", 401, "/revoke", url.Values{"client_id": {"canary"}, "client_secret": {wrongSecret}, "token": {left.refresh}})
	w.form("service", 400, "/revoke", url.Values{"client_id": {"canary"}, "client_secret": {clientSecret}, "token": {left.refresh}})
	revoke("unknown token", 200, "app", left.refresh+"A")
	revoke("no token", 400, "app", "")
	revoke("access token", 200, "app", w.ready["denied"].access)
	revoke("refresh token", 200, "app", given.refresh)
	revoke("refresh token again", 200, "app", given.refresh)
	w.refresh("refresh after that", 400, "app", given.refresh)
	w.send("userinfo after that", 403, "GET", "/userinfo", "", "", "Authorization", "Bearer "+given.access)
	w.send("JSON", 415, "POST", "/revoke", jsonType, `{"token":"`+given.refresh+`"}`)
}

func (w *walker) logouts() {
	w.t.Helper()
	web, left, last := w.ready["web left"].refresh, w.ready["left"].refresh, w.ready["everywhere"].refresh
	cookie := []string{"Origin", webOrigin, "Cookie", "__Host-Http-wprt-web=" + web}
	w.logout("foreign client", 200, "other", left, "")
	w.logout("foreign client, everywhere", 400, "other", left, `,"everywhere":true`)
	w.logout("not ours, everywhere", 400, "app", left+"A", `,"everywhere":true`)
	w.logout("app", 200, "app", left, "")
	w.logout("app again", 200, "app", left, "")
	w.logout("app, everywhere, dead token", 400, "app", left, `,"everywhere":true`)
	w.logout("wrong type", 400, "app", left, `,"everywhere":"`+left+`"`)
	w.logout("browser, body", 400, "web", web, "", cookie...)
	w.logout("another site", 403, "web", "", "", "Origin", "https://evil.example", "Cookie", "__Host-Http-wprt-web="+web)
	w.logout("browser", 200, "web", "", "", cookie...)
	w.logout("browser again", 200, "web", "", "", cookie...)
	w.logout("everywhere", 200, "app", last, `,"everywhere":true`)
	w.refresh("refresh after that", 400, "app", last)
}

func (w *walker) gatewayRefusals() {
	w.t.Helper()
	given := w.ready["left"]
	w.send("no such route", 404, "POST", "/tokens", formType, "grant_type=password&password="+canaryPassword)
	w.send("wrong method", 404, "GET", "/login?password="+canaryPassword, "", "")
	w.send("preflight", 204, "OPTIONS", "/refresh", "", "", "Origin", webOrigin, "Access-Control-Request-Method", "POST", "Cookie", "__Host-Http-wprt-web="+given.refresh)
	w.send("large headers", 431, "POST", "/refresh", formType, "", "X-Long", strings.Repeat(given.access, 40))
}
