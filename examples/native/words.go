package main

import (
	"fmt"
	"net/http"
	"time"
)

// reasons says in words why a session ended (docs/http.md of Wavepass).
var reasons = map[string]string{
	"idle":             "the session was not used for too long",
	"absolute":         "the session has reached its greatest age",
	"ended":            "the session was ended",
	"ended_elsewhere":  "the session was ended from another device",
	"password_changed": "the password was changed, which ends every session",
	"disabled":         "the account is disabled; ask whoever looks after it",
	"restored":         "the service was restored from a backup that does not know this session",
	"reuse":            "somebody used an old refresh token of this session, so it may have been copied. If that was not you, change your password",
}

// inWords says what a refusal means, and what to do.
func inWords(a answer) string {
	r := a.refusal()
	if words, known := reasons[r.Reason]; known && r.Error == "invalid_grant" {
		return words
	}
	switch {
	case r.Error == "invalid_grant":
		return "the session is not good any more"
	case r.Error == "invalid_credentials":
		return "the username or the password is wrong"
	case a.status == http.StatusTooManyRequests:
		return "too many attempts; try again " + later(a.wait)
	case a.status >= 500:
		return fmt.Sprintf("the service is not available (%d); try again %s", a.status, later(a.wait))
	case r.Error == "insufficient_scope":
		return "this client has not the scope for it: " + printable(r.Description)
	case r.Description != "":
		return fmt.Sprintf("%s (%s)", printable(r.Description), printable(r.Error))
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return "you may not do this: the account lacks a role or a scope, or the login is not recent enough"
	}
	return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
}

func later(wait time.Duration) string {
	if wait <= 0 {
		return "later"
	}
	return "in " + wait.String()
}
