package fakestore

import (
	"context"
	"maps"
	"slices"

	"github.com/wavepass/wavepass/pkg/policy"
)

// Policy implements policy.Reader.
func (s *Store) Policy(ctx context.Context, api string) (found policy.Record, err error) {
	err = s.do(ctx, "Policy", func() error {
		r, ok := s.policies[api]
		if !ok {
			return policy.ErrNone
		}
		found = r
		found.Document = slices.Clone(r.Document)
		return nil
	})
	return found, err
}

// PutPolicy implements policy.Store.
func (s *Store) PutPolicy(ctx context.Context, api string, r policy.Record) error {
	return s.do(ctx, "PutPolicy", func() error {
		if s.policies[api].Version != r.Version-1 {
			return policy.ErrConflict
		}
		r.Document = slices.Clone(r.Document)
		s.policies[api] = r
		return nil
	})
}

// Policies implements policy.Store.
func (s *Store) Policies(ctx context.Context) (apis []string, err error) {
	err = s.do(ctx, "Policies", func() error {
		apis = slices.Sorted(maps.Keys(s.policies))
		return nil
	})
	return apis, err
}

// DropPolicy removes the record without a trace, as an accident could.
func (s *Store) DropPolicy(api string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.policies, api)
}
