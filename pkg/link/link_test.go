package link_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ada   = uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001")
	state = link.State{Hash: "$argon2id$1", Email: account.Email{Address: "ada@example.com", VerifiedAt: noon}, Epoch: 42}
)

type world struct {
	*link.Links
	t     *testing.T
	clock *testclock.Clock
	store *fakestore.Store
	keys  *keyring.MACKeys
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: testclock.New(noon)}
	w.store = fakestore.New(w.clock.Now)
	w.restart()
	return w
}

// restart is another process over the same store.
func (w *world) restart() {
	w.t.Helper()
	sealer, err := seal.NewLocal(make([]byte, 32))
	if err != nil {
		w.t.Fatal(err)
	}
	w.keys = keyring.NewLinkKeys(keyring.LinkConfig{Store: w.store, Sealer: sealer, Now: w.clock.Now})
	w.Links = link.New(w.keys, w.clock.Now)
}

func (w *world) recovery() link.Link {
	return link.Link{Purpose: link.Recover, Account: ada, Address: "ada@example.com", Expires: w.clock.Now().Add(link.Recover.Life()).Truncate(time.Second)}
}

func (w *world) make(of link.Link, state link.State) string {
	w.t.Helper()
	text, err := w.Make(w.t.Context(), of, state)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) wantDead(what, text string, purpose link.Purpose, state link.State) {
	w.t.Helper()
	if said, err := w.Check(w.t.Context(), text, purpose, state); !errors.Is(err, link.ErrDead) || said != (link.Link{}) {
		w.t.Errorf("%s: %+v, %v, want ErrDead", what, said, err)
	}
}

func TestLinkSaysWhatWasPutIntoIt(t *testing.T) {
	w := newWorld(t)
	for _, want := range []link.Link{
		w.recovery(),
		{Purpose: link.SignUp, Address: "new@example.com", Expires: noon.Add(time.Minute)},
		{Purpose: link.TakeBack, Account: ada, Address: strings.Repeat("a", 254), Expires: noon.Add(7 * 24 * time.Hour)},
	} {
		text := w.make(want, state)
		w.restart()
		if got, err := w.Check(t.Context(), text, want.Purpose, state); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		if got, err := link.Read(text); err != nil || got != want {
			t.Errorf("read: %+v, %v, want %+v", got, err, want)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(text) > 512 {
			t.Errorf("%q needs escaping, or is too long", text)
		}
	}
}

// A link is good once because its use changes one of these.
func TestLinkDiesWithAnyChangeOfTheAccount(t *testing.T) {
	w := newWorld(t)
	text := w.make(w.recovery(), state)
	for what, change := range map[string]func(*link.State){
		"another password":       func(s *link.State) { s.Hash = "$argon2id$2" },
		"no password":            func(s *link.State) { s.Hash = "" },
		"another address":        func(s *link.State) { s.Email.Address = "ada@example.org" },
		"the address again":      func(s *link.State) { s.Email.VerifiedAt = noon.Add(time.Millisecond) },
		"address not verified":   func(s *link.State) { s.Email.VerifiedAt = time.Time{} },
		"another epoch":          func(s *link.State) { s.Epoch++ },
		"hash and address mixed": func(s *link.State) { s.Hash += s.Email.Address; s.Email.Address = "" },
		"nothing":                func(s *link.State) { *s = link.State{} },
	} {
		changed := state
		change(&changed)
		w.wantDead(what, text, link.Recover, changed)
	}
	if _, err := w.Check(t.Context(), text, link.Recover, state); err != nil {
		t.Errorf("without a change: %v", err)
	}
}

func TestLinkIsForOnePurposeAndForAWhile(t *testing.T) {
	w := newWorld(t)
	for purpose, life := range map[link.Purpose]time.Duration{
		link.SignUp: 30 * time.Minute, link.Recover: 30 * time.Minute, link.Confirm: 30 * time.Minute,
		link.TakeBack: 7 * 24 * time.Hour, link.Invite: 7 * 24 * time.Hour,
	} {
		if purpose.Life() != life || life > keyring.MaxLinkLife {
			t.Errorf("purpose %d lives for %s, want %s", purpose, purpose.Life(), life)
		}
		text := w.make(link.Link{Purpose: purpose, Account: ada, Address: "ada@example.com", Expires: w.clock.Now().Add(life)}, state)
		for other := range link.Purpose(8) {
			if other != purpose {
				w.wantDead(fmt.Sprint(purpose, " as ", other), text, other, state)
			}
		}
		w.clock.Advance(life - time.Nanosecond)
		if _, err := w.Check(t.Context(), text, purpose, state); err != nil {
			t.Errorf("purpose %d at its last moment: %v", purpose, err)
		}
		w.clock.Advance(time.Nanosecond)
		w.wantDead("expired", text, purpose, state)
	}
}

// TestLinksAndCodesOutliveATurnOfTheirKey, which another function does a moment after they were made.
func TestLinksAndCodesOutliveATurnOfTheirKey(t *testing.T) {
	w := newWorld(t)
	w.make(w.recovery(), state) // the keys are made
	w.clock.Advance(keyring.DefaultPeriod - time.Second)
	of := link.Link{Purpose: link.TakeBack, Account: ada, Address: "ada@example.com", Expires: w.clock.Now().Add(link.TakeBack.Life())}
	text, code := w.make(of, link.State{}), w.code(w.recovery(), state)
	w.clock.Advance(time.Second)
	checker := w.Links // has read the keys before they turn
	w.restart()
	newer := w.code(w.recovery(), state)
	if key, err := w.keys.Current(t.Context()); err != nil || key.Version() != 2 {
		t.Fatalf("made with key %d, %v; want that the keys have turned", key.Version(), err)
	}
	for what, links := range map[string]*link.Links{"the function that turned them": w.Links, "one that has not read them since": checker} {
		for which, code := range map[string]string{"a code of before": code, "a code of after": newer} {
			if err := links.CheckCode(t.Context(), code, w.recovery(), state); err != nil {
				t.Errorf("%s, %s: %v", what, which, err)
			}
		}
		if _, err := links.Check(t.Context(), text, link.TakeBack, link.State{}); err != nil {
			t.Errorf("%s, a link of before: %v", what, err)
		}
	}
	w.clock.Advance(link.TakeBack.Life() - 2*time.Second)
	if _, err := w.Check(t.Context(), text, link.TakeBack, link.State{}); err != nil {
		t.Errorf("at its last moment: %v", err)
	}
}

func TestChangedLinksAreDead(t *testing.T) {
	w := newWorld(t)
	text := w.make(w.recovery(), state)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1 << bit
			if said, err := w.Check(t.Context(), base64.RawURLEncoding.EncodeToString(changed), link.Recover, state); err == nil {
				t.Fatalf("byte %d, bit %d: %+v is good", i, bit, said)
			}
		}
	}
	for i := range text {
		w.wantDead("cut off", text[:i], link.Recover, state)
	}
	for _, odd := range []string{text + "A", text + "=", " " + text, text + "\n", strings.Repeat("A", 512), strings.Repeat("A", 1<<20), "\xff", "%2e"} {
		w.wantDead("odd", odd, link.Recover, state)
	}
}

func TestOutageIsNoDeadLink(t *testing.T) {
	w := newWorld(t)
	text := w.make(w.recovery(), state)
	w.restart()
	w.store.Before = hooks.Fail("ReadPart")
	if _, err := w.Check(t.Context(), text, link.Recover, state); !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, link.ErrDead) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if _, err := w.Make(t.Context(), w.recovery(), state); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if err := w.CheckCode(t.Context(), "BCDFG-HJKLM", w.recovery(), state); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

// Two functions that make the first link at once, one of which does not hear that it has created the key.
func TestFirstUseCreatesOneKey(t *testing.T) {
	w := newWorld(t)
	lost := false
	w.store.After = func(_ context.Context, method string) error {
		if method == "ReplaceLinks" && !lost {
			lost = true
			return oauth.ErrUnavailable
		}
		return nil
	}
	if _, err := w.Make(t.Context(), w.recovery(), state); !errors.Is(err, oauth.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	text := w.make(w.recovery(), state)
	w.restart()
	if _, err := w.Check(t.Context(), text, link.Recover, state); err != nil {
		t.Error(err)
	}
	if n := w.store.Count("ReplaceLinks"); n != 1 {
		t.Errorf("created %d times, want 1", n)
	}
}
