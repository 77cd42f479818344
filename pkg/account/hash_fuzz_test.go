package account_test

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/pkg/account"
)

// FuzzParseHash looks for a stored hash whose cost is over the caps, and for one that is read as something
// else than an independent reading of the PHC string format says.
func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	format := regexp.MustCompile(`^\$argon2id\$v=\s*\+?0*19\$m=\s*\+?([0-9]+),t=\s*\+?([0-9]+),p=\s*\+?([0-9]+)`)
	f.Fuzz(func(t *testing.T, hash string) {
		cost, ok := account.HashCost(hash)
		if !ok {
			return
		}
		if cost.Memory < 8 || cost.Memory > 64*1024 || cost.Passes < 1 || uint64(cost.Memory)*uint64(cost.Passes) > 256*1024 ||
			cost.Threads < 1 || cost.Threads > 4 || cost.KeyLen < 16 || cost.KeyLen > 64 {
			t.Errorf("%q was accepted with the cost %+v", hash, cost)
		}
		m := format.FindStringSubmatch(hash)
		if m == nil {
			t.Fatalf("%q was accepted", hash)
		}
		for i, got := range []uint64{uint64(cost.Memory), uint64(cost.Passes), uint64(cost.Threads)} {
			if want, err := strconv.ParseUint(m[i+1], 10, 64); err != nil || want != got {
				t.Errorf("%q was read with the cost %+v", hash, cost)
			}
		}
	})
}

// FuzzVerifyPassword looks for a hash that another password than its own fits. Costs are cut down: this is
// about the reading, not about the work.
func FuzzVerifyPassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", password)
	f.Fuzz(func(t *testing.T, hash, tried string) {
		hash = strings.ReplaceAll(hash, "CHEAP", cheap(password))
		cost, ok := account.HashCost(hash)
		if ok && cost.Memory*cost.Passes > 1024 {
			t.Skip("dear")
		}
		fits := account.Fits(hash, tried)
		if !ok {
			if fits {
				t.Errorf("%q fits %q, which cannot be read", tried, hash)
			}
			return
		}
		fields := strings.Split(hash, "$")
		salt, _ := base64.RawStdEncoding.DecodeString(fields[4])
		key, _ := base64.RawStdEncoding.DecodeString(fields[5])
		want := string(argon2.IDKey([]byte(tried), salt, cost.Passes, cost.Memory, cost.Threads, uint32(len(key)))) == string(key)
		if fits != want {
			t.Errorf("%q fits %q: %v, want %v", tried, hash, fits, want)
		}
	})
}
