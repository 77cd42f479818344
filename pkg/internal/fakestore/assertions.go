package fakestore

import (
	"context"
	"crypto/sha256"
	"time"
)

// usedAssertion is a use of an assertion.
type usedAssertion struct {
	until time.Time
	call  string
}

// UseAssertion implements assertion.Uses.
func (s *Store) UseAssertion(ctx context.Context, name [sha256.Size]byte, until time.Time, call string) (first bool, err error) {
	err = s.do(ctx, "UseAssertion", func() error {
		used, there := s.used[name]
		if there && s.now().Before(used.until) && used.call != call {
			return nil
		}
		first = true
		s.used[name] = usedAssertion{until, call}
		return nil
	})
	return first && err == nil, err
}
