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

// Local seals under one local key, with AES-256-GCM and a random nonce. A sealed text is
//
//	version(1) | nonce(12) | ciphertext and tag
//
// The additional data of the encryption are version and purpose. Safe for concurrent use.
type Local struct{ aead cipher.AEAD }

// NewLocal returns a sealer under key, of which it keeps a copy.
func NewLocal(key []byte) (*Local, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return &Local{aead}, nil
}

// Format prints no key, whatever the verb.
func (l *Local) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("seal.Local")) }

// Seal implements keyring.Sealer.
func (l *Local) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	header := []byte{versionLocal}
	return l.aead.Seal(header, nil, plain, bound(header, purpose)), nil
}

// Open implements keyring.Sealer. Its error is never oauth.ErrUnavailable.
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

// newAEAD returns AES-256-GCM that makes its own random nonces and puts each before its ciphertext.
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

// bound returns the additional data. The length of a header follows from the header itself, so two different pairs of header
// and purpose never give the same data.
func bound(header []byte, purpose string) []byte {
	return append(append([]byte("wavepass sealed\x00"), header...), purpose...)
}
