package protocol_test

import (
	"errors"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// end takes something back. It is rare: sessions that end at once tell little.
func (w *walk) end() {
	switch rapid.IntRange(0, 8).Draw(w.t, "end") {
	case 1:
		d := w.aDevice()
		w.takeBack(handedIn{session: d.session, generation: d.held, logout: rapid.Bool().Draw(w.t, "logout"), faults: drawFaults(w.t, "Revoke")})
	case 2:
		n := len(w.access)
		a := w.access[rapid.IntRange(max(0, n-4), n-1).Draw(w.t, "access token")]
		w.takeBackAccess(a, drawFaults(w.t, "Append"))
	case 3:
		w.endEverything()
	case 4:
		w.endOthers(w.aDevice().session)
	}
}

// endEverything ends all sessions, and lets the person back in when the account was disabled.
func (w *walk) endEverything() {
	if w.disabled {
		w.enable()
		return
	}
	faults := drawFaults(w.t, "ChangeAccount", "Account")
	if rapid.Bool().Draw(w.t, "by token") {
		d := w.aDevice()
		g := rapid.Uint32Range(0, d.held).Draw(w.t, "generation")
		if _, seen := d.session.texts[g]; seen {
			w.everywhere(handedIn{session: d.session, generation: g, faults: faults})
		}
		return
	}
	w.changeAccount(w.anEnding(), faults)
}

// foreign lets another client, or somebody without any token, try.
func (w *walk) foreign() {
	d := w.aDevice()
	other := clients[rapid.SampledFrom([]string{"other", "web", "app"}).Draw(w.t, "other client")]
	if other.ID == d.session.client.ID {
		other = clients["other"]
	}
	g := rapid.Uint32Range(0, d.held).Draw(w.t, "generation")
	if _, seen := d.session.texts[g]; !seen {
		return
	}
	switch rapid.SampledFrom([]string{"refresh", "revoke", "log out", "forge"}).Draw(w.t, "try") {
	case "refresh":
		w.refresh(presented{session: d.session, generation: g, client: other, faults: drawFaults(w.t, "Rotate", "Account")})
	case "revoke":
		w.takeBack(handedIn{session: d.session, generation: g, client: other})
	case "log out":
		w.takeBack(handedIn{session: d.session, generation: g, client: other, logout: true})
	case "forge":
		text := d.session.texts[g]
		at := rapid.IntRange(0, len(text)-1).Draw(w.t, "place")
		w.forge(d.session, text[:at]+rapid.SampledFrom([]string{"A", "B", "", "\n", "="}).Draw(w.t, "instead")+text[at+1:])
	}
}

// forge presents a text that we never issued: it is refused and touches nothing.
func (w *world) forge(s *sessionModel, text string) {
	for _, known := range s.texts {
		if text == known {
			return
		}
	}
	if w.keysFailedLately() {
		return // it may name a key that nobody can look for just now
	}
	v, ctx := w.visit(nil)
	_, err := w.refreshes[0].Grant(ctx, grant.RefreshRequest{At: here, Client: s.client, RefreshToken: oauth.NewSecret(text)})
	if !errors.Is(err, session.ErrRefused) || errors.Is(err, oauth.ErrUnavailable) || v.touched() {
		w.fail("forged token: error %v after calls %v, want a refusal and none to the table", err, v.arrived)
	}
	if err := w.logout.End(ctx, grant.LogoutRequest{Client: s.client, RefreshToken: oauth.NewSecret(text)}); err != nil || v.touched() {
		w.fail("logout with a forged token: error %v after calls %v, want no error and none to the table", err, v.arrived)
	}
}

// background is what the devices do not notice.
func (w *walk) background() {
	switch rapid.IntRange(0, 5).Draw(w.t, "background") {
	case 0:
		w.boot(rapid.SampledFrom(functions).Draw(w.t, "function"))
	case 1, 2:
		w.rotateKeys()
	case 3:
		w.sweep()
	case 4, 5:
		if w.saved == nil {
			w.backUp()
		} else {
			w.restore()
			w.saved = nil
		}
	}
}

// time passes: seconds within a window, minutes beyond it, hours towards an expiry.
func (w *walk) time() {
	limits := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 16 * time.Hour}).Draw(w.t, "at most")
	w.pass(drawDuration(w.t, limits/60, limits, "pause"))
}

// sweep deletes what has expired, as the table does after days.
func (w *walk) sweep() {
	for _, s := range w.sessions {
		if before(w.clock.Now(), s.idle) == no {
			w.store.DropSession(s.id)
		}
	}
}

func (w *walk) backUp() {
	s := w.aDevice().session
	if stored, ok := w.store.GetSession(s.id); ok && s.endedAt.IsZero() && s.lives(w.clock.Now()) == yes {
		copied := *s
		copied.late, copied.stale = slices.Clone(s.late), maps.Clone(s.stale)
		w.saved = &backup{s, copied, stored}
	}
}

// restore puts a session back to where it stood. Tokens that it has issued since are newer than the table.
func (w *walk) restore() {
	if w.saved == nil || !w.saved.session.endedAt.IsZero() {
		return
	}
	now, old := w.clock.Now(), w.saved.model
	stored, ok := w.store.GetSession(old.id)
	if !ok || w.saved.session.lives(now) != yes || old.lives(now) != yes {
		return
	}
	back := w.saved.stored
	back.Epoch = stored.Epoch // "end others" is no part of it
	w.store.SetSession(back)
	s := w.saved.session
	s.generation, s.rotatedAt, s.prior, s.idle = old.generation, old.rotatedAt, old.prior, old.idle
	s.late, s.stale = slices.Clone(old.late), maps.Clone(old.stale)
	w.refresh(presented{session: s, generation: w.newest(s)})
}
