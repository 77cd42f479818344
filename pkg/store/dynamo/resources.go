package dynamo

import (
	"context"

	"github.com/wavepass/wavepass/pkg/resource"
)

const resourcePartition = "RESOURCE"

func resourceKey(name string) item { return key(resourcePartition, name) }

// Resource implements resource.Reader.
func (s *Store) Resource(ctx context.Context, name string) (resource.Record, error) {
	if name == "" {
		return resource.Record{}, resource.ErrUnknown
	}
	d, err := s.readDocument(ctx, "read resource", resourceKey(name), resource.ErrUnknown)
	return resource.Record(d), err
}

// PutResource implements resource.Store.
func (s *Store) PutResource(ctx context.Context, name string, r resource.Record) error {
	return s.putDocument(ctx, "store resource", resourceKey(name), document(r), resource.ErrConflict)
}

// Resources implements resource.Store.
func (s *Store) Resources(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list resources", resourcePartition)
}
