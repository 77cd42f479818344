package dynamo

import (
	"context"

	"github.com/wavepass/wavepass/pkg/policy"
)

const policyPartition = "POLICY"

func policyKey(api string) item { return key(policyPartition, api) }

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (policy.Record, error) {
	if !policy.ValidAPI(api) {
		return policy.Record{}, policy.ErrNone
	}
	d, err := s.readDocument(ctx, "read policy", policyKey(api), policy.ErrNone)
	return policy.Record(d), err
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return s.putDocument(ctx, "store policy", policyKey(api), document(r), policy.ErrConflict)
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) ([]string, error) {
	return s.listDocuments(ctx, "list policies", policyPartition)
}
