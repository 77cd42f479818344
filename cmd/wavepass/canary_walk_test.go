package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
)

// What a walk sends that nobody but its owner may ever see again.
const (
	canaryPassword = "canary-right-password-of-ada"
	wrongPassword  = "canary-wrong-password-typed"
	longPassword   = "canary-password-in-a-long-body"
	namePassword   = "canary-password-typed-as-name"
	nextPassword   = "canary-password-that-comes-next"
	clientSecret   = "canary-secret-of-the-partner"
	wrongSecret    = "canary-secret-that-is-wrong"
	webOrigin      = "http://localhost:5173"
	formType       = "application/x-www-form-urlencoded"
	jsonType       = "application/json"
)

// walker sends requests to a whole service in this process and keeps all that it says to others than the
// owner of a secret.
type walker struct {
	t       *testing.T
	handler http.Handler
	secrets *secrets
	said    strings.Builder
	strict  bool // the service is whole: statuses are as the walk expects them
	store   *faultyStore

	letters    *mailer.Letters
	authorizer lambda.Handler // for what the gateway of a laptop does not have

	ready map[string]pair // sessions that were begun before the walk
}

// pair is what an owner was given.
type pair struct{ access, refresh, ticket, request string }

const handleCookie = "__Host-Http-wpss-site"

// send adds the answer to what was said, without the tokens that it hands to their owner.
func (w *walker) send(what string, status int, method, path, contentType, body string, header ...string) pair {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	if w.strict && recorder.Code != status {
		w.t.Errorf("%s: %d %s, want %d", what, recorder.Code, recorder.Body, status)
	}
	said := recorder.Body.String()
	if strings.HasSuffix(recorder.Header().Get("Content-Type"), "+jwt") {
		said = readJWT(w.t, said)
	}
	answer := fmt.Sprintf("%s: %d %v %s\n", what, recorder.Code, recorder.Header(), said)
	var given pair
	begins := method == "POST" && strings.HasPrefix(path, "/subjects/")
	gives := begins || slices.Contains([]string{"/login", "/refresh", "/token", "/password", "/ticket", "/par"}, path)
	if gives && (recorder.Code == http.StatusOK || recorder.Code == http.StatusCreated) {
		given, answer = w.given(path, recorder, answer)
	}
	w.said.WriteString(answer)
	return given
}

// given notes the tokens of an answer as secrets and strikes each out once, where it belongs.
func (w *walker) given(path string, recorder *httptest.ResponseRecorder, answer string) (pair, string) {
	w.t.Helper()
	var body struct {
		Access  string   `json:"access_token"`
		Refresh string   `json:"refresh_token"`
		CSRF    string   `json:"csrf_token"`
		Ticket  string   `json:"ticket"`
		Request string   `json:"request_uri"`
		Device  string   `json:"device_token"`
		Cookies []string `json:"cookies"` // for a back end to pass on
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &body); err != nil {
		w.t.Fatal(err)
	}
	switch path {
	case "/par":
		handle := body.Request[strings.LastIndex(body.Request, ":")+1:]
		w.secrets.text(w.t, "handle of a pushed request", handle)
		return pair{request: body.Request}, strings.Replace(answer, handle, "", 1)
	case "/ticket":
		w.secrets.text(w.t, "ticket", body.Ticket)
		return pair{ticket: body.Ticket}, strings.Replace(answer, body.Ticket, "", 1)
	}
	given := pair{access: body.Access, refresh: body.Refresh}
	cookies := recorder.Result().Cookies()
	for _, cookie := range cookies {
		if strings.HasPrefix(cookie.Name, "__Host-Http-wpdv-") {
			body.Device = cookie.Value
		}
	}
	if body.Device != "" {
		w.secrets.text(w.t, "device token", body.Device)
		answer = strings.Replace(answer, body.Device, "", 1)
	}
	for _, line := range body.Cookies {
		cookie, err := http.ParseSetCookie(line)
		check(w.t, err)
		cookies = append(cookies, cookie)
	}
	for _, cookie := range cookies {
		if cookie.Name == handleCookie && cookie.Value != "" {
			w.secrets.text(w.t, "session handle", cookie.Value)
			w.secrets.text(w.t, "CSRF token", body.CSRF)
			answer = strings.Replace(answer, cookie.Value, "", 1)
			return pair{refresh: cookie.Value}, strings.Replace(answer, body.CSRF, "", 1)
		}
		if cookie.Name == "__Host-Http-wprt-web" {
			given.refresh = cookie.Value
		}
	}
	w.secrets.text(w.t, "access token", given.access)
	w.secrets.text(w.t, "signature of an access token", given.access[strings.LastIndex(given.access, ".")+1:])
	answer = strings.Replace(answer, given.access, "", 1)
	if path == "/token" && given.refresh == "" {
		return given, answer // a service's own
	}
	w.secrets.text(w.t, "refresh token", given.refresh)
	return given, strings.Replace(answer, given.refresh, "", 1)
}

func (w *walker) login(what string, status int, clientID, username, password string, header ...string) pair {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"client_id": clientID, "username": username, "password": password})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(what, status, "POST", "/login", jsonType, string(body), header...)
}

func (w *walker) form(what string, status int, path string, values url.Values, header ...string) pair {
	w.t.Helper()
	return w.send(what, status, "POST", path, formType, values.Encode(), header...)
}

func (w *walker) refresh(what string, status int, clientID, token string, header ...string) pair {
	w.t.Helper()
	return w.form(what, status, "/refresh", url.Values{"client_id": {clientID}, "refresh_token": {token}}, header...)
}

// refreshInBrowser sends the cookie, from the client's page.
func (w *walker) refreshInBrowser(what string, status int, token string) pair {
	w.t.Helper()
	return w.form(what, status, "/refresh", url.Values{"client_id": {"web"}}, "Origin", webOrigin, "Cookie", "__Host-Http-wprt-web="+token)
}

func (w *walker) logout(what string, status int, clientID, token, more string, header ...string) {
	w.t.Helper()
	w.send(what, status, "POST", "/logout", jsonType, `{"client_id":"`+clientID+`","refresh_token":"`+token+`"`+more+`}`, header...)
}

// prepare begins the sessions of a walk, while the service is whole.
func (w *walker) prepare() {
	w.t.Helper()
	w.ready = map[string]pair{}
	for _, name := range []string{"rotated", "late", "reused", "revoked", "denied", "left", "token", "everywhere"} {
		w.ready[name] = w.login("login for "+name, 200, "app", "ada", canaryPassword)
	}
	for _, name := range []string{"own", "lost", "other"} {
		w.ready[name] = w.login("login for "+name, 200, "app", "bea", canaryPassword)
	}
	for _, name := range []string{"web", "web left"} {
		w.ready[name] = w.login("login for "+name, 200, "web", "ada", canaryPassword, "Origin", webOrigin)
	}
	w.prepareSubjects()
}

// all goes through every route, client kind and refusal.
func (w *walker) all() {
	w.t.Helper()
	w.logins()
	w.refusedLogins()
	w.refreshes()
	w.refusedRefreshes()
	w.services()
	w.pages()
	w.subjects()
	w.protected()
	w.revocations()
	w.devices()
	w.passwords()
	w.mailbox()
	w.logouts()
	w.gatewayRefusals()
}

func (w *walker) logins() {
	w.t.Helper()
	app := w.login("login of an app", 200, "app", "ADA", canaryPassword)
	w.connect(w.send("a ticket", 200, "POST", "/ticket", jsonType, `{"api":"abc123"}`, "Authorization", "Bearer "+app.access).ticket)
	w.send("a ticket for no API", 400, "POST", "/ticket", jsonType, `{"api":"a/b"}`, "Authorization", "Bearer "+app.access)
	w.login("login in a browser", 200, "web", "ada", canaryPassword, "Origin", webOrigin)
	w.site()
	w.send("login in a browser, remembered", 200, "POST", "/login", jsonType,
		`{"client_id":"web","username":"ada","password":"`+canaryPassword+`","remember":true}`, "Origin", webOrigin)
}

// connect opens a WebSocket with a ticket.
func (w *walker) connect(ticket string) {
	w.t.Helper()
	defer func() { _ = recover() }() // where a test has the store panic
	event := `{"type":"REQUEST","methodArn":"arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/$connect","queryStringParameters":{"ticket":"` + ticket + `"},
		"requestContext":{"apiId":"abc123","routeKey":"$connect","eventType":"CONNECT","stage":"prod"}}`
	answer, err := w.authorizer.Invoke(w.t.Context(), []byte(event))
	if w.strict && !strings.Contains(string(answer), `"Allow"`) {
		w.t.Errorf("a WebSocket with a ticket: %s, %v", answer, err)
	}
	fmt.Fprintln(&w.said, string(answer), err)
}

// site visits a server-rendered site, whose handle is in a cookie.
func (w *walker) site() {
	w.t.Helper()
	const page = "http://localhost:8080"
	handle := w.login("login at a site", 200, "site", "ada", canaryPassword, "Origin", page).refresh
	cookie := handleCookie + "=" + handle
	w.send("a page of the site", 200, "GET", "/site/userinfo", "", "", "Cookie", cookie)
	w.send("its devices", 200, "GET", "/site/sessions", "", "", "Cookie", cookie)
	w.send("another site", 403, "DELETE", "/site/sessions", "", "", "Cookie", cookie, "Origin", "https://evil.example")
	w.send("two cookies of one name", 403, "GET", "/site/userinfo", "", "", "Cookie", cookie+"; "+cookie)
	w.send("half a handle", 403, "GET", "/site/userinfo", "", "", "Cookie", cookie[:len(cookie)/2])
	w.send("a handle as a token", 403, "GET", "/userinfo", "", "", "Authorization", "Bearer "+handle)
	w.send("a handle in an address", 401, "GET", "/site/userinfo?handle="+handle, "", "")
	w.refresh("a handle as a refresh token", 400, "app", handle)
	w.form("a form that goes elsewhere", 400, "/login", url.Values{
		"client_id": {"site"}, "username": {"ada"}, "password": {wrongPassword}, "redirect_uri": {page + "/"}, "error_uri": {page + "/"},
	}, "Origin", page)
	w.logout("a logout of another site", 403, "site", "", "", "Origin", "https://evil.example", "Cookie", cookie)
	w.send("logout of the site", 200, "POST", "/logout", jsonType, `{"client_id":"site"}`, "Origin", page, "Cookie", cookie)
}

func (w *walker) refusedLogins() {
	w.t.Helper()
	w.login("another site", 403, "web", "ada", canaryPassword, "Origin", "https://evil.example")
	w.login("service client", 400, "canary", "ada", canaryPassword)
	w.login("unknown client", 401, "nobody", "ada", canaryPassword)
	w.login("impossible client", 401, canaryPassword+" ", "ada", canaryPassword)
	w.login("wrong password", 401, "app", "ada", wrongPassword)
	w.login("disabled account", 401, "app", "disabled", canaryPassword)
	w.login("no password", 400, "app", "ada", "")
	w.login("no name", 400, "app", "", canaryPassword)
	if w.strict { // each costs a whole hash
		w.login("unknown name", 401, "app", "nobody", wrongPassword)
		w.login("password for a name", 401, "app", namePassword, wrongPassword)
		w.login("password that cannot be one", 401, "app", "ada", wrongPassword+"\x00")
	}
	for range 4 {
		w.login("guess", 401, "app", "limited", wrongPassword)
	}
	w.login("one guess too many", 429, "app", "limited", canaryPassword)
	for what, body := range map[string]string{
		"not JSON":           `client_id=app&username=ada&password=` + canaryPassword,
		"cut off":            `{"client_id":"app","username":"ada","password":"` + canaryPassword,
		"password twice":     `{"client_id":"app","username":"ada","password":"` + canaryPassword + `","password":"` + canaryPassword + `"}`,
		"password in a list": `{"client_id":"app","username":"ada","password":["` + canaryPassword + `"]}`,
		"wrong type":         `{"client_id":"app","username":"ada","remember":"` + canaryPassword + `"}`,
		"password as a name": `{"client_id":"app","` + canaryPassword + `":1,"` + canaryPassword + `":2}`,
		"something after":    `{"client_id":"app"} ` + canaryPassword,
		"not UTF-8":          `{"client_id":"app","password":"` + canaryPassword + "\xff" + `"}`,
		"too long":           strings.Repeat(longPassword, 1000),
		"device name":        `{"client_id":"app","username":"ada","password":"` + canaryPassword + `","device_name":"` + strings.Repeat(canaryPassword, 3) + `"}`,
	} {
		w.send(what, 400, "POST", "/login", jsonType, body)
	}
	w.send("wrong media type", 415, "POST", "/login", "text/"+canaryPassword, canaryPassword)
}

func (w *walker) refreshes() {
	w.t.Helper()
	first := w.ready["rotated"]
	second := w.refresh("rotate", 200, "app", first.refresh)
	w.refresh("race", 200, "app", first.refresh)
	w.send("rotate, JSON", 200, "POST", "/refresh", jsonType,
		`{"grant_type":"refresh_token","client_id":"app","refresh_token":"`+second.refresh+`"}`)
	w.refresh("reuse", 400, "app", first.refresh)
	w.refresh("after reuse", 400, "app", second.refresh)

	web := w.refreshInBrowser("rotate in a browser", 200, w.ready["web"].refresh)
	w.refreshInBrowser("race in a browser", 200, w.ready["web"].refresh)
	w.refreshInBrowser("rotate in a browser again", 200, web.refresh)
	w.refreshInBrowser("reuse in a browser", 400, w.ready["web"].refresh)

	w.store.backdate(time.Hour)
	w.refresh("rotate an hour ago", 200, "app", w.ready["late"].refresh)
	w.store.backdate(0)
	w.refresh("late retry", 200, "app", w.ready["late"].refresh)
}

func (w *walker) refusedRefreshes() {
	w.t.Helper()
	token, access := w.ready["left"].refresh, w.ready["left"].access
	w.refresh("foreign client", 400, "other", token)
	w.refresh("unknown client", 401, "nobody", token)
	w.refresh("impossible client", 401, token, token)
	w.refresh("site client", 400, "site", token)
	w.refresh("service client without a secret", 401, "canary", token)
	w.refresh("browser client, body", 400, "web", token, "Origin", webOrigin)
	w.refresh("another site", 403, "web", token, "Origin", "https://evil.example", "Cookie", "__Host-Http-wprt-web="+token)
	w.refresh("token for an Origin", 403, "web", "", "Origin", token)
	w.refresh("body and cookie", 400, "app", token, "Cookie", "__Host-Http-wprt-app="+token)
	w.refreshInBrowser("two cookies", 400, token+"; __Host-Http-wprt-web="+token)
	w.refreshInBrowser("no cookie", 400, "")
	w.refreshInBrowser("another client's token", 400, token)
	w.refresh("access token", 400, "app", access)
	for what, changed := range map[string]string{
		"padded": token + "=", "cut off": token[:len(token)-1], "line feed": token + "\n", "other MAC": token[:len(token)-4] + "AAAA",
		"no prefix": token[5:], "twice": token + token, "long": strings.Repeat(token, 40),
	} {
		w.refresh(what, 400, "app", changed)
	}
	basic := basicAuthorization
	w.refresh("secret of an app", 401, "app", token, "Authorization", basic("app", wrongSecret))
	w.refresh("secret of a service", 400, "canary", token, "Authorization", basic("canary", clientSecret))
	w.refresh("wrong secret", 401, "canary", token, "Authorization", basic("canary", wrongSecret))
	w.refresh("two clients", 400, "app", token, "Authorization", basic("canary", clientSecret))
	w.refresh("Basic without base64", 400, "app", token, "Authorization", "Basic "+clientSecret+"!")
	w.form("password grant", 400, "/refresh", url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {canaryPassword}})
	w.form("token for a grant", 400, "/refresh", url.Values{"grant_type": {token}, "client_id": {"app"}})
	w.form("two tokens", 400, "/refresh", url.Values{"client_id": {"app"}, "refresh_token": {token, token}})
	w.send("malformed form", 400, "POST", "/refresh", formType, "client_id=app&refresh_token="+token+"%zz")
	w.send("malformed JSON", 400, "POST", "/refresh", jsonType, `{"client_id":"app","refresh_token":"`+token)
	w.send("wrong media type", 415, "POST", "/refresh", "text/plain", token)
}
