package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
)

var attemptTests = []subtest{
	{"TakeCountsUpToTheLimit", takeToLimit},
	{"ParallelTakesLetExactlyTheLimitThrough", takeParallel},
	{"RefusedTakeIsNotCounted", takeRefusedNotCounted},
	{"AppliedButReplyLostCountsTwice", takeReplyLost},
	{"RefundNeverGoesBelowZero", refundFloor},
	{"ClearEmptiesTheBucketAndMayBeRepeated", clearBucket},
	{"BucketsOfAnotherKindOrKeyDoNotMeet", bucketsApart},
	{"BucketsOfAnotherWindowDoNotMeet", windowsApart},
	{"LimitIsTheCallersOfThatMoment", limitChanges},
	{"AttemptsInARowAreForgottenADayAfterTheLast", rowForgotten},
	{"ParallelAttemptsInARowLetExactlyTheLimitThrough", rowParallel},
	{"AttemptsInARowAreClearedAndRefunded", rowCleared},
	{"KnownDevicesLogInWhateverABotnetDoes", siege},
}

const window = 15 * time.Minute

// bucket returns one that no other test uses, for the window of the clock.
func (f fixture) bucket(t *testing.T, limit int) account.Bucket {
	t.Helper()
	n := f.clock.Now().UnixNano() / int64(window)
	return account.Bucket{
		Kind: "account", Key: fresh(t, "ada") + "\x00192.0.2.0/24", Window: n, Limit: limit,
		Until: time.Unix(0, (n+1)*int64(window)).UTC(),
	}
}

// next returns the bucket of the window after that of b.
func next(b account.Bucket) account.Bucket {
	b.Window++
	b.Until = b.Until.Add(window)
	return b
}

// wantTakes checks that b lets exactly n more attempts through.
func (f fixture) wantTakes(t *testing.T, what string, b account.Bucket, n int) {
	t.Helper()
	for i := range n + 1 {
		ok, err := f.Take(t.Context(), b)
		wantErr(t, what+": take", err, nil)
		if want := i < n; ok != want {
			t.Fatalf("%s: attempt %d of bucket %q: allowed = %t, want %t", what, i+1, b.Key, ok, want)
		}
	}
}

func takeToLimit(t *testing.T, f fixture) {
	for _, limit := range []int{0, 1, 10} {
		f.wantTakes(t, fmt.Sprint("limit ", limit), f.bucket(t, limit), limit)
	}
}

func takeParallel(t *testing.T, f fixture) {
	const callers, limit = 50, 10
	b := f.bucket(t, limit)
	allowed := make([]bool, callers)
	errs := parallel(callers, func(i int) (err error) {
		allowed[i], err = f.Take(t.Context(), b)
		return err
	})
	through := 0
	for i := range callers {
		wantErr(t, fmt.Sprint("caller ", i), errs[i], nil)
		if allowed[i] {
			through++
		}
	}
	if through != limit {
		t.Errorf("%d of %d parallel attempts were allowed, want %d", through, callers, limit)
	}
	f.wantTakes(t, "after the rush", b, 0)
}

func takeRefusedNotCounted(t *testing.T, f fixture) {
	b := f.bucket(t, 2)
	f.wantTakes(t, "fill", b, 2)
	f.wantTakes(t, "knock", b, 0)
	wantErr(t, "refund", f.Refund(t.Context(), b), nil)
	f.wantTakes(t, "after one refund", b, 1)
}

func takeReplyLost(t *testing.T, f fixture) {
	b := f.bucket(t, 3)
	for range 2 { // the second is the retry
		_, err := f.Take(t.Context(), b)
		wantErr(t, "take", err, nil)
	}
	f.wantTakes(t, "after one attempt and its retry", b, 1)

	for range 2 {
		wantErr(t, "refund", f.Refund(t.Context(), b), nil)
	}
	f.wantTakes(t, "after one refund and its retry", b, 2)
}

func refundFloor(t *testing.T, f fixture) {
	b := f.bucket(t, 2)
	for range 3 {
		wantErr(t, "refund of an untouched bucket", f.Refund(t.Context(), b), nil)
	}
	f.wantTakes(t, "after refunds of nothing", b, 2)
	for range 5 {
		wantErr(t, "refund", f.Refund(t.Context(), b), nil)
	}
	f.wantTakes(t, "after more refunds than attempts", b, 2)
}

func clearBucket(t *testing.T, f fixture) {
	b := f.bucket(t, 3)
	wantErr(t, "clear an untouched bucket", f.Clear(t.Context(), b), nil)
	f.wantTakes(t, "fill", b, 3)
	for range 2 { // the second is the retry after a lost reply
		wantErr(t, "clear", f.Clear(t.Context(), b), nil)
	}
	f.wantTakes(t, "after clearing", b, 3)
}

// bucketsApart fills one bucket after another: one that shared its count with an earlier one would be
// full already.
func bucketsApart(t *testing.T, f fixture) {
	first := f.bucket(t, 2)
	key := first.Key
	keys := []string{
		key, key + "#", "#" + key, key + "\x00", key + "\x00\x00", key + "\n", "\n" + key, key + "#ATTEMPTS",
		"#account#" + key, key + "\xff", key + "\xfe", "", strings.Repeat("k", 1024) + key,
		strings.Repeat("k", 1025) + key, key + strings.Repeat("\x00", 1024), strings.ToUpper(key),
	}
	var all []account.Bucket
	for _, kind := range []string{"account", "network"} {
		for _, k := range keys {
			b := first
			b.Kind, b.Key = kind+fresh(t, ""), k
			if k != "" {
				b.Kind = kind // the empty key alone is not fresh
			}
			all = append(all, b)
		}
	}
	// One text cut in two at different places.
	for _, cut := range [][2]string{{"account#", key}, {"account", "#" + key + "#2"}, {"account#" + key, "#2"}} {
		b := first
		b.Kind, b.Key = cut[0], cut[1]
		all = append(all, b)
	}
	for _, b := range all {
		f.wantTakes(t, fmt.Sprintf("kind %q", b.Kind), b, 2)
	}
	wantErr(t, "clear", f.Clear(t.Context(), first), nil)
	wantErr(t, "refund", f.Refund(t.Context(), all[1]), nil)
	for i, b := range all {
		f.wantTakes(t, fmt.Sprintf("kind %q, after clearing another", b.Kind), b, map[int]int{0: 2, 1: 1}[i])
	}
}

// windowsApart allows a store to refuse attempts in a window that has been followed by the next: hosts
// whose clocks differ must not be able to empty each other's buckets.
func windowsApart(t *testing.T, f fixture) {
	old := f.bucket(t, 2)
	f.wantTakes(t, "first window", old, 2)
	f.wantTakes(t, "next window", next(old), 2)
	f.wantTakes(t, "first window again", old, 0)
	f.wantTakes(t, "next window again", next(old), 0)

	wantErr(t, "refund in the first window", f.Refund(t.Context(), old), nil)
	f.wantTakes(t, "next window after a refund in the first", next(old), 0)
	wantErr(t, "clear the first window", f.Clear(t.Context(), old), nil)
	f.wantTakes(t, "next window after clearing the first", next(old), 0)

	untouched := next(next(old))
	if _, err := f.Take(t.Context(), old); err != nil {
		t.Fatalf("take in the first window: %v", err)
	}
	f.wantTakes(t, "a third window", untouched, 2)
}

// row returns a bucket in a row that no other test uses.
func (f fixture) row(t *testing.T, limit int) account.Bucket {
	t.Helper()
	now := f.clock.Now()
	return account.Bucket{Kind: "password", Key: fresh(t, "ada"), Limit: limit, Until: now.Add(24 * time.Hour), Now: now}
}

// after returns the same bucket at a later time.
func after(b account.Bucket, d time.Duration) account.Bucket {
	b.Now, b.Until = b.Now.Add(d), b.Until.Add(d)
	return b
}

func rowForgotten(t *testing.T, f fixture) {
	b := f.row(t, 3)
	for i := range 3 {
		ok, err := f.Take(t.Context(), after(b, time.Duration(i)*23*time.Hour)) // time alone takes none off
		if wantErr(t, "take", err, nil); !ok {
			t.Fatalf("attempt %d of 3 was refused", i+1)
		}
	}
	last := after(b, 46*time.Hour)
	f.wantTakes(t, "at once", last, 0)
	f.wantTakes(t, "23 hours after the last", after(last, 23*time.Hour), 0)
	f.wantTakes(t, "a day after the last that was counted", after(last, 24*time.Hour+time.Minute), 3)
	f.wantTakes(t, "then", after(last, 25*time.Hour), 0)
}

func rowParallel(t *testing.T, f fixture) {
	const callers, limit = 64, 20
	b := f.row(t, limit)
	f.wantTakes(t, "fill", b, limit)
	for what, b := range map[string]account.Bucket{"new": f.row(t, limit), "forgotten": after(b, 25*time.Hour)} {
		allowed := make([]bool, callers)
		errs := parallel(callers, func(i int) (err error) {
			allowed[i], err = f.Take(t.Context(), b)
			return err
		})
		through := 0
		for i := range callers {
			wantErr(t, fmt.Sprint(what, ": caller ", i), errs[i], nil)
			if allowed[i] {
				through++
			}
		}
		if through != limit {
			t.Errorf("%s: %d of %d parallel attempts were allowed, want %d", what, through, callers, limit)
		}
	}
}

func rowCleared(t *testing.T, f fixture) {
	b := f.row(t, 2)
	wantErr(t, "clear an untouched one", f.Clear(t.Context(), b), nil)
	wantErr(t, "refund of nothing", f.Refund(t.Context(), b), nil)
	f.wantTakes(t, "fill", b, 2)
	wantErr(t, "refund", f.Refund(t.Context(), b), nil)
	f.wantTakes(t, "after a refund", b, 1)
	for range 2 {
		wantErr(t, "clear", f.Clear(t.Context(), b), nil)
	}
	f.wantTakes(t, "after clearing", b, 2)
	window := f.bucket(t, 2)
	window.Key = b.Key
	f.wantTakes(t, "one with a window and the same key", window, 2)
}

// limitChanges: the limit is configuration, not part of what is stored.
func limitChanges(t *testing.T, f fixture) {
	b := f.bucket(t, 2)
	f.wantTakes(t, "limit 2", b, 2)
	b.Limit = 5
	f.wantTakes(t, "limit raised to 5", b, 3)
	b.Limit = 1
	f.wantTakes(t, "limit lowered to 1", b, 0)
}
