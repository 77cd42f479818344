package fakestore

import (
	"context"
	"maps"
	"slices"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/resource"
)

// document is a record that is replaced as a whole, version by version: a policy, a provider or a resource.
type document struct {
	Version  int64
	Document []byte
}

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (policy.Record, error) {
	d, err := s.readDocument(ctx, "Policy", s.policies, api, policy.ErrNone)
	return policy.Record(d), err
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return s.putDocument(ctx, "PutPolicy", s.policies, api, document(r), policy.ErrConflict)
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "Policies", s.policies)
}

// Provider implements federation.Store.
func (s *Store) Provider(ctx context.Context, id string) (federation.Record, error) {
	d, err := s.readDocument(ctx, "Provider", s.providers, id, federation.ErrUnknown)
	return federation.Record(d), err
}

// PutProvider implements federation.Store.
func (s *Store) PutProvider(ctx context.Context, id string, r federation.Record) error {
	return s.putDocument(ctx, "PutProvider", s.providers, id, document(r), federation.ErrConflict)
}

// Providers implements federation.Store.
func (s *Store) Providers(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "Providers", s.providers)
}

// Resource implements resource.Reader.
func (s *Store) Resource(ctx context.Context, key string) (resource.Record, error) {
	d, err := s.readDocument(ctx, "Resource", s.resources, key, resource.ErrUnknown)
	return resource.Record(d), err
}

// PutResource implements resource.Store.
func (s *Store) PutResource(ctx context.Context, key string, r resource.Record) error {
	return s.putDocument(ctx, "PutResource", s.resources, key, document(r), resource.ErrConflict)
}

// Resources implements resource.Store.
func (s *Store) Resources(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "Resources", s.resources)
}

func (s *Store) readDocument(ctx context.Context, op string, in map[string]document, name string, none error) (found document, err error) {
	err = s.do(ctx, op, func() error {
		d, ok := in[name]
		if !ok {
			return none
		}
		found = document{d.Version, slices.Clone(d.Document)}
		return nil
	})
	return found, err
}

func (s *Store) putDocument(ctx context.Context, op string, in map[string]document, name string, d document, conflict error) error {
	return s.do(ctx, op, func() error {
		if in[name].Version != d.Version-1 {
			return conflict
		}
		in[name] = document{d.Version, slices.Clone(d.Document)}
		return nil
	})
}

func (s *Store) listDocuments(ctx context.Context, op string, in map[string]document) (names []string, err error) {
	err = s.do(ctx, op, func() error {
		names = slices.Sorted(maps.Keys(in))
		return nil
	})
	return names, err
}

// DropPolicy removes the record without a trace, as an accident could.
func (s *Store) DropPolicy(api string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.policies, api)
}
