package blocklist_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/wavepass/wavepass/pkg/account/blocklist"
)

func TestCommonPasswordsAreKnownInEveryForm(t *testing.T) {
	for _, password := range []string{
		"password", "12345678", "iloveyou", "qwertyuiop", "trustno1", "1q2w3e4r5t", "liverpool1", // of the ranked list
		"pictures1", "weronika1992", // of the younger one alone
		"PASSWORD", "PassWord", "ｐａｓｓｗｏｒｄ", "passwor\u1d48", "\u212aawasaki", // a small d that is raised, the sign of Kelvin
	} {
		if !blocklist.Common(password) {
			t.Errorf("%+q is not known", password)
		}
	}
	for _, password := range []string{"", "a", "surf-the-canary-wave", "correct horse battery staple", "éèéèéêëé"} {
		if blocklist.Common(password) {
			t.Errorf("%+q is taken for a common one", password)
		}
	}
}

// TestFalseAlarmsAreRare measures how many passwords that nobody uses are refused. The generator is seeded, so it is the same each time.
func TestFalseAlarmsAreRare(t *testing.T) {
	const tried, atMost = 1_000_000, 100 // 1 in 10,000
	random, alarms := rand.New(rand.NewPCG(16, 8)), 0
	for range tried {
		if blocklist.Common(fmt.Sprintf("%016x", random.Uint64())) {
			alarms++
		}
	}
	t.Logf("%d of %d random passwords were taken for common ones", alarms, tried)
	if alarms > atMost {
		t.Errorf("%d of %d random passwords were refused, want at most %d", alarms, tried, atMost)
	}
}

func TestTableIsSmallAndHoldsTheList(t *testing.T) {
	table, err := os.ReadFile("common.bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(table) > 400_000 {
		t.Errorf("the table has %d bytes, want at most 400,000", len(table))
	}
	if held := (len(table) - 4097*4) / 3; held < 100_000 {
		t.Errorf("the table has %d passwords, want 100,000 and more", held)
	}
}

func TestEncodedTableHoldsWhatItWasMadeOfAndNothingElse(t *testing.T) {
	var in, out []string
	for i := range 3_000 {
		in, out = append(in, fmt.Sprint("in ", i)), append(out, fmt.Sprint("out ", i))
	}
	for _, list := range [][]string{nil, in[:1], in, append(in, in...)} {
		table, err := blocklist.Encode(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, password := range list {
			if !blocklist.Contains(string(table), password) {
				t.Fatalf("of %d: %q is missing", len(list), password)
			}
		}
		for _, password := range out {
			if blocklist.Contains(string(table), password) {
				t.Errorf("of %d: %q is taken for one of them", len(list), password)
			}
		}
	}
	if _, err := blocklist.Encode([]string{"Capital"}); err == nil {
		t.Error("an entry that is not folded was encoded: it would never be found")
	}
}

func BenchmarkCommon(b *testing.B) {
	for b.Loop() {
		blocklist.Common("surf-the-canary-wave")
	}
}
