package protocol_test

import (
	"errors"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// entry is one login, and what happens meanwhile.
type entry struct {
	client    client.Client
	remember  bool
	password  string // empty: the right one
	faults    map[string]fault
	point     string // the call to the table before which it happens
	meanwhile func()
}

// logIn logs in, judges the answer, and returns the session, nil when there is none.
func (w *world) logIn(e entry) *sessionModel {
	if e.password == "" {
		e.password = w.password
	}
	var right, disabled bool
	changes := -1
	v, ctx := w.visit(e.faults)
	judge := func() { right, disabled, changes = e.password == w.password, w.disabled, w.changes }
	v.before["AccountAndLogin"] = judge // of several the last: the login begins anew where the password has changed
	if e.meanwhile != nil {
		happened := false
		v.before[e.point] = func() {
			if !happened {
				happened = true
				e.meanwhile()
			}
			if e.point == "AccountAndLogin" {
				judge()
			}
		}
	}
	issued, err := w.login.Grant(ctx, grant.LoginRequest{
		At: here, Client: e.client, Username: "ada", Password: oauth.NewSecret(e.password), Remember: e.remember, Network: "203.0.113.0/24",
	})
	refused := errors.Is(err, account.ErrInvalidCredentials)
	switch {
	case v.hit && !errors.Is(err, oauth.ErrUnavailable) && !(refused && (!right || disabled)):
		w.fail("login with faults %v: error %v, want unavailable", e.faults, err)
	case !v.hit && right && !disabled && err != nil:
		w.fail("login with the right password: error %v", err)
	case !v.hit && (!right || disabled) && !refused:
		w.fail("login with a wrong password or a disabled account: error %v", err)
	}
	if err != nil {
		return nil
	}
	return w.began(e, issued, w.changes != changes)
}

// began keeps a new session. One whose account was changed after its password was checked is dead on arrival.
func (w *world) began(e entry, issued grant.Issued, outdated bool) *sessionModel {
	now := w.clock.Now()
	life := e.client.Absolute
	if e.remember && e.client.Remembered > 0 {
		life = e.client.Remembered
	}
	s := &sessionModel{
		id: issued.Session.ID, client: e.client, minAge: w.minAge, rotatedAt: now, absolute: now.Add(life),
		texts: map[uint32]string{0: issued.Tokens.RefreshToken.Reveal()}, outdated: outdated,
	}
	s.idle = earliest(now.Add(e.client.IdleLife), s.absolute)
	if outdated {
		s.endedAt = now
	}
	w.checkExpiry(s, issued)
	w.checkIdle(s, issued)
	w.sessions = append(w.sessions, s)
	w.keep(s, issued.Tokens)
	return s
}
