package protocol_test

import (
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
)

// keyTimes is the shortest that the caches allow: every key turns as soon as it may.
var keyTimes = keyring.Times{Period: keyring.Times{}.Spread()}

// retirement is how long a key verifies after its last signature may have been made (docs/design.md §8).
const retirement = time.Minute + oauth.MaxAccessLife + apart

// rotateKeys runs the schedule, which does what is due by a clock of its own.
func (w *world) rotateKeys() {
	ring := keyring.New(keyring.Config{
		Store: w.store, Sealer: w.sealer, Algorithm: keyring.ES256, Times: keyTimes,
		Now: func() time.Time { return w.clock.Now().Add(w.skews["schedule"]) },
	})
	if _, err := ring.Rotate(w.ctx); err != nil {
		w.fail("rotate the keys: %v", err)
	}
}
