package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

// A session with a handle is never refreshed, but used.
func TestListAndTimelineSayWhenAHandleWasUsed(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	site := client.New("shop", client.Site)
	s, _, err := session.Begin(session.Login{Client: site, AccountID: uuid.New()}, began)
	if err != nil {
		t.Fatal(err)
	}
	s, _ = s.GiveHandle(session.NewHandleSecret())
	for what, test := range map[string]struct {
		used time.Duration
		line bool
	}{"not used yet": {0, false}, "used": {42 * time.Minute, true}} {
		s.UsedAt = began.Add(test.used)
		shown := sessionForJSON(s, account.Account{}, site, began.Add(time.Hour))
		if !shown.LastUsedAt.Equal(s.UsedAt) {
			t.Errorf("%s: last used at %v, want %v", what, shown.LastUsedAt, s.UsedAt)
		}
		var out bytes.Buffer
		if err := printSessions(&out, []sessionJSON{shown}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "LAST USED") || strings.Count(out.String(), minute(s.UsedAt)) != map[bool]int{true: 1, false: 2}[test.line] {
			t.Errorf("%s: the list says\n%s", what, out.String())
		}
		found := false
		for _, m := range timeline(s, shown, nil) {
			found = found || m.What == "used" && m.At.Equal(s.UsedAt)
		}
		if found != test.line {
			t.Errorf("%s: a line of it in the timeline: %t, want %t", what, found, test.line)
		}
	}
}
