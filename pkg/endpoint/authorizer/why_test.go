package authorizer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

func TestEachRefusalHasItsWord(t *testing.T) {
	for err, want := range map[error]string{
		oauth.ErrUnavailable: "outage", policy.ErrUnusable: "outage", revocation.ErrRevoked: "revoked", token.ErrExpired: "expired", token.ErrOtherIssuer: "token",
		ticket.ErrUnknown: "ticket", browser.ErrCrossSite: "cross_site", browser.ErrOtherSite: "cross_site", browser.ErrNoHandle: "session", session.ErrEnded: "session",
		client.ErrUnknown: "session", grant.ErrAccountEnded: "session", errAudience: "audience", policy.ErrRefused: "policy", policy.ErrRolesOmitted: "policy",
		errors.New("a header that somebody has sent"): "request",
	} {
		if got := why(fmt.Errorf("around it: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
