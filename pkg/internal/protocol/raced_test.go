//go:build race

package protocol_test

import "time"

// simulated is how long processes share a store: everything happens in one goroutine after the other, and the race detector takes six times as long.
const simulated = 5 * 24 * time.Hour
