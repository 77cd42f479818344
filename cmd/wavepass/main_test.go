package main

import (
	"os"
	"testing"
)

// TestMain lets every refresh token rotate at once: these tests cannot wait for 10 seconds.
func TestMain(m *testing.M) {
	if err := os.Setenv("ROTATION_MIN_AGE", "0s"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
