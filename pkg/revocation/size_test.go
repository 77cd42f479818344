package revocation_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// many is an hour of 27 revocations a second, about what a function of the template can read at a cold start.
const many = 100_000

// longLog holds so many entries of the last hour, nine sessions to one account.
func longLog(count int) *fakeLog {
	log := &fakeLog{entries: make([]revocation.Entry, count)}
	for i := range log.entries {
		e := revocation.Entry{Kind: revocation.Session, ID: uuidOf(i), At: start.Add(-time.Duration(count-i) * time.Hour / time.Duration(count))}
		if i%10 == 0 {
			e.Kind, e.MinEpoch = revocation.Account, 8
		}
		log.entries[i] = e
	}
	return log
}

func uuidOf(i int) string { return fmt.Sprintf("0197c1a5-2c5e-7d3a-9f1e-%012x", i) }

func TestLongLogIsNotAskedInsideTheBound(t *testing.T) {
	log, clock := longLog(many), testclock.New(start)
	s := revocation.NewSnapshot(log, bound, clock.Now)
	allowed(t, s, tokenOf("x"))
	asked(t, log, 1)
	for i := range many {
		id := uuidOf(i)
		subject := revocation.Subject{SessionID: id, AccountID: "a"}
		if i%10 == 0 {
			subject = revocation.Subject{SessionID: "s", AccountID: id, Epoch: 7}
		}
		if i%1000 == 0 {
			clock.Advance(bound / 200) // to half of the bound in the end
		}
		denied(t, s, subject)
	}
	allowed(t, s, tokenOf("x"))
	asked(t, log, 1)
}

// TestCapacityPageSaysWhatAnEntryTakesInMemory compares the page with the heap. It depends on how full the maps of
// this Go version happen to be, so the page says a little more.
func TestCapacityPageSaysWhatAnEntryTakesInMemory(t *testing.T) {
	page, err := os.ReadFile("../../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	stated := regexp.MustCompile(`(\d+) bytes of\s+memory for each entry`).FindSubmatch(page)
	if stated == nil {
		t.Fatal("the page does not say what an entry takes in memory")
	}
	limit, _ := strconv.Atoi(string(stated[1]))
	log := longLog(many)
	before := heap()
	s := revocation.NewSnapshot(log, bound, testclock.New(start).Now)
	allowed(t, s, tokenOf("x"))
	took := float64(heap()-before) / many
	runtime.KeepAlive(s)
	runtime.KeepAlive(log)
	t.Logf("%.1f bytes an entry", took)
	if took > float64(limit) || took < float64(limit)/2 {
		t.Errorf("an entry takes %.1f bytes, the page says %d", took, limit)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // the first leaves what finalizers hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkCheck must stay flat, however long the log is.
func BenchmarkCheck(b *testing.B) {
	for _, count := range []int{0, 1000, many} {
		b.Run(fmt.Sprint(count, " entries"), func(b *testing.B) {
			s := revocation.NewSnapshot(longLog(count), bound, func() time.Time { return start })
			subject := revocation.Subject{
				TokenID: uuidOf(-1), SessionID: uuidOf(-2), AccountID: uuidOf(-3), Epoch: 7, ClientID: "app", KeyID: "dWMf0Jm3bZ1n7yQe2o5xrA",
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Check(context.Background(), subject); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
