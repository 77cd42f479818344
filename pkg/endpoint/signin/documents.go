package signin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/authorization"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/metadata"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/resource"
)

const (
	// unusedLife is how long a client is kept that nobody has allowed anything.
	unusedLife = 24 * time.Hour
	// spareLife is how much longer a client is kept than the session that begins with a code, so that not every code has to say so.
	spareLife = 7 * 24 * time.Hour
	// outage is how long people may sign in to a client whose host does not answer when its document should be read again.
	outage = 24 * time.Hour
	// failedFor is how long a document is not asked for again that could not be used.
	failedFor = time.Minute
	maxFailed = 1000
)

// fetches is how many documents one person may make this service ask for.
var fetches = account.Limit{Count: 30, Window: time.Hour}

// DocumentStore is what clients take of the table that nobody has registered.
type DocumentStore interface {
	client.Store
	// ReplaceClient is that of client.Registrar.
	ReplaceClient(ctx context.Context, read int64, c client.Client) error
	account.Attempts
	resource.Reader
}

// documents knows the clients whose id is the address of a client id metadata document. Safe for concurrent use.
type documents struct {
	endpoint.Documents
	store DocumentStore
	trail *audit.Trail
	now   func() time.Time

	mu     sync.Mutex
	failed map[string]failure
}

// asker is the person whose sign-in asks for a document, and their session at these pages.
type asker struct{ account, session uuid.UUID }

// failure is why a document could not be used, and until when it is not asked for again.
type failure struct {
	err   *metadata.Error
	until time.Time
}

func newDocuments(s endpoint.Settings, store DocumentStore) *documents {
	d := &documents{Documents: s.Documents, store: store, trail: s.Trail, now: s.Now, failed: map[string]failure{}}
	if d.Source == nil {
		d.Source = metadata.NewFetcher(metadata.Internet{})
	}
	return d
}

// requested reads an authorization request of the client whose document is at id. Before anybody is signed in no document is asked for, and a request
// of a client that is not known yet stays unchecked. Errors as those of function.requested.
func (d *documents) requested(ctx context.Context, raw, id string) (authorization.Request, error) {
	if err := client.CheckURL(id); err != nil {
		return authorization.Request{}, &authorization.PageError{Description: "client_id " + err.Error()}
	}
	switch c, err := d.known(ctx, id); {
	case err != nil:
		return authorization.Request{}, err
	case !c.IsFetched() || c.Gone(d.now()):
		return authorization.Unchecked(raw, id)
	default:
		return d.check(ctx, raw, c)
	}
}

// known returns what the table has under id, zero for nothing. The error is a *authorization.PageError for a client that the operator has removed.
func (d *documents) known(ctx context.Context, id string) (client.Client, error) {
	c, err := d.store.Client(ctx, id)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return client.Client{}, nil
	case err == nil && c.Kind == client.Removed:
		return client.Client{}, &authorization.PageError{Description: "client_id is of an application that the operator has removed"}
	}
	return c, err
}

// check reads a request of c, which may ask for tokens for any one open resource.
func (d *documents) check(ctx context.Context, raw string, c client.Client) (authorization.Request, error) {
	switch wanted, err := resource.Find(ctx, d.store, authorization.Resource(raw)); {
	case errors.Is(err, resource.ErrUnknown):
	case err != nil:
		return authorization.Request{}, err
	case wanted.Open:
		c.Audiences, c.Scopes = []string{wanted.URI}, wanted.Scopes
	}
	return authorization.Check(raw, c)
}

// current returns the request with the client as its document says today. in is what requested has returned, by is the person who is
// signed in. Errors as those of requested, *metadata.Error, *account.TooManyAttemptsError.
func (d *documents) current(ctx context.Context, raw string, in authorization.Request, by asker) (authorization.Request, error) {
	if in.Checked() && d.now().Before(in.Client.Document.FreshUntil) {
		return in, nil
	}
	c, err := d.refetched(ctx, in.Client.ID, by)
	if err != nil {
		return authorization.Request{Client: in.Client}, err
	}
	return d.check(ctx, raw, c)
}

// refetched asks for a document, and stores the client that it defines. When the host does not answer, the last good document counts for another day.
func (d *documents) refetched(ctx context.Context, id string, by asker) (client.Client, error) {
	before, err := d.known(ctx, id)
	if err != nil {
		return client.Client{}, err
	}
	now := d.now()
	good, fresh, err := d.document(ctx, id, by)
	var failed *metadata.Error
	switch {
	case errors.As(err, &failed) && failed.Unreachable && before.IsFetched() && !before.Gone(now) && now.Before(before.Document.FreshUntil.Add(outage)):
		return before, nil
	case err != nil:
		return client.Client{}, err
	}
	c := good.Client(before, metadata.Times{Fetched: now, FreshUntil: now.Add(fresh), KeptUntil: now.Add(unusedLife)})
	c.SharedStore = d.SharedStore
	switch err := d.store.ReplaceClient(ctx, before.Revision, c); {
	case errors.Is(err, client.ErrChanged): // another request has read it too, or the operator has changed something
		return d.known(ctx, id)
	case err != nil:
		return client.Client{}, err
	}
	d.trail.Record(ctx, audit.Event{Name: audit.ClientFetched, Subject: by.account.String(), SessionID: by.session.String(), ClientID: id})
	return c, nil
}

// document returns a good document. It asks for none that failed within the last minute, nor for more than a person may cause.
func (d *documents) document(ctx context.Context, id string, by asker) (metadata.Document, time.Duration, error) {
	now := d.now()
	d.mu.Lock()
	lately := d.failed[id]
	d.mu.Unlock()
	if now.Before(lately.until) {
		return metadata.Document{}, 0, lately.err
	}
	bucket := account.NewBucket("document", by.account.String(), fetches, now)
	switch allowed, err := d.store.Take(ctx, bucket); {
	case err != nil:
		return metadata.Document{}, 0, err
	case !allowed:
		return metadata.Document{}, 0, &account.TooManyAttemptsError{RetryAfter: bucket.Until.Sub(now)}
	}
	body, fresh, err := d.Source.Read(ctx, id)
	var good metadata.Document
	if err == nil {
		good, err = metadata.Parse(id, body)
	}
	var failed *metadata.Error
	if errors.As(err, &failed) {
		d.remember(id, failure{failed, now.Add(failedFor)})
		d.trail.Record(ctx, audit.Event{Name: audit.NoDocument, Subject: by.account.String(), SessionID: by.session.String(), ClientID: id, Reason: failed.Says})
	}
	return good, fresh, err
}

func (d *documents) remember(id string, f failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.failed) >= maxFailed {
		clear(d.failed)
	}
	d.failed[id] = f
}

// keep makes the record of a client outlive the session that begins now.
func (d *documents) keep(ctx context.Context, of client.Client) error {
	const attempts = 5
	for range attempts {
		c, err := d.known(ctx, of.ID)
		switch needed := d.now().Add(of.Absolute); {
		case err != nil:
			return err
		case !c.IsFetched():
			return oauth.ErrUnavailable // its record has expired this very moment
		case needed.Before(c.Document.KeptUntil):
			return nil
		default:
			read := c.Revision
			c.Document.KeptUntil, c.Revision = needed.Add(spareLife).UTC().Truncate(time.Second), read+1
			if err := d.store.ReplaceClient(ctx, read, c); !errors.Is(err, client.ErrChanged) {
				return err
			}
		}
	}
	return oauth.ErrUnavailable
}
