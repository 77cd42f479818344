package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

// RevokeParts are the parts of a Revoke; every field is needed.
type RevokeParts struct {
	Sessions *session.Revoker
	Owners   *session.Owners
	MAC      session.Keys
	Access   *token.Verifier // does not read the log, so that a revocation does not wait for it
	Log      revocation.Once
	Trail    *audit.Trail
	Now      func() time.Time
}

// Revoke revokes tokens for clients (RFC 7009): a refresh token or a session handle together with its session, an access token by itself.
type Revoke struct{ RevokeParts }

// NewRevoke returns a Revoke.
func NewRevoke(p RevokeParts) *Revoke { return &Revoke{p} }

// RevokeRequest is a request to revoke a token.
type RevokeRequest struct {
	At     Place
	Client client.Client // authenticated
	Token  oauth.Secret
}

// Revoke revokes one token of the client. A token that is unknown, expired or revoked is no error. Errors:
// session.ErrForeign for another client's token, which is not revoked; oauth.ErrUnavailable when the revocation
// is not confirmed.
func (v *Revoke) Revoke(ctx context.Context, r RevokeRequest) error {
	if session.LooksLikeRefreshToken(r.Token) {
		return v.revokeSession(ctx, r.Token, r.Client.ID)
	}
	if session.LooksLikeHandle(r.Token) {
		return v.revokeHandle(ctx, r.Token, r.Client.ID)
	}
	return v.revokeAccessToken(ctx, r, r.Client.ID)
}

// revokeHandle ends the session of a handle, which is read first: nothing but its secret says that the handle is not made up.
func (v *Revoke) revokeHandle(ctx context.Context, text oauth.Secret, clientID string) error {
	h, err := session.ParseHandle(text)
	var s session.Session
	if err == nil {
		s, _, _, err = v.Owners.OfHandle(ctx, h, clientID)
	}
	switch {
	case errors.Is(err, session.ErrRefused), errors.Is(err, session.ErrEnded):
		return nil // made up, or dead (RFC 7009 §2.2)
	case err != nil:
		return err
	}
	ended, err := v.Sessions.End(ctx, s, session.ReasonClient)
	if err == nil && ended {
		v.Trail.Record(ctx, eventOf(s, audit.SessionRevoked))
	}
	return err
}

func (v *Revoke) revokeSession(ctx context.Context, text oauth.Secret, clientID string) error {
	refresh, err := parseToEnd(ctx, text, v.MAC)
	switch {
	case errors.Is(err, session.ErrRefused):
		return nil // not a token of ours (RFC 7009 §2.2)
	case err != nil:
		return err
	}
	ended, err := v.Sessions.Revoke(ctx, refresh, clientID, session.ReasonClient)
	if err == nil && ended {
		v.Trail.Record(ctx, audit.Event{
			Name: audit.SessionRevoked, Subject: refresh.AccountID.String(),
			SessionID: refresh.SessionID.String(), ClientID: clientID,
		})
	}
	return err
}

// parseToEnd parses a refresh token whose session is to be ended. It reads the keys again when that is due, because the token
// of a key that was taken out of the keyring must not end a session. Errors as session.ParseRefreshToken.
func parseToEnd(ctx context.Context, text oauth.Secret, keys session.Keys) (session.RefreshToken, error) {
	refresh, key, err := session.ParseRefreshToken(ctx, text, keys)
	if err == nil && keys.Renew(ctx, key) != nil {
		err = session.ErrRefused
	}
	return refresh, err
}

func (v *Revoke) revokeAccessToken(ctx context.Context, r RevokeRequest, clientID string) error {
	claims, err := v.Access.Verify(ctx, r.Token, token.Expect{Issuer: r.At.Issuer, SkipAudience: true})
	switch {
	case errors.Is(err, token.ErrInvalid):
		return nil
	case err != nil:
		return err
	case claims.ClientID != clientID:
		return session.ErrForeign
	}
	switch stored, err := revocation.DenyOnce(ctx, v.Log, v.Now, revocation.Token, claims.ID); {
	case err != nil:
		return fmt.Errorf("grant: revoke: %w", err)
	case !stored:
		return nil // revoked a moment ago, and recorded then
	}
	event := audit.Event{Name: audit.TokenRevoked, Subject: claims.Subject, ClientID: clientID}
	if claims.Login != nil {
		event.SessionID = claims.Login.SessionID.String()
	}
	v.Trail.Record(ctx, event)
	return nil
}
