package storetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var pushedTests = []subtest{
	{"IsReadAtOnceAndAgain", pushedRead},
	{"ExpiresToTheMillisecond", pushedExpiry},
	{"UnknownIsErrNotPushed", pushedUnknown},
	{"CancelledIsUnavailable", pushedCancelled},
}

func (f fixture) push(t *testing.T, life time.Duration) (name authorization.PushedName, p authorization.Pushed) {
	t.Helper()
	_, _ = rand.Read(name[:])
	p = authorization.Pushed{Sealed: append([]byte{0, 0xff}, name[:]...), Until: f.clock.Now().Add(life)}
	for range 2 { // it may be repeated
		wantErr(t, "push", f.PutPushed(t.Context(), name, p), nil)
	}
	return name, p
}

func pushedRead(t *testing.T, f fixture) {
	name, want := f.push(t, 90*time.Second)
	other, wantOther := f.push(t, 90*time.Second)
	for range 2 { // as somebody does who reloads the page
		got, err := f.Pushed(t.Context(), name)
		wantErr(t, "read", err, nil)
		same(t, "pushed request", got, want)
	}
	got, err := f.Pushed(t.Context(), other)
	wantErr(t, "read another", err, nil)
	same(t, "another", got, wantOther)
}

func pushedExpiry(t *testing.T, f fixture) {
	name, want := f.push(t, 1500*time.Millisecond)
	f.clock.Advance(1499 * time.Millisecond)
	got, err := f.Pushed(t.Context(), name)
	wantErr(t, "read a millisecond before its end", err, nil)
	same(t, "pushed request", got, want)
	f.clock.Advance(time.Millisecond)
	_, err = f.Pushed(t.Context(), name)
	wantErr(t, "read at its end", err, authorization.ErrNotPushed)
	f.push(t, time.Minute) // a store may delete what has expired
	_, err = f.Pushed(t.Context(), name)
	wantErr(t, "read after another push", err, authorization.ErrNotPushed)
}

func pushedUnknown(t *testing.T, f fixture) {
	_, err := f.Pushed(t.Context(), authorization.PushedName{1, 2, 3})
	wantErr(t, "read", err, authorization.ErrNotPushed)
}

func pushedCancelled(t *testing.T, f fixture) {
	name, p := f.push(t, time.Minute)
	_, readErr := f.Pushed(cancelled(t), name)
	for what, err := range map[string]error{"push": f.PutPushed(cancelled(t), name, p), "read": readErr} {
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s with a cancelled context: %v, want ErrUnavailable", what, err)
		}
	}
}
