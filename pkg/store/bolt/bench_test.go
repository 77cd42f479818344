package bolt_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// BenchmarkRefreshBesideABigAccount measures the median write of a refresh of one account, quiet, and while another
// account of 50,000 sessions logs in again and again. A login takes the time of a password hash between its writes.
// The ratio is to stay below 1.5.
func BenchmarkRefreshBesideABigAccount(b *testing.B) {
	const (
		many = 50_000
		hash = 25 * time.Millisecond
	)
	big, other := newSession(uuid.Must(uuid.NewV7())), newSession(uuid.Must(uuid.NewV7()))
	s := storeOfABigAccount(b, big, many)
	create(b, s, other)

	var quiet, beside []time.Duration
	refreshes := func(times *[]time.Duration) {
		for range 10 {
			time.Sleep(rand.N(50 * time.Millisecond)) // not in step with the logins
			began := time.Now()
			other = refresh(b, s, other)
			*times = append(*times, time.Since(began))
		}
	}
	for b.Loop() {
		refreshes(&quiet)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				create(b, s, newSession(big.AccountID))
				select {
				case <-stop:
					return
				case <-time.After(hash):
				}
			}
		}()
		refreshes(&beside)
		close(stop)
		<-stopped
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(quiet).Seconds()*1e3, "quiet-ms")
	b.ReportMetric(median(beside).Seconds()*1e3, "beside-ms")
	b.ReportMetric(float64(median(beside))/float64(median(quiet)), "ratio")
}

// storeOfABigAccount returns a store in which the account of one has so many sessions, written past it.
func storeOfABigAccount(b *testing.B, one session.Session, many int) *bolt.Store {
	path := filepath.Join(b.TempDir(), "store")
	open := func() *bolt.Store {
		s, err := bolt.Open(path, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	s := open()
	create(b, s, one)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	file, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	err = file.Update(func(tx *bbolt.Tx) error {
		sessions := tx.Bucket([]byte("sessions"))
		_, data := sessions.Cursor().First()
		data = bytes.Clone(data)
		for range many {
			id := uuid.Must(uuid.NewV7())
			if err := sessions.Put(append(one.AccountID[:], id[:]...), data); err != nil {
				return err
			}
		}
		if index := []byte("session expiries"); tx.Bucket(index) != nil { // it is built again when the file is opened
			return tx.DeleteBucket(index)
		}
		return nil
	})
	if err := errors.Join(err, file.Close()); err != nil {
		b.Fatal(err)
	}
	s = open()
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func newSession(account uuid.UUID) session.Session {
	now := time.Now().Truncate(time.Millisecond)
	return session.Session{
		AccountID: account, ID: uuid.Must(uuid.NewV7()), ClientID: "app", RotatedAt: now, CreatedAt: now, AuthTime: now,
		AMR: []string{"pwd"}, IdleExpiry: now.Add(14 * 24 * time.Hour), Expiry: now.Add(30 * 24 * time.Hour), Network: "203.0.113.0/24",
	}
}

func create(b *testing.B, s *bolt.Store, created session.Session) {
	if err := s.Create(b.Context(), created); err != nil {
		b.Error(err)
	}
}

func refresh(b *testing.B, s *bolt.Store, of session.Session) session.Session {
	rotated, err := s.Rotate(b.Context(), session.Rotation{
		AccountID: of.AccountID, SessionID: of.ID, ClientID: of.ClientID, Generation: of.Generation,
		Now: time.Now().Truncate(time.Millisecond), IdleExpiry: of.IdleExpiry,
	})
	if err != nil {
		b.Error(err)
	}
	return rotated
}

// BenchmarkRefreshesSideBySide compares how many refreshes a second are written by one caller and by eight, in turns.
func BenchmarkRefreshesSideBySide(b *testing.B) {
	const (
		callers = 8
		each    = 25
	)
	s, err := bolt.Open(filepath.Join(b.TempDir(), "store"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	sessions := make([]session.Session, callers)
	for i := range sessions {
		sessions[i] = newSession(uuid.Must(uuid.NewV7()))
		create(b, s, sessions[i])
	}
	// refreshes is how long so many callers take for each of theirs, divided by all of them.
	refreshes := func(callers int) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for range each {
					sessions[i] = refresh(b, s, sessions[i])
				}
			})
		}
		all.Wait()
		return time.Since(began) / time.Duration(callers*each)
	}
	var one, eight []time.Duration
	for b.Loop() {
		one, eight = append(one, refreshes(1)), append(eight, refreshes(callers))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1/median(one).Seconds(), "one/s")
	b.ReportMetric(1/median(eight).Seconds(), "eight/s")
	b.ReportMetric(float64(median(one))/float64(median(eight)), "ratio")
}
