package protocol_test

import (
	"errors"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

// presented is one refresh: the token, the client that sends it, and what happens meanwhile.
type presented struct {
	session      *sessionModel
	generation   uint32
	client       client.Client // zero: the session's own
	function     int           // which of the refresh functions
	faults       map[string]fault
	accountFirst bool   // the account is read before the rotation
	meanwhile    func() // happens between the two
	beforeWrite  func() // happens before the late retry is recorded
}

// disturbed says that others act in the middle of it.
func (p presented) disturbed() bool { return p.meanwhile != nil || p.beforeWrite != nil }

// asked is what the model saw while the function worked.
type asked struct {
	right  row  // as the rotation found the session
	looked bool // the rotation was tried
	barred bool // as the account was read: it forbids the session
	counts row  // as what the token was recorded first: late or stale
}

// refresh presents a token, judges the answer, and reports whether it was good.
func (w *world) refresh(p presented) bool {
	s, now := p.session, w.clock.Now()
	if p.client.ID == "" {
		p.client = s.client
	}
	var saw asked
	v, ctx := w.visit(p.faults)
	w.watch(v, p, &saw, now)
	issued, err := w.refreshes[p.function].Grant(ctx, grant.RefreshRequest{
		At: here, Client: p.client, RefreshToken: oauth.NewSecret(s.texts[p.generation]),
	})
	if !saw.looked {
		saw.right = s.permits(p.generation, p.client, now)
	}
	right := w.settled(v, p, saw, now)
	later := errors.Is(err, oauth.ErrUnavailable)
	if later && v.keysOnly() && v.changed["Rotate"]+v.changed["RecordReplay"] > 0 {
		w.fail("generation %d was written, and answered by an outage because of keys that could not be read", p.generation)
	}
	// Keys that cannot be read beside the rotation are forgiven once: the answer is then as without a fault.
	if v.hit && (later || !v.keysOnly()) || later && w.keysFailedLately() {
		w.judgeDisturbed(v, p, right, err)
		return false
	}
	w.judge(v, p, right, err)
	if err != nil {
		return false
	}
	w.given = p.generation + 1
	if right&young != 0 && issued.Tokens.RefreshToken.Reveal() == s.texts[p.generation] {
		w.given = p.generation
	}
	w.take(s, w.given, issued)
	if !p.disturbed() { // otherwise the answer may be of the moment before
		w.checkIdle(s, issued)
	}
	return true
}

// watch puts the calls of a refresh in order and lets the model see the moments that count.
func (w *world) watch(v *visit, p presented, saw *asked, now time.Time) {
	s := p.session
	look := func() { saw.right, saw.looked = s.permits(p.generation, p.client, now), true }
	ask := func() { saw.barred = s.outdated || w.disabled }
	first, second := look, ask
	order := [2]string{"Rotate", "Account"}
	if p.accountFirst {
		first, second, order = ask, look, [2]string{"Account", "Rotate"}
	}
	v.waits[order[1]] = order[0]
	v.before[order[0]] = first
	v.before[order[1]] = func() {
		if p.meanwhile != nil {
			p.meanwhile()
		}
		second()
	}
	v.before["RecordReplay"] = p.beforeWrite
	v.before["Revoke"] = func() {
		if p.disturbed() {
			saw.right |= s.permits(p.generation, p.client, now) // as it has become meanwhile
		}
	}
	v.did["Rotate"] = func() {
		if saw.right&rotate == 0 {
			w.fail("generation %d of client %s was rotated: right was %v", p.generation, p.client.ID, saw.right)
		}
		s.rotated(now)
	}
	v.did["RecordReplay"] = func() {
		right := s.permits(p.generation, p.client, now)
		if p.disturbed() {
			saw.right |= right // as it has become meanwhile: a token that was refused twice comes late
		}
		if saw.counts == 0 {
			saw.counts = right & (late | stale)
		}
		switch {
		case right&late != 0:
			s.late = append(s.late, session.Late{Generation: p.generation, At: now})
		case right&stale != 0:
			s.countStale(p.generation)
		default:
			w.fail("generation %d of %d was recorded as late or stale: right was %v", p.generation, s.generation, right)
		}
	}
	v.did["Revoke"] = func() {
		s.revoked = true
		w.end(s, now)
	}
}

// settled is what is right in the end: an account that forbids comes first, and what changed on the way
// may have been seen or not.
func (w *world) settled(v *visit, p presented, saw asked, now time.Time) row {
	if saw.barred {
		return gone
	}
	right := saw.right
	if p.disturbed() {
		right |= p.session.permits(p.generation, p.client, now)
		if p.session.outdated || w.disabled {
			right |= gone
		}
	}
	// The own first try looks like another tab's.
	if v.faults["Rotate"] == repeated && v.changed["Rotate"] > 0 {
		right = right&^rotate | race
	}
	if v.faults["RecordReplay"] == repeated && saw.counts&late != 0 {
		right = right&^late | race
	}
	if v.faults["RecordReplay"] == repeated {
		right |= p.session.permits(p.generation, p.client, now) // its own first try was counted too
	}
	return right
}

// judgeDisturbed wants "later", or an answer without tokens that holds in any case: a reuse is one only when it is
// confirmed, a stale token only when it is counted.
func (w *world) judgeDisturbed(v *visit, p presented, right row, err error) {
	refusals := right &^ (successes | comeAgain)
	if v.faults["Revoke"] != fine {
		refusals &^= reuse
	}
	later := errors.Is(err, oauth.ErrUnavailable)
	if errors.Is(err, session.ErrOvertaken) {
		if later || right&comeAgain == 0 {
			w.fail("refresh with generation %d and faults %v: error %v (right: %v)", p.generation, p.faults, err, right)
		}
		return
	}
	if refused := errors.Is(err, session.ErrRefused); later == refused || refused && refusals == 0 {
		w.fail("refresh with generation %d and faults %v: error %v, want unavailable (right: %v)", p.generation, p.faults, err, right)
	}
}

// judge compares an undisturbed answer with what is right: the event, the answer and the write of one row.
func (w *world) judge(v *visit, p presented, right row, err error) {
	events := w.events(v)
	if len(events) != 1 || rowOf[events[0]]&right == 0 {
		w.fail("refresh with generation %d of %d by client %s: events %q and error %v, right is %v",
			p.generation, p.session.generation, p.client.ID, events, err, right)
		return
	}
	got := rowOf[events[0]] & right
	w.judgeReason(p, got, err)
	switch {
	case got&successes != 0 && err != nil:
		w.fail("refresh with generation %d: event %s, yet error %v", p.generation, events[0], err)
	case got&comeAgain != 0 && (!errors.Is(err, session.ErrOvertaken) || errors.Is(err, oauth.ErrUnavailable)):
		w.fail("refresh with generation %d: event %s, yet error %v, want to be asked to come again", p.generation, events[0], err)
	case got&(successes|comeAgain) == 0 && (!errors.Is(err, session.ErrRefused) || errors.Is(err, oauth.ErrUnavailable)):
		w.fail("refresh with generation %d: event %s, yet error %v, want a refusal", p.generation, events[0], err)
	}
	for method, its := range map[string]row{"Rotate": rotate, "RecordReplay": late | stale, "Revoke": reuse} {
		wrote, due := v.changed[method] > 0, got&its != 0
		// What was written before another reason came up, or again by the table's client, stays.
		excused := method == "Rotate" && got == gone || v.faults[method] == repeated
		if due && !wrote || wrote && !due && !excused {
			w.fail("refresh with generation %d: event %s, and %s wrote %d times", p.generation, events[0], method, v.changed[method])
		}
	}
}

// judgeReason wants the reason of a refusal to be told to the session's own client, for the newest token and the one
// before, and to nobody else; that of a restored table for a token newer than the table.
func (w *world) judgeReason(p presented, got row, err error) {
	var refused *session.RefusedError
	if !errors.As(err, &refused) {
		return
	}
	s := p.session
	may := got == gone && p.client.ID == s.client.ID && (p.generation == s.generation || p.generation+1 == s.generation)
	mayKnowOfRestore := got == restored && p.client.ID == s.client.ID && refused.Reason == session.BecauseRestored
	if refused.Reason != "" && !may && !mayKnowOfRestore && !p.disturbed() {
		w.fail("generation %d of %d, client %s: refused because of %q, which it may not know", p.generation, s.generation, p.client.ID, refused.Reason)
	}
	if _, stored := w.store.GetSession(s.id); refused.Reason == "" && may && stored && !p.disturbed() && !s.revoked {
		w.fail("generation %d of %d: refused without a reason: %v", p.generation, s.generation, err)
	}
}

// take checks what a refresh gave and keeps it: every answer for one generation carries the same refresh
// token, and no two generations share one.
func (w *world) take(s *sessionModel, g uint32, issued grant.Issued) {
	text := issued.Tokens.RefreshToken.Reveal()
	if known, ok := s.texts[g]; ok && known != text {
		w.fail("generation %d has two texts", g)
	}
	for other, known := range s.texts {
		if other != g && known == text {
			w.fail("generations %d and %d have the same text", other, g)
		}
	}
	s.texts[g] = text
	w.checkExpiry(s, issued)
	w.keep(s, issued.Tokens)
}

// checkExpiry expects the absolute expiry of the login in every answer.
func (w *world) checkExpiry(s *sessionModel, issued grant.Issued) {
	if s.expiry.IsZero() {
		s.expiry = issued.Session.Expiry
	}
	if got := issued.Session.Expiry; !got.Equal(s.expiry) || got.Sub(s.absolute).Abs() > apart {
		w.fail("absolute expiry %s, want that of the login, %s (due %s)", got, s.expiry, s.absolute)
	}
}

func (w *world) checkIdle(s *sessionModel, issued grant.Issued) {
	if got := issued.Session.IdleExpiry; got.Sub(s.idle).Abs() > apart {
		w.fail("idle expiry %s, want %s", got, s.idle)
	}
}

// keep remembers an access token. One that is issued for a session that has just ended is dead already.
func (w *world) keep(s *sessionModel, tokens oauth.TokenResponse) {
	expiry := earliest(w.clock.Now().Add(s.client.AccessLife), s.absolute)
	if w.clock.Now().Add(tokens.ExpiresIn).After(expiry.Add(apart)) {
		w.fail("access token lives %s, want until %s at most", tokens.ExpiresIn, expiry)
	}
	same := func(a *accessModel) bool { return a.text == tokens.AccessToken.Reveal() }
	if slices.ContainsFunc(w.access, same) {
		w.fail("an access token was issued twice")
	}
	w.access = append(w.access, &accessModel{tokens.AccessToken.Reveal(), s, expiry, s.endedAt})
}
