//go:build !race

package protocol_test

const simulated = month // how long processes share a store
