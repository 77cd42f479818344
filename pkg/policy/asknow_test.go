package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/policy"
)

func TestNewPolicyIsFeltAtOnceByAskNow(t *testing.T) {
	w := newSourceWorld(t)
	w.wantNow("no document", "allow")
	for _, step := range []struct{ name, document, want string }{
		{policy.Default, "deny", "deny"},
		{policy.Default, "allow", "allow"},
		{api, "deny", "deny"},
		{api, "allow", "allow"},
		{policy.Default, "deny", "allow"}, // its own decides
		{api, "", "deny"},                 // the default that was stored meanwhile
		{policy.Default, "", "allow"},
		{api, "deny", "deny"},
	} {
		w.put(step.name, step.document)
		w.wantNow(step.name+" "+step.document, step.want)
		w.want(step.name+" "+step.document+", held", step.want)
	}
}

// A default policy is not read where it does not count.
func TestOnlyThePolicyThatDecidesIsRead(t *testing.T) {
	w := newSourceWorld(t)
	reads := func(what string, want int) {
		t.Helper()
		w.store.ForgetCalls()
		if _, err := w.source.AskNow(t.Context(), api).Policy(); err != nil {
			t.Fatal(err)
		}
		if got := w.store.Count("Policy"); got != want {
			t.Errorf("%s: %d reads, want %d", what, got, want)
		}
	}
	reads("cold", 2)
	reads("no document of its own", 2)
	w.put(api, "allow")
	reads("its own for the first time", 2)
	reads("its own", 1)
	w.put(api, "")
	reads("its own was removed", 2)
	reads("no document of its own any more", 2)
}

func TestAskNowDoesWithTheLastPolicyForAMinute(t *testing.T) {
	w := newSourceWorld(t)
	w.put(api, "allow")
	w.wantNow("before", "allow")
	w.put(api, "deny")
	w.store.Before = hooks.Fail("Policy")
	w.clock.Advance(policy.Age - time.Millisecond)
	w.wantNow("young", "allow")
	w.clock.Advance(time.Millisecond)
	w.wantNow("old", "unusable")
	w.store.Before = nil
	w.wantNow("recovered", "deny")
	w.clock.Advance(-time.Hour)
	w.wantNow("the clock set back", "deny")
}

// A read that was overtaken brings the policy of before its own beginning back to nobody.
func TestLateReadReplacesNoNewerPolicy(t *testing.T) {
	w := newSourceWorld(t)
	w.put(api, "allow")
	w.wantNow("before", "allow")
	read, hold := make(chan struct{}), make(chan struct{})
	w.store.After = func(context.Context, string) error { // the first has read, and its answer is late
		w.store.After = nil
		close(read)
		<-hold
		return nil
	}
	late := w.source.AskNow(t.Context(), api)
	<-read
	w.clock.Advance(time.Millisecond)
	w.put(api, "deny")
	w.wantNow("meanwhile", "deny")
	close(hold)
	w.wantOfAsked(late, "late", "deny")
	w.want("afterwards", "deny")
}
