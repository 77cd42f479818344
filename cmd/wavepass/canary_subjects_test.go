package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// How a back end names its users, which is nobody else's business, and what it names its requests.
const (
	canarySubject  = "canary-subject-of-the-shop-4711"
	secondSubject  = "canary-of-another/user@shop.example"
	canaryKeyOfOne = "canary-idempotency-key-of-one"
	backEndSecret  = "canary-secret-of-the-back-end"
)

// backEndClient is a service with users of its own.
func backEndClient(s *secrets, t *testing.T) client.Client {
	t.Helper()
	for name, text := range map[string]string{
		"subject": canarySubject, "second subject": secondSubject, "escaped subject": url.PathEscape(secondSubject), "idempotency key": canaryKeyOfOne, "secret of a back end": backEndSecret,
	} {
		s.text(t, name, text)
	}
	c := client.New("backend", client.Service)
	c.Directory, c.Scopes, c.SecretHash = "shop", []string{oauth.ScopeSessions}, client.HashSecret(oauth.NewSecret(backEndSecret))
	c.MayBegin, c.MayGrant, c.AMR = []string{"app", "web", "site"}, []string{"role:editor", "claim:plan"}, []string{"pwd"}
	return c
}

// prepareSubjects gets the back end its token, and begins a session that is ended later.
func (w *walker) prepareSubjects() {
	w.t.Helper()
	w.ready["backend"] = w.form("token of a back end", 200, "/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", basicAuthorization("backend", backEndSecret))
	w.ready["begun"] = w.backEnd("begin", 200, "POST", canarySubject+"/sessions", beginBody)
}

// backEnd sends a request of the back end about a subject.
func (w *walker) backEnd(what string, status int, method, path, body string, header ...string) pair {
	w.t.Helper()
	contentType := ""
	if body != "" {
		contentType = jsonType
	}
	return w.send("subject, "+what, status, method, "/subjects/"+path, contentType, body, append(header, "Authorization", "Bearer "+w.ready["backend"].access)...)
}

// subjects goes through everything that a back end does for users of its own, and what is refused.
func (w *walker) subjects() {
	w.t.Helper()
	sessions, given := canarySubject+"/sessions", w.ready["begun"]
	w.backEnd("begin in a browser", 200, "POST", sessions, `{"client_id":"web","amr":["pwd"],"roles":["editor"],"claims":{"plan":"gold"}}`)
	w.backEnd("begin at a site", 200, "POST", sessions, `{"client_id":"site","amr":["pwd"]}`)
	w.backEnd("begin with a key", 200, "POST", sessions, beginBody, "Idempotency-Key", canaryKeyOfOne)
	w.backEnd("the key again", 200, "POST", sessions, beginBody, "Idempotency-Key", canaryKeyOfOne)
	w.backEnd("the key for another body", 422, "POST", sessions, `{"client_id":"web","amr":["pwd"]}`, "Idempotency-Key", canaryKeyOfOne)
	w.backEnd("a key that is none", 400, "POST", sessions, beginBody, "Idempotency-Key", canaryKeyOfOne+" "+canaryKeyOfOne)
	w.backEnd("list", 200, "GET", sessions, "")
	w.backEnd("a token for a cursor", 400, "GET", sessions+"?cursor="+given.access, "")

	w.backEnd("nobody", 404, "GET", url.PathEscape(strings.ReplaceAll(secondSubject, "/", "#"))+"/sessions", "")
	w.backEnd("a slash", 404, "GET", url.PathEscape(secondSubject)+"/sessions", "")
	w.backEnd("too long", 400, "GET", strings.Repeat(canarySubject, 5)+"/sessions", "")
	w.backEnd("a control character", 400, "GET", canarySubject+"%00/sessions", "")
	w.backEnd("a token", 400, "GET", given.access+"/sessions", "")
	w.backEnd("a password", 404, "GET", canaryPassword+"/sessions", "")
	w.backEnd("a query", 400, "PATCH", canarySubject+"?subject="+canarySubject, `{"disabled":true}`)
	w.backEnd("no such route", 404, "PUT", canarySubject, "{}")
	w.send("subject, no token", 401, "GET", "/subjects/"+sessions, "", "")
	w.bearer("subject, a person's token", 403, "GET", "/subjects/"+sessions, w.ready["left"].access)

	for what, body := range map[string]string{
		"client": `{"client_id":"` + given.access + `","amr":["pwd"]}`, "amr": `{"client_id":"app","amr":["` + given.access + `"]}`,
		"role": `{"client_id":"app","amr":["pwd"],"roles":["` + given.access + `"]}`, "scope": `{"client_id":"app","amr":["pwd"],"scopes":["` + given.refresh + `"]}`,
	} {
		w.backEnd("a token for a "+what, 403, "POST", sessions, body)
	}
	w.backEnd("a token for a claim", 400, "POST", sessions, `{"client_id":"app","amr":["pwd"],"claims":{"`+given.access+`":1}}`)
	w.backEnd("cut off", 400, "POST", sessions, `{"client_id":"`+given.access)

	w.backEnd("change", 200, "PATCH", canarySubject, `{"roles":[],"claims":{"plan":"silver"}}`)
	w.backEnd("another session", 404, "DELETE", sessions+"/"+w.sessionOf(w.ready["left"].access), "")
	w.backEnd("a token for a session", 404, "DELETE", sessions+"/"+given.access, "")
	w.backEnd("end one", 200, "DELETE", sessions+"/"+w.sessionOf(given.access), "")
	w.refresh("refresh after that", 400, "app", given.refresh)
	w.backEnd("end all", 200, "DELETE", sessions, "")
	w.backEnd("disable", 200, "PATCH", canarySubject, `{"disabled":true}`)
	w.backEnd("begin for a disabled one", 403, "POST", sessions, beginBody)
	w.backEnd("enable", 200, "PATCH", canarySubject, `{"disabled":false}`)
}
