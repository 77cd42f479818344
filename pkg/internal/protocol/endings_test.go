package protocol_test

import (
	"context"
	"errors"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
)

// handedIn is a refresh token that is taken back: by its client, or because the person logs out.
type handedIn struct {
	session    *sessionModel
	generation uint32
	client     client.Client // zero: the session's own
	logout     bool
	faults     map[string]fault
}

// takeBack hands a refresh token in and judges the answer. Any generation of a session ends it.
func (w *world) takeBack(h handedIn) {
	s, now := h.session, w.clock.Now()
	if h.client.ID == "" {
		h.client = s.client
	}
	own := h.client.ID == s.client.ID
	v, ctx := w.visit(h.faults)
	v.did["Revoke"] = func() {
		if !own {
			w.fail("client %s ended a session of client %s", h.client.ID, s.client.ID)
		}
		s.revoked = true
		w.end(s, now)
	}
	var err, want error
	text := oauth.NewSecret(s.texts[h.generation])
	if h.logout {
		err = w.logout.End(ctx, grant.LogoutRequest{Client: h.client, RefreshToken: text})
	} else {
		err = w.revoke.Revoke(ctx, grant.RevokeRequest{At: here, Client: h.client, Token: text})
		if !own {
			want = session.ErrForeign
		}
	}
	switch expired := before(now, s.idle) != yes; {
	case v.hit && !errors.Is(err, oauth.ErrUnavailable):
		w.fail("revocation with faults %v: error %v, want unavailable", h.faults, err)
	case !v.hit && !errors.Is(err, want) && !(expired && err == nil):
		w.fail("revocation by client %s: error %v, want %v", h.client.ID, err, want)
	case !v.hit && own && !s.revoked && !expired:
		w.fail("revocation was confirmed, and nothing was revoked")
	}
}

// takeBackAccess hands an access token in: it alone dies.
func (w *world) takeBackAccess(a *accessModel, faults map[string]fault) {
	now := w.clock.Now()
	v, ctx := w.visit(faults)
	v.did["Append"] = func() {
		if a.deniedAt.IsZero() {
			a.deniedAt = now
		}
	}
	err := w.revoke.Revoke(ctx, grant.RevokeRequest{At: here, Client: a.session.client, Token: oauth.NewSecret(a.text)})
	switch {
	case v.hit && !errors.Is(err, oauth.ErrUnavailable):
		w.fail("revocation of an access token with faults %v: error %v, want unavailable", faults, err)
	case !v.hit && err != nil:
		w.fail("revocation of an access token: error %v", err)
	case !v.hit && a.deniedAt.IsZero() && before(now, a.expiry) == yes:
		w.fail("revocation of an access token was confirmed, and nothing was revoked")
	}
}

// everywhere logs out all sessions with a refresh token of one of them.
func (w *world) everywhere(h handedIn) {
	s, now := h.session, w.clock.Now()
	behind := int64(s.generation) - int64(h.generation)
	may := s.lives(now)
	if w.disabled || behind != 0 && behind != 1 {
		may = no
	}
	outdated := s.outdated
	if outdated && (behind == 0 || behind == 1) {
		may = yes // all have ended, which is what is asked for
	}
	v, err := w.change(h.faults, nil, func(ctx context.Context) error {
		return w.logout.End(ctx, grant.LogoutRequest{Client: s.client, RefreshToken: oauth.NewSecret(s.texts[h.generation]), Everywhere: true})
	})
	refused := errors.Is(err, session.ErrRefused) && !errors.Is(err, oauth.ErrUnavailable)
	switch {
	case v.hit && refused && may != yes: // a refusal that holds in any case
	case v.hit && !errors.Is(err, oauth.ErrUnavailable):
		w.fail("logout everywhere with faults %v: error %v, want unavailable", h.faults, err)
	case v.hit:
	case refused && may == yes || err == nil && may == no || err != nil && !refused:
		w.fail("logout everywhere with generation %d of %d: error %v, want it to be possible: %v", h.generation, s.generation, err, may)
	case refused && v.changed["ChangeAccount"] > 0:
		w.fail("logout everywhere was refused and yet done")
	case err == nil && v.changed["ChangeAccount"] == 0 && !outdated:
		w.fail("logout everywhere was confirmed, and nothing was changed")
	}
}

// ending is a change of the account that ends every session.
type ending string

const (
	endSessions ending = "end sessions"
	disable     ending = "disable"
	setPassword ending = "set password"
)

// endings to draw from. A new password is rare: its hash is dear.
var endings = []ending{endSessions, endSessions, endSessions, endSessions, disable, disable, disable, setPassword}

// changeAccount makes the change and expects it done or unavailable.
func (w *world) changeAccount(how ending, faults map[string]fault) {
	v, err := w.change(faults, func() {
		w.disabled = w.disabled || how == disable
		if how == setPassword {
			w.password = newPassword
		}
	}, func(ctx context.Context) error {
		switch how {
		case disable:
			_, err := w.editor.Disable(ctx, w.account)
			return err
		case setPassword:
			return w.editor.SetPassword(ctx, w.account, oauth.NewSecret(newPassword), account.PasswordRules{})
		}
		a, err := w.table.Account(ctx, w.account)
		if err != nil {
			return err
		}
		return w.editor.EndSessions(ctx, a)
	})
	if err == nil && v.changed["ChangeAccount"] == 0 {
		w.fail("%s was confirmed, and nothing was changed", how)
	}
	if !v.hit && err != nil || v.hit && !errors.Is(err, oauth.ErrUnavailable) {
		w.fail("%s with faults %v: error %v, want unavailable after a fault and none without", how, faults, err)
	}
}

// change runs something that raises the epoch of the account.
func (w *world) change(faults map[string]fault, also func(), run func(context.Context) error) (*visit, error) {
	now := w.clock.Now()
	v, ctx := w.visit(faults)
	v.did["ChangeAccount"] = func() {
		w.endAll(nil, now)
		if also != nil {
			also()
		}
	}
	err := run(ctx)
	return v, err
}

// enable lets the person log in again. Nothing that has ended comes back.
func (w *world) enable() {
	a := w.stored()
	a.Disabled, w.disabled = false, false
	w.store.SetAccount(a, "")
}

func (w *world) stored() account.Account {
	a, err := w.store.Account(w.ctx, w.account)
	if err != nil {
		w.fail("read the account: %v", err)
	}
	return a
}

// endOthers writes what "end others" writes (docs/design.md §7): the epoch is raised, and the caller's own session
// gets the new one.
func (w *world) endOthers(own *sessionModel) {
	now := w.clock.Now()
	kept, ok := w.store.GetSession(own.id)
	if !ok || own.lives(now) != yes || own.outdated || w.disabled {
		return
	}
	a := w.stored()
	a.Epoch = max(a.Epoch+1, now.Unix())
	kept.Epoch = a.Epoch
	w.store.SetAccount(a, "")
	w.store.SetSession(kept)
	entry := revocation.Entry{At: now.Truncate(time.Millisecond), Kind: revocation.Account, ID: a.ID.String(), MinEpoch: a.Epoch}
	if err := w.store.Append(w.ctx, entry); err != nil {
		w.fail("append: %v", err)
	}
	w.endAll(own, now)
}
