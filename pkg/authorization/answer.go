package authorization

import (
	"net/url"
	"strings"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Error codes of an authorization endpoint, beside those of package oauth.
const (
	CodeUnsupportedResponseType  = "unsupported_response_type" // RFC 6749 §4.1.2.1
	CodeLoginRequired            = "login_required"            // OpenID Connect Core 1.0 §3.1.2.6, and the next five
	CodeConsentRequired          = "consent_required"
	CodeInteractionRequired      = "interaction_required"
	CodeRequestNotSupported      = "request_not_supported"
	CodeRequestURINotSupported   = "request_uri_not_supported"
	CodeRegistrationNotSupported = "registration_not_supported"
	CodeInvalidTarget            = "invalid_target" // RFC 8707 §2
)

// PageError says what is wrong with a request whose client must not be told, because it is not known, or not known to be
// waiting at that address. The person is shown it.
type PageError struct{ Description string }

func (e *PageError) Error() string { return "authorization: " + e.Description }

// Error is an error that the client is told at its redirect.
type Error struct{ Code, Description string }

func (e *Error) Error() string { return "authorization: " + e.Code + ": " + e.Description }

func refuse(code, description string) error { return &Error{code, description} }

// AnswerCode is the address that the browser goes to with a code (RFC 6749 §4.1.2). issuer is said in it so that the client can tell
// whose answer it is (RFC 9207).
func (r Request) AnswerCode(issuer string, code oauth.Secret) string {
	return r.answer(issuer, url.Values{"code": {code.Reveal()}})
}

// AnswerError is the address that the browser goes to with an error (RFC 6749 §4.1.2.1).
func (r Request) AnswerError(issuer string, e *Error) string {
	return r.answer(issuer, url.Values{"error": {e.Code}, "error_description": {e.Description}})
}

func (r Request) answer(issuer string, members url.Values) string {
	members.Set("iss", issuer)
	if r.State != "" {
		members.Set("state", r.State)
	}
	return WithQuery(r.Redirect, members)
}

// WithQuery adds members to a registered redirect, which has no fragment. What it has of a query stays as it is (RFC 6749 §3.1.2).
func WithQuery(redirect string, members url.Values) string {
	separator := "?"
	if strings.Contains(redirect, "?") {
		separator = "&"
	}
	return redirect + separator + members.Encode()
}
