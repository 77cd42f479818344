package operate

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// drain is how long after a removal functions may still log people in at the client: what they hold of it is so old at
// the most, and clocks and a slow write are allowed for.
const drain = client.CacheLife + 10*time.Second

var (
	// ErrClientExists says that a client with the id is registered already.
	ErrClientExists = errors.New("operate: the client is registered already")
	// ErrReservedClient says that the id is the service's own.
	ErrReservedClient = fmt.Errorf("operate: the client %s is the service's own", client.Reserved)
	// ErrNoSecret says that a client has no secret because its kind does not authenticate.
	ErrNoSecret = errors.New("operate: only server and service clients have a secret")
	// ErrFetchedClient says that a client is what its document says.
	ErrFetchedClient = errors.New("operate: the client is defined by the document at its id: it can be revoked or removed, and not changed")
	// ErrHasKeys says that a client authenticates with keys of its own, and so has no secret.
	ErrHasKeys = errors.New("operate: the client authenticates with its registered keys, and has no secret")
)

// RemovedError says that a client with the id was removed a moment ago, and when it may be added again: until then
// functions may know it as it was.
type RemovedError struct{ Until time.Time }

func (e *RemovedError) Error() string {
	return fmt.Sprintf("operate: the client was removed a moment ago, and functions may still know it as it was: add it again after %s",
		e.Until.UTC().Format("15:04:05 MST"))
}

// Registrar changes the registry of clients, and ends what was issued to clients that are no more what they were.
type Registrar struct{ *Operator }

// Clients returns what changes clients in the name of the operator.
func (o *Operator) Clients() *Registrar { return &Registrar{o} }

// Find returns a registered client. Errors as client.Store; a tombstone is client.ErrUnknown.
func (r *Registrar) Find(ctx context.Context, id string) (client.Client, error) {
	c, err := r.store.Client(ctx, id)
	if err == nil && c.Kind == client.Removed {
		return client.Client{}, client.ErrUnknown
	}
	return c, err
}

// Add registers a client. Sessions that began before, also those of another client that had the id, are not its own.
// Errors: client.Problem, ErrClientExists, ErrReservedClient, *RemovedError, client.ErrChanged.
func (r *Registrar) Add(ctx context.Context, c client.Client) (client.Client, error) {
	if err := check(c); err != nil {
		return client.Client{}, err
	}
	before, err := r.store.Client(ctx, c.ID)
	if err != nil && !errors.Is(err, client.ErrUnknown) {
		return client.Client{}, fmt.Errorf("operate: read client: %w", err)
	}
	if err == nil && before.Kind != client.Removed {
		return client.Client{}, ErrClientExists
	}
	if err := r.MayComeBack(before); err != nil {
		return client.Client{}, err
	}
	c.Since, c.Revision = r.now().UTC().Truncate(time.Second), before.Revision+1
	if err := r.store.ReplaceClient(ctx, before.Revision, c); err != nil {
		return client.Client{}, fmt.Errorf("operate: add client: %w", err)
	}
	return c, r.recordClient(ctx, audit.ClientAdded, c.ID, "")
}

// MayComeBack returns a *RemovedError for a tombstone whose id cannot be added again yet, and nil for any other record.
func (r *Registrar) MayComeBack(record client.Client) error {
	if until := record.Since.Add(drain); record.Kind == client.Removed && r.now().Before(until) {
		return &RemovedError{until}
	}
	return nil
}

// Change replaces the definition of was, which was just read, by c. It reports whether they differ. Another kind ends
// every session of the client. Errors: client.Problem, ErrReservedClient, client.ErrChanged.
func (r *Registrar) Change(ctx context.Context, was, c client.Client) (bool, error) {
	if was.IsFetched() {
		return false, ErrFetchedClient
	}
	c.ID, c.Since, c.Revision = was.ID, was.Since, was.Revision
	changes := client.Diff(was, c)
	if len(changes) == 0 {
		return false, nil
	}
	if err := check(c); err != nil {
		return false, err
	}
	if c.Kind != was.Kind {
		c.Since = r.end()
		if err := r.denyBefore(ctx, c.ID, c.Since); err != nil {
			return false, err
		}
	}
	c.Revision++
	if err := r.store.ReplaceClient(ctx, was.Revision, c); err != nil {
		return false, fmt.Errorf("operate: change client: %w", err)
	}
	var fields []string
	for _, change := range changes {
		fields = append(fields, change.Field)
	}
	return true, r.recordClient(ctx, audit.ClientChanged, c.ID, strings.Join(fields, " "))
}

// Remove takes a client out of the registry, and ends every session of it. A tombstone stays. Errors: ErrReservedClient,
// client.ErrChanged.
func (r *Registrar) Remove(ctx context.Context, was client.Client) error {
	if was.ID == client.Reserved {
		return ErrReservedClient
	}
	since := r.end()
	// Also what functions issue that do not know yet.
	if err := r.denyBefore(ctx, was.ID, since.Add(drain)); err != nil {
		return err
	}
	tombstone := client.Client{ID: was.ID, Kind: client.Removed, FirstParty: was.FirstParty, Since: since, Revision: was.Revision + 1}
	if err := r.store.ReplaceClient(ctx, was.Revision, tombstone); err != nil {
		return fmt.Errorf("operate: remove client: %w", err)
	}
	return r.recordClient(ctx, audit.ClientRemoved, was.ID, "")
}

// Revoke ends every session of a client. It may log people in again at once, from the second on that is returned.
// Errors: client.ErrUnknown, client.ErrChanged.
func (r *Registrar) Revoke(ctx context.Context, id string) (time.Time, error) {
	was, err := r.Find(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	c := was
	c.Since, c.Revision = r.end(), was.Revision+1
	if err := r.denyBefore(ctx, id, c.Since); err != nil {
		return time.Time{}, err
	}
	if err := r.store.ReplaceClient(ctx, was.Revision, c); err != nil {
		return time.Time{}, fmt.Errorf("operate: revoke client: %w", err)
	}
	return c.Since, r.recordClient(ctx, audit.ClientRevoked, id, "")
}

// RotateSecret gives a client that authenticates a new secret, of which only a hash is stored. Errors: ErrNoSecret,
// client.ErrUnknown, client.ErrChanged.
func (r *Registrar) RotateSecret(ctx context.Context, id string) (oauth.Secret, error) {
	was, err := r.Find(ctx, id)
	switch {
	case err != nil:
		return oauth.Secret{}, err
	case !was.Authenticates():
		return oauth.Secret{}, ErrNoSecret
	case was.JWKS != "":
		return oauth.Secret{}, ErrHasKeys
	}
	secret, c := NewSecret(), was
	c.SecretHash, c.Revision = client.HashSecret(secret), was.Revision+1
	if err := r.store.ReplaceClient(ctx, was.Revision, c); err != nil {
		return oauth.Secret{}, fmt.Errorf("operate: rotate secret: %w", err)
	}
	return secret, r.recordClient(ctx, audit.ClientSecretRotated, id, "")
}

// NewSecret returns a secret for a client: 256 bits of randomness behind a prefix that scanners of leaked secrets
// can look for.
func NewSecret() oauth.Secret {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return oauth.NewSecret("wpcs_" + base64.RawURLEncoding.EncodeToString(random))
}

// end is the second from which on sessions are not of before: the next one, because sessions know their beginning in
// whole seconds.
func (r *Registrar) end() time.Time { return r.now().UTC().Truncate(time.Second).Add(time.Second) }

// denyBefore comes before the change of the record: a crash in between leaves nobody let in, and the same command again ends it.
func (r *Registrar) denyBefore(ctx context.Context, id string, before time.Time) error {
	if err := revocation.DenyClient(ctx, r.store, r.now, id, before); err != nil {
		return fmt.Errorf("operate: deny: %w", err)
	}
	return nil
}

func check(c client.Client) error {
	if c.ID == client.Reserved {
		return ErrReservedClient
	}
	return c.Check()
}

func (r *Registrar) recordClient(ctx context.Context, event, id, reason string) error {
	return r.record(ctx, audit.Event{Name: event, ClientID: id, Reason: reason})
}
