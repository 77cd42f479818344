// Package seal encrypts key material for a purpose: under a KMS key in the cloud, under a local key on a laptop. It implements
// keyring.Sealer and does not know what it seals.
package seal

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// The first byte of a sealed text says which sealer made it.
const (
	versionLocal = 1
	versionKMS   = 2
)

var (
	_ keyring.Sealer = (*Local)(nil)
	_ keyring.Sealer = (*KMS)(nil)
)

// errChanged is the one error for a sealed text that cannot be opened. Without the key, one that was changed cannot be told from
// one that was made for another purpose or under another key.
var errChanged = errors.New("seal: made for another purpose or under another key, or changed")

// FromSetting returns the sealer that a SEALING_KEY setting names: "kms:<key ARN>" or "local:<base64 of 32
// bytes>". The caller decides whether a local key is permitted. No error contains the setting.
func FromSetting(setting string, cfg KMSConfig) (keyring.Sealer, error) {
	kind, value, _ := strings.Cut(setting, ":")
	switch kind {
	case "kms":
		return NewKMS(value, cfg)
	case "local":
		key, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil {
			return nil, errors.New("seal: local key: not base64")
		}
		defer clear(key)
		return NewLocal(key)
	}
	return nil, errors.New("seal: want kms:<key ARN> or local:<base64 of 32 bytes>")
}
