package verify

import (
	"errors"

	"github.com/wavepass/wavepass/pkg/jwks"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// parseKeySet reads the key set of an issuer and returns its keys by header segment.
func parseKeySet(document []byte) (map[string]keyring.VerifyKey, error) {
	keys, err := jwks.Parse(document)
	switch {
	case errors.Is(err, jwks.ErrNoKey):
		return nil, errors.New("no key that access tokens are signed with")
	case err != nil:
		return nil, err
	}
	byHeader := make(map[string]keyring.VerifyKey, len(keys))
	for _, key := range keys {
		byHeader[keyring.HeaderSegment(key.Algorithm, key.ID)] = key
	}
	return byHeader, nil
}
