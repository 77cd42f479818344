package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// KeySize is the length of a local key in bytes.
const KeySize = 32

// Local seals under one key that it holds: AES-256-GCM with a random nonce. A sealed text is
//
//	version(1) | nonce(12) | ciphertext and tag
//
// with version and purpose as additional data. Safe for concurrent use.
type Local struct{ aead cipher.AEAD }

// NewLocal returns a sealer under key, which is copied.
func NewLocal(key []byte) (*Local, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return &Local{aead}, nil
}

// Format keeps the key out of every print.
func (l *Local) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("seal.Local")) }

// Seal implements keyring.Sealer.
func (l *Local) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	header := []byte{versionLocal}
	return l.aead.Seal(header, nil, plain, bound(header, purpose)), nil
}

// Open implements keyring.Sealer. It is never unavailable.
func (l *Local) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != versionLocal {
		return nil, errors.New("seal: not sealed under a local key")
	}
	header, ciphertext := sealed[:1], sealed[1:]
	plain, err := l.aead.Open(nil, nil, ciphertext, bound(header, purpose))
	if err != nil {
		return nil, errChanged
	}
	return plain, nil
}

// newAEAD returns AES-256-GCM that draws its nonces itself and puts each before its ciphertext.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal: a key of %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead, nil
}

// bound is the additional data. Every header says its own length, so no two pairs look alike.
func bound(header []byte, purpose string) []byte {
	return append(append([]byte("wavepass sealed\x00"), header...), purpose...)
}
