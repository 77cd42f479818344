package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/verify"
)

func TestThousandUnknownKeysCostOneFetchIn30Seconds(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.accepts("at first")
	fetches := 1
	for i := range 1000 {
		r.after(100 * time.Millisecond) // 100 s in all
		header := fmt.Sprintf(`{"alg":"ES256","kid":"made-up-%d","typ":"at+jwt"}`, i)
		refused(t, r.verify(r.withHeader(header)), notOurs)
		if elapsed := time.Duration(i+1) * 100 * time.Millisecond; elapsed%(30*time.Second) == 0 {
			fetches++
		}
		r.wantFetches(fmt.Sprintf("after %d tokens", i+1), fetches)
	}
	if fetches != 4 || r.site.count(metadataPath) != 4 {
		t.Errorf("%d fetches, %d of metadata; want 4: one at first and three in 100 s", fetches, r.site.count(metadataPath))
	}
	r.accepts("afterwards")
}

func TestRotatedKeyIsFoundAsSoonAsItSigns(t *testing.T) {
	old, young := es256(), signers[keyring.EdDSA]()
	r := newResource(t, old, nil)
	r.accepts("the old key")
	r.site.change(func() {
		p := r.site.answers[keySetPath]
		p.body = young.jwks
		r.site.answers[keySetPath] = p
	})
	signed := lasting(young)
	r.after(29 * time.Second)
	refused(t, r.verify(signed), notOurs)
	r.accepts("the old key, which is still held")
	r.after(time.Second)
	if err := r.verify(signed); err != nil {
		t.Errorf("the new key 30 s after the last fetch: %v", err)
	}
	refused(t, r.verify(r.good()), notOurs) // the old one is withdrawn
}

func TestKeySetIsKeptForItsAge(t *testing.T) {
	for name, tc := range map[string]struct {
		cacheControl, age string
		want              time.Duration
	}{
		"nothing said":             {"", "", 5 * time.Minute},
		"as Wavepass says":         {"public, max-age=300", "", 5 * time.Minute},
		"capitals and white space": {"Public ,  MAX-AGE=600", "", 10 * time.Minute},
		"quoted":                   {`max-age="600"`, "", 10 * time.Minute},
		"too short":                {"max-age=29", "", 30 * time.Second},
		"zero":                     {"max-age=0", "", 30 * time.Second},
		"negative":                 {"max-age=-1", "", 30 * time.Second},
		"not a number":             {"max-age=soon", "", 30 * time.Second},
		"no-store":                 {"no-store, max-age=600", "", 30 * time.Second},
		"no-cache":                 {"no-cache", "", 30 * time.Second},
		"too long":                 {"max-age=31536000", "", time.Hour},
		"more than a number holds": {"max-age=99999999999999999999", "", 30 * time.Second},
		"partly aged":              {"max-age=300", "120", 3 * time.Minute},
		"aged beyond":              {"max-age=300", "301", 30 * time.Second},
		"another directive":        {"s-maxage=600", "", 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResource(t, es256(), nil)
			p := r.site.answers[keySetPath]
			p.cacheControl, p.age = tc.cacheControl, tc.age
			r.site.answers[keySetPath] = p
			r.accepts("at first")
			r.after(tc.want - 1)
			r.accepts("just before its age")
			r.wantFetches("just before its age", 1)
			r.after(1)
			r.accepts("at its age")
			r.wantFetches("at its age", 2)
		})
	}
}

func TestClockThatIsSetBackEndsTheAge(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.accepts("at first")
	r.after(-time.Second)
	r.accepts("a second earlier")
	r.wantFetches("a second earlier", 2)
}

func TestStaleKeysServeWithinTheirBoundAndNoLonger(t *testing.T) {
	const age = 5 * time.Minute
	for setting, bound := range map[time.Duration]time.Duration{0: 15 * time.Minute, time.Second: time.Second, time.Hour: time.Hour} {
		r := newResource(t, es256(), func(cfg *verify.Config) { cfg.MaxStale = setting })
		r.accepts("at first")
		r.site.change(func() { r.site.down = true })
		r.after(age - 1)
		r.accepts("within the age")
		r.wantFetches("within the age", 1)
		r.after(bound)
		r.accepts(fmt.Sprintf("within MaxStale %s", setting))
		r.cannotTell("an unknown key meanwhile", r.unknown())
		r.after(1)
		r.cannotTell(fmt.Sprintf("beyond MaxStale %s", setting), r.good())
		r.site.change(func() { r.site.down = false })
		r.after(3 * time.Second)
		r.accepts("when the issuer answers again")
		refused(t, r.verify(r.unknown()), notOurs)
	}
}

func TestIssuerThatIsDownIsAskedNowAndThen(t *testing.T) {
	r := newResource(t, es256(), func(cfg *verify.Config) { cfg.JWKSAddress = issuer + keySetPath })
	r.accepts("at first")
	r.site.change(func() { r.site.down = true })
	r.after(5 * time.Minute)
	for range 300 { // a minute, with keys that may still be used
		r.accepts("stale")
		r.after(200 * time.Millisecond)
	}
	r.wantFetches("in a minute with keys", 1+2)
	r.after(time.Hour)
	for range 300 { // a minute without
		r.cannotTell("without keys", r.good())
		r.after(200 * time.Millisecond)
	}
	r.wantFetches("in a minute without keys", 1+2+20)
}

func TestBadKeySetDoesNotReplaceAGoodOne(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.accepts("at first")
	r.site.change(func() {
		p := r.site.answers[keySetPath]
		p.body = `{"keys":[{"kty":"oct","kid":"a","alg":"HS256","use":"sig","k":"AAAA"}]}`
		r.site.answers[keySetPath] = p
	})
	r.after(6 * time.Minute)
	r.accepts("with a key set that is refused")
	r.wantFetches("with a key set that is refused", 2)
}

func TestManyCallersShareOneFetch(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.site.wait = make(chan struct{})
	good := r.good()

	// The caller that began the fetch goes away. The others must not suffer from that.
	first, leave := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { _, err := r.verifier.Verify(first, good); left <- err }()
	for r.site.count(keySetPath) == 0 {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-left; !errors.Is(err, verify.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left: %v, want ErrUnavailable and Canceled", err)
	}
	r.after(time.Minute) // the fetch takes longer than the pause between two
	var wg sync.WaitGroup
	answers := make([]error, 100)
	for i := range answers {
		wg.Go(func() { _, answers[i] = r.verifier.Verify(context.Background(), good) })
	}
	close(r.site.wait)
	wg.Wait()
	for i, err := range answers {
		if err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	r.wantFetches("by 101 callers", 1)

	r.after(4*time.Minute - 1)
	r.accepts("within the age, which counts from the question")
	r.wantFetches("within the age", 1)
	r.after(1)
	r.accepts("at the age")
	r.wantFetches("at the age", 2)
}

// Made-up tokens may make the verifier ask, but not make others wait for the answer.
func TestKnownKeysDoNotWaitForAnUnknownOne(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.accepts("at first")
	r.after(time.Minute)
	wait := make(chan struct{})
	r.site.change(func() { r.site.wait = wait })
	ended := make(chan error)
	go func() { ended <- r.verify(r.unknown()) }()
	for r.site.count(keySetPath) == 1 {
		time.Sleep(time.Millisecond)
	}
	r.accepts("while the issuer is asked")
	close(wait)
	refused(t, <-ended, notOurs)
}

// An issuer that hangs costs those who have a key a moment, not their requests.
func TestHangingIssuerDoesNotRefuseWhoseKeyIsHeld(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.accepts("at first")
	r.after(5 * time.Minute) // due, and usable for a while yet
	wait := make(chan struct{})
	r.site.change(func() { r.site.wait = wait })
	defer close(wait)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.verifier.Verify(ctx, r.good()); err != nil {
		t.Errorf("a caller with little time: %v, want it accepted", err)
	}
	r.accepts("a caller with time")
}

func TestKeySourcesErrorsSayWhatIsWrong(t *testing.T) {
	r := newResource(t, es256(), nil)
	r.site.answers[keySetPath] = page{status: 200, body: `{"keys":[]}`, media: "application/json"}
	err := r.verify(r.good())
	for _, want := range []string{issuer + keySetPath, "no key that access tokens are signed with"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that contains %q", err, want)
		}
	}
}
