package operate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
)

// newcomers are so many accounts to be imported.
func newcomers(n int) (list []operate.Import) {
	for i := range n {
		list = append(list, operate.Import{Account: account.Account{ID: uuid.New(), Username: fmt.Sprint("person", i)}, Hash: "hash"})
	}
	return list
}

func TestImportIsOneEventAndRepeatedNone(t *testing.T) {
	w, list := newWorld(t), newcomers(200)
	list[7].Account.Username = "ada"
	list[8].Account.ID = w.ada.ID
	for try, created := range []int{198, 0} {
		results, err := w.ImportAccounts(w.ctx, list, false)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, r := range results {
			if r.Created {
				got++
			}
		}
		if got != created || !errors.Is(results[7].Refused, account.ErrExists) || !errors.Is(results[8].Refused, operate.ErrIDTaken) {
			t.Errorf("try %d: %d created, want %d; %+v and %+v, want them refused", try, got, created, results[7], results[8])
		}
	}
	if events := w.events(); len(events) != 1 || events[0].Name != audit.AccountsImported || events[0].Count != 198 || events[0].Actor != "operator:grace" {
		t.Errorf("events %+v, want one of 198 accounts", events)
	}
	if a, err := w.store.Account(w.ctx, w.ada.ID); err != nil || a.Username != "ada" {
		t.Errorf("ada is %+v, %v", a, err)
	}
}

func TestDryImportStoresNothing(t *testing.T) {
	w := newWorld(t)
	results, err := w.ImportAccounts(w.ctx, newcomers(3), true)
	if err != nil || !results[0].Created || w.store.Count("CreateAccount") != 0 || len(w.events()) != 0 {
		t.Errorf("%+v, %v, %d stored, events %+v; want what would be stored, and nothing stored", results, err, w.store.Count("CreateAccount"), w.events())
	}
}

// TestImportWaitsWhileTheStoreIsOverrun for each account by itself.
func TestImportWaitsWhileTheStoreIsOverrun(t *testing.T) {
	w := newWorld(t)
	var failures, under, most atomic.Int64
	const overrun = 60
	w.store.Before = func(_ context.Context, method string) error {
		if method == "CreateAccount" && failures.Add(1) <= overrun {
			return oauth.ErrUnavailable
		}
		if method == "CreateAccount" && failures.Load() > overrun+40 { // by then, many of the places are given up
			most.Store(max(most.Load(), under.Add(1)))
			time.Sleep(5 * time.Millisecond)
			under.Add(-1)
		}
		return nil
	}
	results, err := w.ImportAccounts(w.ctx, newcomers(300), false)
	if most.Load() > 12 || most.Load() < 1 {
		t.Errorf("after the store was overrun, %d accounts were stored at once, want a few", most.Load())
	}
	for i, r := range results {
		if err != nil || !r.Created {
			t.Errorf("account %d: %+v, %v; want it stored", i, r, err)
		}
	}
}

func TestImportEndsWithItsCaller(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(w.ctx)
	w.store.Before = func(ctx context.Context, method string) error {
		if method == "CreateAccount" {
			cancel()
			return oauth.ErrUnavailable
		}
		return nil
	}
	if _, err := w.ImportAccounts(ctx, newcomers(3), false); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	w.store.Before = hooks.Fail("Clients")
	if _, err := w.ImportAccounts(w.ctx, newcomers(1), false); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("without the clients: %v", err)
	}
}

func TestImportRefusesMoreRolesThanATokenHolds(t *testing.T) {
	w, list := newWorld(t), newcomers(2)
	w.put(client.New("app", client.Native))
	for i := range 100 {
		list[1].Account.Roles = append(list[1].Account.Roles, fmt.Sprint(strings.Repeat("r", 60), i))
	}
	results, err := w.ImportAccounts(w.ctx, list, false)
	if err != nil || !results[0].Created || !errors.Is(results[1].Refused, operate.ErrTooManyRoles) {
		t.Errorf("%+v, %v; want the second refused", results, err)
	}
}

// TestImportWhoseAnswerWasLostCounts once, whether its account is seen at the next try or in the middle of it.
func TestImportWhoseAnswerWasLostCounts(t *testing.T) {
	w := newWorld(t)
	lost := map[int]bool{}
	w.store.After = func(_ context.Context, method string) error {
		if method == "CreateAccount" && !lost[0] {
			lost[0] = true
			return oauth.ErrUnavailable
		}
		return nil
	}
	list := newcomers(1)
	results, err := w.ImportAccounts(w.ctx, list, false)
	if err != nil || !results[0].Created {
		t.Errorf("%+v, %v; want it stored", results, err)
	}
	w.store.DropLoginName(list[0].Account.Username) // as if it was looked up before the write came through
	if results, err = w.ImportAccounts(w.ctx, list, false); err != nil || results[0].Refused != nil {
		t.Errorf("seen in the middle: %+v, %v; want no conflict with itself", results, err)
	}
}
