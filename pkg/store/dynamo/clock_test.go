package dynamo_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

func TestClockOffIsHowFarTheTableIsBehind(t *testing.T) {
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	header := date.Format(http.TimeFormat)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = []string{header}
	}))
	t.Cleanup(server.Close)
	for _, ahead := range []time.Duration{0, 400 * time.Millisecond, 6 * time.Second, -6 * time.Second, 24 * time.Hour} {
		now := func() time.Time { return date.Add(ahead) }
		off, err := open(t, dynamo.Config{Table: "t", Endpoint: server.URL, Now: now}).ClockOff(t.Context())
		if err != nil || (off-ahead).Abs() > 500*time.Millisecond {
			t.Errorf("a clock ahead by %s: off by %s, %v", ahead, off, err)
		}
	}
	header = ""
	if off, err := open(t, dynamo.Config{Table: "t", Endpoint: server.URL}).ClockOff(t.Context()); err == nil {
		t.Errorf("an endpoint that tells no time: off by %s, want an error", off)
	}
	server.Close()
	if off, err := open(t, dynamo.Config{Table: "t", Endpoint: server.URL}).ClockOff(t.Context()); err == nil {
		t.Errorf("an endpoint that is not there: off by %s, want an error", off)
	}
}
