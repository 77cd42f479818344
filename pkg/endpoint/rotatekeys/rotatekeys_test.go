package rotatekeys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// scheduled is what EventBridge Scheduler sends when the template gives no input: the detail is a string.
const scheduled = `{
  "version": "0", "id": "run-1", "detail-type": "Scheduled Event", "source": "aws.scheduler",
  "account": "123456789012", "time": "2026-03-01T12:00:00Z", "region": "eu-central-1",
  "resources": ["arn:aws:scheduler:eu-central-1:123456789012:schedule/default/wavepass-RotateKeysFunctionSchedule"],
  "detail": "{}"
}`

type world struct {
	clock      *testclock.Clock
	store      *fakestore.Store
	trail, log bytes.Buffer
	keys       *keyring.Keyring
	run        func() error
}

// ages are those of the function's line in the log, in seconds.
type ages struct {
	Message   string `json:"msg"`
	RequestID string `json:"request_id"`
	Signing   int    `json:"signing_key_age_s"`
	MAC       int    `json:"mac_key_age_s"`
	Overdue   int    `json:"overdue_s"`
}

// next is the id of the next signing key.
func (w *world) next(t *testing.T) string {
	t.Helper()
	keys, err := w.keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.State == keyring.Next && !k.IsMAC() {
			return k.ID
		}
	}
	t.Fatal("no next key")
	return ""
}

func newWorld(t *testing.T) *world {
	w := &world{clock: testclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	w.store = fakestore.New(w.clock.Now)
	settings := deployment.Settings(eventlines.Watch(t, &w.trail), w.clock.Now)
	settings.Log = slog.New(slog.NewJSONHandler(&w.log, nil))
	sealer := fakestore.NewSealer()
	w.keys = settings.Keyring(w.store, sealer)
	function := rotatekeys.New(settings, w.store, sealer)
	w.run = func() error {
		var event events.EventBridgeEvent
		if err := json.Unmarshal([]byte(scheduled), &event); err != nil {
			return err
		}
		return function(t.Context(), event)
	}
	return w
}

func TestScheduleCreatesTheKeyringAndThenWaitsForAPeriod(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
	}
	if n := w.store.Count("ReplaceParts"); n != 1 {
		t.Errorf("the keyring was written %d times, want once", n)
	}
	w.store.ForgetCalls()
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	if calls := w.store.Calls(); !slices.Equal(calls, []string{"ReadPart", "ReadPart"}) {
		t.Errorf("a run with nothing due made the calls %v, want to read the public part, and again for its line in the log", calls)
	}
	if created := w.trail.String(); strings.Count(created, `"event":"key_published"`) != 4 || strings.Count(created, "\n") != 6 ||
		!strings.Contains(created, `"actor":"system"`) {
		t.Errorf("events %s, want that two signing and two MAC keys are published, and one of each promoted, and none of later runs", created)
	}
}

func TestDueRotationLeavesEventsOfTheRun(t *testing.T) {
	w := newWorld(t)
	_ = w.run()
	w.clock.Advance(keyring.DefaultPeriod)
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event":"key_promoted"`, `"kid":"mac:2"`, `"request_id":"run-1"`, `"actor":"system"`} {
		if !strings.Contains(w.trail.String(), want) {
			t.Errorf("the trail lacks %s: %s", want, w.trail.String())
		}
	}
}

// The line is what an alarm of template.yaml waits for every hour.
func TestEveryGoodRunSaysHowOldTheKeysAre(t *testing.T) {
	w := newWorld(t)
	wantAges := func(what string, want ages) {
		t.Helper()
		w.log.Reset()
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		var got ages
		if err := json.Unmarshal(w.log.Bytes(), &got); err != nil {
			t.Fatalf("%s: want one line of JSON: %v: %s", what, err, &w.log)
		}
		want.Message, want.RequestID = "keys up to date", "run-1"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	const hour, day = 3600, 24 * 3600
	wantAges("creation", ages{})
	w.clock.Advance(5 * time.Hour)
	wantAges("five hours later", ages{Signing: 5 * hour, MAC: 5 * hour})
	w.clock.Advance(keyring.DefaultPeriod) // the schedule slept for longer than a period
	wantAges("late rotation", ages{})
	w.clock.Advance(10 * 24 * time.Hour)
	wantAges("ten days later", ages{Signing: 10 * day, MAC: 10 * day})

	if _, err := w.keys.Promote(t.Context(), w.next(t)); err != nil {
		t.Fatal(err)
	}
	wantAges("promoted by hand", ages{MAC: 10 * day})
}

// A run that leaves undone what is due is seen in its own line.
func TestRunThatLeavesDueStepsUndoneSaysForHowLong(t *testing.T) {
	w := newWorld(t)
	_ = w.run()
	w.log.Reset()
	w.clock.Advance(keyring.DefaultPeriod - time.Minute)
	reads := 0
	w.store.Before = func(context.Context, string) error {
		if reads++; reads == 2 { // the run has found that nothing is due
			w.clock.Advance(time.Hour)
		}
		return nil
	}
	if err := w.run(); err != nil || !strings.Contains(w.log.String(), `"overdue_s":3540`) {
		t.Errorf("%v, log %s; want overdue_s 3540", err, &w.log)
	}
}

func TestRunWhoseKeysCannotBeListedIsAnError(t *testing.T) {
	w := newWorld(t)
	_ = w.run()
	w.log.Reset()
	reads := 0
	w.store.Before = func(ctx context.Context, method string) error {
		if reads++; reads == 2 {
			return hooks.Fail(method)(ctx, method)
		}
		return nil
	}
	if err := w.run(); !errors.Is(err, oauth.ErrUnavailable) || !strings.Contains(w.log.String(), "keys not listed") {
		t.Errorf("error %v, log %s; want ErrUnavailable and a line that says so", err, &w.log)
	}
}

func TestFailedRunIsAnErrorThatLambdaRepeats(t *testing.T) {
	w := newWorld(t)
	_ = w.run()
	w.trail.Reset()
	w.clock.Advance(keyring.DefaultPeriod)
	w.store.Before = hooks.Fail("ReplaceParts")
	if err := w.run(); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	if !strings.Contains(w.log.String(), "keys not rotated") || w.trail.Len() != 0 {
		t.Errorf("log %q, trail %q; want a line in the log and no event", w.log.String(), w.trail.String())
	}
	w.store.Before = nil
	if err := w.run(); err != nil || w.trail.Len() == 0 {
		t.Errorf("repeated: %v, trail %q; want the rotation", err, w.trail.String())
	}
}

func TestAgesAreMetricsWhereThereIsANamespace(t *testing.T) {
	w := newWorld(t)
	if err := w.run(); err != nil || strings.Contains(w.log.String(), "_aws") {
		t.Fatalf("without a namespace: %v, %s", err, w.log.String())
	}
	settings := deployment.Settings(eventlines.Watch(t, &w.trail), w.clock.Now)
	settings.Log, settings.Trail.Metrics = slog.New(slog.NewJSONHandler(&w.log, nil)), "wavepass"
	if err := rotatekeys.New(settings, w.store, fakestore.NewSealer())(t.Context(), events.EventBridgeEvent{ID: "run-2"}); err != nil {
		t.Fatal(err)
	}
	const want = `"overdue_s":0,"_aws":{"Timestamp":1772366400000,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[[]],"Metrics":[` +
		`{"Name":"signing_key_age_s","Unit":"Seconds"},{"Name":"mac_key_age_s","Unit":"Seconds"},{"Name":"overdue_s","Unit":"Seconds"}]}]}}`
	if !strings.Contains(w.log.String(), want) {
		t.Errorf("got %s, want %s", w.log.String(), want)
	}
}
