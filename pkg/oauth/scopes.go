package oauth

// Scopes that Wavepass's own routes ask for.
const (
	ScopeAccount  = "account"         // manage the account: its sessions and its password
	ScopeSessions = "sessions:manage" // begin, list and end sessions for the accounts of a service's own directory
	ScopeOpenID   = "openid"          // read /userinfo (OpenID Connect Core 1.0 §5.4)
	ScopeProfile  = "profile"         // the same
	ScopeEmail    = "email"           // and with it the e-mail address (OpenID Connect Core 1.0 §5.4)
)

// PersonScopes returns the scopes of accounts that no operator has made: people may read at /userinfo what is known of them.
func PersonScopes() []string { return []string{ScopeOpenID, ScopeProfile, ScopeEmail} }

// ValidScope reports whether name is a scope-token (RFC 6749 §3.3), printable ASCII without space, quote and backslash.
func ValidScope(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return name != ""
}

// ValidClaimName reports whether name can be that of an account's own claim: letters a to z, digits and _, and a letter first.
func ValidClaimName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

// MaxScope is how long the scopes of a client or of an account may be together, in bytes with a space between two.
const MaxScope = 512
