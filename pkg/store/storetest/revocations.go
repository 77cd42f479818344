package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

var revocationTests = []subtest{
	{"EveryFieldComesBack", entryRoundTrip},
	{"AppliedButReplyLostIsThereOnce", appendAgain},
	{"EntriesOfOneStampAreApart", entriesApart},
	{"LowerEpochNeverReplacesAHigherOne", lowerEpoch},
	{"EarlierBeforeNeverReplacesALaterOne", earlierBefore},
	{"OnceIsOneEntryInTenSeconds", appendOnce},
	{"OnceMayBeStampedAgainByItsOwnCall", appendOnceStampedAgain},
	{"OnceOfManyParallelStoresOne", appendOnceParallel},
	{"SinceStartsAtTheStamp", sinceStarts},
	{"SinceLeavesOutExpiredEntries", sinceExpired},
	{"SinceSeesWhatWasAppendedBefore", sinceAfterAppend},
	{"SinceReturnsManyEntries", sinceMany},
	{"SinceThatRunsOutOfTimeHasNoGaps", sinceOutOfTime},
}

func entryRoundTrip(t *testing.T, f fixture) {
	at := f.clock.Now()
	for i, e := range []revocation.Entry{
		{Kind: revocation.Token},
		{Kind: revocation.Session},
		{Kind: revocation.Account, MinEpoch: 1_700_000_001},
		{Kind: revocation.Account, MinEpoch: 1<<62 + 1},
		{Kind: revocation.Client},
		{Kind: revocation.Client, Before: 1_700_000_001},
		{Kind: revocation.Key},
	} {
		e.At = at.Add(-time.Duration(i)*time.Minute + 789*time.Millisecond)
		for _, id := range []string{fresh(t, "id"), fresh(t, "#id#"), fresh(t, "ünï\x00\n")} {
			e.ID = id
			wantErr(t, "append", f.Append(t.Context(), e), nil)
			same(t, fmt.Sprintf("entries of %s %q", e.Kind, id), f.entriesOf(t, id, time.Time{}), []revocation.Entry{e})
		}
	}
}

func appendAgain(t *testing.T, f fixture) {
	e := revocation.Entry{At: f.clock.Now(), Kind: revocation.Account, ID: fresh(t, "a"), MinEpoch: 7}
	for range 3 {
		wantErr(t, "append", f.Append(t.Context(), e), nil)
	}
	same(t, "entries", f.entriesOf(t, e.ID, time.Time{}), []revocation.Entry{e})
}

// entriesApart appends entries that differ in one part of what names them.
func entriesApart(t *testing.T, f fixture) {
	id := fresh(t, "x")
	at := f.clock.Now()
	want := []revocation.Entry{
		{At: at, Kind: revocation.Client, ID: id},
		{At: at, Kind: revocation.Token, ID: id},
		{At: at, Kind: revocation.Key, ID: id},
		{At: at.Add(time.Millisecond), Kind: revocation.Token, ID: id},
	}
	for _, e := range want {
		wantErr(t, "append", f.Append(t.Context(), e), nil)
		e.ID += "#" + id
		wantErr(t, "append", f.Append(t.Context(), e), nil)
	}
	same(t, "entries", f.entriesOf(t, id, time.Time{}), want)
}

// lowerEpoch: an entry is never changed or withdrawn, also when another has its stamp and its id.
func lowerEpoch(t *testing.T, f fixture) {
	e := revocation.Entry{At: f.clock.Now(), Kind: revocation.Account, ID: fresh(t, "a")}
	for _, epoch := range []int64{5, 9, 7} {
		e.MinEpoch = epoch
		wantErr(t, "append", f.Append(t.Context(), e), nil)
	}
	var highest int64
	for _, e := range f.entriesOf(t, e.ID, time.Time{}) {
		highest = max(highest, e.MinEpoch)
	}
	if highest != 9 {
		t.Errorf("highest epoch after appending 5, 9 and 7 = %d, want 9", highest)
	}
}

// earlierBefore: a client's entry without a time denies all of its tokens, which is more than any other of that stamp.
func earlierBefore(t *testing.T, f fixture) {
	e := revocation.Entry{At: f.clock.Now(), Kind: revocation.Client, ID: fresh(t, "c")}
	var latest int64
	for _, before := range []int64{5, 9, 7} {
		e.Before = before
		wantErr(t, "append", f.Append(t.Context(), e), nil)
	}
	for _, e := range f.entriesOf(t, e.ID, time.Time{}) {
		latest = max(latest, e.Before)
	}
	if latest != 9 {
		t.Errorf("latest time after appending 5, 9 and 7 = %d, want 9", latest)
	}
	for _, before := range []int64{0, 11} {
		e.Before = before
		wantErr(t, "append", f.Append(t.Context(), e), nil)
		all := slices.ContainsFunc(f.entriesOf(t, e.ID, time.Time{}), func(e revocation.Entry) bool { return e.Before == 0 })
		if !all {
			t.Errorf("the entry that denies everything is gone after appending %d", before)
		}
	}
}

// wantOnce appends an entry by AppendOnce.
func (f fixture) wantOnce(t *testing.T, what string, e revocation.Entry, call string, want bool) {
	t.Helper()
	stored, err := f.AppendOnce(t.Context(), e, call)
	wantErr(t, what, err, nil)
	same(t, what+": stored", stored, want)
}

func appendOnce(t *testing.T, f fixture) {
	first := revocation.Entry{At: f.clock.Now(), Kind: revocation.Token, ID: fresh(t, "x")}
	after := func(d time.Duration) revocation.Entry {
		e := first
		e.At = e.At.Add(d)
		return e
	}
	f.wantOnce(t, "the first", first, "a", true)
	for i := range 10 {
		f.wantOnce(t, "at once", after(time.Duration(i)*time.Millisecond), fmt.Sprint("call ", i), false)
	}
	f.wantOnce(t, "by a clock that is behind", after(-3*time.Second), "b", false)
	f.wantOnce(t, "just within 10 s", after(revocation.SlowWrite-time.Millisecond), "b", false)
	f.wantOnce(t, "after 10 s", after(revocation.SlowWrite), "b", true)
	f.wantOnce(t, "just after the second", after(revocation.SlowWrite+time.Millisecond), "a", false)
	same(t, "entries", f.entriesOf(t, first.ID, time.Time{}), []revocation.Entry{first, after(revocation.SlowWrite)})

	for _, other := range []revocation.Entry{
		{At: first.At, Kind: revocation.Token, ID: first.ID + "y"}, {At: first.At, Kind: revocation.Session, ID: first.ID},
	} {
		f.wantOnce(t, "of another name", other, "c", true)
	}
}

// appendOnceStampedAgain is what revocation.Stamp does after a slow write.
func appendOnceStampedAgain(t *testing.T, f fixture) {
	first := revocation.Entry{At: f.clock.Now(), Kind: revocation.Token, ID: fresh(t, "x")}
	again := first
	again.At = again.At.Add(revocation.SlowWrite / 2)
	for _, e := range []revocation.Entry{first, first, again} { // the second is a repetition after a lost answer
		f.wantOnce(t, "by the same call", e, "a", true)
	}
	same(t, "entries", f.entriesOf(t, first.ID, time.Time{}), []revocation.Entry{first, again})
}

func appendOnceParallel(t *testing.T, f fixture) {
	e := revocation.Entry{At: f.clock.Now(), Kind: revocation.Token, ID: fresh(t, "x")}
	for i, err := range parallel(20, func(i int) error {
		one := e
		one.At = one.At.Add(time.Duration(i) * time.Millisecond)
		_, err := f.AppendOnce(t.Context(), one, fmt.Sprint("call ", i))
		return err
	}) {
		wantErr(t, fmt.Sprint("caller ", i), err, nil)
	}
	if got := f.entriesOf(t, e.ID, time.Time{}); len(got) != 1 {
		t.Errorf("20 calls at once have stored %d entries, want 1", len(got))
	}
}

func sinceStarts(t *testing.T, f fixture) {
	from := f.clock.Now().Add(-time.Minute + 500*time.Millisecond)
	id := fresh(t, "x")
	entry := func(at time.Time) revocation.Entry {
		return revocation.Entry{At: at, Kind: revocation.Token, ID: id}
	}
	earlier, exact, later := entry(from.Add(-time.Millisecond)), entry(from), entry(from.Add(time.Millisecond))
	for _, e := range []revocation.Entry{later, earlier, exact} {
		wantErr(t, "append", f.Append(t.Context(), e), nil)
	}
	for name, c := range map[string]struct {
		from time.Time
		want []revocation.Entry
	}{
		"zero time":         {time.Time{}, []revocation.Entry{earlier, exact, later}},
		"1970":              {time.Unix(0, 0), []revocation.Entry{earlier, exact, later}},
		"1 ms before":       {earlier.At, []revocation.Entry{earlier, exact, later}},
		"at the stamp":      {from, []revocation.Entry{exact, later}},
		"in another zone":   {from.In(time.FixedZone("", -5*3600)), []revocation.Entry{exact, later}},
		"1 ms after":        {later.At, []revocation.Entry{later}},
		"after all":         {later.At.Add(time.Millisecond), nil},
		"far in the future": {later.At.Add(1000 * time.Hour), nil},
	} {
		same(t, "entries since "+name, f.entriesOf(t, id, c.from), c.want)
	}
}

// sinceExpired moves the clock, so that the entry is expired though nothing has deleted it.
func sinceExpired(t *testing.T, f fixture) {
	e := revocation.Entry{At: f.clock.Now().Add(345 * time.Millisecond), Kind: revocation.Token, ID: fresh(t, "x")}
	younger := e
	younger.At = e.At.Add(time.Minute)
	wantErr(t, "append", f.Append(t.Context(), e), nil)
	wantErr(t, "append", f.Append(t.Context(), younger), nil)

	f.clock.Advance(e.ExpiresAt().Sub(f.clock.Now()) - time.Millisecond)
	same(t, "entries 1 ms before the first expires", f.entriesOf(t, e.ID, time.Time{}), []revocation.Entry{e, younger})
	f.clock.Advance(time.Millisecond)
	same(t, "entries when the first expires", f.entriesOf(t, e.ID, time.Time{}), []revocation.Entry{younger})
	same(t, "entries since the first, when it expires", f.entriesOf(t, e.ID, e.At), []revocation.Entry{younger})
	f.clock.Advance(time.Hour)
	same(t, "entries an hour later", f.entriesOf(t, e.ID, time.Time{}), nil)
}

func sinceAfterAppend(t *testing.T, f fixture) {
	const callers = 20
	ids := make([]string, callers)
	for i := range ids {
		ids[i] = fresh(t, "x")
	}
	errs := parallel(callers, func(i int) error {
		e := revocation.Entry{At: f.clock.Now(), Kind: revocation.Token, ID: ids[i]}
		if err := f.Append(t.Context(), e); err != nil {
			return err
		}
		all, err := f.Since(t.Context(), e.At)
		if err != nil {
			return err
		}
		for _, found := range all {
			if found.ID == e.ID {
				return nil
			}
		}
		return fmt.Errorf("%s was appended, but is not among %d entries", e.ID, len(all))
	})
	for i, err := range errs {
		wantErr(t, fmt.Sprint("caller ", i), err, nil)
	}
}

// appendMany appends 2,500 entries with long ids, 100 of them with each stamp from at on, and returns their ids.
func (f fixture) appendMany(t *testing.T, at time.Time) []string {
	t.Helper()
	const writers = 50
	ids := make([]string, 2500)
	run := fresh(t, "many")
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d-%s", run, i, strings.Repeat("x", 500))
	}
	errs := parallel(writers, func(w int) error {
		for i := w; i < len(ids); i += writers {
			// Many of one stamp, as they may be when a page ends.
			e := revocation.Entry{At: at.Add(time.Duration(i/100) * time.Millisecond), Kind: revocation.Token, ID: ids[i]}
			if err := f.Append(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	for i, err := range errs {
		wantErr(t, fmt.Sprint("writer ", i), err, nil)
	}
	return ids
}

// sinceMany needs several pages where an answer is limited in size.
func sinceMany(t *testing.T, f fixture) {
	at := f.clock.Now()
	ids := f.appendMany(t, at)
	for name, c := range map[string]struct {
		from  time.Time
		first int
	}{
		"all": {time.Time{}, 0}, "from the first": {at, 0}, "the later half": {at.Add(12 * time.Millisecond), 1200},
	} {
		all, err := f.Since(t.Context(), c.from)
		wantErr(t, name, err, nil)
		times := map[string]int{}
		for _, e := range all {
			times[e.ID]++
		}
		for i := c.first; i < len(ids); i++ {
			if n := times[ids[i]]; n != 1 {
				t.Fatalf("%s: entry %d of %d came %d times, want once", name, i, len(ids), n)
			}
		}
		for i := range c.first {
			if times[ids[i]] > 0 {
				t.Fatalf("%s: entry %d came, want none before %d", name, i, c.first)
			}
		}
	}
}

// sinceOutOfTime gives Since ever more time until that is enough: what comes with an error is a beginning.
func sinceOutOfTime(t *testing.T, f fixture) {
	at := f.clock.Now()
	ids := f.appendMany(t, at)
	for limit := time.Microsecond; ; limit = limit * 3 / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		entries, err := f.Since(ctx, at)
		cancel()
		if err == nil {
			return
		}
		wantErr(t, fmt.Sprint("in ", limit), err, oauth.ErrUnavailable)
		var newest time.Time
		came := map[string]bool{}
		for _, e := range entries {
			came[e.ID] = true
			if e.At.After(newest) {
				newest = e.At
			}
		}
		for i, id := range ids {
			if stamp := at.Add(time.Duration(i/100) * time.Millisecond); stamp.Before(newest) && !came[id] {
				t.Fatalf("in %s: %d entries up to %s, but not entry %d, stamped %s", limit, len(entries), newest, i, stamp)
			}
		}
	}
}
