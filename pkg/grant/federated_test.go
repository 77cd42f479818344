package grant_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/session"
)

const adasAddress = "ada@example.com"

// federated is what the pages do when somebody comes back from a provider.
func (w *world) federated() *grant.Federated {
	return grant.NewFederated(grant.FederatedParts{
		Directory: w.store, Addresses: w.store, Reader: w.store, Accounts: account.NewAdministrator(w.store, w.clock.Now),
		Mails: mail.NewDesk(w.store, mail.DefaultLimits, w.clock.Now),
		Trail: audit.NewTrail(eventlines.Watch(w.t, &w.trail), w.clock.Now), Now: w.clock.Now,
	})
}

// fromProvider says who comes, from a provider that may speak for example.com.
func fromProvider(change func(*grant.FederatedRequest)) grant.FederatedRequest {
	r := grant.FederatedRequest{
		Client: client.OfPages(), TrustEmail: []string{"example.com"},
		Identity: federation.Identity{Provider: "up", Subject: "110", Email: adasAddress, EmailVerified: true},
	}
	change(&r)
	return r
}

// comes lets somebody in, and returns whose session it is.
func (w *world) comes(what string, r grant.FederatedRequest) uuid.UUID {
	w.t.Helper()
	issued, err := w.federated().Begin(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	return issued.Session.AccountID
}

func TestRolesOfAProviderReplaceThoseOfItsAccount(t *testing.T) {
	w := newWorld(t)
	var who uuid.UUID
	for _, roles := range [][]string{{"editor"}, {"admin", "editor"}} {
		who = w.comes("with roles", fromProvider(func(r *grant.FederatedRequest) { r.GivesRoles, r.Identity.Roles = true, roles }))
	}
	if got := w.accountOf(who).Roles; !slices.Equal(got, []string{"admin", "editor"}) {
		t.Errorf("roles %q", got)
	}
	if events := w.trail.String(); strings.Count(events, `"event":"access_set"`) != 1 {
		t.Errorf("events %s, want one access_set, of the second time", events)
	}
}

// accountOf returns an account.
func (w *world) accountOf(id uuid.UUID) account.Account {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// withAddress gives ada an address, which is verified unless verified is false.
func (w *world) withAddress(verified bool) {
	w.ada.Email = account.Email{Address: adasAddress}
	if verified {
		w.ada.Email.VerifiedAt = start
	}
	w.store.SetAccount(w.ada, "")
}

// unchanged is as fromProvider says.
func unchanged(*grant.FederatedRequest) {}

func TestAddressThatBothSidesVerifiedLinksAnIdentity(t *testing.T) {
	w := newWorld(t)
	w.withAddress(true)
	before, err := w.store.LoginName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	thief, _, err := session.Begin(session.Login{AccountID: w.ada.ID, Epoch: w.ada.Epoch, Client: w.clients["native"]}, start)
	if err != nil {
		t.Fatal(err)
	}

	if got := w.comes("the first time", fromProvider(func(r *grant.FederatedRequest) { r.Identity.Email, r.Language = "Ada@EXAMPLE.com", "de" })); got != w.ada.ID {
		t.Fatalf("the account is %s, want ada's %s", got, w.ada.ID)
	}
	a := w.accountOf(w.ada.ID)
	if err := session.Usable(thief, a, w.clients["native"], start); !errors.Is(err, session.ErrEnded) {
		t.Errorf("an earlier session: %v, want that it has ended", err)
	}
	after, err := w.store.LoginName(t.Context(), "ada")
	if err != nil || after.Hash == before.Hash || !strings.HasPrefix(after.Hash, "$argon2id$") {
		t.Errorf("the hash was %q and is %q, %v, want one of a password that nobody knows", before.Hash, after.Hash, err)
	}
	if len(a.Identities) != 1 || a.Identities[0] != (account.Subject{Directory: "idp:up", ID: "110"}) || a.Username != "ada" || a.Email != w.ada.Email {
		t.Errorf("the account is %+v, want it with one identity, and otherwise as it was", a)
	}
	for _, event := range []string{audit.AccountRevoked, audit.IdentityLinked, audit.Login} {
		if !strings.Contains(w.trail.String(), `"event":"`+event+`"`) {
			t.Errorf("no event %s in\n%s", event, w.trail.String())
		}
	}

	orders := w.store.OrdersPlaced()
	if len(orders) != 1 || orders[0].Purpose != mail.IdentityLinked || orders[0].Address != adasAddress || orders[0].Account != w.ada.ID || orders[0].Language != "de" {
		t.Errorf("orders %+v, want one that tells ada, in German", orders)
	}

	// From then on the identity counts and not the address. Nothing ends any more.
	w.ada = a
	w.ada.Email = account.Email{}
	w.store.SetAccount(w.ada, "")
	again := w.comes("again", fromProvider(func(r *grant.FederatedRequest) { r.Identity.Email = "new@example.com" }))
	if got := w.accountOf(w.ada.ID); again != w.ada.ID || got.Epoch != a.Epoch || len(got.Identities) != 1 {
		t.Errorf("again: account %s, %+v, want the same with the same epoch", again, got)
	}

	// The record of the identity follows the account: it is behind once.
	if err := account.NewEditor(w.store, w.clock.Now).EndSessions(t.Context(), w.accountOf(w.ada.ID)); err != nil {
		t.Fatal(err)
	}
	w.comes("after all sessions have ended", fromProvider(unchanged))
	w.store.ForgetCalls()
	w.comes("and again", fromProvider(unchanged))
	if n := len(w.store.OrdersPlaced()); n != 1 {
		t.Errorf("%d mails, want none but the first", n)
	}
	if n := w.store.Count("BeginSession"); n != 1 {
		t.Errorf("a session began with %d writes, want 1", n)
	}
}

func TestAddressThatLinksNothing(t *testing.T) {
	for what, tc := range map[string]struct {
		unverified bool // at the account
		account    func(*account.Account)
		request    func(*grant.FederatedRequest)
		address    string // that the new account has
	}{
		"not verified at the provider": {request: func(r *grant.FederatedRequest) { r.Identity.EmailVerified = false }},
		"not verified here":            {unverified: true},
		"no domain is trusted":         {request: func(r *grant.FederatedRequest) { r.TrustEmail = nil }},
		"another domain":               {request: func(r *grant.FederatedRequest) { r.TrustEmail = []string{"example.org"} }},
		"a domain above it":            {request: func(r *grant.FederatedRequest) { r.TrustEmail = []string{"com"} }},
		"a domain below it":            {request: func(r *grant.FederatedRequest) { r.TrustEmail = []string{"mail.example.com"} }},
		"two addresses":                {request: func(r *grant.FederatedRequest) { r.Identity.Email = adasAddress + "@example.com" }},
		"an address in angle brackets": {request: func(r *grant.FederatedRequest) { r.Identity.Email = "<" + adasAddress + ">" }},
		"ada's name as the address":    {request: func(r *grant.FederatedRequest) { r.Identity.Email = "ada" }},
		"another address":              {request: func(r *grant.FederatedRequest) { r.Identity.Email = "ada+1@example.com" }, address: "ada+1@example.com"},
		"the provider gave the address to another subject": {account: func(a *account.Account) {
			a.Identities = []account.Subject{{Directory: "idp:up", ID: "109"}}
		}},
		"the account is of another subject of the provider": {account: func(a *account.Account) { a.Subject = account.Subject{Directory: "idp:up", ID: "109"} }},
		"the account is of a service":                       {account: func(a *account.Account) { a.Subject = account.Subject{Directory: "shop", ID: "1"} }},
		"as many identities as there may be": {account: func(a *account.Account) {
			for i := range account.MaxIdentities {
				a.Identities = append(a.Identities, account.Subject{Directory: "idp:other" + string(rune('a'+i)), ID: "1"})
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			if tc.account != nil {
				tc.account(&w.ada)
			}
			w.withAddress(!tc.unverified)
			if tc.request == nil {
				tc.request = unchanged
			}
			got := w.accountOf(w.comes(what, fromProvider(tc.request)))
			ada := w.accountOf(w.ada.ID)
			if got.ID == ada.ID || ada.Epoch != w.ada.Epoch || len(ada.Identities) != len(w.ada.Identities) {
				t.Errorf("ada's account is %+v, want that nobody comes into it and nothing ends", ada)
			}
			if got.Email.Address != tc.address || got.Email.Verified() != (tc.address != "") {
				t.Errorf("the new account has the address %+v, want %q", got.Email, tc.address)
			}
			if again := w.comes("again", fromProvider(tc.request)); again != got.ID {
				t.Errorf("again: account %s, want %s", again, got.ID)
			}
		})
	}
}

func TestNewAccountHasTheAddressThatItsProviderSpeaksFor(t *testing.T) {
	w := newWorld(t)
	got := w.accountOf(w.comes("first", fromProvider(unchanged)))
	if got.Email != (account.Email{Address: adasAddress, VerifiedAt: start}) || !slices.Contains(got.Scopes, oauth.ScopeEmail) {
		t.Errorf("%+v, want the address, verified, and the scope email", got)
	}
	// Another provider that may speak for the domain leads to the same account, which has no password.
	other := w.comes("another provider", fromProvider(func(r *grant.FederatedRequest) { r.Identity.Provider = "other" }))
	if now := w.accountOf(got.ID); other != got.ID || len(now.Identities) != 1 || now.Epoch <= got.Epoch {
		t.Errorf("another provider: %s, %+v, want the account with another epoch", other, now)
	}
	if back := w.comes("the first again", fromProvider(unchanged)); back != got.ID {
		t.Errorf("the first again: %s, want %s", back, got.ID)
	}
}

func TestIdentityOfADisabledAccountIsLetInNowhere(t *testing.T) {
	w := newWorld(t)
	w.ada.Disabled = true
	w.withAddress(true)
	for _, what := range []string{"to be linked", "again"} {
		if _, err := w.federated().Begin(t.Context(), fromProvider(unchanged)); !errors.Is(err, grant.ErrDisabled) || w.store.SessionCount() != 0 {
			t.Errorf("%s: %v and %d sessions, want %v", what, err, w.store.SessionCount(), grant.ErrDisabled)
		}
	}
	w.ada.Disabled = false
	w.withAddress(true)
	w.comes("enabled", fromProvider(unchanged))
	if _, err := account.NewEditor(w.store, w.clock.Now).Disable(t.Context(), w.ada.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.federated().Begin(t.Context(), fromProvider(unchanged)); !errors.Is(err, grant.ErrDisabled) {
		t.Errorf("linked before: %v, want %v", err, grant.ErrDisabled)
	}
}

// TestIdentityOfAnAccountThatIsBeingRemoved: the table removes a closed account item by item, in any order, and for that time the answer is that of
// a closed account and no fault.
func TestIdentityOfAnAccountThatIsBeingRemoved(t *testing.T) {
	w := newWorld(t)
	who := w.comes("the first time", fromProvider(func(r *grant.FederatedRequest) { r.Identity.EmailVerified = false }))
	w.store.DropAccount(who)
	for what, f := range map[string]*grant.Federated{
		"its record leads to no account": w.federated(),
		"its address leads to no account": grant.NewFederated(grant.FederatedParts{
			Directory: fakestore.New(w.clock.Now), Addresses: ownedBy(who), Reader: w.store, Accounts: account.NewAdministrator(w.store, w.clock.Now),
			Mails: mail.NewDesk(w.store, mail.DefaultLimits, w.clock.Now),
			Trail: audit.NewTrail(eventlines.Watch(t, &w.trail), w.clock.Now), Now: w.clock.Now,
		}),
	} {
		for _, roles := range [][]string{nil, {"editor"}} {
			_, err := f.Begin(t.Context(), fromProvider(func(r *grant.FederatedRequest) { r.GivesRoles, r.Identity.Roles = roles != nil, roles }))
			if !errors.Is(err, grant.ErrDisabled) {
				t.Errorf("%s, with roles %v: %v, want %v", what, roles, err, grant.ErrDisabled)
			}
		}
	}
}

// ownedBy is where every address is one account's.
type ownedBy uuid.UUID

func (o ownedBy) OwnerOf(context.Context, string) (uuid.UUID, error) { return uuid.UUID(o), nil }

func TestIdentityThatComesTwiceAtOnceIsLinkedOnce(t *testing.T) {
	w := newWorld(t)
	w.withAddress(true)
	var wg sync.WaitGroup
	owners := make([]uuid.UUID, 8)
	errs := make([]error, len(owners))
	for i := range owners {
		wg.Go(func() {
			issued, err := w.federated().Begin(t.Context(), fromProvider(unchanged))
			owners[i], errs[i] = issued.Session.AccountID, err
		})
	}
	wg.Wait()
	in := 0
	for i, err := range errs {
		switch {
		case err == nil && owners[i] == w.ada.ID:
			in++
		case !errors.Is(err, oauth.ErrUnavailable): // the account has changed too often meanwhile
			t.Errorf("caller %d: %s, %v", i, owners[i], err)
		}
	}
	if a := w.accountOf(w.ada.ID); in == 0 || len(a.Identities) != 1 {
		t.Errorf("%d are in, and the identities are %v, want one", in, a.Identities)
	}
}

// Whichever step fails, or was made and its answer was lost, the person can come again, and then the identity is linked.
func TestLinkThatFailsHalfway(t *testing.T) {
	for _, method := range []string{"Subject", "OwnerOf", "Account", "CountMail", "PutOrder", "AccountAndLogin", "ChangeAccount", "BeginSession"} {
		for _, lost := range []bool{false, true} {
			w := newWorld(t)
			w.withAddress(true)
			if w.store.Before = hooks.Fail(method); lost {
				w.store.Before, w.store.After = nil, hooks.Fail(method)
			}
			if _, err := w.federated().Begin(t.Context(), fromProvider(unchanged)); !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("%s fails: %v, want %v", method, err, oauth.ErrUnavailable)
			}
			w.store.Before, w.store.After = nil, nil
			if linked := len(w.accountOf(w.ada.ID).Identities); linked != w.store.SessionCount() {
				t.Errorf("%s fails: %d identities and %d sessions, want both or neither", method, linked, w.store.SessionCount())
			}
			if got := w.comes(method+" works again", fromProvider(unchanged)); got != w.ada.ID {
				t.Errorf("after %s has failed: %s, want %s", method, got, w.ada.ID)
			}
		}
	}
}
