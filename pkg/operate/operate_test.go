package operate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/session"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an operator over a store with an account and a session of it.
type world struct {
	t     *testing.T
	ctx   context.Context
	clock *testclock.Clock
	store *fakestore.Store
	lines bytes.Buffer
	trail *audit.Trail
	ada   account.Account
	sid   uuid.UUID
	*operate.Operator
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, ctx: audit.WithActor(t.Context(), audit.Operator("grace")), clock: testclock.New(start)}
	w.store = fakestore.New(w.clock.Now)
	w.trail = audit.NewTrail(eventlines.Watch(t, &w.lines), w.clock.Now)
	w.ada = account.Account{ID: uuid.New(), Username: "ada", Roles: []string{"admin"}, Scopes: []string{"profile"}, Epoch: 42}
	w.store.SetAccount(w.ada, "hash")
	w.sid = uuid.New()
	w.store.SetSession(session.Session{
		AccountID: w.ada.ID, ID: w.sid, ClientID: "app", Epoch: 42, CreatedAt: start,
		IdleExpiry: start.Add(time.Hour), Expiry: start.Add(time.Hour),
	})
	w.Operator = operate.New(w.store, w.trail, w.clock.Now)
	return w
}

// put stores a client as it is.
func (w *world) put(c client.Client) client.Client {
	if err := w.store.PutClient(w.ctx, c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// events are the stored ones, in order.
func (w *world) events() []audit.Event {
	w.t.Helper()
	events, err := w.store.EventsOf(w.t.Context(), w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

// act is something that an operator does; always says that it changes something each time.
type act struct {
	event  string
	always bool
	do     func(*world) (bool, error)
}

func did(err error) (bool, error) { return err == nil, err }

var acts = []act{
	{audit.AccountAdded, false, func(w *world) (bool, error) {
		_, err := w.AddAccount(w.ctx, "Bob", oauth.NewSecret("a-long-canary-pass"), "Bob@Example.com", account.Access{Roles: []string{"r"}, Scopes: []string{"s"}, Claims: `{"plan":"pro"}`})
		if errors.Is(err, account.ErrExists) {
			return false, nil
		}
		return did(err)
	}},
	{audit.AccountDisabled, false, func(w *world) (bool, error) { return w.Disable(w.ctx, w.ada.ID) }},
	{audit.AccountEnabled, false, func(w *world) (bool, error) {
		if len(w.events()) == 0 {
			w.ada.Disabled = true
			w.store.SetAccount(w.ada, "")
		}
		return w.Enable(w.ctx, w.ada.ID)
	}},
	{audit.AccountDeleted, false, func(w *world) (bool, error) {
		err := w.Delete(w.ctx, w.ada.ID)
		if errors.Is(err, account.ErrNotFound) {
			return false, nil
		}
		return did(err)
	}},
	{audit.PasswordSet, true, func(w *world) (bool, error) {
		return did(w.SetPassword(w.ctx, w.ada.ID, oauth.NewSecret("another-canary-pass")))
	}},
	{audit.AccessSet, false, func(w *world) (bool, error) {
		return w.SetAccess(w.ctx, w.account(), account.Access{Roles: []string{"guest"}, Scopes: []string{"read"}})
	}},
	{audit.EmailSet, false, func(w *world) (bool, error) { return w.SetEmail(w.ctx, w.account(), "Ada@Example.com", false) }},
	{audit.Invited, true, func(w *world) (bool, error) {
		_, err := w.Invite(w.ctx, "Eve@Example.com", "de")
		return did(err)
	}},
	{audit.Uninvited, true, func(w *world) (bool, error) {
		_, err := w.Uninvite(w.ctx, "Eve@Example.com")
		return did(err)
	}},
	{audit.AccountRevoked, true, func(w *world) (bool, error) {
		a, err := w.store.Account(w.ctx, w.ada.ID)
		if err != nil {
			return false, err
		}
		return did(w.RevokeAccount(w.ctx, a))
	}},
	{audit.SessionRevoked, false, func(w *world) (bool, error) { return w.RevokeSession(w.ctx, w.ada.ID, w.sid) }},
	{audit.TokenRevoked, true, func(w *world) (bool, error) { return did(w.RevokeToken(w.ctx, w.sid)) }},
	{audit.ClientRevoked, true, func(w *world) (bool, error) {
		w.put(client.New("app", client.Native))
		_, err := w.Clients().Revoke(w.ctx, "app")
		return did(err)
	}},
	{audit.ClientAdded, true, func(w *world) (bool, error) {
		_, err := w.Clients().Add(w.ctx, client.New("c"+uuid.NewString(), client.Native))
		return did(err)
	}},
	{audit.ClientChanged, false, func(w *world) (bool, error) {
		was, err := w.Clients().Find(w.ctx, "app")
		if errors.Is(err, client.ErrUnknown) {
			was = w.put(client.New("app", client.Native))
		}
		changed := was
		changed.Scopes = []string{"read"}
		return w.Clients().Change(w.ctx, was, changed)
	}},
	{audit.ClientRemoved, true, func(w *world) (bool, error) {
		return did(w.Clients().Remove(w.ctx, w.put(client.New("app", client.Native))))
	}},
	{audit.ClientSecretRotated, true, func(w *world) (bool, error) {
		w.put(client.New("partner", client.Service))
		_, err := w.Clients().RotateSecret(w.ctx, "partner")
		return did(err)
	}},
	{audit.PolicySet, false, func(w *world) (bool, error) {
		before, err := w.store.Policy(w.ctx, "abc123")
		if err != nil && !errors.Is(err, policy.ErrNone) {
			return false, err
		}
		return w.SetPolicy(w.ctx, "abc123", before, policy.Document{Unlisted: "deny"})
	}},
	{audit.PolicyRemoved, false, func(w *world) (bool, error) {
		if len(w.events()) == 0 {
			if err := w.store.PutPolicy(w.ctx, "abc123", policy.Record{Version: 1, Document: []byte("{}")}); err != nil {
				return false, err
			}
		}
		return w.RemovePolicy(w.ctx, "abc123")
	}},
	{audit.ProviderSet, true, func(w *world) (bool, error) { return did(w.AddProvider(w.ctx, google, true)) }},
	{audit.ProviderRemoved, false, func(w *world) (bool, error) {
		if len(w.events()) == 0 {
			if err := w.store.PutProvider(w.ctx, google.ID, federation.Record{Version: 1, Document: []byte("{}")}); err != nil {
				return false, err
			}
		}
		err := w.RemoveProvider(w.ctx, google.ID)
		if errors.Is(err, federation.ErrUnknown) {
			return false, nil
		}
		return did(err)
	}},
	{audit.ResourceSet, false, func(w *world) (bool, error) {
		err := w.AddResource(w.ctx, resource.Resource{URI: notes, Name: "Notes"})
		if errors.Is(err, operate.ErrResourceExists) {
			return false, nil
		}
		return did(err)
	}},
	{audit.ResourceRemoved, false, func(w *world) (bool, error) {
		if len(w.events()) == 0 {
			if err := w.store.PutResource(w.ctx, resource.Key(notes), resource.Record{Version: 1, Document: []byte("{}")}); err != nil {
				return false, err
			}
		}
		err := w.RemoveResource(w.ctx, notes)
		if errors.Is(err, resource.ErrUnknown) {
			return false, nil
		}
		return did(err)
	}},
}

const notes = "https://mcp.example.com/mcp"

var google = federation.Provider{
	ID: "google", Name: "Google", Issuer: "https://accounts.google.com", ClientID: "123.apps.googleusercontent.com", SealedSecret: []byte("sealed"), Scopes: federation.DefaultScopes,
}

func TestEveryChangeLeavesOneEventThatIsStoredAndNamesItsOperator(t *testing.T) {
	for _, act := range acts {
		t.Run(act.event, func(t *testing.T) {
			w := newWorld(t)
			if changed, err := act.do(w); err != nil || !changed {
				t.Fatalf("changed %t, %v; want a change", changed, err)
			}
			events := w.events()
			if len(events) != 1 || events[0].Name != act.event || events[0].Actor != "operator:grace" || !events[0].Time.Equal(start) {
				t.Errorf("stored %+v, want one %s by operator:grace", events, act.event)
			}
			if line := w.lines.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `"event":"`+act.event+`"`) || strings.Contains(line, "canary") {
				t.Errorf("printed %q, want the event", line)
			}
		})
	}
}

func TestWhatChangesNothingClaimsNoChange(t *testing.T) {
	for _, act := range acts {
		t.Run(act.event, func(t *testing.T) {
			w := newWorld(t)
			want := 1
			if act.always {
				want = 2
			}
			for n := range 2 {
				w.clock.Advance(time.Second)
				if changed, err := act.do(w); err != nil || changed != (n < want) {
					t.Errorf("call %d: changed %t, %v; want %t", n+1, changed, err, n < want)
				}
			}
			if events := w.events(); len(events) != want {
				t.Errorf("stored %+v, want %d events", events, want)
			}
		})
	}
}

func TestInvitationGoesToAnAddressThatNobodyHas(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	a.Email = account.Email{Address: "ada@example.com", VerifiedAt: start}
	w.store.SetAccount(a, "hash")
	for address, want := range map[string]error{"Ada@Example.com": account.ErrAddressTaken, "Ada <eve@example.com>": account.ErrAddress} {
		if _, err := w.Invite(w.ctx, address, "en"); !errors.Is(err, want) {
			t.Errorf("invite %s: %v, want %v", address, err, want)
		}
	}
	if address, err := w.Invite(w.ctx, "Eve@Example.com", "de"); err != nil || address != "eve@example.com" {
		t.Errorf("invite: %q, %v", address, err)
	}
	orders := w.store.OrdersPlaced()
	if len(orders) != 1 || orders[0].Purpose != mail.Invitation || orders[0].Address != "eve@example.com" || orders[0].Language != "de" {
		t.Errorf("orders %+v, want one, for eve in German", orders)
	}
}

func TestWithdrawnInvitationIsNoneOfALaterSecond(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	a.Email = account.Email{Address: "ada@example.com", VerifiedAt: start}
	w.store.SetAccount(a, "hash")
	for address, want := range map[string]error{"Ada@Example.com": account.ErrAddressTaken, "eve": account.ErrAddress} {
		if _, err := w.Uninvite(w.ctx, address); !errors.Is(err, want) {
			t.Errorf("uninvite %s: %v, want %v", address, err, want)
		}
	}
	if address, err := w.Uninvite(w.ctx, "Eve@Example.com"); err != nil || address != "eve@example.com" {
		t.Errorf("uninvite: %q, %v", address, err)
	}
	if _, err := w.Invite(w.ctx, "eve@example.com", "en"); !errors.Is(err, oauth.ErrUnavailable) || len(w.store.OrdersPlaced()) > 0 {
		t.Errorf("invite in the same second: %v, orders %+v; want none", err, w.store.OrdersPlaced())
	}
	w.clock.Advance(time.Second)
	if _, err := w.Invite(w.ctx, "eve@example.com", "en"); err != nil || len(w.store.OrdersPlaced()) != 1 {
		t.Errorf("invite later: %v, orders %+v; want one", err, w.store.OrdersPlaced())
	}
}

func TestOwnerIsToldOfAPasswordThatAnOperatorSets(t *testing.T) {
	w := newWorld(t)
	set := func(password string) error { return w.SetPassword(w.ctx, w.ada.ID, oauth.NewSecret(password)) }
	if err := set("another-canary-pass"); err != nil || len(w.store.OrdersPlaced()) > 0 {
		t.Errorf("without an address: %v, orders %+v", err, w.store.OrdersPlaced())
	}
	a := w.account()
	a.Email = account.Email{Address: "ada@example.com", VerifiedAt: start}
	w.store.SetAccount(a, "hash")
	if err := set("short"); err == nil || len(w.store.OrdersPlaced()) > 0 {
		t.Errorf("a password that is refused: %v, orders %+v", err, w.store.OrdersPlaced())
	}
	w.store.Before = hooks.Fail("PutOrder")
	before := w.account()
	if err := set("a-third-canary-pass"); !errors.Is(err, oauth.ErrUnavailable) || w.account().Epoch != before.Epoch {
		t.Errorf("the order fails: %v, and the epoch is %d, want %d", err, w.account().Epoch, before.Epoch)
	}
	w.store.Before = nil
	for range mail.DefaultLimits.Address.Count + 1 { // the last is told of without a mail
		if err := set("a-third-canary-pass"); err != nil {
			t.Fatal(err)
		}
	}
	orders := w.store.OrdersPlaced()
	if len(orders) != 4 || orders[0].Purpose != mail.PasswordChanged || orders[0].Address != "ada@example.com" || orders[0].Account != w.ada.ID {
		t.Errorf("orders %+v, want 4 beside the one that failed", orders)
	}
}

func TestBothAddressesAreToldOfOneThatAnOperatorSets(t *testing.T) {
	w := newWorld(t)
	told := func(what string, want ...string) {
		t.Helper()
		orders := w.store.OrdersPlaced()
		var got []string
		for _, o := range orders {
			got = append(got, fmt.Sprint(o.Purpose, " ", o.Address, " ", o.NewAddress))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: orders %q, want %q", what, got, want)
		}
	}
	set := func(address string, keepFromOld bool, want error) {
		t.Helper()
		w.clock.Advance(time.Second)
		if changed, err := w.SetEmail(w.ctx, w.account(), address, keepFromOld); !errors.Is(err, want) || changed != (want == nil) {
			t.Errorf("set %q: changed %t, %v; want %v", address, changed, err, want)
		}
	}
	var want []string
	add := func(orders ...string) []string { want = append(want, orders...); return want }
	set("ada@example.com", false, nil)
	told("the first", add("address_set ada@example.com ")...)
	set("ada@example.org", false, nil)
	told("another", add("address_changing ada@example.com ada@example.org", "address_set ada@example.org ")...)
	set("ada@example.net", true, nil)
	told("one that is kept from the old", add("address_set ada@example.net ")...)
	set("", false, nil)
	told("none", add("address_changing ada@example.net ")...)
	set("ada@example.edu", false, nil)
	told("one again", add("address_set ada@example.edu ")...)

	w.store.SetAccount(account.Account{ID: uuid.New(), Username: "eve", Email: account.Email{Address: "eve@example.com"}}, "hash")
	for _, keepFromOld := range []bool{false, true} {
		set("eve@example.com", keepFromOld, account.ErrAddressTaken)
		told("somebody else's", want...)
	}
	named := w.account() // whose login name is their address, and another's login name the next one
	named.Username = named.Email.Address
	w.store.SetAccount(named, "hash")
	w.store.SetAccount(account.Account{ID: uuid.New(), Username: "mallory@example.com"}, "hash")
	set("mallory@example.com", false, account.ErrExists)
	told("somebody else's login name", want...)

	w.store.Before = hooks.Fail("PutOrder")
	before := w.account()
	set("ada@example.info", false, oauth.ErrUnavailable)
	if w.store.Before = nil; w.account().Epoch != before.Epoch {
		t.Error("nobody could be told, and the address has changed")
	}
}

// TestNobodyIsToldOfAnAccountThatIsBeingRemoved: it is answered as one that is gone, before a mail is ordered.
func TestNobodyIsToldOfAnAccountThatIsBeingRemoved(t *testing.T) {
	w := newWorld(t)
	a := w.account()
	a.Email, a.Disabled, a.RemoveAt = account.Email{Address: "ada@example.com", VerifiedAt: start}, true, start
	w.store.SetAccount(a, "hash")
	if err := w.SetPassword(w.ctx, a.ID, oauth.NewSecret("another-canary-pass")); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("set password: %v, want ErrNotFound", err)
	}
	if _, err := w.SetEmail(w.ctx, a, "ada@example.org", false); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("set address: %v, want ErrNotFound", err)
	}
	if orders := w.store.OrdersPlaced(); len(orders) != 0 {
		t.Errorf("orders %+v, want none", orders)
	}
}

func TestChangeThatIsNotConfirmedLeavesNoEvent(t *testing.T) {
	for _, act := range acts {
		w := newWorld(t)
		w.store.Before = hooks.Fail("CreateAccount", "ChangeAccount", "DeleteAccount", "SetAccess", "Revoke", "Append", "ReplaceClient", "PutOrder", "Uninvite", "PutPolicy", "PutProvider", "PutResource")
		if changed, err := act.do(w); changed || !errors.Is(err, oauth.ErrUnavailable) || errors.Is(err, operate.ErrNotKept) {
			t.Errorf("%s: changed %t, %v; want ErrUnavailable", act.event, changed, err)
		}
		if events := w.events(); len(events) != 0 || w.lines.Len() > 0 {
			t.Errorf("%s: stored %+v, printed %q; want nothing", act.event, events, w.lines.String())
		}
	}
}

func TestEventThatIsNotStoredIsPrintedAndReported(t *testing.T) {
	for _, act := range acts {
		w := newWorld(t)
		w.store.Before = hooks.Fail("AppendEvent")
		if _, err := act.do(w); !errors.Is(err, operate.ErrNotKept) {
			t.Errorf("%s: %v, want ErrNotKept", act.event, err)
		}
		if !strings.Contains(w.lines.String(), act.event) {
			t.Errorf("%s: printed %q, want the event", act.event, w.lines.String())
		}
	}
}

func (w *world) keys(alg keyring.Algorithm) *operate.Keys {
	return operate.NewKeys(operate.KeysParts{
		Ring: keyring.New(keyring.Config{
			Store: w.store, Sealer: fakestore.NewSealer(), Algorithm: alg, Now: w.clock.Now, Created: operate.KeysCreated(w.trail),
		}),
		Log: w.store, Trail: w.trail, Events: w.store, Now: w.clock.Now,
	})
}

func TestKeysThatAreCreatedLeaveEventsOnce(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if _, err := w.keys(keyring.ES256).Rotate(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
	lines := slices.Collect(strings.Lines(w.lines.String()))
	if len(lines) != 6 || !strings.Contains(lines[0], `"event":"key_published"`) || !strings.Contains(lines[0], `"actor":"system"`) {
		t.Errorf("events %q, want six of the first keys, by the system", lines)
	}
}

func TestKeysThatOperatorsRotateLeaveStoredEvents(t *testing.T) {
	w := newWorld(t)
	keys, seen := w.keys(keyring.ES256), []string{}
	for range 4 {
		w.clock.Advance(40 * 24 * time.Hour)
		steps, err := keys.Rotate(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var want, stored []string
		for _, step := range steps {
			want = append(want, "key_"+string(step.What))
		}
		for _, e := range w.events() {
			stored = append(stored, e.Name)
		}
		slices.Sort(want)
		slices.Sort(stored)
		if !slices.Equal(stored, want) {
			t.Errorf("stored %q, want the steps %q", stored, want)
		}
		seen = append(seen, stored...)
	}
	if !slices.Contains(seen, "key_retired") || !slices.Contains(seen, "key_dropped") {
		t.Errorf("steps %q, want keys that were retired and dropped", seen)
	}
}

func TestMigrationLeavesAStoredEvent(t *testing.T) {
	w := newWorld(t)
	if err := w.Migrated(w.ctx, 3); err != nil || len(w.events()) != 1 || w.events()[0].Count != 3 {
		t.Errorf("%v, stored %+v", err, w.events())
	}
}

// A denied key that is out of the set is no emergency any more: the event alone is missing.
func TestRevokedKeyWhoseEventIsNotStoredDoesNotStillSign(t *testing.T) {
	w := newWorld(t)
	keys := w.keys(keyring.ES256)
	if _, err := keys.Rotate(w.ctx); err != nil {
		t.Fatal(err)
	}
	listed, err := keys.Ring.List(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.store.Before = hooks.Fail("AppendEvent")
	steps, err := keys.Revoke(w.ctx, listed[0].ID)
	if !errors.Is(err, operate.ErrNotKept) || errors.Is(err, operate.ErrOnlyDenied) || len(steps) == 0 {
		t.Errorf("steps %v, %v; want the steps and ErrNotKept alone", steps, err)
	}
}

// Such roles would be left out of tokens, so whoever assigns them is told.
func TestRolesThatNoTokenHasRoomForAreRefused(t *testing.T) {
	w := newWorld(t)
	var roles []string
	for i := range 40 {
		roles = append(roles, fmt.Sprintf("r%02d%s", i, strings.Repeat("x", 60)))
	}
	lookup := client.New("lookup", client.Native)
	lookup.Roles = client.RolesLookup
	put := func(c client.Client) {
		t.Helper()
		if err := w.store.PutClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	put(lookup)
	if _, err := w.SetAccess(w.ctx, w.account(), account.Access{Roles: roles}); err != nil {
		t.Errorf("no client embeds roles: %v", err)
	}
	put(client.New("app", client.Native))
	before, events := w.account(), len(w.events())
	_, err := w.SetAccess(w.ctx, w.account(), account.Access{Roles: append(roles, "one-more")})
	if !errors.Is(err, operate.ErrTooManyRoles) || !strings.Contains(err.Error(), "app") {
		t.Errorf("set access: %v, want ErrTooManyRoles that names the client", err)
	}
	_, err = w.AddAccount(w.ctx, "bob", oauth.NewSecret("a-long-canary-pass"), "", account.Access{Roles: roles})
	if !errors.Is(err, operate.ErrTooManyRoles) {
		t.Errorf("add account: %v, want ErrTooManyRoles", err)
	}
	if after := w.account(); !slices.Equal(after.Roles, before.Roles) || len(w.events()) != events {
		t.Errorf("refused, and yet the roles are %q, with %d more events", after.Roles, len(w.events())-events)
	}
	w.store.Before = hooks.Fail("Clients")
	if _, err := w.SetAccess(w.ctx, w.account(), account.Access{}); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("clients cannot be read: %v, want ErrUnavailable", err)
	}
}

func (w *world) account() account.Account {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), w.ada.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}
