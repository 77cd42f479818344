package metric_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/metric"
)

func TestSamplesShareALineAMinute(t *testing.T) {
	var out bytes.Buffer
	now := time.UnixMilli(1772366400123)
	s := metric.Samples{Name: "table_ms", Unit: metric.Milliseconds, By: "operation", Namespace: "wavepass", Log: slog.New(slog.NewJSONHandler(&out, nil)), Now: func() time.Time { return now }}
	for i, tc := range []struct {
		after time.Duration
		of    string
		value float64
		lines string // what is logged by then
	}{
		{0, "GetItem", 1.23456, `"table_ms":[1.23]`}, // the first of all
		{time.Second, "GetItem", 2, ""},
		{time.Second, "Query", 9, `"table_ms":[9]`}, // the first of another
		{57 * time.Second, "GetItem", 3, ""},
		{time.Second, "GetItem", 4, `"table_ms":[2,3,4]`}, // a minute after the first line
		{time.Second, "GetItem", 5, ""},
	} {
		out.Reset()
		now = now.Add(tc.after)
		s.Add(t.Context(), tc.of, tc.value)
		if got := out.String(); (got == "") != (tc.lines == "") || !strings.Contains(got, tc.lines) || tc.lines != "" && (strings.Count(got, "\n") != 1 ||
			!strings.Contains(got, `"operation":"`+tc.of+`"`) || !strings.Contains(got, `"Dimensions":[["operation"]],"Metrics":[{"Name":"table_ms","Unit":"Milliseconds"}]`)) {
			t.Errorf("value %d: logged %q, want %s", i+1, got, tc.lines)
		}
	}
}

func TestALineHasAtMostAHundredSamplesAndNoneIsLost(t *testing.T) {
	var out bytes.Buffer
	start := time.UnixMilli(1772366400123)
	s := metric.Samples{Name: "denylist_age_ms", Unit: metric.Milliseconds, Namespace: "wavepass", Log: slog.New(slog.NewJSONHandler(&out, nil)), Now: func() time.Time { return start }}
	var all sync.WaitGroup
	for range 7 {
		all.Go(func() {
			for range 43 {
				s.Add(t.Context(), "", 7)
			}
		})
	}
	all.Wait() // 301 values: one at once, and three hundreds
	if lines := strings.Count(out.String(), "\n"); lines != 4 || strings.Count(out.String(), "7,") != 3*99 || strings.Contains(out.String(), `"":`) {
		t.Errorf("%d lines with %d values:\n%s", lines, strings.Count(out.String(), "7,"), out.String())
	}
}
