package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

var (
	revocationCounts = []int{10, 1_000, 100_000, 1_000_000}
	sessionCounts    = []int{1, 1_000, 100_000, 1_000_000}
)

// flat measures an event of the authorizer with more and more revocations that it has to know of, and with more and more sessions in the store that it reads.
func (l *lab) flat(ctx context.Context) ([]comparison, error) {
	byToken, err := l.byRevocations(ctx)
	if err != nil {
		return nil, err
	}
	byCookie, err := l.bySessions(ctx)
	if err != nil {
		return nil, err
	}
	return []comparison{byToken, byCookie}, nil
}

// longLog is a store whose log has so many entries of the last hour. It answers like the others: what is stamped at or after the time that is asked for.
type longLog struct {
	authorizer.Store
	entries []revocation.Entry // the oldest first
}

func (s longLog) Since(_ context.Context, from time.Time) ([]revocation.Entry, error) {
	first, _ := slices.BinarySearchFunc(s.entries, from, func(e revocation.Entry, t time.Time) int { return e.At.Compare(t) })
	return s.entries[first:], nil
}

func (l *lab) byRevocations(ctx context.Context) (comparison, error) {
	c := comparison{
		name: "revocations", title: "Authorize by token, with so many revocations in the log",
		text: "A whole event with a token seen before, as above. The authorizer keeps the log in memory, each entry by 16 bytes of its hash; here the log itself is in memory, too. Its entries are of the last hour, which is as long " +
			"as they matter. The first column is an event between two readings of the log, which come 5 s apart; the second is the first event of a copy that has just started, which reads all of the log: that one grows with it.",
		metrics: []metric{{title: "an event", unit: "µs of a processor"}, {title: "the first event", unit: "ms of a processor"}},
		steps:   revocationCounts,
	}
	s, err := l.sign(ctx, keyring.ES256)
	if err != nil {
		return comparison{}, err
	}
	for _, count := range revocationCounts {
		if l.alone && count > guardCount {
			continue
		}
		log := longLog{s.store, make([]revocation.Entry, count)}
		for i := range log.entries {
			log.entries[i] = revocation.Entry{Kind: revocation.Session, ID: newID(), At: time.Now().Add(-time.Hour * time.Duration(count-i) / time.Duration(count))}
		}
		payload := eventWith(s.text)
		warm, err := newAuthorizer(log)
		if err != nil {
			return comparison{}, err
		}
		again := perCall(func() error { return allowed(warm(ctx, payload)) })
		c.contenders = append(c.contenders, contender{counted(count, "revocation"), func(ctx context.Context) ([]float64, error) {
			cold, err := newAuthorizer(log)
			if err != nil {
				return nil, err
			}
			begin := processorTime()
			if err := allowed(cold(ctx, payload)); err != nil {
				return nil, err
			}
			first := processorTime() - begin
			if err := allowed(warm(ctx, payload)); err != nil { // it reads the log again when its copy is 5 s old
				return nil, err
			}
			time.Sleep(10 * time.Millisecond) // what it reads beside the answers
			runtime.GC()
			each, err := again(ctx)
			return append(each, first.Seconds()*1e3), err
		}})
	}
	return c, nil
}

func (l *lab) bySessions(ctx context.Context) (comparison, error) {
	c := comparison{
		name: "sessions", title: "Authorize by cookie, with so many sessions in the store",
		text:    "A whole event whose cookie is that of a site, which the authorizer looks up in the store (bbolt, in the disk's cache) each time. By token it reads no session at all.",
		metrics: []metric{{title: "an event", unit: "µs of a processor"}},
		steps:   sessionCounts,
	}
	for _, count := range sessionCounts {
		if l.alone && count > guardCount {
			continue
		}
		store, handle, err := l.storeOf(ctx, count)
		if err != nil {
			return comparison{}, fmt.Errorf("%d sessions: %w", count, err)
		}
		own, err := newAuthorizer(store)
		if err != nil {
			return comparison{}, err
		}
		payload := []byte(strings.NewReplacer(`"Bearer $ACCESS"`, `"__Host-Http-wpss-site=`+handle+`"`, `"theme=dark"`, `"__Host-Http-wpss-site=`+handle+`"`, `"authorization": "Bearer $ACCESS",`, "").Replace(eventText))
		c.contenders = append(c.contenders, contender{counted(count, "session"), perCall(func() error { return allowed(own(ctx, payload)) })})
	}
	return c, nil
}

// storeOf returns a store with so many sessions of one site, ten to each account, and the handle of one of them.
func (l *lab) storeOf(ctx context.Context, count int) (*bolt.Store, string, error) {
	folder := filepath.Join(l.work, newID())
	if memory, err := os.MkdirTemp("/dev/shm", "wavepass-bench"); err == nil {
		folder = filepath.Join(memory, "store") // writing a million sessions waits for no disk there
		l.atEnd(func() { _ = os.RemoveAll(memory) })
	}
	store, err := bolt.Open(folder, time.Now)
	if err != nil {
		return nil, "", err
	}
	l.atEnd(func() { _ = store.Close() })
	now, site := time.Now(), client.New("site", client.Site)
	site.Scopes, site.Origins = []string{"profile"}, []string{"https://site.example.com"}
	one := account.Account{ID: uuid.MustParse(newID()), Username: "ada@example.com", Roles: []string{}, Scopes: []string{"profile"}, Epoch: now.Unix()}
	if err := errors.Join(store.PutClient(ctx, site), store.CreateAccount(ctx, one, "no password")); err != nil {
		return nil, "", err
	}
	another := func(owner uuid.UUID) (session.Session, session.Handle) {
		return session.Session{
			AccountID: owner, ID: uuid.MustParse(newID()), ClientID: "site", Scopes: []string{"profile"}, RotatedAt: now.Truncate(time.Millisecond), CreatedAt: now.Truncate(time.Second),
			AuthTime: now.Truncate(time.Second), AMR: []string{"pwd"}, IdleExpiry: now.Add(12 * time.Hour).Truncate(time.Second), Expiry: now.Add(24 * time.Hour).Truncate(time.Second), Epoch: one.Epoch,
		}.GiveHandle(session.NewHandleSecret())
	}
	visited, handle := another(one.ID)
	const writers = 256 // together they fill a commit
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			owner := uuid.MustParse(newID())
			for i := w; i < count-1 && errs[w] == nil; i += writers {
				if i/writers%10 == 0 {
					owner = uuid.MustParse(newID())
				}
				s, _ := another(owner)
				errs[w] = store.Create(ctx, s)
			}
		})
	}
	wg.Wait()
	return store, handle.Encode().Reveal(), errors.Join(append(errs, store.Create(ctx, visited))...)
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
