package history_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/policy"
)

// BenchmarkCookieBesideToken authorizes by token and by cookie in turn, so that whatever else the machine does befalls all alike, with one
// strongly consistent read beside them for what a round trip takes. It reports medians, and what each request is billed.
func BenchmarkCookieBesideToken(b *testing.B) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		b.Skip("DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it")
	}
	u := newUser(b, endpoint)
	u.later(0)
	h, handle := u.login(), u.loginAtSite()
	u.must(u.store.PutPolicy(b.Context(), "own", policy.Record{Version: 1, Document: []byte(`{"unlisted":"allow"}`)}))
	ways := []struct {
		name string
		do   func()
	}{
		{"read", func() { _, err := u.store.Session(b.Context(), u.account, h.id); u.must(err) }},
		{"token", func() { u.authorize(h, bound) }},
		{"token-asks-log", func() { u.authorize(h, 0) }},
		{"cookie-own-policy", func() { u.visit(handle, "own") }},
		{"cookie-default", func() { u.visit(handle, "api") }},
	}
	units := make([]float64, len(ways))
	for i, way := range ways {
		way.do() // warm
		u.meter.take()
		way.do()
		units[i] = u.meter.take().reads
	}

	// From here on without the meter, which every call would wait for.
	u.store = openTable(b, u.table, endpoint, u.clock)
	u.f = newFunction(u.store, u.sealer, audit.NewTrail(discard{}, u.clock.Now), u.clock.Now)
	for _, way := range ways {
		way.do()
	}
	times := make([][]time.Duration, len(ways))
	for b.Loop() {
		for i, way := range ways {
			begin := time.Now()
			way.do()
			times[i] = append(times[i], time.Since(begin))
		}
	}
	b.ReportMetric(0, "ns/op") // the sum says nothing
	median := func(i int) float64 {
		slices.Sort(times[i])
		return float64(times[i][len(times[i])/2])
	}
	for i, way := range ways {
		b.ReportMetric(units[i], way.name+"-units")
		b.ReportMetric(median(i)/1000, way.name+"-µs")
		b.ReportMetric(median(i)/median(0), way.name+"/read")
	}
}
