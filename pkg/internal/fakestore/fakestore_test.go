package fakestore_test

import (
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/internal/fakestore"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

// What tests of the domain stand on obeys the contracts as the real stores do.
func TestStore(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, now func() time.Time) storetest.Store { return fakestore.New(now) })
}
