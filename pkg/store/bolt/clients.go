package bolt

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/client"
)

// clientRecord is a client under its id. Lifetimes are nanoseconds. Records that are older than a field lack it, and have its
// default.
type clientRecord struct {
	Kind        client.Kind      `json:"kind"`
	Origins     []string         `json:"origins,omitempty"`
	Redirects   []string         `json:"redirects,omitempty"`
	Audiences   []string         `json:"audiences,omitempty"`
	Scopes      []string         `json:"scopes,omitempty"`
	Roles       client.RolesMode `json:"roles"`
	AccessLife  int64            `json:"access_life"`
	IdleLife    int64            `json:"idle_life"`
	Absolute    int64            `json:"absolute"`
	Remembered  int64            `json:"remembered,omitzero"`
	LateRetries int              `json:"late_retries,omitzero"`
	SharedStore bool             `json:"shared_store,omitzero"`
	ThirdParty  bool             `json:"third_party,omitzero"`
	SecretHash  []byte           `json:"secret_hash,omitempty"`
	Introspects []string         `json:"introspects,omitempty"`

	PostLogoutRedirects []string `json:"post_logout_redirects,omitempty"`
	Consent             bool     `json:"consent,omitzero"`
	Directory           string   `json:"directory,omitzero"`
	MayBegin            []string `json:"may_begin,omitempty"`
	MayGrant            []string `json:"may_grant,omitempty"`
	AMR                 []string `json:"amr,omitempty"`
	JWKS                string   `json:"jwks,omitzero"`
	Since               int64    `json:"since,omitzero"` // unix seconds
	Revision            int64    `json:"revision,omitzero"`

	Document *documentRecord `json:"document,omitempty"`
}

// documentRecord is where the definition of a client comes from that nobody has registered. Times are unix seconds.
type documentRecord struct {
	Name       string `json:"name,omitzero"`
	Fetched    int64  `json:"fetched"`
	FreshUntil int64  `json:"fresh_until"`
	KeptUntil  int64  `json:"kept_until"`
}

func (d *documentRecord) document() client.Document {
	at := func(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
	return client.Document{Name: d.Name, Fetched: at(d.Fetched), FreshUntil: at(d.FreshUntil), KeptUntil: at(d.KeptUntil)}
}

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	var r clientRecord
	err := s.read(ctx, "read client", func(tx *bbolt.Tx) (err error) {
		var ok bool
		r, ok, err = get[clientRecord](tx.Bucket(clientBucket), []byte(id))
		if err == nil && !ok {
			err = client.ErrUnknown
		}
		return err
	})
	if err != nil {
		return client.Client{}, err
	}
	return r.client(id), nil
}

// Clients implements client.Lister.
func (s *Store) Clients(ctx context.Context) ([]client.Client, error) {
	var all []client.Client
	err := s.read(ctx, "list clients", func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(clientBucket)
		return bucket.ForEach(func(id, _ []byte) error {
			r, _, err := get[clientRecord](bucket, id)
			all = append(all, r.client(string(id)))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (r clientRecord) client(id string) client.Client {
	c := client.Client{
		ID:          id,
		Kind:        r.Kind,
		Origins:     r.Origins,
		Redirects:   r.Redirects,
		Audiences:   r.Audiences,
		Scopes:      r.Scopes,
		Roles:       r.Roles,
		AccessLife:  time.Duration(r.AccessLife),
		IdleLife:    time.Duration(r.IdleLife),
		Absolute:    time.Duration(r.Absolute),
		Remembered:  time.Duration(r.Remembered),
		LateRetries: r.LateRetries,
		SharedStore: r.SharedStore,
		FirstParty:  !r.ThirdParty,
		SecretHash:  r.SecretHash,
		Introspects: r.Introspects,

		PostLogoutRedirects: r.PostLogoutRedirects,
		Consent:             r.Consent,
		Directory:           r.Directory,
		MayBegin:            r.MayBegin,
		MayGrant:            r.MayGrant,
		AMR:                 r.AMR,
		JWKS:                r.JWKS,
		Revision:            r.Revision,
	}
	if r.Since != 0 {
		c.Since = time.Unix(r.Since, 0).UTC()
	}
	if r.Document != nil {
		c.Document = r.Document.document()
	}
	return c
}

// PutClient implements client.Registrar.
func (s *Store) PutClient(ctx context.Context, c client.Client) error {
	return s.write(ctx, "store client", func(tx *bbolt.Tx) error { return putClient(tx, c) })
}

// ReplaceClient implements client.Registrar.
func (s *Store) ReplaceClient(ctx context.Context, read int64, c client.Client) error {
	return s.write(ctx, "replace client", func(tx *bbolt.Tx) error {
		r, ok, err := get[clientRecord](tx.Bucket(clientBucket), []byte(c.ID))
		switch {
		case err != nil:
			return err
		case r.Revision == read:
			return putClient(tx, c)
		case ok && r.client(c.ID).Equal(c):
			return nil
		}
		return client.ErrChanged
	})
}

func putClient(tx *bbolt.Tx, c client.Client) error {
	r := clientRecord{
		Kind:        c.Kind,
		Origins:     c.Origins,
		Redirects:   c.Redirects,
		Audiences:   c.Audiences,
		Scopes:      c.Scopes,
		Roles:       c.Roles,
		AccessLife:  int64(c.AccessLife),
		IdleLife:    int64(c.IdleLife),
		Absolute:    int64(c.Absolute),
		Remembered:  int64(c.Remembered),
		LateRetries: c.LateRetries,
		SharedStore: c.SharedStore,
		ThirdParty:  !c.FirstParty,
		SecretHash:  c.SecretHash,
		Introspects: c.Introspects,

		PostLogoutRedirects: c.PostLogoutRedirects,
		Consent:             c.Consent,
		Directory:           c.Directory,
		MayBegin:            c.MayBegin,
		MayGrant:            c.MayGrant,
		AMR:                 c.AMR,
		JWKS:                c.JWKS,
		Revision:            c.Revision,
	}
	if !c.Since.IsZero() {
		r.Since = c.Since.Unix()
	}
	if d := c.Document; c.IsFetched() {
		r.Document = &documentRecord{d.Name, d.Fetched.Unix(), d.FreshUntil.Unix(), d.KeptUntil.Unix()}
	}
	if c.IsFetched() {
		if err := purgeDocuments(tx.Bucket(clientBucket), c); err != nil {
			return err
		}
	}
	return put(tx.Bucket(clientBucket), []byte(c.ID), r)
}

// looked is how many clients a write looks at for one that is kept no longer.
const looked = 16

// purgeDocuments deletes clients that were gone when the document of c was read. It looks at those whose ids follow that of c: ids are as good as
// random, so that what is gone is found sooner or later, in a time that does not grow.
func purgeDocuments(b *bbolt.Bucket, c client.Client) error {
	var gone [][]byte // a cursor is not to be moved over what it deletes
	cursor := b.Cursor()
	id, _ := cursor.Seek([]byte(c.ID))
	for range looked {
		if id == nil {
			break
		}
		r, _, err := get[clientRecord](b, id)
		if err != nil {
			return err
		}
		if r.Document != nil && r.client(string(id)).Gone(c.Document.Fetched) {
			gone = append(gone, bytes.Clone(id))
		}
		id, _ = cursor.Next()
	}
	for _, id := range gone {
		if err := b.Delete(id); err != nil {
			return err
		}
	}
	return nil
}
