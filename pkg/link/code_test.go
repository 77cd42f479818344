package link_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/link"
)

func (w *world) code(of link.Link, state link.State) string {
	w.t.Helper()
	code, err := w.Code(w.t.Context(), of, state)
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

func (w *world) wantCode(what, code string, of link.Link, state link.State, good bool) {
	w.t.Helper()
	err := w.CheckCode(w.t.Context(), code, of, state)
	if good && err != nil || !good && !errors.Is(err, link.ErrDead) {
		w.t.Errorf("%s: %v, want it good: %t", what, err, good)
	}
}

func TestCodeIsTenOfTwentyLettersHoweverItIsTyped(t *testing.T) {
	w := newWorld(t)
	of := w.recovery()
	code := w.code(of, state)
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{5}-[BCDFGHJKLMNPQRSTVWXZ]{5}$`).MatchString(code) {
		t.Errorf("code %q", code)
	}
	plain := strings.ReplaceAll(code, "-", "")
	for _, typed := range []string{code, plain, strings.ToLower(code), " " + plain[:3] + " " + plain[3:] + "\t"} {
		w.wantCode(typed, typed, of, state, true)
	}
	for _, typed := range []string{"", "-", plain[1:], plain + "B", plain[:9], strings.Repeat(plain, 2), "BCDFG-HJKLM", plain[:9] + "é", strings.Repeat(" ", 1<<20) + plain} {
		w.wantCode(typed, typed, of, state, false)
	}
}

func TestCodeIsGoodForTwentyFiveToThirtyMinutes(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 4*time.Minute + 59*time.Second} {
		w := newWorld(t)
		w.clock.Advance(after)
		of := w.recovery()
		code := w.code(of, state)
		w.clock.Advance(25 * time.Minute)
		w.wantCode("after 25 minutes", code, of, state, true)
		w.clock.Advance(5 * time.Minute)
		w.wantCode("after 30 minutes", code, of, state, false)
	}
}

func TestCodeDiesWithAnyChangeAndIsNobodyElses(t *testing.T) {
	w := newWorld(t)
	of := w.recovery()
	code := w.code(of, state)
	for what, change := range map[string]func(*link.Link, *link.State){
		"another password": func(_ *link.Link, s *link.State) { s.Hash = "x" },
		"another epoch":    func(_ *link.Link, s *link.State) { s.Epoch++ },
		"another address":  func(_ *link.Link, s *link.State) { s.Email.Address = "ada@example.org" },
		"mailed elsewhere": func(l *link.Link, _ *link.State) { l.Address = "ada@example.org" },
		"another account":  func(l *link.Link, _ *link.State) { l.Account = uuid.New() },
		"another purpose":  func(l *link.Link, _ *link.State) { l.Purpose = link.Confirm },
	} {
		of, state := of, state
		change(&of, &state)
		w.wantCode(what, code, of, state, false)
	}
	w.wantCode("without a change", code, of, state, true)
}

// TestEveryLetterIsAsLikely: with 20,000 letters a count of each is 1,000, give or take 31; six times that is far more than chance.
func TestEveryLetterIsAsLikely(t *testing.T) {
	w := newWorld(t)
	counts := map[rune]int{}
	for range 2000 {
		of := w.recovery()
		of.Account = uuid.New()
		for _, letter := range strings.ReplaceAll(w.code(of, state), "-", "") {
			counts[letter]++
		}
	}
	for letter, n := range counts {
		if n < 1000-190 || n > 1000+190 {
			t.Errorf("%c came %d times of 20,000, want about 1,000", letter, n)
		}
	}
	if len(counts) != 20 {
		t.Errorf("%d letters, want 20", len(counts))
	}
}
