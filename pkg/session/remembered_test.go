package session_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// The cookie of each answer is kept as long as that of the login, so every answer has to know.
func TestEveryRefreshKnowsWhetherTheSessionIsRemembered(t *testing.T) {
	for _, remembered := range []bool{false, true} {
		w := newWorld(t, client.Native)
		w.change(func(s *session.Session) { s.Remembered = remembered })
		rotated := w.wantCase(0, session.Rotate)
		raced := w.wantCase(0, session.Race)
		w.clock.Advance(time.Hour)
		late := w.wantCase(0, session.LateAllowed)
		for name, got := range map[string]session.Refreshed{"rotated": rotated, "raced": raced, "late": late} {
			if got.Session.Remembered != remembered {
				t.Errorf("%s: remembered %t, want %t", name, got.Session.Remembered, remembered)
			}
		}
	}
}
