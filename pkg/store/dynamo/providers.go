package dynamo

import (
	"context"

	"github.com/wavepass/wavepass/pkg/federation"
)

const providerPartition = "PROVIDER"

func providerKey(id string) item { return key(providerPartition, id) }

// Provider implements federation.Store.
func (s *Store) Provider(ctx context.Context, id string) (federation.Record, error) {
	if !federation.ValidID(id) {
		return federation.Record{}, federation.ErrUnknown
	}
	d, err := s.readDocument(ctx, "read provider", providerKey(id), federation.ErrUnknown)
	return federation.Record(d), err
}

// PutProvider implements federation.Store.
func (s *Store) PutProvider(ctx context.Context, id string, r federation.Record) error {
	return s.putDocument(ctx, "store provider", providerKey(id), document(r), federation.ErrConflict)
}

// Providers implements federation.Store.
func (s *Store) Providers(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list providers", providerPartition)
}
