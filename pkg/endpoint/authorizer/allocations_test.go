//go:build !race

package authorizer_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
)

// mostAllocations of a whole event with a token that was seen before: reading the event's JSON is nearly all of them.
const mostAllocations = 25

// TestKnownTokensEventAllocatesLittle counts allocations, because times differ from one machine to another. The race detector makes more.
func TestKnownTokensEventAllocatesLittle(t *testing.T) {
	clock := testclock.New(deployment.Start)
	f := newFleet(t, fakestore.New(clock.Now), 1, 5*time.Second, clock.Now)
	c := f.newCaller()
	if n := testing.AllocsPerRun(100, func() { f.accepts(f.copies[0], c) }); n > mostAllocations {
		t.Errorf("an event allocates %v times, want at most %d", n, mostAllocations)
	}
}
