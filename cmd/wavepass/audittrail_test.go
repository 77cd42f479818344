package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
)

// The story of a theft: what people did is in the log, what the operator did in the table, and the trail tells both in order.
func TestTrailTellsAnIncidentFromLogAndTable(t *testing.T) {
	t.Setenv("REFRESH_GRACE", "0s")
	data := t.TempDir()
	s := start(t, "--data", data)
	first := s.login()
	other := s.login()
	sid := decoded(t, first.AccessToken, payload)["sid"].(string)
	newest := s.refresh(first.RefreshToken)
	for range 3 { // old enough that its copy is reuse
		newest = s.refresh(newest.RefreshToken)
	}
	if stolen := s.refresh(first.RefreshToken); stolen.Status == 200 {
		t.Fatalf("the stolen token was answered: %s", stolen.Body)
	}
	mustCommand(t, "account", "disable", demoUsername, "--data", data, "--operator", "grace")
	log := filepath.Join(t.TempDir(), "functions.log")
	text := "2026-03-01T00:00:00 START RequestId: r-1\n" + strings.ReplaceAll(s.log.String(), `{"event"`, `2026-03-01T00:00:00 {"event"`) + `x {"event":"login","time":"cut off`
	check(t, os.WriteFile(log, []byte(text), 0o600))

	names := func(events []audit.Event) (all []string) {
		for _, e := range events {
			all = append(all, e.Name)
		}
		return all
	}
	want := []string{"account_added", "login", "refresh", "refresh", "refresh", "refresh", "reuse_detected", "account_disabled"}
	for _, running := range []bool{true, false} {
		got := as[[]audit.Event](t, "audit", "trail", "--data", data, "--log", log, "--session", sid)
		if !slices.Equal(names(got), want) || got[7].Actor != "operator:grace" {
			t.Errorf("running %t: %q, want %q, the last by grace", running, names(got), want)
		}
		if running {
			check(t, s.stop())
		}
	}
	if got := as[[]audit.Event](t, "audit", "trail", "--data", data, "--log", log, "--account", demoUsername); !slices.Contains(sids(got), decoded(t, other.AccessToken, payload)["sid"].(string)) {
		t.Errorf("of the account: %q, want its other session too", names(got))
	}
	if got := as[[]audit.Event](t, "audit", "trail", "--data", data); slices.Contains(names(got), "login") || !slices.Contains(names(got), "account_disabled") {
		t.Errorf("without a log: %q, want what the operator did", names(got))
	}
	alone := as[[]audit.Event](t, "audit", "trail", "--data", t.TempDir(), "--log", log, "--log-only", "--session", sid)
	if !slices.Equal(names(alone), want) {
		t.Errorf("of the log alone: %q, want %q", names(alone), want)
	}
	out, told, err := command(t, "audit", "trail", "--data", data, "--log", log, "--session", sid)
	if err != nil || !strings.Contains(out, "reuse_detected") || !strings.Contains(told, "perhaps because they were cut off: 1") {
		t.Errorf("%v, %q:\n%s", err, told, out)
	}
}

func sids(events []audit.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.SessionID)
	}
	return all
}

func TestTrailSelects(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	session, another := uuid.MustParse("0190b0e4-7e00-7000-8000-00000000000a"), "0190b0e4-7e00-7000-8000-00000000000b"
	at := func(hours int, name, sub, sid, by string) audit.Event {
		return audit.Event{Name: name, Time: now.Add(-time.Duration(hours) * time.Hour), Subject: sub, SessionID: sid, By: by}
	}
	events := []audit.Event{
		at(1, "refresh", "a", session.String(), ""), at(3, "login", "a", session.String(), ""), at(2, "session_ended", "a", another, session.String()),
		at(1, "login", "b", "s", ""), at(2, "account_disabled", "a", "", ""), at(2, "account_disabled", "b", "", ""), at(1, "refresh", "a", session.String(), ""),
		at(2, "key_promoted", "", "", ""),
	}
	for name, c := range map[string]struct {
		subject string
		session uuid.UUID
		since   time.Duration
		want    string
	}{
		"everything, each once":        {want: "login session_ended account_disabled account_disabled key_promoted refresh login"},
		"a session and its account":    {session: session, want: "login session_ended account_disabled refresh"},
		"an account":                   {subject: "b", want: "account_disabled login"},
		"the last while":               {since: 90 * time.Minute, want: "refresh login"},
		"a session of another account": {subject: "b", session: session, want: ""},
	} {
		var got []string
		for _, e := range selected(slices.Clone(events), c.subject, c.session, c.since, now) {
			got = append(got, e.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTrailRefusesWhatItCannotDo(t *testing.T) {
	for args, want := range map[string]string{
		"--log-only": "--log", "--log-only --log x --account ada": "account's id", "--since -1h": "--since", "--log /nowhere/log --log-only": "read the log",
	} {
		if _, _, err := command(t, append([]string{"audit", "trail"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestTrailQuotesOnlyWhatIsNoWord(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	check(t, os.WriteFile(log, []byte(`{"event":"login","time":"2026-03-01T12:00:00Z","actor":"person","network":"203.0.113.0/24","user_agent":"a b"}`+"\n"+
		`{"event":"x y","time":"2026-03-01T12:00:01Z","actor":"operator:Grace  Hopper"}`+"\n"), 0o600))
	out := mustCommand(t, "audit", "trail", "--log", log, "--log-only")
	for _, want := range []string{"Z  login  ", "  person  ", `  203.0.113.0/24 "a b"`, `"x y"`, `"operator:Grace  Hopper"`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s, want %s", out, want)
		}
	}
}

// A log is a file that anybody may have written.
func TestTrailOfAHostileLogMovesNoCursor(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	check(t, os.WriteFile(log, []byte(`{"event":"login","time":"2026-03-01T12:00:00Z","actor":"\u001b[2J","sub":"\u001b]0;x\u0007","network":"\u001b[31m","user_agent":"\u001b[1m","reason":"\u202ex"}`+"\n"), 0o600))
	out := mustCommand(t, "audit", "trail", "--log", log, "--log-only")
	if strings.ContainsAny(out, "\x1b\x07\u202e") || !strings.Contains(out, "login") {
		t.Errorf("%q", out)
	}
}
