package main

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// guesser sends logins to the login function itself: a gateway would end those that wait too long for a core.
type guesser struct {
	*canaryService
	login  apigw.Function
	window time.Time // the one that the test began in
}

const day = 24 * time.Hour // the longest window there is: hardly any run sees one end

func newGuesser(t *testing.T, perAccount, perNetwork int) *guesser {
	t.Helper()
	c := newCanaryService(t)
	settings := endpoint.Settings{
		Config:    apigw.Config{Issuer: canaryIssuer, Log: slog.New(slog.NewTextHandler(c.out, nil)), Trail: audit.NewTrail(c.out, time.Now)},
		Algorithm: keyring.ES256,
		Limits:    account.Limits{Account: account.Limit{Count: perAccount, Window: day}, Network: account.Limit{Count: perNetwork, Window: day}},
		Now:       time.Now,
	}
	return &guesser{canaryService: c, window: time.Now().Truncate(day), login: login.New(settings, c.store, c.data.sealer)}
}

// skipAtMidnight ends a test in which a window has ended: a guesser may then have twice the limit.
func (g *guesser) skipAtMidnight() {
	g.t.Helper()
	if !time.Now().Truncate(day).Equal(g.window) {
		g.t.Skip("the counting window ended during the test")
	}
}

type reply = events.APIGatewayV2HTTPResponse

// guess sends n logins at once, from one network, and returns the answers.
func (g *guesser) guess(n int, clientID, username, password string) []reply {
	g.t.Helper()
	body, err := json.Marshal(map[string]string{"client_id": clientID, "username": username, "password": password})
	if err != nil {
		g.t.Fatal(err)
	}
	event := events.APIGatewayV2HTTPRequest{
		RouteKey: "POST /login", Body: string(body), Headers: map[string]string{"content-type": jsonType, "origin": webOrigin},
	}
	replies := make([]reply, n)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() {
			event := event
			event.RequestContext.HTTP.SourceIP = fmt.Sprintf("203.0.113.%d", i%256)
			var err error
			if replies[i], err = g.login(g.t.Context(), event); err != nil {
				g.t.Errorf("guess at %s: %v", username, err)
			}
		})
	}
	wg.Wait()
	return replies
}

// count returns how many answers came after a look at the password, and expects the others to say 429.
func (g *guesser) count(replies []reply) (checked int) {
	g.t.Helper()
	for _, r := range replies {
		switch {
		case r.StatusCode == 401:
			checked++
		case r.StatusCode != 429 || r.Headers["Retry-After"] == "":
			g.t.Errorf("%v, want 401, or 429 with Retry-After", r)
		}
	}
	return checked
}

// The slack is one of time alone: windows are aligned to the clock, so who guesses on both sides of a boundary
// has twice the limit. Package account tests the same over a store in memory.
func TestParallelGuessesAtOneAccountGetTheLimitAndNoMore(t *testing.T) {
	const accountLimit, networkLimit, parallel = 10, 25, 5000
	g := newGuesser(t, accountLimit, networkLimit)
	checked := g.count(g.guess(parallel, "app", "ada", wrongPassword))
	if checked == 0 {
		t.Errorf("of %d parallel guesses none got an answer about the password, want some", parallel)
	}
	// Those that were refused held a place in the network's count for a moment, which can only have kept others
	// out. One after another they fill the account's count to its limit.
	for range accountLimit + 1 {
		checked += g.count(g.guess(1, "app", "ADA", wrongPassword))
	}
	checked += g.count(g.guess(1, "web", "ada", canaryPassword)) // by another client, and right
	g.skipAtMidnight()
	if looked := g.store.Count("AccountAndLogin"); checked != accountLimit || looked != accountLimit {
		t.Errorf("%d answers about the password and %d looks at the account, want %d", checked, looked, accountLimit)
	}
	if failed := strings.Count(g.out.String(), `"event":"login_failed"`); failed != accountLimit {
		t.Errorf("%d events login_failed, want %d", failed, accountLimit)
	}

	for _, username := range []string{"limited", "disabled"} {
		checked += g.count(g.guess(parallel/50, "app", username, wrongPassword))
	}
	for range accountLimit {
		checked += g.count(g.guess(1, "app", "limited", wrongPassword))
		checked += g.count(g.guess(1, "app", "disabled", wrongPassword))
	}
	checked += g.count(g.guess(20, "app", "nobody", wrongPassword))
	g.skipAtMidnight()
	if looked := g.store.Count("AccountAndLogin"); checked != networkLimit || looked != networkLimit {
		t.Errorf("the whole network: %d answers about a password and %d looks at an account, want %d", checked, looked, networkLimit)
	}
}

// That the three also cost the same work is tested where the work is done: package account,
// TestWhoIsNotLetInLearnsNothingAndCostsOneHash and the tests of store calls beside it.
func TestAnswersToUnknownWrongAndDisabledAreTheSameToTheByte(t *testing.T) {
	for _, clientID := range []string{"app", "web"} {
		g := newGuesser(t, 10, 100)
		want := g.guess(1, clientID, "ada", wrongPassword)[0]
		if want.StatusCode != 401 || !strings.Contains(want.Body, "invalid_credentials") {
			t.Fatalf("wrong password: %v, want 401 invalid_credentials", want)
		}
		for what, try := range map[string][2]string{
			"unknown name":                     {"nobody", canaryPassword},
			"unknown name, wrong password":     {"nobody", wrongPassword},
			"text that is no name":             {"no body", canaryPassword},
			"disabled account":                 {"disabled", canaryPassword},
			"disabled account, wrong password": {"disabled", wrongPassword},
			"text that is no password":         {"ada", wrongPassword + "\t"},
		} {
			got := g.guess(1, clientID, try[0], try[1])[0]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: the answer differs from that to a wrong password (-wrong +got):\n%s", clientID, what, diff)
			}
		}
	}
}

func TestAnswersOverTheLimitAreTheSameForKnownAndUnknownNames(t *testing.T) {
	answers := map[string]reply{}
	for _, username := range []string{"ada", "disabled", "nobody"} {
		g := newGuesser(t, 1, 100)
		g.guess(1, "app", username, wrongPassword)
		got := g.guess(1, "app", username, canaryPassword)[0]
		g.skipAtMidnight()
		if got.StatusCode != 429 {
			t.Errorf("%s: %v, want 429", username, got)
		}
		delete(got.Headers, "Retry-After") // seconds to midnight
		answers[username] = got
	}
	for _, username := range []string{"disabled", "nobody"} {
		if diff := cmp.Diff(answers["ada"], answers[username]); diff != "" {
			t.Errorf("the answers for ada and %s differ (-ada +%s):\n%s", username, username, diff)
		}
	}
}
