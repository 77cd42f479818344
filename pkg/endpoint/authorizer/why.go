package authorizer

import (
	"errors"

	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

var errAudience = errors.New("authorizer: the token is for another API")

// why is the kind of a refusal: one of a few words, each of which is a metric. Nothing that callers send is in it.
func why(err error) string {
	is := func(errs ...error) bool {
		for _, one := range errs {
			if errors.Is(err, one) {
				return true
			}
		}
		return false
	}
	switch {
	case isOutage(err):
		return "outage"
	case is(revocation.ErrRevoked):
		return "revoked"
	case is(token.ErrExpired):
		return "expired"
	case is(token.ErrInvalid):
		return "token"
	case is(ticket.ErrUnknown):
		return "ticket"
	case is(browser.ErrCrossSite, browser.ErrOtherSite):
		return "cross_site"
	case isNobody(err), is(grant.ErrAccountEnded):
		return "session"
	case is(errAudience):
		return "audience"
	case is(policy.ErrRefused, policy.ErrRolesOmitted):
		return "policy"
	}
	return "request" // it lacks a credential, or is none that can be read
}
