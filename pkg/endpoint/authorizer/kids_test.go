package authorizer_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"
)

// Made-up key ids must not cost readings of the table.
func TestThousandTokensWithRandomKeyIDsReadTheKeysOnceIn30Seconds(t *testing.T) {
	f := newForge(t)
	payload := fmt.Sprintf(`{"iss":%q}`, "https://id.example.com")
	// The first makes the function read its keys, and the second may make it look again.
	f.refused("warm up", f.sign(`{"alg":"ES256","kid":"none","typ":"at+jwt"}`, payload))
	for round := range 3 {
		f.Clock.Advance(30 * time.Second)
		f.Store.ForgetCalls()
		for range 1000 {
			f.authorize("Bearer " + f.sign(fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, rand.Text()), payload))
		}
		if n := f.Store.Count("ReadPart"); n != 1 {
			t.Errorf("round %d: 1,000 tokens with random key ids read the keys %d times, want once", round, n)
		}
	}
}
