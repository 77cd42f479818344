package main

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const (
	pagesCookie  = "__Host-Http-wpss-wavepass"
	pagesBack    = "http://127.0.0.1/cb"
	pagesRequest = "response_type=code&client_id=pages&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&code_challenge_method=S256" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	pagesVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// agentRequest is one of an application that nobody has registered, for an API that nobody has registered either.
const agentRequest = "response_type=code&client_id=https%3A%2F%2Fagent.example%2Fclient.json&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&code_challenge_method=S256" +
	"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&resource=https%3A%2F%2Fmcp.example%2Fmcp"

// agentDocument is what that application says of itself.
type agentDocument struct{}

// Read implements endpoint.DocumentSource.
func (agentDocument) Read(_ context.Context, address string) ([]byte, time.Duration, error) {
	return fmt.Appendf(nil, `{"client_id":%q,"redirect_uris":["http://127.0.0.1/cb"]}`, address), time.Hour, nil
}

// pagesClient is a third party's application, which people are asked about.
func pagesClient() client.Client {
	c := client.New("pages", client.Native)
	c.FirstParty, c.Consent, c.Scopes, c.Redirects = false, true, []string{"profile"}, []string{pagesBack}
	return c
}

var (
	codeIn  = regexp.MustCompile(`wpac_[\w-]+`)
	tokenIn = regexp.MustCompile(`name="token" value="([^"]+)"`)
)

// surf is a step of a browser at the sign-in pages. What the browser is given is noted as secret, and struck out of what was said.
func (w *walker) surf(what string, status int, method, path string, form url.Values, cookies map[string]string) (token, code string) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Origin", canaryIssuer)
	}
	for name, value := range cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	if w.strict && recorder.Code != status {
		w.t.Errorf("%s: %d %s, want %d", what, recorder.Code, recorder.Body, status)
	}
	answer := fmt.Sprintf("%s: %d %v %s\n", what, recorder.Code, recorder.Header(), recorder.Body)
	for _, cookie := range recorder.Result().Cookies() {
		if cookies[cookie.Name] = cookie.Value; cookie.Name == pagesCookie && cookie.Value != "" {
			w.secrets.text(w.t, "session handle of the pages", cookie.Value)
		}
		answer = strings.ReplaceAll(answer, cookie.Value, "")
	}
	if code = codeIn.FindString(answer); code != "" {
		w.secrets.text(w.t, "authorization code", code)
		answer = strings.ReplaceAll(answer, code, "")
	}
	if name := form.Get("username"); name != "" { // the page has what they typed there, as they saw it
		answer = strings.ReplaceAll(answer, `value="`+name+`"`, "")
	}
	if pushed := r.URL.Query().Get("request_uri"); pushed != "" { // a page that failed leads back to where the browser is
		answer = strings.ReplaceAll(answer, url.QueryEscape(pushed), "")
	}
	w.said.WriteString(answer)
	if found := tokenIn.FindStringSubmatch(recorder.Body.String()); found != nil {
		token = html.UnescapeString(found[1])
	}
	return token, code
}

func (w *walker) exchange(what string, status int, code, verifier string) {
	w.t.Helper()
	w.form(what, status, "/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"pages"}, "redirect_uri": {pagesBack}, "code": {code}, "code_verifier": {verifier},
	})
}

// pages signs somebody in at the pages, and exchanges codes in every way.
func (w *walker) pages() {
	w.t.Helper()
	cookies := map[string]string{}
	pushed := w.send("a request is pushed", 201, "POST", "/par", formType, pagesRequest).request
	w.surf("the sign-in page of a pushed request", 200, "GET", "/authorize?"+url.Values{"client_id": {"pages"}, "request_uri": {pushed}}.Encode(), nil, cookies)
	token, _ := w.surf("the sign-in page", 200, "GET", "/authorize?"+pagesRequest, nil, cookies)
	form := url.Values{"request": {pagesRequest}, "token": {token}, "username": {"ada"}, "password": {wrongPassword}}
	w.surf("a wrong password at the page", 400, "POST", "/signin", form, cookies)
	form.Set("username", namePassword)
	w.surf("a password for a name at the page", 400, "POST", "/signin", form, cookies)
	form.Set("username", "ada")
	form.Set("password", canaryPassword)
	form.Set("request", "client_id="+canaryPassword)
	w.surf("a password for an application", 400, "POST", "/signin", form, cookies)
	form.Set("request", pagesRequest)
	w.surf("the right password at the page", 200, "POST", "/signin", form, cookies)
	token, _ = w.surf("the page that asks for consent", 200, "GET", "/authorize?"+pagesRequest, nil, cookies)
	_, code := w.surf("consent", 200, "POST", "/consent", url.Values{"request": {pagesRequest}, "token": {token}, "decision": {"allow"}}, cookies)
	w.surf("an application that nobody has registered", 303, "GET", "/authorize?"+agentRequest, nil, cookies)
	w.exchange("a wrong verifier", 400, code, strings.Repeat("v", 43))
	w.exchange("half a code", 400, code[:len(code)/2], pagesVerifier)

	before := w.store.Before
	w.store.Before = func(ctx context.Context, called string) error {
		if called == "Account" {
			return fmt.Errorf("%w: the account cannot be read in this test", oauth.ErrUnavailable)
		}
		if before != nil {
			return before(ctx, called)
		}
		return nil
	}
	w.exchange("a code while the account cannot be read", 503, code, pagesVerifier)
	w.store.Before = before
	w.exchange("a code", 200, code, pagesVerifier)
	w.exchange("a code again", 400, code, pagesVerifier)
	own := w.login("login of an app, for what is allowed", 200, "app", "ada", canaryPassword).access
	w.send("what is allowed", 200, "GET", "/grants", "", "", "Authorization", "Bearer "+own)
	w.send("taken back by nobody", 401, "DELETE", "/grants/pages", "", "")
	w.send("a token as a client", 404, "DELETE", "/grants/"+own, "", "", "Authorization", "Bearer "+own)
	w.send("taken back", 200, "DELETE", "/grants/pages", "", "", "Authorization", "Bearer "+own)
	w.surf("signed out", 200, "GET", "/signout", nil, cookies)
}
