package check

import (
	"strings"
	"testing"
)

func TestDescriptionOfAServiceIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "empty",
		"login: {}":                  "login.path is missing",
		"login: {path: login}":       "want a path like",
		"login: {path: //evil.test}": "want a path like",
		"login: {path: /login}":      "signed_in.path and api.path",
		"login: {path: /login, as: xml}\nsigned_in: {path: /me}":   "want json or form",
		"login: {path: /login, pass: x}\nsigned_in: {path: /me}":   "pass not found",
		"login: {path: /login}\napi: {path: /api}":                 "access_token is missing",
		"login: {path: /login}\nsigned_in: {path: 'http://e.g/'}":  "want a path like",
		"login: {path: /login}\nsigned_in: {path: '/me#fragment'}": "want a path like",
	} {
		if _, err := ReadService([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	s, err := ReadService([]byte("login: {path: /login}\nsigned_in: {path: /me}"))
	if err != nil || s.Login.As != "json" || s.Login.Username != "username" || s.Login.Password != "password" || s.Logout.As != "json" {
		t.Errorf("%+v, %v; want the defaults", s, err)
	}
}
