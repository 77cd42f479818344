package oauth

import "errors"

// Error codes of RFC 6749 §5.2 and the few of our own.
const (
	CodeInvalidRequest             = "invalid_request"
	CodeInvalidGrant               = "invalid_grant"
	CodeInvalidClient              = "invalid_client"
	CodeUnauthorizedClient         = "unauthorized_client"
	CodeUnsupportedGrantType       = "unsupported_grant_type"
	CodeInvalidScope               = "invalid_scope"
	CodeInvalidToken               = "invalid_token"                    // RFC 6750 §3.1
	CodeInsufficientScope          = "insufficient_scope"               // RFC 6750 §3.1
	CodeInsufficientAuthentication = "insufficient_user_authentication" // RFC 9470 §3
	CodeAccessDenied               = "access_denied"                    // RFC 6749 §4.1.2.1
	CodeAlreadyUsed                = "already_used"
	CodeNotFound                   = "not_found"
	CodeInvalidCredentials         = "invalid_credentials"
	CodeCrossSite                  = "cross_site_request"
	CodeTooManyAttempts            = "too_many_attempts"
	CodeUnavailable                = "temporarily_unavailable"
	CodeServerError                = "server_error"
)

// ErrUnavailable says that a store, a seal or another part that is needed could not answer: a throttle,
// a time-out, a conflict that outlasted its retries. Nothing is known about what was asked, so nobody
// is let in and nobody is thrown out. It is never "not found".
var ErrUnavailable = errors.New("temporarily unavailable")
