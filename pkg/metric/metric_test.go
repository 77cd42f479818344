package metric_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/metric"
)

// The form is CloudWatch's, "Specification: Embedded metric format".
func TestDirectiveIsOfTheEmbeddedMetricFormat(t *testing.T) {
	at := time.UnixMilli(1772366400123)
	for by, want := range map[string]string{
		"level why": `{"Timestamp":1772366400123,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[["level"],["why"]],"Metrics":[{"Name":"events","Unit":"Count"}]}]}`,
		"event":     `{"Timestamp":1772366400123,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[["event"]],"Metrics":[{"Name":"events","Unit":"Count"}]}]}`,
		"":          `{"Timestamp":1772366400123,"CloudWatchMetrics":[{"Namespace":"wavepass","Dimensions":[[]],"Metrics":[{"Name":"events","Unit":"Count"}]}]}`,
	} {
		got, err := json.Marshal(metric.Namespace("wavepass").Of(at, strings.Fields(by), metric.Count, "events"))
		if err != nil || string(got) != want {
			t.Errorf("by %q: got %s, %v, want %s", by, got, err, want)
		}
	}
	if none := metric.Namespace("").Of(at, nil, metric.Count, "events"); none != nil {
		t.Errorf("without a namespace: %+v, want none", none)
	}
}
