package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/claims"
)

func TestClaimsAreReadFromFlags(t *testing.T) {
	for _, c := range []struct {
		pairs []string
		want  claims.Set
	}{
		{nil, ""},
		{[]string{"seats=5", "plan=pro", "beta=true"}, `{"beta":true,"plan":"pro","seats":5}`},
		{[]string{`code="007"`, "zip=0123", "empty=", "equation=a=b", `said=a "b"`}, `{"code":"007","empty":"","equation":"a=b","said":"a \"b\"","zip":"0123"}`},
	} {
		if got, err := claimsOf(c.pairs); err != nil || got != c.want {
			t.Errorf("%q: %s, %v; want %s", c.pairs, got, err, c.want)
		}
	}
	for pair, reason := range map[string]string{
		"plan": "want NAME=VALUE", "Plan=x": "a to z", "plan=null": "want a string", "plan=[1]": "want a string", `plan={"a":1}`: "want a string",
		"n=12345678901234567890": "make it a string", "plan=\xff": "not UTF-8", "\xff=a": "not UTF-8", `a":1,"b=2`: "a to z",
	} {
		if got, err := claimsOf([]string{pair}); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %s, %v; want an error that says %q", pair, got, err, reason)
		}
	}
	if got, err := claimsOf([]string{"a=1", "a=2"}); err == nil {
		t.Errorf("a name twice: %s, want an error", got)
	}
}

func TestClaimsAreSetByCommand(t *testing.T) {
	data := t.TempDir()
	check(t, start(t, "--data", data).stop())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--claim", "plan=pro,max", "--claim", "seats=5"}, "map[plan:pro,max seats:5]"},
		{[]string{"--role", "x"}, "map[plan:pro,max seats:5]"},
		{[]string{"--claim", "beta=true"}, "map[beta:true]"},
		{[]string{"--no-claims"}, "map[]"},
	} {
		mustCommand(t, append([]string{"account", "set-access", demoUsername, "--data", data}, c.args...)...)
		if a := as[accountJSON](t, "account", "show", demoUsername, "--data", data); fmt.Sprint(a.Claims) != c.want {
			t.Errorf("after %v: claims %v, want %s", c.args, a.Claims, c.want)
		}
	}
	if _, _, err := command(t, "account", "set-access", demoUsername, "--data", data, "--claim", "Plan=pro"); err == nil || !strings.Contains(err.Error(), "a to z") {
		t.Errorf("a wrong name: %v", err)
	}
}
