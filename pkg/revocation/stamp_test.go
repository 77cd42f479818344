package revocation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

func TestSlowWritesAreStampedAgain(t *testing.T) {
	const slow = revocation.SlowWrite + 1
	for name, c := range map[string]struct {
		takes []time.Duration // each write; the last one repeats
		want  []time.Duration // stamps, from the start
		err   error
	}{
		"quick":             {[]time.Duration{time.Millisecond}, []time.Duration{0}, nil},
		"just quick enough": {[]time.Duration{revocation.SlowWrite}, []time.Duration{0}, nil},
		"slow once":         {[]time.Duration{slow, 0}, []time.Duration{0, revocation.SlowWrite}, nil},
		"slow twice":        {[]time.Duration{slow, slow, 0}, []time.Duration{0, revocation.SlowWrite, 2 * revocation.SlowWrite}, nil},
		"always slow":       {[]time.Duration{slow}, []time.Duration{0, revocation.SlowWrite, 2 * revocation.SlowWrite}, oauth.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testclock.New(start)
			var stamps []time.Duration
			err := revocation.Stamp(clock.Now, func(at time.Time) error {
				clock.Advance(c.takes[min(len(stamps), len(c.takes)-1)])
				stamps = append(stamps, at.Sub(start))
				return nil
			})
			if !errors.Is(err, c.err) {
				t.Errorf("got error %v, want %v", err, c.err)
			}
			if !slices.Equal(stamps, c.want) {
				t.Errorf("stamped %v after the start, want %v", stamps, c.want)
			}
		})
	}
}

func TestStampsAreWholeMilliseconds(t *testing.T) {
	clock := testclock.New(start.Add(1_999_999))
	err := revocation.Stamp(clock.Now, func(at time.Time) error {
		if want := start.Add(time.Millisecond); !at.Equal(want) {
			t.Errorf("stamped %s, want %s: cut, never rounded up", at, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFailedWriteIsNotRepeated(t *testing.T) {
	clock, writes := testclock.New(start), 0
	broken := errors.New("broken")
	err := revocation.Stamp(clock.Now, func(time.Time) error {
		writes++
		clock.Advance(time.Hour)
		return broken
	})
	if !errors.Is(err, broken) || writes != 1 {
		t.Errorf("%d writes, error %v; want one and the writer's own error", writes, err)
	}
}

func TestWriterThatWasFrozenOrWhoseClockWasSetBackStampsAgain(t *testing.T) {
	begin := time.Now()
	for name, after := range map[string]time.Time{
		"frozen":         testclock.WallOnly(t, begin, time.Hour),
		"clock set back": testclock.WallOnly(t, begin.Add(time.Minute), -time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			clock, writes := testclock.New(begin), 0
			err := revocation.Stamp(clock.Now, func(time.Time) error {
				writes++
				clock.Set(after)
				return nil
			})
			if err != nil || writes != 2 {
				t.Errorf("%d writes, error %v; want 2 and none", writes, err)
			}
		})
	}
}
