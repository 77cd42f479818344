package hooks

import (
	"context"
	"crypto/sha256"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/consent"
	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/storetest"
	"github.com/wavepass/wavepass/pkg/ticket"
)

// Store passes each call on to another store, between the hooks.
type Store struct {
	storetest.Store
	Hooks
}

// call is one call with a result, which is lost together with the reply.
func call[T any](ctx context.Context, h *Store, method string, carryOut func() (T, error)) (T, error) {
	var result, none T
	var own error
	err := h.Do(ctx, method, func() error {
		result, own = carryOut()
		return own
	})
	if err != own {
		return none, err
	}
	return result, err
}

// The methods of storetest.Store, between the hooks.

func (h *Store) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	return call(ctx, h, "Account", func() (account.Account, error) { return h.Store.Account(ctx, id) })
}

func (h *Store) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	return call(ctx, h, "LoginName", func() (account.LoginName, error) { return h.Store.LoginName(ctx, username) })
}

func (h *Store) OwnerOf(ctx context.Context, address string) (uuid.UUID, error) {
	return call(ctx, h, "OwnerOf", func() (uuid.UUID, error) { return h.Store.OwnerOf(ctx, address) })
}

func (h *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	return h.Do(ctx, "CreateAccount", func() error { return h.Store.CreateAccount(ctx, a, hash) })
}

func (h *Store) Rehash(ctx context.Context, username, from, to string) error {
	return h.Do(ctx, "Rehash", func() error { return h.Store.Rehash(ctx, username, from, to) })
}

func (h *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	return h.Do(ctx, "ChangeAccount", func() error { return h.Store.ChangeAccount(ctx, c) })
}

func (h *Store) SetAccess(ctx context.Context, id uuid.UUID, read, access account.Access) error {
	return h.Do(ctx, "SetAccess", func() error { return h.Store.SetAccess(ctx, id, read, access) })
}

func (h *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	return h.Do(ctx, "DeleteAccount", func() error { return h.Store.DeleteAccount(ctx, c) })
}

func (h *Store) Take(ctx context.Context, b account.Bucket) (bool, error) {
	return call(ctx, h, "Take", func() (bool, error) { return h.Store.Take(ctx, b) })
}

func (h *Store) Refund(ctx context.Context, b account.Bucket) error {
	return h.Do(ctx, "Refund", func() error { return h.Store.Refund(ctx, b) })
}

func (h *Store) Clear(ctx context.Context, b account.Bucket) error {
	return h.Do(ctx, "Clear", func() error { return h.Store.Clear(ctx, b) })
}

func (h *Store) Client(ctx context.Context, id string) (client.Client, error) {
	return call(ctx, h, "Client", func() (client.Client, error) { return h.Store.Client(ctx, id) })
}

func (h *Store) PutClient(ctx context.Context, c client.Client) error {
	return h.Do(ctx, "PutClient", func() error { return h.Store.PutClient(ctx, c) })
}

func (h *Store) ReplaceClient(ctx context.Context, read int64, c client.Client) error {
	return h.Do(ctx, "ReplaceClient", func() error { return h.Store.ReplaceClient(ctx, read, c) })
}

func (h *Store) Clients(ctx context.Context) ([]client.Client, error) {
	return call(ctx, h, "Clients", func() ([]client.Client, error) { return h.Store.Clients(ctx) })
}

func (h *Store) UseCode(ctx context.Context, u session.CodeUse) (session.Session, error) {
	return call(ctx, h, "UseCode", func() (session.Session, error) { return h.Store.UseCode(ctx, u) })
}

func (h *Store) ReleaseCode(ctx context.Context, u session.CodeUse, until time.Time) error {
	return h.Do(ctx, "ReleaseCode", func() error { return h.Store.ReleaseCode(ctx, u, until) })
}

func (h *Store) Consent(ctx context.Context, account uuid.UUID, clientID string) (consent.Consent, error) {
	return call(ctx, h, "Consent", func() (consent.Consent, error) { return h.Store.Consent(ctx, account, clientID) })
}

func (h *Store) PutConsent(ctx context.Context, before, c consent.Consent) error {
	return h.Do(ctx, "PutConsent", func() error { return h.Store.PutConsent(ctx, before, c) })
}

func (h *Store) TakeBackConsent(ctx context.Context, account uuid.UUID, clientID string) error {
	return h.Do(ctx, "TakeBackConsent", func() error { return h.Store.TakeBackConsent(ctx, account, clientID) })
}

func (h *Store) Forget(ctx context.Context, account uuid.UUID, at time.Time) error {
	return h.Do(ctx, "Forget", func() error { return h.Store.Forget(ctx, account, at) })
}

func (h *Store) ForgetConsents(ctx context.Context, account uuid.UUID, at time.Time) error {
	return h.Do(ctx, "ForgetConsents", func() error { return h.Store.ForgetConsents(ctx, account, at) })
}

func (h *Store) Consents(ctx context.Context, account uuid.UUID) ([]consent.Consent, error) {
	return call(ctx, h, "Consents", func() ([]consent.Consent, error) { return h.Store.Consents(ctx, account) })
}

func (h *Store) PutOrder(ctx context.Context, o mail.Order) error {
	return h.Do(ctx, "PutOrder", func() error { return h.Store.PutOrder(ctx, o) })
}

func (h *Store) TakeOrder(ctx context.Context, id uuid.UUID, name string) (mail.Order, error) {
	return call(ctx, h, "TakeOrder", func() (mail.Order, error) { return h.Store.TakeOrder(ctx, id, name) })
}

func (h *Store) CountMail(ctx context.Context, name string, r mail.Rate, now time.Time) (bool, error) {
	return call(ctx, h, "CountMail", func() (bool, error) { return h.Store.CountMail(ctx, name, r, now) })
}

func (h *Store) PutTicket(ctx context.Context, name ticket.Name, r ticket.Record) error {
	return h.Do(ctx, "PutTicket", func() error { return h.Store.PutTicket(ctx, name, r) })
}

func (h *Store) TakeTicket(ctx context.Context, name ticket.Name, api, by string) (ticket.Record, error) {
	return call(ctx, h, "TakeTicket", func() (ticket.Record, error) { return h.Store.TakeTicket(ctx, name, api, by) })
}

func (h *Store) Uninvite(ctx context.Context, address string, at, until time.Time) error {
	return h.Do(ctx, "Uninvite", func() error { return h.Store.Uninvite(ctx, address, at, until) })
}

func (h *Store) UninvitedAt(ctx context.Context, address string) (time.Time, error) {
	return call(ctx, h, "UninvitedAt", func() (time.Time, error) { return h.Store.UninvitedAt(ctx, address) })
}

func (h *Store) PutPushed(ctx context.Context, name authorization.PushedName, p authorization.Pushed) error {
	return h.Do(ctx, "PutPushed", func() error { return h.Store.PutPushed(ctx, name, p) })
}

func (h *Store) Pushed(ctx context.Context, name authorization.PushedName) (authorization.Pushed, error) {
	return call(ctx, h, "Pushed", func() (authorization.Pushed, error) { return h.Store.Pushed(ctx, name) })
}

func (h *Store) Policy(ctx context.Context, api string) (policy.Record, error) {
	return call(ctx, h, "Policy", func() (policy.Record, error) { return h.Store.Policy(ctx, api) })
}

func (h *Store) Provider(ctx context.Context, id string) (federation.Record, error) {
	return call(ctx, h, "Provider", func() (federation.Record, error) { return h.Store.Provider(ctx, id) })
}

func (h *Store) PutProvider(ctx context.Context, id string, r federation.Record) error {
	return h.Do(ctx, "PutProvider", func() error { return h.Store.PutProvider(ctx, id, r) })
}

func (h *Store) Resource(ctx context.Context, key string) (resource.Record, error) {
	return call(ctx, h, "Resource", func() (resource.Record, error) { return h.Store.Resource(ctx, key) })
}

func (h *Store) PutResource(ctx context.Context, key string, r resource.Record) error {
	return h.Do(ctx, "PutResource", func() error { return h.Store.PutResource(ctx, key, r) })
}

func (h *Store) Resources(ctx context.Context) ([]string, error) {
	return call(ctx, h, "Resources", func() ([]string, error) { return h.Store.Resources(ctx) })
}

func (h *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return h.Do(ctx, "PutPolicy", func() error { return h.Store.PutPolicy(ctx, api, r) })
}

func (h *Store) Providers(ctx context.Context) ([]string, error) {
	return call(ctx, h, "Providers", func() ([]string, error) { return h.Store.Providers(ctx) })
}

func (h *Store) Policies(ctx context.Context) ([]string, error) {
	return call(ctx, h, "Policies", func() ([]string, error) { return h.Store.Policies(ctx) })
}

func (h *Store) ReadPart(ctx context.Context, part keyring.Part) (keyring.Item, error) {
	return call(ctx, h, "ReadPart", func() (keyring.Item, error) { return h.Store.ReadPart(ctx, part) })
}

func (h *Store) ReplaceLinks(ctx context.Context, version int64, data, states []byte) error {
	return h.Do(ctx, "ReplaceLinks", func() error { return h.Store.ReplaceLinks(ctx, version, data, states) })
}

func (h *Store) ReplaceParts(ctx context.Context, version int64, parts map[keyring.Part][]byte) error {
	return h.Do(ctx, "ReplaceParts", func() error { return h.Store.ReplaceParts(ctx, version, parts) })
}

func (h *Store) Append(ctx context.Context, e revocation.Entry) error {
	return h.Do(ctx, "Append", func() error { return h.Store.Append(ctx, e) })
}

func (h *Store) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	return call(ctx, h, "Since", func() ([]revocation.Entry, error) { return h.Store.Since(ctx, from) })
}

func (h *Store) Create(ctx context.Context, created session.Session) error {
	return h.Do(ctx, "Create", func() error { return h.Store.Create(ctx, created) })
}

func (h *Store) CreateAfter(ctx context.Context, c account.Change, created session.Session) error {
	return h.Do(ctx, "CreateAfter", func() error { return h.Store.CreateAfter(ctx, c, created) })
}

func (h *Store) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	return call(ctx, h, "Session", func() (session.Session, error) { return h.Store.Session(ctx, account, id) })
}

func (h *Store) FindSession(ctx context.Context, id uuid.UUID) (session.Session, error) {
	return call(ctx, h, "FindSession", func() (session.Session, error) { return h.Store.FindSession(ctx, id) })
}

func (h *Store) SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (session.Page, error) {
	return call(ctx, h, "SessionsOf", func() (session.Page, error) { return h.Store.SessionsOf(ctx, account, before, limit) })
}

func (h *Store) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	return call(ctx, h, "Rotate", func() (session.Session, error) { return h.Store.Rotate(ctx, r) })
}

func (h *Store) RecordReplay(ctx context.Context, r session.Replay) (session.Session, error) {
	return call(ctx, h, "RecordReplay", func() (session.Session, error) { return h.Store.RecordReplay(ctx, r) })
}

func (h *Store) RecordUse(ctx context.Context, u session.Use) error {
	return h.Do(ctx, "RecordUse", func() error { return h.Store.RecordUse(ctx, u) })
}

func (h *Store) Revoke(ctx context.Context, e session.Ending) error {
	return h.Do(ctx, "Revoke", func() error { return h.Store.Revoke(ctx, e) })
}

func (h *Store) Schema(ctx context.Context) (int, error) {
	return call(ctx, h, "Schema", func() (int, error) { return h.Store.Schema(ctx) })
}

func (h *Store) AppendEvent(ctx context.Context, e audit.Event) error {
	return h.Do(ctx, "AppendEvent", func() error { return h.Store.AppendEvent(ctx, e) })
}

func (h *Store) EventsOf(ctx context.Context, day time.Time) ([]audit.Event, error) {
	return call(ctx, h, "EventsOf", func() ([]audit.Event, error) { return h.Store.EventsOf(ctx, day) })
}

func (h *Store) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (account.Account, account.LoginName, error) {
	type both struct {
		account account.Account
		login   account.LoginName
	}
	found, err := call(ctx, h, "AccountAndLogin", func() (both, error) {
		a, l, err := h.Store.AccountAndLogin(ctx, id, username)
		return both{a, l}, err
	})
	return found.account, found.login, err
}

func (h *Store) Subject(ctx context.Context, s account.Subject, key string) (account.Account, session.Begun, error) {
	type both struct {
		account account.Account
		begun   session.Begun
	}
	found, err := call(ctx, h, "Subject", func() (both, error) {
		a, b, err := h.Store.Subject(ctx, s, key)
		return both{a, b}, err
	})
	return found.account, found.begun, err
}

func (h *Store) BeginSession(ctx context.Context, b session.Beginning) (account.Account, error) {
	return call(ctx, h, "BeginSession", func() (account.Account, error) { return h.Store.BeginSession(ctx, b) })
}

func (h *Store) UseAssertion(ctx context.Context, name [sha256.Size]byte, until time.Time, id string) (bool, error) {
	return call(ctx, h, "UseAssertion", func() (bool, error) { return h.Store.UseAssertion(ctx, name, until, id) })
}

// AppendOnce is an Append for the hooks.
func (h *Store) AppendOnce(ctx context.Context, e revocation.Entry, id string) (bool, error) {
	return call(ctx, h, "Append", func() (bool, error) { return h.Store.AppendOnce(ctx, e, id) })
}

func (h *Store) Accounts(ctx context.Context) iter.Seq2[account.Account, error] {
	return func(yield func(account.Account, error) bool) {
		if err := h.Do(ctx, "Accounts", func() error { return nil }); err != nil {
			yield(account.Account{}, err)
			return
		}
		h.Store.Accounts(ctx)(yield)
	}
}
