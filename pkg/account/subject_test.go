package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
)

func TestSubjectIsBoundedAndOtherwiseTakenAsItIs(t *testing.T) {
	for id, good := range map[string]bool{
		"4711": true, "...": true, ".a": true, "%2F": true, " ": true, "é": true, "e\u0301": true, "ada@example.com": true, "#": true,
		strings.Repeat("a", 128): true, strings.Repeat("🌊", 128): true,
		"": false, strings.Repeat("a", 129): false, strings.Repeat("🌊", 129): false,
		"a\x00": false, "a\n": false, "\x7f": false, "\u0085": false, "\xff": false, "a\xc3": false, "a/b": false, "/": false, ".": false, "..": false, "\ufffd": false, "a\ufffd(": false,
	} {
		got, err := account.NewSubject("shop", id)
		switch {
		case good && (err != nil || got != account.Subject{Directory: "shop", ID: id}):
			t.Errorf("%q: %+v, %v; want it taken as it is", id, got, err)
		case !good && (!errors.Is(err, account.ErrSubject) || got != account.Subject{}):
			t.Errorf("%q: %+v, %v; want ErrSubject", id, got, err)
		}
	}
}

func TestSubjectIsWrittenWithItsDirectory(t *testing.T) {
	for subject, want := range map[account.Subject]string{
		{}: "", {Directory: "shop", ID: "4711"}: "shop/4711", {Directory: "shop", ID: "ada@example.com"}: "shop/ada@example.com",
	} {
		if got := subject.String(); got != want {
			t.Errorf("%+v: %q, want %q", subject, got, want)
		}
	}
}

func TestAccountOfASubjectHasNoLoginName(t *testing.T) {
	subject := account.Subject{Directory: "shop", ID: "4711"}
	a, err := account.NewForSubject(subject, time.Unix(1_782_900_000, 0))
	if err != nil || a.Username != "" || a.Subject != subject || a.Epoch != 1_782_900_000 || a.ID.Version() != 7 {
		t.Errorf("%+v, %v", a, err)
	}
}
