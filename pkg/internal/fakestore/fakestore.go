// Package fakestore keeps everything in maps, for the tests of the domain. It obeys the contracts in the
// comments of the domain's store interfaces, counts its calls, and lets a test fail, delay or lose any
// of them. It is no store: pkg/store holds those.
package fakestore

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/assertion"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/ticket"
)

var (
	_ account.Store       = (*Store)(nil)
	_ account.Creator     = (*Store)(nil)
	_ account.Changer     = (*Store)(nil)
	_ account.Keeper      = (*Store)(nil)
	_ account.Attempts    = (*Store)(nil)
	_ account.Rehasher    = (*Store)(nil)
	_ client.Store        = (*Store)(nil)
	_ assertion.Uses      = (*Store)(nil)
	_ client.Registrar    = (*Store)(nil)
	_ keyring.Store       = (*Store)(nil)
	_ revocation.Log      = (*Store)(nil)
	_ revocation.Once     = (*Store)(nil)
	_ session.Store       = (*Store)(nil)
	_ session.Creator     = (*Store)(nil)
	_ session.Lister      = (*Store)(nil)
	_ session.UseRecorder = (*Store)(nil)
	_ session.Accounts    = (*Store)(nil)
	_ keyring.Sealer      = (*Sealer)(nil)
	_ audit.Store         = (*Store)(nil)
	_ mail.DeskStore      = (*Store)(nil)

	_ session.Directory = (*Store)(nil)
)

// Store implements every store interface of the domain. Safe for concurrent use.
type Store struct {
	hooks.Hooks

	now func() time.Time

	mu        sync.Mutex
	sessions  map[uuid.UUID]session.Session
	accounts  map[uuid.UUID]account.Account
	logins    map[string]account.LoginName
	subjects  map[account.Subject]account.Account // as they were when a session last began
	begun     map[account.Subject]map[string]session.Begun
	attempts  map[account.Bucket]int
	forgotten map[account.Bucket]time.Time // when those in a row are
	clients   map[string]client.Client
	policies  map[string]document
	providers map[string]document
	resources map[string]document
	log       []revocation.Entry
	events    []audit.Event
	appended  map[string]appended
	used      map[[sha256.Size]byte]usedAssertion
	tickets   map[ticket.Name]keptTicket
	pushed    map[authorization.PushedName]authorization.Pushed
	uninvited map[string]time.Time // by address
	consents  map[consentName]consent.Consent
	orders    map[uuid.UUID]keptOrder
	mails     map[string][]time.Time
	parts     map[keyring.Part][]byte
	links     keyring.Item
	version   int64 // of parts; 0: there is no keyring
	behind    int   // how far the schema number is behind
}

// New returns an empty store that hides what has expired by the clock now.
func New(now func() time.Time) *Store {
	return &Store{
		now:       now,
		sessions:  map[uuid.UUID]session.Session{},
		accounts:  map[uuid.UUID]account.Account{},
		logins:    map[string]account.LoginName{},
		subjects:  map[account.Subject]account.Account{},
		begun:     map[account.Subject]map[string]session.Begun{},
		attempts:  map[account.Bucket]int{},
		forgotten: map[account.Bucket]time.Time{},
		clients:   map[string]client.Client{},
		policies:  map[string]document{},
		providers: map[string]document{},
		resources: map[string]document{},
		appended:  map[string]appended{},
		used:      map[[sha256.Size]byte]usedAssertion{},
		tickets:   map[ticket.Name]keptTicket{},
		pushed:    map[authorization.PushedName]authorization.Pushed{},
		uninvited: map[string]time.Time{},
		consents:  map[consentName]consent.Consent{},
		orders:    map[uuid.UUID]keptOrder{},
		mails:     map[string][]time.Time{},
	}
}

// Schema implements schema.Source: Current, or what SetSchema has set. It is not counted: nothing is kept in another
// form.
func (s *Store) Schema(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return schema.Current - s.behind, nil
}

// SetSchema sets the schema number.
func (s *Store) SetSchema(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = schema.Current - number
}

// do carries out a call under the lock, between the hooks.
func (s *Store) do(ctx context.Context, method string, work func() error) error {
	return s.Do(ctx, method, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return work()
	})
}
