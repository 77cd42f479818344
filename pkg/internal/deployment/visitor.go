package deployment

import (
	"html"
	"net/url"
	"regexp"
	"strings"
)

// Visitor is a browser at the sign-in pages. It keeps cookies, and does what a page's Refresh says only when it is told to.
type Visitor struct {
	d       *Deployment
	cookies map[string]string
}

// Visitor returns a browser without cookies.
func (d *Deployment) Visitor() *Visitor { return &Visitor{d, map[string]string{}} }

// Page is what the browser shows, or where it is sent.
type Page struct {
	Status  int
	HTML    string
	Headers map[string]string
	Cookies []string // Set-Cookie values
}

// To is the address that the answer leads to, by a redirect or by itself; empty: none.
func (p Page) To() string {
	if refresh, ok := strings.CutPrefix(p.Headers["Refresh"], "0; url="); ok {
		return refresh
	}
	return p.Headers["Location"]
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// Form returns the hidden fields of the page's first form.
func (p Page) Form() url.Values {
	fields := url.Values{}
	form, _, _ := strings.Cut(p.HTML, "</form>")
	for _, field := range hidden.FindAllStringSubmatch(form, -1) {
		fields.Set(field[1], html.UnescapeString(field[2]))
	}
	return fields
}

// Open opens an address of the service, as a link on another site does.
func (v *Visitor) Open(path, query string) Page {
	return v.do(Request{Route: "GET " + path, Raw: query}.With("sec-fetch-site", "cross-site"))
}

// OpenAt is Open for a route with variables.
func (v *Visitor) OpenAt(route string, variables map[string]string, query string) Page {
	return v.do(Request{Route: route, Path: variables, Raw: query}.With("sec-fetch-site", "cross-site"))
}

// Follow opens where an answer leads to, which is a page of the service.
func (v *Visitor) Follow(p Page) Page {
	path, query, _ := strings.Cut(p.To(), "?")
	return v.do(Request{Route: "GET " + path, Raw: query}.With("sec-fetch-site", "same-origin"))
}

// Post sends a form of a page of the service.
func (v *Visitor) Post(path string, fields url.Values) Page {
	return v.do(Form("POST "+path, fields.Encode()).From(Issuer))
}

// Without returns the same browser without the cookies whose names begin so.
func (v *Visitor) Without(prefix string) *Visitor {
	other := v.d.Visitor()
	for name, value := range v.cookies {
		if !strings.HasPrefix(name, prefix) {
			other.cookies[name] = value
		}
	}
	return other
}

// Cookie returns the value of a cookie.
func (v *Visitor) Cookie(name string) string { return v.cookies[name] }

// SetCookie plants one.
func (v *Visitor) SetCookie(name, value string) { v.cookies[name] = value }

func (v *Visitor) do(r Request) Page {
	for name, value := range v.cookies {
		r.Cookies = append(r.Cookies, name+"="+value)
	}
	answer := v.d.Raw(r)
	for _, cookie := range answer.Cookies {
		pair, attributes, _ := strings.Cut(cookie, ";")
		name, value, _ := strings.Cut(pair, "=")
		if v.cookies[name] = value; strings.Contains(attributes, "Max-Age=0") {
			delete(v.cookies, name)
		}
	}
	return Page{answer.StatusCode, answer.Body, answer.Headers, answer.Cookies}
}

// SignIn opens an authorization request, logs ada in where the page asks for it, and returns what comes then: a redirect to the client
// or the next page.
func (v *Visitor) SignIn(query string) Page {
	v.d.tb.Helper()
	page := v.Open("/authorize", query)
	if !strings.Contains(page.HTML, `action="/signin"`) {
		return page
	}
	fields := page.Form()
	fields.Set("username", Username)
	fields.Set("password", Password)
	if page = v.Post("/signin", fields); page.Status != 200 || page.To() == "" {
		v.d.tb.Fatalf("sign in: %d, to %q: %s", page.Status, page.To(), page.HTML)
	}
	return v.Follow(page)
}

// Verifier and Challenge belong together (RFC 7636, appendix B).
const (
	Verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// Authorization is the query of an authorization request of a client, with these parameters, given as name, value, name, value, in place
// of the usual ones or beside them. An empty value takes one out.
func Authorization(clientID, redirect string, parameters ...string) string {
	values := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirect}, "state": {"a state"}, "nonce": {"a nonce"},
		"scope": {"openid profile"}, "code_challenge": {Challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(parameters); i += 2 {
		if values.Set(parameters[i], parameters[i+1]); parameters[i+1] == "" {
			values.Del(parameters[i])
		}
	}
	return values.Encode()
}

// CodeOf returns the code in an address that a client was sent.
func CodeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

// Exchange is the request of a public client to exchange a code.
func Exchange(clientID, redirect, code string) Request {
	return Form("POST /token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {Verifier},
	}.Encode())
}
