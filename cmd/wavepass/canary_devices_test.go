package main

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
)

// endlessPassword is longer than a password may be.
var endlessPassword = strings.Repeat("canary-password-without-an-end", 10)

// bearer sends a request with an access token.
func (w *walker) bearer(what string, status int, method, path, access string) {
	w.t.Helper()
	w.send(what, status, method, path, "", "", "Authorization", "Bearer "+access)
}

// sessionOf is the `sid` of an access token.
func (w *walker) sessionOf(access string) string {
	w.t.Helper()
	var claims struct {
		SessionID string `json:"sid"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.SessionID == "" {
		w.t.Fatalf("an access token without a session: %v", err)
	}
	return claims.SessionID
}

func (w *walker) devices() {
	w.t.Helper()
	own, lost := w.ready["own"].access, w.ready["lost"]
	w.bearer("list", 200, "GET", "/sessions", own)
	w.bearer("page", 200, "GET", "/sessions?limit=1&cursor="+w.sessionOf(own), own)
	w.bearer("token for a cursor", 400, "GET", "/sessions?cursor="+own, own)
	w.bearer("token for a limit", 400, "GET", "/sessions?limit="+w.ready["own"].refresh, own)
	w.bearer("list without a token", 403, "GET", "/sessions", w.ready["own"].refresh)
	w.bearer("another person's", 404, "DELETE", "/sessions/"+w.sessionOf(w.ready["left"].access), own)
	w.bearer("token for an id", 404, "DELETE", "/sessions/"+own, own)
	w.bearer("token for an exception", 400, "DELETE", "/sessions?except="+own, own)
	w.bearer("end one", 200, "DELETE", "/sessions/"+w.sessionOf(lost.access), own)
	w.bearer("end it again", 200, "DELETE", "/sessions/"+w.sessionOf(lost.access), own)
	w.refresh("refresh after that", 400, "app", lost.refresh)
	w.bearer("end the others", 200, "DELETE", "/sessions?except=current", own)
	w.refresh("refresh of another", 400, "app", w.ready["other"].refresh)
	w.bearer("the token of before", 403, "GET", "/sessions", own)
	w.ready["own"] = w.refresh("refresh of the caller", 200, "app", w.ready["own"].refresh)
}

func (w *walker) passwords() {
	w.t.Helper()
	own := w.ready["own"]
	change := func(what string, status int, current, next string) {
		w.t.Helper()
		body, err := json.Marshal(map[string]string{"current_password": current, "new_password": next})
		if err != nil {
			w.t.Fatal(err)
		}
		w.send(what, status, "POST", "/password", jsonType, string(body), "Authorization", "Bearer "+own.access)
	}
	change("wrong password", 401, wrongPassword, nextPassword)
	change("no new password", 400, canaryPassword, "")
	change("no current password", 400, "", nextPassword)
	change("password too long", 400, canaryPassword, endlessPassword)
	w.send("password cut off", 400, "POST", "/password", jsonType, `{"current_password":"`+canaryPassword, "Authorization", "Bearer "+own.access)
	w.send("password in a form", 415, "POST", "/password", formType, "current_password="+canaryPassword+"&new_password="+nextPassword, "Authorization", "Bearer "+own.access)
	change("change the password", 200, canaryPassword, nextPassword)
	w.login("imported account, wrong password", 401, "app", "moved", wrongPassword)
	w.login("imported account", 200, "app", "moved", canaryPassword)
	w.login("old password", 401, "app", "bea", canaryPassword)
	w.refresh("refresh of the caller", 400, "app", own.refresh)
	own = w.login("new password", 200, "app", "bea", nextPassword)
	change("repeat the change", 401, canaryPassword, nextPassword)
	w.bearer("end all", 200, "DELETE", "/sessions", own.access)
	w.refresh("refresh after that", 400, "app", own.refresh)
}
