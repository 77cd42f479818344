package fakestore

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Sealer implements keyring.Sealer with a key of its own: AES-GCM, the purpose authenticated.
type Sealer struct {
	Opened atomic.Int64 // how often Open was called
	Fail   atomic.Bool  // makes both methods unavailable

	aead cipher.AEAD
}

// NewSealer returns a sealer with a random key.
func NewSealer() *Sealer {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has the right length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return &Sealer{aead: aead}
}

// Seal implements keyring.Sealer.
func (s *Sealer) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	if s.Fail.Load() {
		return nil, fmt.Errorf("%w: the sealer fails in this test", oauth.ErrUnavailable)
	}
	return s.aead.Seal(nil, nil, plain, []byte(purpose)), nil
}

// Open implements keyring.Sealer.
func (s *Sealer) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	s.Opened.Add(1)
	if s.Fail.Load() {
		return nil, fmt.Errorf("%w: the sealer fails in this test", oauth.ErrUnavailable)
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, errors.New("sealed for another purpose, or changed")
	}
	return plain, nil
}
