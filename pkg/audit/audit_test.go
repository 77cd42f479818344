package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/audit"
)

// at is not in UTC and finer than a millisecond: both must be gone in the line.
var at = time.Date(2026, 7, 1, 14, 0, 0, 123_999_999, time.FixedZone("CEST", 2*3600))

func now() time.Time { return at }

func record(ctx context.Context, events ...audit.Event) string {
	var out bytes.Buffer
	trail := audit.NewTrail(&out, now)
	for _, e := range events {
		trail.Record(ctx, e)
	}
	return out.String()
}

var caller = audit.Caller{RequestID: "r-1", Network: "203.0.113.0/24", UserAgent: "curl/8"}

// The shape of a line is an interface to log filters and alarms.
func TestLinesHaveTheGoldenShape(t *testing.T) {
	got := record(audit.WithActor(audit.WithCaller(context.Background(), caller), audit.Person),
		audit.Event{Name: audit.Login, Subject: "a-1", SessionID: "s-1", ClientID: "app"},
		audit.Event{Name: audit.ReuseDetected, Subject: "a-1", SessionID: "s-1", ClientID: "app", Generation: 7},
		audit.Event{Name: audit.RefreshRefused, Subject: "a-1", SessionID: "s-1", ClientID: "app", Generation: 1, Reason: "epoch"},
		audit.Event{Name: audit.LoginFailed, ClientID: "app"},
		audit.Event{Name: audit.SessionEnded, Subject: "a-1", SessionID: "s-1", ClientID: "app", By: "s-2"},
	)
	golden := filepath.Join("testdata", "events.jsonl")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", golden, diff)
	}
}

func TestNamesOfEventsNeverChange(t *testing.T) {
	for got, want := range map[string]string{
		audit.Login: "login", audit.LoginFailed: "login_failed", audit.LoginLimited: "login_limited",
		audit.Refresh: "refresh", audit.RaceReplay: "race_replay", audit.LateRetry: "late_retry",
		audit.SessionEnded: "session_ended", audit.OthersEnded: "other_sessions_ended", audit.PasswordChanged: "password_changed",
		audit.PasswordFailed: "password_failed", audit.PasswordLimited: "password_limited", audit.PasswordSet: "password_set",
		audit.AccountDisabled: "account_disabled", audit.AccountEnabled: "account_enabled", audit.AccountDeleted: "account_deleted",
		audit.AccessSet: "access_set", audit.IdentityLinked: "identity_linked",
		audit.EmailSet: "email_set", audit.Invited: "invited", audit.Uninvited: "uninvited",
		audit.ReuseDetected: "reuse_detected", audit.RestoredTable: "restored_table",
		audit.RefreshRefused: "refresh_refused", audit.TokenRevoked: "token_revoked",
		audit.SessionRevoked:   "session_revoked",
		audit.AccountsImported: "accounts_imported",
		audit.AccountAdded:     "account_added", audit.ClientAdded: "client_added", audit.Migrated: "migrated",
		audit.AccountRevoked: "account_revoked", audit.ClientRevoked: "client_revoked",
	} {
		if got != want {
			t.Errorf("event is named %q, want %q", got, want)
		}
	}
}

func TestWithoutACallerItsMembersAreEmpty(t *testing.T) {
	const want = `{"event":"login","time":"2026-07-01T12:00:00.123Z","request_id":"","actor":"","sub":"","sid":"","client_id":"","network":"","user_agent":""}` + "\n"
	if got := record(context.Background(), audit.Event{Name: audit.Login}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Who fills an event cannot say when or by whom: the trail does.
func TestTimeAndCallerAreTheTrailsToSet(t *testing.T) {
	forged := audit.Event{Name: audit.Login, Time: time.Unix(0, 0), RequestID: "forged", Network: "forged", UserAgent: "forged"}
	got := record(audit.WithCaller(context.Background(), caller), forged)
	if strings.Contains(got, "forged") || strings.Contains(got, "1970") || !strings.Contains(got, `"request_id":"r-1"`) {
		t.Errorf("got %s, want the trail's own time and caller", got)
	}
}

func TestActorIsTheContextsUnlessTheEventNamesOne(t *testing.T) {
	ctx := audit.WithActor(context.Background(), audit.Operator("ada"))
	for _, tc := range []struct{ event, want string }{{"", "operator:ada"}, {audit.Client("partner"), "client:partner"}} {
		got := record(ctx, audit.Event{Name: audit.TokenRevoked, Actor: tc.event})
		if !strings.Contains(got, `"actor":"`+tc.want+`"`) {
			t.Errorf("event with the actor %q: got %s, want %s", tc.event, got, tc.want)
		}
	}
}

func TestInnermostCallerCounts(t *testing.T) {
	outer := audit.WithCaller(context.Background(), audit.Caller{RequestID: "outer"})
	got := record(audit.WithCaller(outer, audit.Caller{RequestID: "inner"}), audit.Event{Name: audit.Login})
	if !strings.Contains(got, `"request_id":"inner"`) {
		t.Errorf("got %s, want request_id inner", got)
	}
}

func TestCallerCannotForgeALine(t *testing.T) {
	for _, agent := range []string{
		"x\n{\"event\":\"login\"}", "x\r\n", "x\"}", "x\x00\x1b[2J", "\u2028\u2029", `\`, strings.Repeat("x", 1<<16), "naïve 🌊",
	} {
		got := record(audit.WithCaller(context.Background(), audit.Caller{UserAgent: agent}), audit.Event{Name: audit.LoginFailed})
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "}\n") || strings.ContainsAny(got, "\r\x00\x1b") {
			t.Errorf("user agent %.40q: got %.200q, want one line without control characters", agent, got)
		}
		var line struct {
			Event     string `json:"event"`
			UserAgent string `json:"user_agent"`
		}
		if err := json.Unmarshal([]byte(got), &line); err != nil || line.Event != audit.LoginFailed || line.UserAgent != agent {
			t.Errorf("user agent %.40q: reads as %.40q of %s, error %v", agent, line.UserAgent, line.Event, err)
		}
	}
}

// Otherwise whoever steals a token could keep the theft out of the log.
func TestCallerCannotSuppressALine(t *testing.T) {
	for _, agent := range []string{"\xff", "Mozilla\xc3\x28", "\xed\xa0\x80"} {
		got := record(audit.WithCaller(context.Background(), audit.Caller{UserAgent: agent}), audit.Event{Name: audit.ReuseDetected})
		if !strings.Contains(got, `"event":"reuse_detected"`) || !json.Valid([]byte(got)) {
			t.Errorf("user agent %q: got %q, want a line of valid JSON all the same", agent, got)
		}
	}
}

// slowWriter is written to byte by byte, so that two writers at once would mix.
type slowWriter struct{ out []byte }

func (w *slowWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		w.out = append(w.out, b)
		if len(w.out)%64 == 0 {
			runtime.Gosched()
		}
	}
	return len(p), nil
}

func TestLinesOfManyRequestsDoNotInterleave(t *testing.T) {
	const requests, each = 50, 20
	var out slowWriter
	trail := audit.NewTrail(&out, now)
	var wg sync.WaitGroup
	for request := range requests {
		wg.Go(func() {
			ctx := audit.WithCaller(context.Background(), audit.Caller{RequestID: fmt.Sprintf("r-%d", request)})
			for n := range each {
				trail.Record(ctx, audit.Event{Name: audit.Refresh, SessionID: fmt.Sprintf("s-%d", request), Generation: uint32(n)})
			}
		})
	}
	wg.Wait()

	seen := map[string]int{}
	for line := range strings.Lines(string(out.out)) {
		var e struct {
			RequestID  string `json:"request_id"`
			SID        string `json:"sid"`
			Generation int    `json:"generation"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q is no JSON line: %v", line, err)
		}
		if strings.TrimPrefix(e.RequestID, "r-") != strings.TrimPrefix(e.SID, "s-") {
			t.Errorf("request %s and session %s in one line", e.RequestID, e.SID)
		}
		if e.Generation != seen[e.SID] {
			t.Errorf("%s: generation %d, want %d: its own events in order", e.SID, e.Generation, seen[e.SID])
		}
		seen[e.SID]++
	}
	for sid, n := range seen {
		if n != each {
			t.Errorf("%s has %d lines, want %d", sid, n, each)
		}
	}
	if len(seen) != requests {
		t.Errorf("%d requests left lines, want %d", len(seen), requests)
	}
}

// chokingWriter fails the first writes, as a full disk.
type chokingWriter struct {
	bytes.Buffer
	failures, writes int
}

func (w *chokingWriter) Write(p []byte) (int, error) {
	w.writes++
	if w.writes <= w.failures {
		return 0, errors.New("full")
	}
	return w.Buffer.Write(p)
}

func TestEachLineIsOneWriteAndALostOneStopsNothing(t *testing.T) {
	out := chokingWriter{failures: 2}
	trail := audit.NewTrail(&out, now)
	for range 5 {
		trail.Record(context.Background(), audit.Event{Name: audit.Login})
	}
	if lines := strings.Count(out.String(), "\n"); out.writes != 5 || lines != 3 {
		t.Errorf("%d writes and %d lines, want 5 writes and the 3 lines that could be written", out.writes, lines)
	}
}
