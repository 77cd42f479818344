package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
)

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (policy.Record, error) {
	d, err := s.readDocument(ctx, "read policy", policyBucket, api, policy.ErrNone)
	return policy.Record(d), err
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return s.putDocument(ctx, "store policy", policyBucket, api, document(r), policy.ErrConflict)
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list policies", policyBucket)
}

// Provider implements federation.Store.
func (s *Store) Provider(ctx context.Context, id string) (federation.Record, error) {
	d, err := s.readDocument(ctx, "read provider", providerBucket, id, federation.ErrUnknown)
	return federation.Record(d), err
}

// PutProvider implements federation.Store.
func (s *Store) PutProvider(ctx context.Context, id string, r federation.Record) error {
	return s.putDocument(ctx, "store provider", providerBucket, id, document(r), federation.ErrConflict)
}

// Providers implements federation.Store.
func (s *Store) Providers(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list providers", providerBucket)
}

// Resource implements resource.Reader.
func (s *Store) Resource(ctx context.Context, key string) (resource.Record, error) {
	d, err := s.readDocument(ctx, "read resource", resourceBucket, key, resource.ErrUnknown)
	return resource.Record(d), err
}

// PutResource implements resource.Store.
func (s *Store) PutResource(ctx context.Context, key string, r resource.Record) error {
	return s.putDocument(ctx, "store resource", resourceBucket, key, document(r), resource.ErrConflict)
}

// Resources implements resource.Store.
func (s *Store) Resources(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list resources", resourceBucket)
}

// document is a record that is replaced as a whole, version by version: a policy, a provider or a resource.
type document struct {
	Version  int64
	Document []byte // empty: it was removed
}

func (s *Store) readDocument(ctx context.Context, op string, bucket []byte, name string, none error) (d document, err error) {
	err = s.read(ctx, op, func(tx *bbolt.Tx) (err error) {
		d, err = documentOf(tx, bucket, name, none)
		return err
	})
	return d, err
}

func documentOf(tx *bbolt.Tx, bucket []byte, name string, none error) (document, error) {
	if name == "" {
		return document{}, none
	}
	d, ok, err := get[document](tx.Bucket(bucket), []byte(name))
	if err == nil && !ok {
		err = none
	}
	return d, err
}

func (s *Store) putDocument(ctx context.Context, op string, bucket []byte, name string, d document, conflict error) error {
	return s.write(ctx, op, func(tx *bbolt.Tx) error {
		before, err := documentOf(tx, bucket, name, nil)
		switch {
		case err != nil:
			return err
		case before.Version != d.Version-1:
			return conflict
		}
		return put(tx.Bucket(bucket), []byte(name), d)
	})
}

func (s *Store) listDocuments(ctx context.Context, op string, bucket []byte) (names []string, err error) {
	err = s.read(ctx, op, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(name, _ []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}
