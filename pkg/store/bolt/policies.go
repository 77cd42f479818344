package bolt

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/policy"
)

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (r policy.Record, err error) {
	err = s.read(ctx, "read policy", func(tx *bbolt.Tx) (err error) {
		r, err = policyOf(tx, api)
		return err
	})
	return r, err
}

func policyOf(tx *bbolt.Tx, api string) (policy.Record, error) {
	if !policy.ValidAPI(api) {
		return policy.Record{}, policy.ErrNone
	}
	r, ok, err := get[policy.Record](tx.Bucket(policyBucket), []byte(api))
	if err == nil && !ok {
		err = policy.ErrNone
	}
	return r, err
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return s.write(ctx, "store policy", func(tx *bbolt.Tx) error {
		before, err := policyOf(tx, api)
		switch {
		case err != nil && !errors.Is(err, policy.ErrNone):
			return err
		case before.Version != r.Version-1:
			return policy.ErrConflict
		}
		return put(tx.Bucket(policyBucket), []byte(api), r)
	})
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) (apis []string, err error) {
	err = s.read(ctx, "list policies", func(tx *bbolt.Tx) error {
		return tx.Bucket(policyBucket).ForEach(func(api, _ []byte) error {
			apis = append(apis, string(api))
			return nil
		})
	})
	return apis, err
}
