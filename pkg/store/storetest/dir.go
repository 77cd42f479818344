package storetest

import (
	"os"
	"testing"
)

// Dir returns a folder for one test, in memory where the system has such folders: for stores that sync every write.
func Dir(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "wavepass-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}
