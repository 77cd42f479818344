package fakestore

import (
	"context"

	"github.com/wavepass/wavepass/pkg/authorization"
)

// PutPushed implements authorization.PushedKeeper.
func (s *Store) PutPushed(ctx context.Context, name authorization.PushedName, p authorization.Pushed) error {
	return s.do(ctx, "PutPushed", func() error {
		s.pushed[name] = p
		return nil
	})
}

// Pushed implements authorization.PushedReader.
func (s *Store) Pushed(ctx context.Context, name authorization.PushedName) (p authorization.Pushed, err error) {
	err = s.do(ctx, "Pushed", func() error {
		found, ok := s.pushed[name]
		if !ok || !s.now().Before(found.Until) {
			return authorization.ErrNotPushed
		}
		p = found
		return nil
	})
	return p, err
}
