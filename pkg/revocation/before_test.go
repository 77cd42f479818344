package revocation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/revocation"
)

// entries is a log that does not change.
type entries []revocation.Entry

func (entries) Append(context.Context, revocation.Entry) error { return errors.New("not in this test") }

func (e entries) Since(context.Context, time.Time) ([]revocation.Entry, error) { return e, nil }

func TestClientIsDeniedBeforeATimeOrAltogether(t *testing.T) {
	at := time.Unix(1_782_900_000, 0)
	entry := func(before int64) revocation.Entry {
		return revocation.Entry{At: at, Kind: revocation.Client, ID: "app", Before: before}
	}
	for name, test := range map[string]struct {
		log    entries
		client string
		began  int64
		denied bool
	}{
		"a second before":           {entries{entry(100)}, "app", 99, true},
		"that very second":          {entries{entry(100)}, "app", 100, false},
		"long after":                {entries{entry(100)}, "app", 1 << 40, false},
		"another client":            {entries{entry(100)}, "web", 99, false},
		"no client":                 {entries{entry(100)}, "", 99, false},
		"twice, between":            {entries{entry(200), entry(100)}, "app", 150, true},
		"twice, after both":         {entries{entry(200), entry(100)}, "app", 200, false},
		"an entry as they were":     {entries{entry(0)}, "app", 1 << 40, true},
		"the same, then by a time":  {entries{entry(0), entry(100)}, "app", 200, true},
		"by a time, then the same":  {entries{entry(100), entry(0)}, "app", 200, true},
		"an account of that name":   {entries{{At: at, Kind: revocation.Account, ID: "app", MinEpoch: 100}}, "app", 99, false},
		"a session of a known time": {entries{{At: at, Kind: revocation.Session, ID: "app"}}, "app", 99, false},
	} {
		snapshot := revocation.NewSnapshot(test.log, time.Second, func() time.Time { return at })
		err := snapshot.Check(t.Context(), revocation.Subject{ClientID: test.client, Began: test.began})
		if errors.Is(err, revocation.ErrRevoked) != test.denied || err != nil && !test.denied {
			t.Errorf("%s: %v, want it denied: %v", name, err, test.denied)
		}
	}
}

func TestDenyClientSaysBeforeWhen(t *testing.T) {
	at := time.Unix(1_782_900_000, 0)
	var log appended
	if err := revocation.DenyClient(t.Context(), &log, func() time.Time { return at }, "app", at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	want := revocation.Entry{At: at, Kind: revocation.Client, ID: "app", Before: at.Unix() + 1}
	if len(log) != 1 || log[0] != want {
		t.Errorf("appended %+v, want %+v", log, want)
	}
}

type appended []revocation.Entry

func (a *appended) Append(_ context.Context, e revocation.Entry) error {
	*a = append(*a, e)
	return nil
}

func (a *appended) Since(context.Context, time.Time) ([]revocation.Entry, error) { return *a, nil }
