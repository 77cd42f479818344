package history_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/enrol"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/link"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/storetest"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	password = "surf-the-canary-wave"
	network  = "203.0.113.0/24"
	bound    = time.Second // staleness of the authorizers that do not ask every time
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here  = grant.Place{Issuer: "https://auth.example", Audience: "https://api.example"}

	// cheapHash is a hash of password that costs next to nothing.
	cheapHash = fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		base64.RawStdEncoding.EncodeToString([]byte("saltsaltsaltsalt")),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), []byte("saltsaltsaltsalt"), 1, 8, 1, 32)))

	// endless lets everybody try as often as he likes: the throttle is not the subject here.
	endless = account.Limits{
		Account: account.Limit{Count: 1 << 30, Window: time.Hour},
		Network: account.Limit{Count: 1 << 30, Window: time.Hour},
	}

	native  = client.New("app", client.Native)
	browser = client.New("web", client.Browser)
	site    = client.New("shop", client.Site)
)

// function is the core as one running copy of it: with its own keys and denylist in memory.
type function struct {
	login    *grant.Login
	refresh  *grant.Refresh
	revoke   *grant.Revoke
	logout   *grant.Logout
	devices  *grant.Devices
	password *grant.Password
	admin    *account.Administrator
	visits   *grant.Visits
	policies *policy.Source
	verifier *token.Verifier
	mails    *mail.Desk
	enroller *enrol.Enroller
	links    *link.Links
	checkers map[time.Duration]*access.Checker // by the staleness of their denylists
}

func newFunction(store storetest.Store, sealer keyring.Sealer, trail *audit.Trail, now func() time.Time) *function {
	ring := keyring.New(keyring.Config{Store: store, Sealer: sealer, Algorithm: keyring.ES256, Now: now})
	mac, signer := ring.MACKeys(), ring.SigningKeys()
	sessions, owners := session.NewRevoker(store, now), session.NewOwners(store, store, clients{}, now)
	editor, checker := account.NewEditor(store, now), account.NewAuthenticator(store, store, endless, now)
	verifier := token.NewRememberingVerifier(keyring.NewPublicKeys(store, keyring.Times{}, now), now, 64)
	mails, links := mail.NewDesk(store, mail.DefaultLimits, now), link.New(keyring.NewLinkKeys(keyring.LinkConfig{Store: store, Sealer: sealer, Now: now}), now)
	begin := grant.BeginParts{
		Accounts: checker, Editor: editor, Sessions: store, MAC: mac, Signing: signer, Trail: trail, Now: now,
	}
	return &function{
		login: grant.NewLogin(begin),
		refresh: grant.NewRefresh(grant.RefreshParts{
			Sessions: session.NewRefresher(store, store, mac, session.Rules{Grace: session.DefaultGrace}, trail, now),
			Signing:  signer, Trail: trail, Now: now,
		}),
		revoke: grant.NewRevoke(grant.RevokeParts{
			Sessions: sessions, Owners: owners, MAC: mac, Access: verifier, Log: store, Trail: trail, Now: now,
		}),
		logout: grant.NewLogout(grant.LogoutParts{
			Sessions: sessions, Owners: owners, Accounts: editor, MAC: mac, Trail: trail,
		}),
		devices: grant.NewDevices(grant.DevicesParts{
			Sessions: store, Owners: owners, Revoker: sessions, Accounts: editor, Trail: trail,
		}),
		password: grant.NewPassword(grant.PasswordParts{BeginParts: begin, Owners: owners, Mails: mails, Forgetter: store}),
		admin:    account.NewAdministrator(store, now),
		mails:    mails,
		links:    links,
		enroller: enrol.New(enrol.Config{Store: store, Links: links, Mails: mails, Now: now}),
		visits:   grant.NewVisits(owners, session.NewUses(store, now)),
		policies: policy.NewSource(store, now),
		verifier: verifier,
		checkers: map[time.Duration]*access.Checker{
			0:     access.NewChecker(verifier, revocation.NewSnapshot(store, 0, now)),
			bound: access.NewChecker(verifier, revocation.NewSnapshot(store, bound, now)),
		},
	}
}

// clients are the two that take part, and a site whose cost is measured.
type clients struct{}

func (clients) Find(_ context.Context, id string) (client.Client, error) {
	for _, c := range []client.Client{native, browser, site} {
		if c.ID == id {
			return c, nil
		}
	}
	return client.Client{}, client.ErrUnknown
}

// plan says how much is to be done.
type plan struct {
	store      storetest.Store
	clock      *testclock.Clock
	seed       uint64
	operations int64
	clients    int // a multiple of perPerson
}

// Clients of one account, and copies of the functions.
const (
	perPerson = 4
	functions = 4
)

// world is what the clients share.
type world struct {
	plan
	ctx       context.Context
	gate      *gate
	faults    *faulty
	functions []*function
	people    []*person
	log       *recorder
	left      atomic.Int64 // operations that are still to be begun
	trail     bytes.Buffer // audit events
}

// person is an account whose clients run at the same time.
type person struct {
	account account.Account
	honest  bool
	pool    pool // what the clients of a person who is not honest share
}

// play lets all clients do what the plan asks for and returns what happened.
func play(t *testing.T, p plan) *world {
	t.Helper()
	w := &world{plan: p, ctx: t.Context(), gate: newGate(), faults: newFaulty(p.seed)}
	w.log = &recorder{clock: p.clock}
	w.left.Store(p.operations)
	sealer, trail := fakestore.NewSealer(), audit.NewTrail(eventlines.Watch(t, &w.trail), p.clock.Now)
	if err := keyring.New(keyring.Config{Store: p.store, Sealer: sealer, Algorithm: keyring.ES256, Now: p.clock.Now}).Ensure(w.ctx); err != nil {
		t.Fatalf("create the keyring: %v", err)
	}
	seen := &hooks.Store{Store: p.store, Hooks: hooks.Hooks{Around: w.faults.around}}
	for range functions {
		w.functions = append(w.functions, newFunction(seen, sealer, trail, p.clock.Now))
	}
	for i := range p.clients / perPerson {
		who := &person{honest: i%2 == 0, account: account.Account{
			ID: uuid.Must(uuid.NewV7()), Username: fmt.Sprintf("person-%d", i), Epoch: start.Unix(),
		}}
		if err := p.store.CreateAccount(w.ctx, who.account, cheapHash); err != nil {
			t.Fatalf("create account %d: %v", i, err)
		}
		w.people = append(w.people, who)
	}
	w.faults.enable(true)
	var wg sync.WaitGroup
	for i := range p.clients {
		wg.Go(func() { w.client(i).run() })
	}
	wg.Wait()
	w.gate.alone(func() {}) // requests whose clients have given up
	w.faults.enable(false)
	return w
}

// client returns the i-th client, with choices of its own.
func (w *world) client(i int) *actor {
	return &actor{
		world: w, id: i, who: w.people[i/perPerson], function: w.functions[i%functions],
		random: rand.New(rand.NewPCG(w.seed, uint64(i)+2)), client: []client.Client{native, browser}[i%2],
	}
}

// passTime moves the clock by fractions of the bound, of the grace window, or beyond it.
func (w *world) passTime(random *rand.Rand) {
	var d time.Duration
	switch p := random.Float64(); {
	case p < 0.5:
		d = time.Duration(random.IntN(1500)) * time.Millisecond
	case p < 0.65:
		d = time.Duration(random.IntN(50)) * time.Second
	case p < 0.97:
		d = time.Duration(66+random.IntN(10)) * time.Second
	default:
		d = 6 * time.Minute
	}
	w.gate.alone(func() { w.clock.Advance(d) })
}
