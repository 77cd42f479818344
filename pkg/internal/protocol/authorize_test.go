package protocol_test

import (
	"errors"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/token"
)

// authorize shows an access token to a gate and judges the answer: from staleness after its denial on it
// is refused, and until somebody denies it or it expires it is accepted.
func (w *world) authorize(a *accessModel, gate int, faults map[string]fault) {
	now := w.clock.Now()
	v, ctx := w.visit(faults)
	_, err := w.gates[gate].Check(ctx, oauth.NewSecret(a.text), token.Expect{Issuer: here.Issuer, Audience: here.Audience})
	accepted := err == nil
	dead := !a.deniedAt.IsZero() && !now.Before(a.deniedAt.Add(staleness)) || before(now, a.expiry) == no
	alive := a.deniedAt.IsZero() && before(now, a.expiry) == yes
	refused := errors.Is(err, revocation.ErrRevoked) || errors.Is(err, token.ErrInvalid)
	expired := errors.Is(err, token.ErrInvalid) && before(now, a.expiry) != yes // the first check of a gate reads the log beside the keys, for which token ever
	switch {
	case v.hit && expired:
	case v.hit && !errors.Is(err, oauth.ErrUnavailable):
		w.fail("access token shown with faults %v: error %v, want unavailable", faults, err)
	case v.hit:
	case accepted && dead:
		w.fail("access token accepted %s after it was denied, %s before its expiry", now.Sub(a.deniedAt), a.expiry.Sub(now))
	case !accepted && alive:
		w.fail("access token of a live session refused: %v", err)
	case !accepted && !refused && !(errors.Is(err, oauth.ErrUnavailable) && w.keysFailedLately()):
		w.fail("access token: error %v, want a refusal", err)
	}
}

// authorizeAll shows every access token that has not expired to every gate.
func (w *world) authorizeAll() {
	for _, a := range w.access {
		if before(w.clock.Now(), a.expiry) != no {
			w.authorize(a, 0, nil)
			w.authorize(a, 1, nil)
		}
	}
}
