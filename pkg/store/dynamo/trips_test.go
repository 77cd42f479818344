package dynamo_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

// measurements is how often something is measured of which the least counts: what is made at once may by chance
// seem to come one after the other, on a busy machine; the reverse never happens.
const measurements = 5

// callsOf sends a request and returns its calls, each slow enough to be seen beside others.
func (w *world) callsOf(r request, status int) []faultproxy.Call {
	w.t.Helper()
	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Delay(20 * time.Millisecond)})
	defer w.proxy.Heal()
	w.proxy.Forget()
	w.must(r, status)
	return w.proxy.Calls()
}

// besidesHash leaves out what a login hides behind the password hash: the read of the account, and the count of failures in a row that is
// under way together with it.
func besidesHash(calls []faultproxy.Call) []faultproxy.Call {
	isRead := func(c faultproxy.Call) bool { return c.Operation == "TransactGetItems" }
	return slices.DeleteFunc(slices.Clone(calls), func(c faultproxy.Call) bool {
		inRow := strings.HasPrefix(c.Accesses[0].Key, "ATTEMPTS#password#") || strings.HasPrefix(c.Accesses[0].Key, "ATTEMPTS#device#")
		return isRead(c) || inRow && slices.ContainsFunc(calls, func(read faultproxy.Call) bool {
			return isRead(read) && c.Start.Before(read.End) && read.Start.Before(c.End)
		})
	})
}

// besidesRefunds leaves out what gives the two attempts back that a request begins with.
func besidesRefunds(calls []faultproxy.Call) []faultproxy.Call {
	counted := 0
	return slices.DeleteFunc(slices.Clone(calls), func(c faultproxy.Call) bool {
		if !strings.HasPrefix(c.Accesses[0].Key, "ATTEMPTS#") {
			return false
		}
		counted++
		return counted > 2
	})
}

// TestRoundTripsOfFunctions counts what docs/design.md §16 promises.
func TestRoundTripsOfFunctions(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	w.staleness = time.Hour
	w.restart()
	// Each prepare but one leaves the function that it is about warm, and its caches fresh.
	for _, test := range []struct {
		name    string
		prepare func() request
		status  int
		calls   int
		trips   int
	}{
		{"authorize", func() request {
			tokens := w.login()
			w.must(authorizeRequest(tokens.AccessToken), 200)
			return authorizeRequest(tokens.AccessToken)
		}, 200, 0, 0},
		{"authorize, by a copy that has just started", func() request {
			tokens := w.login()
			w.restart()
			return authorizeRequest(tokens.AccessToken)
		}, 200, 4, 1}, // keys, log, and the policy of the API and the default one
		{"authorize, another token", func() request {
			w.must(authorizeRequest(w.login().AccessToken), 200)
			return authorizeRequest(w.login().AccessToken)
		}, 200, 0, 0},
		{"visit a site", func() request {
			site := w.must(w.siteLoginRequest(), 200)
			w.must(visit(site), 200)
			return visit(site)
		}, 200, 4, 1}, // session and account, and the policy of the API and the default one
		{"visit a site, and its use is recorded", func() request {
			site := w.must(w.siteLoginRequest(), 200)
			w.must(visit(site), 200)
			w.pass(5 * time.Minute)
			w.must(visit(w.must(w.siteLoginRequest(), 200)), 200) // the client is read again
			return visit(site)
		}, 200, 5, 2},
		// The rest as for any login; beside it session and account of the earlier cookie, then a transaction that ends it.
		{"log in at a site with an earlier cookie, besides its hash", func() request {
			w.must(w.siteLoginRequest(), 200)
			again := w.siteLoginRequest()
			again.cookie = w.must(w.siteLoginRequest(), 200).cookie
			return again
		}, 200, 10, 3},
		{"refresh", func() request { return refreshRequest(w.refresh(w.login().RefreshToken).RefreshToken) }, 200, 2, 1},
		{"refresh, retried", func() request {
			tokens := w.login()
			w.refresh(tokens.RefreshToken)
			return refreshRequest(tokens.RefreshToken)
		}, 200, 2, 1},
		{"refresh at the token endpoint", func() request {
			return tokenRequest(w.must(tokenRequest(w.login().RefreshToken), 200).RefreshToken)
		}, 200, 2, 1},
		{"client credentials", func() request { w.must(ownTokenRequest(), 200); return ownTokenRequest() }, 200, 0, 0},
		{"client credentials, by a key", func() request { w.must(w.assertedTokenRequest(), 200); return w.assertedTokenRequest() }, 200, 1, 1},
		{"client credentials, a minute later", func() request {
			w.must(ownTokenRequest(), 200)
			w.pass(time.Minute)
			return ownTokenRequest()
		}, 200, 2, 2},
		{"introspect an access token", func() request {
			w.must(introspectRequest(w.login().AccessToken), 200)
			return introspectRequest(w.login().AccessToken)
		}, 200, 0, 0},
		{"introspect a refresh token", func() request {
			w.must(introspectRequest(w.login().RefreshToken), 200)
			return introspectRequest(w.login().RefreshToken)
		}, 200, 2, 1},
		{"introspect garbage", func() request { return introspectRequest("wprt_x") }, 200, 2, 1},
		{"revoke a refresh token", func() request {
			w.must(revokeRequest(w.login().RefreshToken), 200)
			return revokeRequest(w.login().RefreshToken)
		}, 200, 1, 1},
		{"revoke an access token", func() request {
			w.must(revokeRequest(w.login().AccessToken), 200)
			return revokeRequest(w.login().AccessToken)
		}, 200, 1, 1},
		{"logout", func() request {
			w.must(logoutRequest(w.login().RefreshToken, false), 200)
			return logoutRequest(w.login().RefreshToken, false)
		}, 200, 1, 1},
		// The session is read first: nothing else says that the handle is not made up.
		{"log out of a site", func() request {
			w.must(siteLogoutRequest(w.must(w.siteLoginRequest(), 200)), 200)
			return siteLogoutRequest(w.must(w.siteLoginRequest(), 200))
		}, 200, 3, 2},
		{"logout everywhere", func() request {
			w.must(logoutRequest(w.login().RefreshToken, true), 200)
			return logoutRequest(w.login().RefreshToken, true)
		}, 200, 3, 2},
		{"list sessions", func() request {
			w.must(listRequest(w.login(), ""), 200)
			return listRequest(w.login(), "")
		}, 200, 3, 1},
		// Account and both sessions, then the transaction: it needs the client of the session that it ends.
		{"end one session", func() request { return endRequest(w.login(), w.login().claims(t).SessionID) }, 200, 4, 2},
		{"end the other sessions", func() request { return endOthersRequest(w.login()) }, 200, 3, 2},
		{"end all sessions", func() request {
			w.must(endAllRequest(w.login()), 200)
			return endAllRequest(w.login())
		}, 200, 3, 2},
		// The name to check the password of comes first. Attempts are given back beside the second hash.
		{"change password, besides its hashes", func() request {
			w.must(passwordRequest(w.login(), w.password, w.password), 200)
			return passwordRequest(w.login(), w.password, w.password)
		}, 200, 6, 3},
		// The subject, and what was begun with the key; then the transaction.
		{"begin the first session of a subject", func() request {
			w.must(beginRequest(newSubject(), ""), 200)
			return beginRequest(newSubject(), "")
		}, 200, 2, 2},
		{"begin another session of a subject, with a key", func() request {
			subject := newSubject()
			w.must(beginRequest(subject, ""), 200)
			return beginRequest(subject, "key")
		}, 200, 3, 2},
		{"login, besides its hash", func() request { w.login(); return w.loginRequest() }, 200, 7, 2},
		{"exchange a code", func() request {
			w.must(exchangeRequest(clientID, w.code(clientID)), 200)
			return exchangeRequest(clientID, w.code(clientID))
		}, 200, 2, 1},
		{"refresh of a server", func() request {
			return serverRefreshRequest(w.must(exchangeRequest(serverID, w.code(serverID)), 200).RefreshToken)
		}, 200, 2, 1},
		// Session, account, consent and the codes that wait, then the new session.
		{"come back for another code", func() request {
			cookie := w.signIn()
			w.must(opened("/authorize", authorization(clientID), cookie), 303)
			return opened("/authorize", authorization(clientID), cookie)
		}, 303, 5, 2},
		{"push a request", func() request { w.must(pushRequest(clientID), 201); return pushRequest(clientID) }, 201, 1, 1},
		// The pushed request, and then as before.
		{"come with a pushed request", func() request {
			cookie := w.signIn()
			w.must(opened("/authorize", w.pushed(clientID), cookie), 303)
			return opened("/authorize", w.pushed(clientID), cookie)
		}, 303, 6, 3},
		{"ask for a ticket", func() request { w.must(ticketRequest(w.login()), 200); return ticketRequest(w.login()) }, 200, 1, 1},
		{"open a WebSocket with a ticket", func() request {
			w.must(connectRequest(w.must(ticketRequest(w.login()), 200).Ticket), 200)
			return connectRequest(w.must(ticketRequest(w.login()), 200).Ticket)
		}, 200, 1, 1},
		// As for a change of the password up to there; then the mail is counted for the network and for the address, and ordered.
		{"ask for another address, besides its hash", func() request {
			p := w.newPerson()
			tokens := p.login()
			w.must(emailRequest(tokens, newAddress()), 202)
			w.goElsewhere()
			return emailRequest(tokens, newAddress())
		}, 202, 11, 6},
		// The account, and once more together with its login name; whose the new address is; the notice to the old one; the transaction.
		{"confirm another address", func() request {
			p := w.newPerson()
			w.must(p.confirmRequest(newAddress()), 200)
			w.pass(time.Second)
			return p.confirmRequest(newAddress())
		}, 200, 6, 6},
		{"take a change of the address back", func() request {
			p := w.newPerson()
			p.warm()
			sent := p.takeBackRequest("another-canary-wave")
			p.move(newAddress())
			return sent
		}, 200, 3, 3},
		// After the password consents and sessions get the time at which they are removed; then the mail, the transaction, and consents once more.
		{"close an account, besides its hash", func() request {
			p := w.newPerson()
			w.must(emailRequest(p.login(), newAddress()), 202)
			return closeRequest(p.login(), firstPassword)
		}, 200, 16, 10},
		{"keep an account", func() request {
			p := w.newPerson()
			p.warm()
			w.must(closeRequest(p.login(), firstPassword), 200)
			return p.keepRequest()
		}, 200, 2, 2},
		// From here on tokens are without roles.
		{"authorize, roles looked up", func() request {
			tokens := w.lookUpRoles()
			w.must(authorizeGuarded(tokens.AccessToken), 200)
			return authorizeGuarded(tokens.AccessToken)
		}, 200, 1, 1},
		{"introspect an access token, roles looked up", func() request {
			w.must(introspectRequest(w.login().AccessToken), 200)
			return introspectRequest(w.login().AccessToken)
		}, 200, 1, 1},
	} {
		trips := 1 << 10
		for range measurements {
			calls := w.callsOf(test.prepare(), test.status)
			switch {
			case strings.HasSuffix(test.name, "besides its hash"):
				calls = besidesHash(calls)
			case strings.HasSuffix(test.name, "besides its hashes"):
				calls = besidesRefunds(besidesHash(calls))
			}
			if len(calls) != test.calls {
				t.Errorf("%s: %d calls %v, want %d", test.name, len(calls), stepsOf(calls, false), test.calls)
			}
			if trips = min(trips, faultproxy.RoundTrips(calls)); trips <= test.trips {
				break
			}
		}
		if trips != test.trips {
			t.Errorf("%s: %d round trips one after another, want %d", test.name, trips, test.trips)
		}
	}
}

// TestIntrospectionAsksTheDenylistOnce counts where the denylist is asked every time.
func TestIntrospectionAsksTheDenylistOnce(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	tokens := w.login()
	w.must(introspectRequest(tokens.AccessToken), 200)
	if calls := w.callsOf(introspectRequest(tokens.AccessToken), 200); len(calls) != 1 || calls[0].Operation != "Query" {
		t.Errorf("calls %v, want one query", stepsOf(calls, false))
	}
}

// TestEveryReadThatDecidesIsConsistent: no operation makes any other.
func TestEveryReadThatDecidesIsConsistent(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op userOperation) {
		for _, c := range w.observe(op) {
			if !c.Writes() && !c.Consistent {
				t.Errorf("%s reads %v, want strong consistency", op.name, c.Accesses)
			}
		}
	})
}

// TestLoginReadsTheAccountBesideTheHash gives the person a hash that takes long. The account's read must neither
// wait for it nor keep it waiting, so next to no time is left before the read and after it.
func TestLoginReadsTheAccountBesideTheHash(t *testing.T) {
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	hash, cost := slowHash()
	slow := w.person
	slow.ID, slow.Username = uuid.New(), w.person.Username+"-slow"
	if err := w.store.CreateAccount(t.Context(), slow, hash); err != nil {
		t.Fatal(err)
	}
	w.login()
	w.person = slow

	var waits []string
	for range 2 * measurements {
		// Longer than the hash takes, so that the hash is over when the read is.
		w.proxy.Inject(faultproxy.Rule{Operation: "TransactGetItems", Fault: faultproxy.Delay(3 * cost)})
		w.proxy.Forget()
		w.login()
		w.proxy.Heal()
		before, after := aroundTheAccount(t, w.proxy.Calls())
		if before+after < cost/2 {
			return
		}
		waits = append(waits, fmt.Sprintf("%s + %s", before, after))
	}
	t.Errorf("before and after the read of the account passed %s; want less than half of the %s that a hash takes, once",
		strings.Join(waits, ", "), cost)
}

// slowHash returns a hash of the password and the least time that it was seen to take.
func slowHash() (hash string, cost time.Duration) {
	cost = time.Minute
	for range 3 {
		start := time.Now()
		hash = hashOf(32<<10, 4)
		cost = min(cost, time.Since(start))
	}
	return hash, cost
}

// aroundTheAccount is the time from the last of the calls before the account's read, and to the first after it.
func aroundTheAccount(t *testing.T, calls []faultproxy.Call) (before, after time.Duration) {
	t.Helper()
	i := slices.IndexFunc(calls, func(c faultproxy.Call) bool { return len(besidesHash([]faultproxy.Call{c})) == 0 })
	if i < 0 {
		t.Fatalf("the account is not read: %v", stepsOf(calls, false))
	}
	read := calls[i]
	before, after = time.Hour, time.Hour
	for _, c := range calls {
		if c.End.Before(read.Start) {
			before = min(before, read.Start.Sub(c.End))
		}
		if c.Start.After(read.End) {
			after = min(after, c.Start.Sub(read.End))
		}
	}
	return before, after
}

// TestManySessionsAreEndedAsCheaplyAsOne is the point of epochs.
func TestManySessionsAreEndedAsCheaplyAsOne(t *testing.T) {
	const many = 10_000
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	everywhere := func(o outcome) request { return logoutRequest(o.RefreshToken, true) }
	ways := []func(outcome) request{endOthersRequest, everywhere, endAllRequest}
	end := func(end func(outcome) request) (outcome, []step) {
		last := w.login()
		steps := stepsOf(w.callsOf(end(last), 200), false)
		slices.SortFunc(steps, func(a, b step) int { return strings.Compare(a.String(), b.String()) })
		return last, steps
	}
	var few [][]step
	for _, way := range ways {
		end(way) // a warm function
		_, steps := end(way)
		few = append(few, steps)
	}
	w.copySession(w.login().claims(t).SessionID, many)
	for i, way := range ways {
		last, lots := end(way)
		if diff := cmp.Diff(few[i], lots, cmp.AllowUnexported(step{})); diff != "" || len(lots) == 0 {
			t.Errorf("calls to end %d sessions, where 1 needs %v (-1 +%d)\n%s", many, few[i], many, diff)
		}
		if err := w.sessionIsDead(last)(outcome{}); (err == nil) != (i > 0) {
			t.Errorf("way %d: the caller's own session: %v", i, err)
		}
	}
}

// TestTenThousandSessionsAreListedPageByPage pays for each page what the page holds.
func TestTenThousandSessionsAreListedPageByPage(t *testing.T) {
	const many = 10_000
	w := newWorld(t, engine(t), newTable(t, engine(t)))
	own := w.login()
	w.copySession(own.claims(t).SessionID, many-1)
	w.proxy.Forget()
	seen, current := map[string]bool{}, 0
	pages, cursor := 0, ""
	for ; pages == 0 || cursor != ""; pages++ {
		var page struct {
			Sessions []struct {
				ID      string
				Current bool
			}
			Next string
		}
		if err := json.Unmarshal([]byte(w.must(listRequest(own, cursor), 200).body), &page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Sessions {
			seen[s.ID] = true
			if s.Current {
				current++
			}
		}
		cursor = page.Next
	}
	queries := 0
	for _, c := range w.proxy.Calls() {
		if c.Operation == "Query" {
			queries++
		}
	}
	if len(seen) != many || current != 1 || queries != pages {
		t.Errorf("%d sessions, %d of them current, by %d queries for %d pages; want %d, 1 and one a page", len(seen), current, queries, pages, many)
	}
}

// copySession writes so many copies of a session of the person, past the store.
func (w *world) copySession(sid string, count int) {
	w.t.Helper()
	original := w.item("SESSIONS#"+w.person.ID.String(), sid)
	var batch []types.WriteRequest
	for i := range count {
		item := maps.Clone(original)
		item["sk"] = &types.AttributeValueMemberS{Value: uuid.NewString()}
		batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		if len(batch) < 25 && i < count-1 {
			continue
		}
		out, err := w.direct.BatchWriteItem(w.t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{w.table: batch},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			w.t.Fatalf("write sessions: %v, unprocessed %v", err, out)
		}
		batch = nil
	}
}
