// Package sealer opens the sealing key for a function. It is apart from package boot because a function that links the client of KMS pays for it at each
// cold start.
package sealer

import (
	"fmt"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/seal"
)

// Open opens the sealing key.
func Open(e boot.Environment) keyring.Sealer {
	opened, err := seal.FromSetting(e.SealingKey, seal.KMSConfig{})
	if err != nil {
		boot.ExitOn(fmt.Errorf("SEALING_KEY: %w", err))
	}
	return opened
}
