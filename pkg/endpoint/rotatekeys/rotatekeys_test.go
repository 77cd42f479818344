package rotatekeys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

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
	run        func() error
}

func newWorld(t *testing.T) *world {
	w := &world{clock: testclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	w.store = fakestore.New(w.clock.Now)
	settings := deployment.Settings(&w.trail, w.clock.Now)
	settings.Log = slog.New(slog.NewJSONHandler(&w.log, nil))
	function := rotatekeys.New(settings, w.store, fakestore.NewSealer())
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
	if calls := w.store.Calls(); len(calls) != 1 || calls[0] != "ReadPart" {
		t.Errorf("a run with nothing due made the calls %v, want one ReadPart", calls)
	}
	if w.log.Len() != 0 {
		t.Errorf("runs with nothing due leave %q, want nothing", w.log.String())
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
