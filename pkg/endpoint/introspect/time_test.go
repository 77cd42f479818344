package introspect_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// alike are kinds of dead tokens that only the table can tell apart. A service must not learn by the time which of them it was shown. What an access
// token says, like when it expires, everybody who holds it can read, and check with the public keys: such kinds stand apart, because a token
// whose signature was found good once is remembered, and one that says no good is checked each time.
var alike = [][]string{
	{"revoked", "of an ended", "foreign"},
	{"expired", "another issuer"},
	{"refresh: ended", "refresh: foreign", "refresh: garbage", "refresh: prefix", "refresh: not ours", "refresh: padded"},
}

// TestDeadTokensCostWhatGoodOnesDo has the calls of the store; this is the work besides. Measured is the median of each kind, in rounds that ask about every
// kind once, in random order: load on the machine makes all of them slower. They are within 1.5 times of each other, some 15 µs, where one
// call of the table takes a millisecond and more. Three times is the limit, so that the test fails for a reason only.
func TestDeadTokensTakeTheSameTime(t *testing.T) {
	const rounds = 300
	w := newWorld(t)
	dead := w.dead()
	times := map[string][]time.Duration{}
	kinds := slices.Concat(alike...)
	for range rounds {
		rand.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, kind := range kinds {
			r := form("POST /introspect", "partner", "token", dead[kind])
			begun := time.Now()
			got := w.Do(r)
			times[kind] = append(times[kind], time.Since(begun))
			if got.Body != inactive {
				t.Fatalf("%s: %s", kind, got.Body)
			}
		}
	}
	for _, group := range alike {
		medians := make([]time.Duration, len(group))
		for i, kind := range group {
			slices.Sort(times[kind])
			medians[i] = times[kind][rounds/2]
		}
		if slices.Max(medians) > 3*slices.Min(medians) {
			t.Errorf("%q take %s: want them alike", group, medians)
		}
	}
}
