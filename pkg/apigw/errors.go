package apigw

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/session"
)

// requestError is an error of the request itself, found before or by an endpoint. Its text is for the
// caller.
type requestError struct {
	status            int
	code, description string
}

func (e *requestError) Error() string { return e.code + ": " + e.description }

// InvalidRequest returns the error for a request that is malformed. The description tells the caller what is wrong.
func InvalidRequest(description string) error {
	return &requestError{http.StatusBadRequest, oauth.CodeInvalidRequest, description}
}

// Refused returns an error with an answer of its own. The description tells the caller why.
func Refused(status int, code, description string) error {
	return &requestError{status, code, description}
}

// ErrNotAuthorized says that a request reached a protected endpoint without having passed an authorizer.
var ErrNotAuthorized error = &requestError{http.StatusUnauthorized, oauth.CodeInvalidToken, "a valid access token is needed"}

// ErrNoSession says that an access token was issued to a client for itself (RFC 6749 §4.4).
var ErrNoSession error = &requestError{http.StatusForbidden, oauth.CodeAccessDenied, "this needs the access token of somebody who is logged in; this one is a client's own"}

// errNoService says that an access token was issued to somebody who is logged in.
var errNoService error = &requestError{http.StatusForbidden, oauth.CodeAccessDenied, "this needs a service's own access token, by client credentials; this one is a person's"}

// insufficientScope says that the access token lacks a scope; one of these is needed (RFC 6750 §3.1).
func insufficientScope(oneOf []string) error {
	return &requestError{http.StatusForbidden, oauth.CodeInsufficientScope, "the access token has no scope " + strings.Join(oneOf, " or ")}
}

// UnsupportedGrantType says that a grant_type is not served here.
func UnsupportedGrantType(description string) error {
	return &requestError{http.StatusBadRequest, oauth.CodeUnsupportedGrantType, description}
}

func unsupportedMediaType(accepted []string) error {
	return &requestError{http.StatusUnsupportedMediaType, oauth.CodeInvalidRequest,
		"send Content-Type " + strings.Join(accepted, " or ") + ", in UTF-8"}
}

var errTooLarge = InvalidRequest("the body is longer than 16 KB")

// answers is the one table from domain error to HTTP answer. Every other error is a 500.
var answers = []struct {
	err               error
	status            int
	code, description string
}{
	{session.ErrRefused, http.StatusBadRequest, oauth.CodeInvalidGrant, "the refresh token is not valid"},
	{session.ErrTarget, http.StatusBadRequest, authorization.CodeInvalidTarget, "resource is not what the session's tokens are for; leave it out, or sign in anew for another"},
	{session.ErrCode, http.StatusBadRequest, oauth.CodeInvalidGrant, "the authorization code is not accepted"},
	{session.ErrForeign, http.StatusBadRequest, oauth.CodeInvalidGrant, "the token was issued to another client"},
	{session.ErrEnded, http.StatusUnauthorized, oauth.CodeInvalidToken, "the session has ended; log in again"},
	{session.ErrNotFound, http.StatusNotFound, oauth.CodeNotFound, "no such session"},
	{resource.ErrUnknown, http.StatusNotFound, oauth.CodeNotFound, "no resource of this host is registered with this path"},
	{consent.ErrNotFound, http.StatusNotFound, oauth.CodeNotFound, "you have allowed no such client anything"},
	{client.ErrUnknown, http.StatusUnauthorized, oauth.CodeInvalidClient, "no such client, or its secret is wrong"},
	{grant.ErrScope, http.StatusBadRequest, oauth.CodeInvalidScope, "the client is not registered for one of the scopes, or the scope is malformed"},
	{grant.ErrNoSubject, http.StatusNotFound, oauth.CodeNotFound, "no session was begun for this subject yet"},
	{grant.ErrManaged, http.StatusForbidden, oauth.CodeAccessDenied, "a service looks after this account: ask it to remove it"},
	{grant.ErrSubjectDisabled, http.StatusForbidden, oauth.CodeAccessDenied, "the subject is disabled"},
	{grant.ErrKeyReused, http.StatusUnprocessableEntity, oauth.CodeInvalidRequest, "this Idempotency-Key came with another request; use a new one for each session"},
	{grant.ErrAlreadyUsed, http.StatusConflict, oauth.CodeAlreadyUsed, "the session of this Idempotency-Key was used or has ended; begin another with a new key"},
	{account.ErrSubject, http.StatusBadRequest, oauth.CodeInvalidRequest, "the subject: want 1 to 128 characters without control characters, / and U+FFFD, neither . nor .., percent-encoded once"},
	{account.ErrAccess, http.StatusBadRequest, oauth.CodeInvalidRequest, "roles, scopes: want at most 100 of each, of 1 to 64 printable ASCII characters without space, quote or backslash, and scopes of 512 bytes together"},
	{claims.ErrInvalid, http.StatusBadRequest, oauth.CodeInvalidRequest, "claims: want an object of at most 16 strings, numbers or booleans, 512 bytes as JSON, with names like plan_2"},
	{client.ErrWrongKind, http.StatusBadRequest, oauth.CodeUnauthorizedClient, "this kind of client may not do that"},
	{account.ErrInvalidCredentials, http.StatusUnauthorized, oauth.CodeInvalidCredentials, "the username or the password is wrong"},
	{grant.ErrPasswordMissing, http.StatusBadRequest, oauth.CodeInvalidRequest, "current_password is missing"},
	{grant.ErrOldLogin, http.StatusUnauthorized, oauth.CodeInsufficientAuthentication, "log in again, and come back within 10 minutes: this account has no password that could be asked for"},
	{account.ErrPassword, http.StatusBadRequest, oauth.CodeInvalidRequest, "the new password"},
	{browser.ErrNoOrigin, http.StatusForbidden, oauth.CodeCrossSite, "the header Origin is missing: this client is for browsers, which send it; a program that is no browser takes a native client"},
	{browser.ErrCrossSite, http.StatusForbidden, oauth.CodeCrossSite, "the request comes from another site"},
	{browser.ErrTwoCookies, http.StatusBadRequest, oauth.CodeInvalidRequest, "two cookies of one name; both are deleted with this answer: log in again"},
	{browser.ErrOtherSite, http.StatusBadRequest, oauth.CodeInvalidGrant, "no cookie came, and none can: the page is on another site than this service; serve both below one domain"},
	{browser.ErrOutOfReach, http.StatusBadRequest, oauth.CodeInvalidRequest, "a cookie that your back end sets would never be sent to this service: serve the pages of the client at the host of this service, or set COOKIE_DOMAIN to a domain above both; or begin a session of a native client"},
	{browser.ErrNoTarget, http.StatusBadRequest, oauth.CodeInvalidRequest, "the form names an address to go to that is not registered for this client, in exactly this spelling; `wavepass client set ID --redirect ADDRESS` and `--post-logout-redirect ADDRESS` register one"},
	{browser.ErrReturnTo, http.StatusBadRequest, oauth.CodeInvalidRequest, "return_to: want a path like /orders/7?page=2 of at most 1,024 bytes, without a fragment, dot segments, two slashes in a row or an encoded slash; it is taken at the origin of redirect_uri"},
	{browser.ErrTwoTokens, http.StatusBadRequest, oauth.CodeInvalidRequest, "browser clients send the refresh token in its cookie, all others in the body, nobody in both"},
	{session.ErrOvertaken, http.StatusServiceUnavailable, oauth.CodeUnavailable, "a newer refresh token of this session is in use; try again with that one"},
	{oauth.ErrUnavailable, http.StatusServiceUnavailable, oauth.CodeUnavailable, "try again in a moment; nothing was lost"},
}

// retryAfter is the Retry-After of a 503, in seconds: long enough for a throttle to pass.
const retryAfter = 2 * time.Second

// answer turns an error into a response, and logs the error once with the request id. The log says more than the caller is told.
func answer(ctx context.Context, cfg Config, r *Request, err error) Response {
	response := lookUp(r, err)
	level, message := slog.LevelInfo, "refused"
	switch {
	case errors.Is(err, oauth.ErrUnavailable):
		level, message = slog.LevelError, "unavailable"
	case response.Status == http.StatusInternalServerError:
		level, message = slog.LevelError, "internal error"
	}
	cfg.Log.Log(ctx, level, message, "request_id", r.ID, "status", response.Status, "reason", err.Error())
	var imposter *client.NotAuthenticatedError
	if errors.As(err, &imposter) {
		cfg.Trail.Record(ctx, audit.Event{Name: audit.ClientRefused, ClientID: imposter.ID, Reason: imposter.Reason})
	}
	return response
}

// lookUp finds the answer to an error in the table.
func lookUp(r *Request, err error) Response {
	var request *requestError
	if errors.As(err, &request) {
		return errorResponse(request.status, request.code, request.description)
	}
	// An authorization request that its client has pushed. At /authorize both are shown to the person, or told at the redirect.
	var wrong *authorization.Error
	if errors.As(err, &wrong) {
		return errorResponse(http.StatusBadRequest, wrong.Code, wrong.Description) // RFC 9126 §2.3
	}
	var page *authorization.PageError
	if errors.As(err, &page) {
		return errorResponse(http.StatusBadRequest, oauth.CodeInvalidRequest, page.Description)
	}
	var notGranted *grant.NotGrantedError
	if errors.As(err, &notGranted) {
		return errorResponse(http.StatusForbidden, oauth.CodeAccessDenied, notGranted.What)
	}
	var limited *account.TooManyAttemptsError
	if errors.As(err, &limited) {
		response := errorResponse(http.StatusTooManyRequests, oauth.CodeTooManyAttempts, "too many attempts; wait and try again")
		response.Headers = map[string]string{"Retry-After": seconds(limited.RetryAfter)}
		return response
	}
	for _, a := range answers {
		if !errors.Is(err, a.err) {
			continue
		}
		response := errorResponse(a.status, a.code, a.description)
		var refused *session.RefusedError
		var character *account.CharacterError
		var password *account.PasswordError
		var code *session.CodeError
		switch {
		case errors.As(err, &code):
			response = errorResponse(a.status, a.code, a.description+": "+code.Says)
		case errors.As(err, &password):
			response = errorResponse(a.status, a.code, a.description+": "+password.Advice())
		case errors.As(err, &character):
			response = errorResponse(a.status, a.code, a.description+": "+character.Refused())
		case errors.As(err, &refused):
			response = explained(a.status, a.code, a.description, refused.Reason)
		case a.err == session.ErrOvertaken:
			response.Headers = map[string]string{"Retry-After": "1"} // the newer token will arrive in a moment
		case a.err == oauth.ErrUnavailable:
			response.Headers = map[string]string{"Retry-After": seconds(retryAfter)}
		case a.err == client.ErrUnknown && r.Header("Authorization") != "":
			response.Headers = map[string]string{"WWW-Authenticate": `Basic realm="wavepass"`} // RFC 6749 §5.2
		}
		return response
	}
	return errorResponse(http.StatusInternalServerError, oauth.CodeServerError, "an internal error; the operator finds it under this request's id")
}

func errorResponse(status int, code, description string) Response {
	return explained(status, code, description, "")
}

// explained returns an error response that may also say why a session ended, in a member of its own (RFC 6749 §5.2 allows that).
func explained(status int, code, description, reason string) Response {
	body, _ := json.Marshal(struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
		Reason      string `json:"reason,omitzero"`
	}{code, description, reason})
	response := Response{Status: status, Body: body, code: code}
	switch code {
	case oauth.CodeInsufficientAuthentication:
		maxAge := strconv.Itoa(int(grant.YoungLogin / time.Second))
		response.Headers = map[string]string{"WWW-Authenticate": `Bearer error="` + code + `", max_age="` + maxAge + `"`} // RFC 9470 §3
	case oauth.CodeInvalidToken, oauth.CodeInsufficientScope:
		response.Headers = map[string]string{"WWW-Authenticate": `Bearer error="` + code + `"`} // RFC 6750 §3
	}
	return response
}

// seconds rounds up, so that callers who wait as they are told do not come too early.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
