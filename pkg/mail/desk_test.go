package mail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
)

const network = "203.0.113.0/24"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newDesk() (*mail.Desk, *fakestore.Store, *testclock.Clock) {
	clock := testclock.New(noon)
	store := fakestore.New(clock.Now)
	return mail.NewDesk(store, mail.DefaultLimits, clock.Now), store, clock
}

func recovery(address string) mail.Order {
	return mail.Order{Purpose: mail.Recover, Address: address, Language: "de", Client: "app"}
}

func TestOrderIsStoredAsItIsPlaced(t *testing.T) {
	desk, store, _ := newDesk()
	want := mail.Order{Purpose: mail.AddressChanging, Account: uuid.New(), Address: "old@example.com", NewAddress: "new@example.com", Language: "de", Client: "app"}
	if err := desk.Place(t.Context(), want, network); err != nil {
		t.Fatal(err)
	}
	placed := store.OrdersPlaced()
	if len(placed) != 1 || placed[0].ID.Version() != 7 || !placed[0].At.Equal(noon) {
		t.Fatalf("stored %+v, want one with an id of version 7, at noon", placed)
	}
	want.ID, want.At = placed[0].ID, placed[0].At
	if placed[0] != want {
		t.Errorf("stored %+v, want %+v", placed[0], want)
	}
}

// Whoever asks may be anybody, so they are not told that others have asked for the same address.
func TestTenThousandAtOnceForOneAddressAreFiveMailsInAnyHour(t *testing.T) {
	desk, store, clock := newDesk()
	clock.Advance(59 * time.Minute)
	rush := func() {
		var all sync.WaitGroup
		for i := range 10_000 {
			all.Go(func() {
				if err := desk.Place(t.Context(), recovery("ada@example.com"), fmt.Sprintf("2001:db8:%x::/64", i)); err != nil {
					t.Errorf("placed: %v, want nothing said", err)
				}
			})
		}
		all.Wait()
	}
	rush()
	if n := len(store.OrdersPlaced()); n != 5 {
		t.Fatalf("%d orders, want 5", n)
	}
	clock.Advance(2 * time.Minute) // into the next hour of the clock
	rush()
	if n := len(store.OrdersPlaced()); n != 5 {
		t.Fatalf("%d orders two minutes later, in the next hour of the clock; want 5", n)
	}
	clock.Advance(58 * time.Minute)
	rush()
	if n := len(store.OrdersPlaced()); n != 10 {
		t.Errorf("%d orders after an hour, want 10", n)
	}
}

func TestOperatorsAreToldThatAnAddressHasHadEnough(t *testing.T) {
	desk, store, clock := newDesk()
	invitation := mail.Order{Purpose: mail.Invitation, Address: "ada@example.com"}
	for range mail.DefaultLimits.Address.Count {
		if err := desk.PlaceForOperator(t.Context(), invitation); err != nil {
			t.Fatal(err)
		}
	}
	if err := desk.PlaceForOperator(t.Context(), invitation); !errors.Is(err, mail.ErrFull) {
		t.Errorf("one more: %v, want ErrFull", err)
	}
	if err := desk.Place(t.Context(), mail.Order{Purpose: mail.SignUp, Address: "ada@example.com"}, network); err != nil {
		t.Errorf("one more that somebody asks for: %v, want silence", err)
	}
	if n := len(store.OrdersPlaced()); n != mail.DefaultLimits.Address.Count {
		t.Errorf("%d orders, want %d", n, mail.DefaultLimits.Address.Count)
	}
	clock.Advance(mail.DefaultLimits.Address.Window + time.Second)
	if err := desk.PlaceForOperator(t.Context(), invitation); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestOneNetworkAsksForSixtyMailsAnHour(t *testing.T) {
	desk, store, clock := newDesk()
	for i := range 60 {
		if err := desk.Place(t.Context(), recovery(fmt.Sprintf("p%d@example.com", i)), network); err != nil {
			t.Fatalf("mail %d: %v", i, err)
		}
	}
	if err := desk.Place(t.Context(), recovery("one-more@example.com"), network); !errors.Is(err, mail.ErrTooMany) {
		t.Errorf("the 61st: %v, want ErrTooMany", err)
	}
	if err := desk.Place(t.Context(), recovery("one-more@example.com"), "198.51.100.0/24"); err != nil {
		t.Errorf("from another network: %v", err)
	}
	if err := desk.Place(t.Context(), recovery("by-an-operator@example.com"), ""); err != nil {
		t.Errorf("by an operator: %v", err)
	}
	if err := desk.Place(t.Context(), mail.Order{Purpose: mail.PasswordChanged, Account: uuid.New(), Address: "told@example.com"}, network); err != nil {
		t.Errorf("a notice: %v", err)
	}
	clock.Advance(time.Hour)
	if err := desk.Place(t.Context(), recovery("one-more@example.com"), network); err != nil || len(store.OrdersPlaced()) != 64 {
		t.Errorf("an hour later: %v, %d orders; want 64", err, len(store.OrdersPlaced()))
	}
}

// Otherwise a thief would ask for five recoveries first, and then change the address without a word to its owner.
func TestMailsThatAreAskedForSilenceNoNotice(t *testing.T) {
	desk, store, _ := newDesk()
	told := map[mail.Purpose]int{}
	for range 9 {
		if err := desk.Place(t.Context(), recovery("ada@example.com"), network); err != nil {
			t.Fatal(err)
		}
	}
	for _, notice := range []mail.Order{
		{Purpose: mail.PasswordChanged, Account: uuid.New(), Address: "ada@example.com"},
		{Purpose: mail.AddressChanging, Account: uuid.New(), Address: "ada@example.com", NewAddress: "eve@example.com"},
		{Purpose: mail.Deletion, Account: uuid.New(), Address: "ada@example.com"},
	} {
		for range 6 { // and no notice silences another
			before := len(store.OrdersPlaced())
			if err := desk.Place(t.Context(), notice, network); err != nil {
				t.Fatal(err)
			}
			told[notice.Purpose] += len(store.OrdersPlaced()) - before
		}
		if told[notice.Purpose] != 5 {
			t.Errorf("%s: %d, want 5", notice.Purpose, told[notice.Purpose])
		}
	}
}

// A mail for a sign-up with the address of an account opens nothing, so it takes the place of no mail that does.
func TestMailsOfSignUpsKeepNobodyFromRecovering(t *testing.T) {
	desk, store, _ := newDesk()
	for range 6 {
		if err := desk.Place(t.Context(), mail.Order{Purpose: mail.SignUp, Address: "ada@example.com"}, network); err != nil {
			t.Fatal(err)
		}
	}
	if err := desk.Place(t.Context(), mail.Order{Purpose: mail.ConfirmAddress, Account: uuid.New(), Address: "ada@example.com"}, network); err != nil {
		t.Fatal(err)
	}
	if err := desk.Place(t.Context(), recovery("ada@example.com"), network); err != nil {
		t.Fatal(err)
	}
	if placed := store.OrdersPlaced(); len(placed) != 6 || placed[5].Purpose != mail.Recover {
		t.Errorf("%d orders: %+v; want five of sign-ups and one of a recovery", len(placed), placed)
	}
}

// The desk looks nothing up, so an address that has an account costs what any other costs.
func TestOrderCostsTheSameForAnyAddress(t *testing.T) {
	desk, store, _ := newDesk()
	for _, address := range []string{"ada@example.com", "nobody@example.com"} {
		store.ForgetCalls()
		if err := desk.Place(t.Context(), recovery(address), network); err != nil {
			t.Fatal(err)
		}
		if calls := store.Calls(); !slices.Equal(calls, []string{"CountMail", "CountMail", "PutOrder"}) {
			t.Errorf("%s: calls %v", address, calls)
		}
	}
}

func TestOrderThatIsNoneIsRefusedBeforeItIsCounted(t *testing.T) {
	desk, store, _ := newDesk()
	for what, o := range map[string]mail.Order{
		"no purpose":                 {Address: "ada@example.com"},
		"unknown purpose":            {Purpose: "news", Address: "ada@example.com"},
		"what only the mailer says":  {Purpose: mail.AccountExists, Address: "ada@example.com"},
		"no address":                 recovery(""),
		"no @":                       recovery("ada"),
		"two addresses":              recovery("ada@example.com,eve@example.com"),
		"a name":                     recovery("Ada <ada@example.com>"),
		"a comment":                  recovery("ada(x)@example.com"),
		"a quoted name":              recovery(`"a b"@example.com`),
		"a line break":               recovery("ada@example.com\r\nBcc: eve@example.com"),
		"a space":                    recovery("ada@example.com "),
		"letters beyond ASCII":       recovery("adä@example.com"),
		"255 bytes":                  recovery(strings.Repeat("a", 255-len("@example.com")) + "@example.com"),
		"a new address of no change": {Purpose: mail.Recover, Address: "ada@example.com", NewAddress: "eve@example.com"},
		"a change to no address":     {Purpose: mail.AddressChanging, Address: "ada@example.com", NewAddress: "eve"},
		"a long language":            {Purpose: mail.Recover, Address: "ada@example.com", Language: strings.Repeat("a", 129)},
		"a long client":              {Purpose: mail.Recover, Address: "ada@example.com", Client: strings.Repeat("a", 129)},
	} {
		if err := desk.Place(t.Context(), o, network); !errors.Is(err, mail.ErrOrder) || err != nil && strings.Contains(err.Error(), "example.com") {
			t.Errorf("%s: %v, want ErrOrder, without the address", what, err)
		}
	}
	if calls := store.Calls(); len(calls) > 0 {
		t.Errorf("calls %v, want none", calls)
	}
	for _, address := range []string{"ada@example.com", "ada+shop@sub.example.co.uk", "o'neil@xn--bcher-kva.example", strings.Repeat("a", 254-len("@example.com")) + "@example.com"} {
		if err := desk.Place(t.Context(), recovery(address), network); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOutageIsToldAndLeavesNoOrder(t *testing.T) {
	for _, method := range []string{"CountMail", "PutOrder"} {
		desk, store, _ := newDesk()
		store.Before = hooks.Fail(method)
		if err := desk.Place(t.Context(), recovery("ada@example.com"), network); !errors.Is(err, oauth.ErrUnavailable) || len(store.OrdersPlaced()) != 0 {
			t.Errorf("%s fails: %v, %d orders", method, err, len(store.OrdersPlaced()))
		}
	}
	desk, store, _ := newDesk()
	calls := 0
	store.Before = func(ctx context.Context, method string) error { // the second count, of the address
		if calls++; calls == 2 {
			return hooks.Fail(method)(ctx, method)
		}
		return nil
	}
	if err := desk.Place(t.Context(), recovery("ada@example.com"), network); !errors.Is(err, oauth.ErrUnavailable) || len(store.OrdersPlaced()) != 0 {
		t.Errorf("the count of the address fails: %v, %d orders", err, len(store.OrdersPlaced()))
	}
}
