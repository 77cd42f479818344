package protocol_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/session"
)

// walk is a history in the making.
type walk struct {
	*world
	t       *rapid.T
	devices []*device
	copies  []*stolen
	saved   *backup
}

// device is one installation of a client. Its tabs share the token that it holds.
type device struct {
	session *sessionModel
	held    uint32   // generation
	sent    []uint32 // generations of requests that are still on their way
}

// stolen is a thief's copy of a token.
type stolen struct {
	session *sessionModel
	held    uint32
	follows bool // refreshes just after the victim, every time
}

// backup is a session as it stood in a copy of the table.
type backup struct {
	session *sessionModel
	model   sessionModel
	stored  session.Session
}

// TestEveryHistoryFollowsTheRules walks at random: devices, tabs, thieves, faults, endings, new keys and time.
func TestEveryHistoryFollowsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{world: newTabsWorld(t), t: t}
		w.logInDevice()
		actions := map[string]func(*walk){
			"refresh": (*walk).refreshDevice, "refresh again": (*walk).refreshDevice, "refresh once more": (*walk).refreshDevice,
			"tab": (*walk).tab, "thief": (*walk).thief, "time": (*walk).time, "more time": (*walk).time,
			"log in": (*walk).logInDevice, "end": (*walk).end, "foreign": (*walk).foreign, "background": (*walk).background,
		}
		repeated := map[string]func(*rapid.T){"": func(t *rapid.T) { w.t = t; w.look() }}
		for name, act := range actions {
			repeated[name] = func(t *rapid.T) { w.t = t; act(w) }
		}
		t.Repeat(repeated)
		w.authorizeAll()
		w.verdict(t)
	})
}

// verdict fails the test when anything was wrong.
func (m *model) verdict(t interface {
	Helper()
	Fatalf(string, ...any)
}) {
	t.Helper()
	if len(m.failures) > 0 {
		t.Fatalf("%s", strings.Join(m.failures, "\n"))
	}
}

// one reports true once in n times.
func one(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawFaults(t *rapid.T, methods ...string) map[string]fault {
	if !one(t, 4, "disturbed") {
		return nil
	}
	kind := rapid.SampledFrom([]fault{fails, replyLost, repeated}).Draw(t, "fault")
	return map[string]fault{rapid.SampledFrom(methods).Draw(t, "method"): kind}
}

// look shows a recent access token to a gate.
func (w *walk) look() {
	w.verdict(w.t)
	if n := len(w.access); n > 0 {
		i := rapid.IntRange(max(0, n-8), n-1).Draw(w.t, "access token")
		w.authorize(w.access[i], rapid.IntRange(0, 1).Draw(w.t, "gate"), drawFaults(w.t, "Since", "ReadPart"))
	}
	w.verdict(w.t)
}

func (w *walk) aDevice() *device { return rapid.SampledFrom(w.devices).Draw(w.t, "device") }

func (w *walk) logInDevice() {
	e := entry{client: clients[rapid.SampledFrom([]string{"app", "web", "cli"}).Draw(w.t, "client")], remember: rapid.Bool().Draw(w.t, "remember")}
	if len(w.devices) > 0 { // the first is undisturbed
		e.faults = drawFaults(w.t, "Take", "LoginName", "AccountAndLogin", "Create")
		if one(w.t, 8, "wrong password") {
			e.password = "not-the-password"
		}
		if one(w.t, 3, "race") {
			how := w.anEnding()
			e.point = rapid.SampledFrom([]string{"AccountAndLogin", "Create"}).Draw(w.t, "point")
			e.meanwhile = func() { w.changeAccount(how, nil) }
		}
	}
	if s := w.logIn(e); s != nil {
		w.devices = append(w.devices, &device{session: s})
		w.devices = w.devices[max(0, len(w.devices)-4):]
	}
}

// refreshDevice refreshes; where that is hopeless, the person mostly logs in again.
func (w *walk) refreshDevice() {
	d := w.aDevice()
	if (!d.session.endedAt.IsZero() || d.session.lives(w.clock.Now()) == no) && !one(w.t, 4, "all the same") {
		w.enable()
		if s := w.logIn(entry{client: d.session.client, remember: true}); s != nil {
			*d = device{session: s}
		}
		return
	}
	w.present(d, d.held)
}

// present refreshes with a token of the device, and follows up when the answer arrives.
func (w *walk) present(d *device, g uint32) {
	p := w.plan(d.session, g)
	arrives := !one(w.t, 5, "answer lost")
	if w.refresh(p) && arrives {
		d.held = max(d.held, w.given)
	}
	for _, c := range w.copies {
		if c.follows && c.session == d.session {
			w.pass(time.Duration(rapid.IntRange(0, 50).Draw(w.t, "seconds behind")) * time.Second)
			if w.refresh(presented{session: c.session, generation: c.held}) {
				c.held = w.given
			}
		}
	}
}

// plan draws what befalls a refresh.
func (w *walk) plan(s *sessionModel, g uint32) presented {
	p := presented{
		session: s, generation: g,
		function:     rapid.IntRange(0, 1).Draw(w.t, "function"),
		accountFirst: rapid.Bool().Draw(w.t, "account first"),
		faults:       drawFaults(w.t, "Rotate", "Account", "RecordReplay", "Revoke", "Session", "ReadPart"),
	}
	if one(w.t, 4, "meanwhile") {
		p.meanwhile = w.interruption(s, g)
	}
	if one(w.t, 6, "before the late retry") {
		p.beforeWrite = w.interruption(s, g)
	}
	return p
}

// interruption draws what happens in the middle of a refresh. Everything is drawn beforehand.
func (w *walk) interruption(s *sessionModel, g uint32) func() {
	how := w.anEnding()
	newest := rapid.Bool().Draw(w.t, "newest")
	happenings := map[string]func(){
		"another tab": func() { w.refresh(presented{session: s, generation: g, function: 1}) },
		"the newest":  func() { w.refresh(presented{session: s, generation: w.newest(s), function: 1}) },
		"revoke":      func() { w.takeBack(handedIn{session: s, generation: g}) },
		"log out":     func() { w.takeBack(handedIn{session: s, generation: g, logout: true}) },
		"everywhere":  func() { w.everywhere(handedIn{session: s, generation: g}) },
		"change":      func() { w.changeAccount(how, nil) },
		"end others":  func() { w.endOthers(s) },
		"end others, the other way round": func() {
			if other := w.devices[0].session; newest && other != s {
				w.endOthers(other)
			}
		},
	}
	names := slices.Sorted(maps.Keys(happenings))
	if !one(w.t, 3, "grave") {
		names = []string{"another tab", "the newest"} // most sessions are to go on
	}
	return happenings[rapid.SampledFrom(names).Draw(w.t, "happening")]
}

func (w *walk) anEnding() ending {
	if how := rapid.SampledFrom(endings).Draw(w.t, "ending"); how != setPassword || w.password == firstPassword {
		return how
	}
	return endSessions
}

// tab captures a request that is on its way, with the token that its tab held, or lets one arrive.
func (w *walk) tab() {
	d := w.aDevice()
	if len(d.sent) == 0 || rapid.Bool().Draw(w.t, "send") {
		d.sent = append(d.sent, d.held)
		return
	}
	g := d.sent[0]
	d.sent = d.sent[1:]
	w.present(d, g)
}

func (w *walk) steal() {
	d := w.aDevice()
	w.copies = append(w.copies, &stolen{d.session, d.held, one(w.t, 3, "follows")})
	w.copies = w.copies[max(0, len(w.copies)-3):]
}

// thief uses a copy: once in a while, and so sometimes every few minutes.
func (w *walk) thief() {
	if len(w.copies) == 0 {
		w.steal()
	}
	c := rapid.SampledFrom(w.copies).Draw(w.t, "copy")
	if w.refresh(w.plan(c.session, c.held)) {
		c.held = w.given
	}
}
