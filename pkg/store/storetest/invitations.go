package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

var invitationTests = []subtest{
	{"LastNoteCounts", uninviteLast},
	{"CancelledIsUnavailable", uninviteCancelled},
}

func uninviteLast(t *testing.T, f fixture) {
	address, other := fresh(t, "ada")+"@example.com", fresh(t, "ben")+"@example.com"
	want := func(what, address string, want time.Time) {
		t.Helper()
		at, err := f.UninvitedAt(t.Context(), address)
		wantErr(t, what, err, nil)
		if !at.Equal(want) {
			t.Errorf("%s: %s, want %s", what, at, want)
		}
	}
	want("before", address, time.Time{})
	now := f.clock.Now().Truncate(time.Second)
	for _, at := range []time.Time{now, now, now.Add(time.Hour)} {
		wantErr(t, "uninvite", f.Uninvite(t.Context(), address, at, at.Add(7*24*time.Hour)), nil)
		want("after", address, at)
	}
	want("another address", other, time.Time{})
}

func uninviteCancelled(t *testing.T, f fixture) {
	_, readErr := f.UninvitedAt(cancelled(t), "ada@example.com")
	for what, err := range map[string]error{"uninvite": f.Uninvite(cancelled(t), "ada@example.com", f.clock.Now(), f.clock.Now().Add(time.Hour)), "read": readErr} {
		if !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s with a cancelled context: %v, want ErrUnavailable", what, err)
		}
	}
}
