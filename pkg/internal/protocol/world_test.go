package protocol_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/internal/testclock"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/token"
)

const (
	firstPassword = "surf-the-cookie-wave"
	newPassword   = "another-cookie-wave"
	grace         = time.Minute     // docs/design.md §6
	staleness     = 5 * time.Second // docs/design.md §7
	hostSkew      = 2 * time.Second // how far a function's clock is off at most
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here   = grant.Place{Issuer: "https://auth.example", Audience: "https://api.example"}
	hashes = map[string]string{firstPassword: hashOf(firstPassword), newPassword: hashOf(newPassword)}
)

func cheapHash(password string) string { return hashes[password] }

// hashOf is a hash that costs next to nothing.
func hashOf(password string) string {
	salt := []byte("saltsaltsaltsalt")
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
}

// clients has short lives, so that a history reaches every expiry.
var clients = func() map[string]client.Client {
	all := map[string]client.Client{}
	for id, kind := range map[string]client.Kind{"app": client.Native, "other": client.Native, "web": client.Browser, "cli": client.Native} {
		c := client.New(id, kind)
		c.SharedStore = id == "cli"
		c.IdleLife, c.Absolute = 24*time.Hour, 72*time.Hour
		if kind == client.Browser {
			c.Absolute, c.Remembered = 24*time.Hour, 72*time.Hour
		}
		all[id] = c
	}
	return all
}()

// world is a deployment with one account, and what must be true of it.
type world struct {
	*model
	ctx      context.Context
	clock    *testclock.Clock // the true time
	store    *fakestore.Store
	table    table // the store, as functions see it
	sealer   *fakestore.Sealer
	trail    bytes.Buffer
	skews    map[string]time.Duration // of each function's clock
	minAge   time.Duration            // of a refresh token that rotates
	given    uint32                   // the generation of the token that was last given
	requests int
	failed   time.Time // the keyring could last not be read

	login     *grant.Login
	refreshes [2]*grant.Refresh
	revoke    *grant.Revoke
	logout    *grant.Logout
	editor    *account.Editor
	gates     [2]*access.Checker
}

// functions names every function with a process, and so a clock, of its own.
var functions = []string{"login", "refresh 0", "refresh 1", "revoke", "editor", "gate 0", "gate 1", "schedule"}

// newWorld draws the clocks and starts every function.
func newWorld(t *rapid.T) *world {
	skews := map[string]time.Duration{}
	most := hostSkew.Milliseconds()
	off := rapid.OneOf(rapid.SampledFrom([]int64{-most, most}), rapid.Int64Range(-most, most))
	for _, f := range functions {
		skews[f] = time.Duration(off.Draw(t, "clock of "+f)) * time.Millisecond
	}
	return worldWith(t.Context(), skews, 0)
}

// newTabsWorld is newWorld, where perhaps young tokens do not rotate.
func newTabsWorld(t *rapid.T) *world {
	minAge := rapid.SampledFrom([]time.Duration{session.DefaultMinAge, 0}).Draw(t, "least age")
	return worldWith(t.Context(), newWorld(t).skews, minAge)
}

func worldWith(ctx context.Context, skews map[string]time.Duration, minAge time.Duration) *world {
	w := &world{ctx: ctx, minAge: minAge, clock: testclock.New(start), sealer: fakestore.NewSealer(), skews: skews}
	w.store = fakestore.New(w.clock.Now)
	w.table = newTable(w.store)
	ada := account.Account{ID: uuid.MustParse("0190b0e4-7e00-7000-8000-000000000001"), Username: "ada", Epoch: 42}
	w.store.SetAccount(ada, cheapHash(firstPassword))
	w.model = &model{account: ada.ID, password: firstPassword}
	for _, f := range functions {
		w.boot(f)
	}
	return w
}

// boot starts a function afresh: it remembers nothing.
func (w *world) boot(function string) {
	now := func() time.Time { return w.clock.Now().Add(w.skews[function]) }
	seen := w.table
	trail := audit.NewTrail(&w.trail, now)
	ring := keyring.New(keyring.Config{Store: seen, Sealer: w.sealer, Algorithm: keyring.ES256, Now: now})
	verifier := token.NewRememberingVerifier(keyring.NewPublicKeys(seen, keyring.Times{}, now), now, 64)
	switch function {
	case "login":
		limits := account.Limits{Account: account.Limit{Count: 1000, Window: time.Hour}, Network: account.Limit{Count: 1000, Window: time.Hour}}
		w.login = grant.NewLogin(grant.BeginParts{
			Accounts: account.NewAuthenticator(seen, seen, limits, now), Editor: account.NewEditor(seen, now),
			Sessions: seen, MAC: ring.MACKeys(), Signing: ring.SigningKeys(), Trail: trail, Now: now,
		})
	case "refresh 0", "refresh 1":
		w.refreshes[function[len(function)-1]-'0'] = grant.NewRefresh(grant.RefreshParts{
			Sessions: session.NewRefresher(seen, seen, ring.MACKeys(), session.Rules{Grace: grace, MinAge: w.minAge}, trail, now),
			Signing:  ring.SigningKeys(), Trail: trail, Now: now,
		})
	case "revoke":
		mac := keyring.NewMACKeys(seen, w.sealer, keyring.Times{}, now)
		w.revoke = grant.NewRevoke(grant.RevokeParts{
			Sessions: session.NewRevoker(seen, now), MAC: mac, Access: verifier, Log: seen, Trail: trail, Now: now,
		})
		w.logout = grant.NewLogout(grant.LogoutParts{
			Sessions: session.NewRevoker(seen, now), Owners: session.NewOwners(seen, seen, client.NewRegistry(seen, now), now),
			Accounts: account.NewEditor(seen, now), MAC: mac, Trail: trail,
		})
	case "editor":
		w.editor = account.NewEditor(seen, now)
	case "gate 0", "gate 1":
		w.gates[function[len(function)-1]-'0'] = access.NewChecker(verifier, revocation.NewSnapshot(seen, staleness, now))
	}
}

func (w *world) visit(faults map[string]fault) (*visit, context.Context) {
	w.requests++
	v, ctx := newVisit(w.ctx, w.requests, faults)
	v.trail = w.trail.Len()
	if faults["ReadPart"] != fine {
		w.failed = w.clock.Now()
	}
	return v, ctx
}

// keysFailedLately says that some function may answer "later" about keys that it does not hold: it tries to
// read them once in 30 s, not more (docs/design.md §8).
func (w *world) keysFailedLately() bool { return w.clock.Now().Sub(w.failed) <= 30*time.Second }

// events returns the names of the audit events of a visit.
func (w *world) events(v *visit) []string {
	var names []string
	for line := range bytes.Lines(w.trail.Bytes()[v.trail:]) {
		var e audit.Event
		if err := json.Unmarshal(line, &e); err != nil {
			w.fail("audit line %q: %v", line, err)
		}
		if e.RequestID == v.id {
			names = append(names, e.Name)
		}
	}
	return names
}

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.clock.Advance(d) }

// newest is the youngest generation of which a token was ever answered.
func (w *world) newest(s *sessionModel) uint32 { return slices.Max(slices.Collect(maps.Keys(s.texts))) }
