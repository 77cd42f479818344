package grant

import (
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// idToken tells a client who has logged in (OpenID Connect Core 1.0 §2). It is empty unless the session began with a code and was granted the scope
// openid; with the scope email it says the owner's address. Like issueAccess it cannot fail. It lives as long as the access token beside it, until expiry.
func idToken(key keyring.SigningKey, at Place, s session.Session, owner account.Account, beside oauth.TokenResponse, expiry time.Time, nonce string, now time.Time) oauth.Secret {
	if s.Pending == nil || !slices.Contains(strings.Fields(beside.Scope), oauth.ScopeOpenID) {
		return oauth.Secret{}
	}
	var email account.Email
	if slices.Contains(strings.Fields(beside.Scope), oauth.ScopeEmail) {
		email = owner.Email
	}
	return token.SignID(key, token.IDClaims{
		Issuer: at.Issuer, Subject: s.AccountID.String(), Client: s.ClientID, IssuedAt: now.Truncate(time.Second), Expiry: expiry,
		AuthTime: s.AuthTime, AMR: s.AMR, Nonce: nonce, SessionID: s.ID.String(), AccessToken: beside.AccessToken,
		Email: email.Address, EmailVerified: email.Verified(),
	})
}
