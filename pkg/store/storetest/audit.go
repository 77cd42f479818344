package storetest

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
)

var auditTests = []subtest{
	{"EveryFieldComesBackOnItsDay", eventRoundTrip},
	{"OldestFirstAndNoneTakesTheOthersPlace", eventOrder},
	{"HiddenAfterRetention", eventRetention},
	{"ManyEventsAreAllRead", eventPages},
}

// eventsOf are the events of a day that name the subject.
func (f fixture) eventsOf(t *testing.T, day time.Time, subject string) (own []audit.Event) {
	t.Helper()
	all, err := f.EventsOf(t.Context(), day)
	wantErr(t, "events of "+audit.Day(day), err, nil)
	for _, e := range all {
		if e.Subject == subject {
			own = append(own, e)
		}
	}
	return own
}

func eventRoundTrip(t *testing.T, f fixture) {
	subject := fresh(t, "sub")
	day := f.clock.Now().Truncate(24 * time.Hour)
	e := audit.Event{
		Name: audit.SessionRevoked, Time: day, RequestID: "r", Actor: audit.Operator("Zoë"), Subject: subject, SessionID: "s", ClientID: "c",
		Network: network, UserAgent: "agent \"1\"\n", Reason: "operator", Generation: 7, KeyID: "k", TokenID: "j", By: "b", Count: 3,
	}
	last := audit.Event{Name: audit.AccountAdded, Time: day.Add(24*time.Hour - time.Millisecond), Subject: subject}
	for _, e := range []audit.Event{e, last} {
		wantErr(t, "append", f.AppendEvent(t.Context(), e), nil)
	}
	for _, asked := range []time.Time{day, last.Time, day.Add(time.Hour).In(time.FixedZone("", -11*3600))} {
		same(t, "events asked with "+asked.String(), f.eventsOf(t, asked, subject), []audit.Event{e, last})
	}
	for _, other := range []time.Time{day.Add(-time.Millisecond), day.Add(24 * time.Hour)} {
		same(t, "events of another day", f.eventsOf(t, other, subject), nil)
	}
}

func eventOrder(t *testing.T, f fixture) {
	subject, at := fresh(t, "sub"), f.clock.Now().Truncate(24*time.Hour)
	for _, after := range []time.Duration{2, 1, 1, 3} {
		e := audit.Event{Name: audit.AccessSet, Time: at.Add(after * time.Second), Subject: subject}
		wantErr(t, "append", f.AppendEvent(t.Context(), e), nil)
	}
	var got []time.Duration
	for _, e := range f.eventsOf(t, at, subject) {
		got = append(got, e.Time.Sub(at)/time.Second)
	}
	same(t, "seconds of the events", got, []time.Duration{1, 1, 2, 3})
}

func eventRetention(t *testing.T, f fixture) {
	subject := fresh(t, "sub")
	e := audit.Event{Name: audit.AccessSet, Time: f.clock.Now(), Subject: subject}
	wantErr(t, "append", f.AppendEvent(t.Context(), e), nil)
	f.clock.Advance(audit.Retention)
	same(t, "events at the end", f.eventsOf(t, e.Time, subject), []audit.Event{e})
	f.clock.Advance(time.Millisecond)
	wantErr(t, "append another", f.AppendEvent(t.Context(), audit.Event{Name: audit.AccessSet, Time: f.clock.Now()}), nil)
	same(t, "events after the end", f.eventsOf(t, e.Time, subject), nil)
}

// eventPages is more than one page of DynamoDB, which ends at 1 MiB.
func eventPages(t *testing.T, f fixture) {
	subject, at := fresh(t, "sub"), f.clock.Now()
	long := make([]byte, 200<<10)
	for i := range long {
		long[i] = 'x'
	}
	for range 7 {
		wantErr(t, "append", f.AppendEvent(t.Context(), audit.Event{Name: audit.AccessSet, Time: at, Subject: subject, UserAgent: string(long)}), nil)
	}
	same(t, "number of events", len(f.eventsOf(t, at, subject)), 7)
}
