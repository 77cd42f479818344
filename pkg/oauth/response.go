package oauth

import "time"

// TokenTypeBearer is the only token type issued (RFC 6750).
const TokenTypeBearer = "Bearer"

// Grant types.
const (
	GrantAuthorizationCode = "authorization_code" // RFC 6749 §4.1.3
	GrantRefreshToken      = "refresh_token"      // RFC 6749 §6
	GrantClientCredentials = "client_credentials" // RFC 6749 §4.4
)

// TokenResponse is a successful answer of RFC 6749 §5.1. A server-rendered site gets no tokens: what it holds is in a cookie.
type TokenResponse struct {
	AccessToken  Secret
	ExpiresIn    time.Duration // what is left of the access token's life, whole seconds, rounded down; for a site that of the session
	Scope        string        // space-separated; empty when none was granted
	RefreshToken Secret        // empty where the transport is not the body
	IDToken      Secret        // who has logged in, for sessions that began with a code and have the scope openid
	CSRFToken    Secret        // for a site, in place of the tokens
	DeviceToken  Secret        // for the next login, where it is in no cookie
}

// MaxAccessLife is the longest life that a client may give its access tokens. Revocations are kept just
// long enough to outlive every access token, so it bounds the size of the revocation log too.
const MaxAccessLife = time.Hour

// MaxSessionLife is the longest that a session may last, however busy: MAC keys are kept for as long.
const MaxSessionLife = 400 * 24 * time.Hour
