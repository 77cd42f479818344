package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/policy"
)

// userOperation is something that a person or a client does.
type userOperation struct {
	name string

	// prepare brings the world to where the request can be sent. done tells whether what was asked for has
	// happened, once an answer had the status.
	prepare func(w *world) (sent request, done func(outcome) error)
	status  int
	code    string // error code of the answer, "" for success

	reuse     bool     // is it, so that the session's end is no mistake
	late      bool     // is it, so that a late retry is no mistake
	again     int      // another status that a repetition may have after the first was carried out, but not answered
	againCode string   // its error code; empty: that of a refused token
	spares    []string // operation and beginning of the key of calls without which the answer is the same
	soon      bool     // what is sent is good for less than a minute
	racing    bool     // calls of one kind race with each other: only the first is told apart
	proves    bool     // it begins by the password, as a change of the password does: those calls are told apart there
}

// userOperations are those of docs/design.md §11 that are built, over functions that are warm or cold as they happen to
// be: together they make every call that the functions make.
var userOperations = slices.Concat(apiOperations, siteOperations, signInOperations, accountOperations)

// apiOperations are those of the routes that answer with JSON.
var apiOperations = []userOperation{
	{name: "login", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.login()
		return w.loginRequest(), w.tokensAreGood
	}},
	{name: "login of an imported account", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.login()
		w.importHash()
		return w.loginRequest(), w.tokensAreGood
	}},
	{name: "refresh", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.refresh(w.login().RefreshToken)
		return refreshRequest(tokens.RefreshToken), w.tokensAreGood
	}},
	{name: "refresh retried", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		first := w.login()
		second := w.refresh(first.RefreshToken)
		return refreshRequest(first.RefreshToken), w.sameSuccessor(second)
	}},
	{name: "late retry", status: 200, late: true, prepare: func(w *world) (request, func(outcome) error) {
		first := w.login()
		second := w.refresh(first.RefreshToken)
		w.pass(2 * time.Hour)
		return refreshRequest(first.RefreshToken), w.sameSuccessor(second)
	}},
	{name: "reuse", status: 400, code: "invalid_grant", reuse: true, prepare: func(w *world) (request, func(outcome) error) {
		first := w.login()
		newest := w.refresh(w.refresh(first.RefreshToken).RefreshToken)
		return refreshRequest(first.RefreshToken), w.sessionIsDead(newest)
	}},
	{name: "refresh at the token endpoint", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		return tokenRequest(w.must(tokenRequest(w.login().RefreshToken), 200).RefreshToken), w.tokensAreGood
	}},
	{name: "late retry at the token endpoint", status: 200, late: true, prepare: func(w *world) (request, func(outcome) error) {
		first := w.login()
		second := w.must(tokenRequest(first.RefreshToken), 200)
		w.pass(2 * time.Hour)
		return tokenRequest(first.RefreshToken), w.sameSuccessor(second)
	}},
	{name: "reuse at the token endpoint", status: 400, code: "invalid_grant", reuse: true, prepare: func(w *world) (request, func(outcome) error) {
		first := w.login()
		newest := w.must(tokenRequest(w.must(tokenRequest(first.RefreshToken), 200).RefreshToken), 200)
		return tokenRequest(first.RefreshToken), w.sessionIsDead(newest)
	}},
	{name: "client credentials", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.login() // there are keys
		w.restart()
		return ownTokenRequest(), func(a outcome) error {
			return w.expect("the service's own token", authorizeRequest(a.AccessToken), 200)
		}
	}},
	{name: "client credentials by a key", status: 200, again: 401, againCode: "invalid_client", prepare: func(w *world) (request, func(outcome) error) {
		w.login() // there are keys
		w.restart()
		return w.assertedTokenRequest(), func(a outcome) error {
			if a.status != 200 {
				return nil // the answer was lost, and the assertion is used up
			}
			return w.expect("the service's own token", authorizeRequest(a.AccessToken), 200)
		}
	}},
	{name: "introspect an access token", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.restart()
		return introspectRequest(tokens.AccessToken), isActive
	}},
	{name: "introspect a refresh token", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.restart()
		return introspectRequest(tokens.RefreshToken), isActive
	}},
	{name: "revoke refresh token", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.must(revokeRequest(w.login().RefreshToken), 200) // a warm function
		return revokeRequest(tokens.RefreshToken), w.sessionIsDead(tokens)
	}},
	{name: "revoke access token", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.restart()
		return revokeRequest(tokens.AccessToken), func(outcome) error {
			return errors.Join(w.expect("the revoked token", authorizeRequest(tokens.AccessToken), 403),
				w.expect("its session", refreshRequest(tokens.RefreshToken), 200))
		}
	}},
	{name: "logout", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.must(logoutRequest(w.login().RefreshToken, false), 200)
		return logoutRequest(tokens.RefreshToken, false), w.sessionIsDead(tokens)
	}},
	// Who repeats it holds a token that the first has ended, and learns no more than that.
	{name: "logout everywhere", status: 200, again: 400, prepare: func(w *world) (request, func(outcome) error) {
		w.must(logoutRequest(w.login().RefreshToken, true), 200)
		tokens, elsewhere := w.login(), w.login()
		return logoutRequest(tokens.RefreshToken, true), func(a outcome) error {
			return errors.Join(w.sessionIsDead(tokens)(a), w.sessionIsDead(elsewhere)(a))
		}
	}},
	{name: "list sessions", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.must(listRequest(w.login(), ""), 200) // a warm function
		tokens := w.login()
		return listRequest(tokens, ""), func(a outcome) error {
			if !strings.Contains(a.body, tokens.claims(w.t).SessionID) {
				return fmt.Errorf("the caller's session is not in the list %s", a.body)
			}
			return nil
		}
	}},
	{name: "end one session", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.must(listRequest(w.login(), ""), 200) // a warm function
		tokens, elsewhere := w.login(), w.login()
		return endRequest(tokens, elsewhere.claims(w.t).SessionID), func(a outcome) error {
			return errors.Join(w.sessionIsDead(elsewhere)(a), w.expect("the caller's own", refreshRequest(tokens.RefreshToken), 200))
		}
	}},
	{name: "end the other sessions", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.must(listRequest(w.login(), ""), 200) // a warm function
		tokens, elsewhere := w.login(), w.login()
		return endOthersRequest(tokens), func(a outcome) error {
			return errors.Join(w.sessionIsDead(elsewhere)(a), w.expect("the caller's own", refreshRequest(tokens.RefreshToken), 200))
		}
	}},
	// Who repeats it has a session that the first has ended.
	{name: "end all sessions", status: 200, again: 401, prepare: func(w *world) (request, func(outcome) error) {
		w.must(endAllRequest(w.login()), 200) // a warm function
		tokens, elsewhere := w.login(), w.login()
		return endAllRequest(tokens), func(a outcome) error {
			return errors.Join(w.sessionIsDead(tokens)(a), w.sessionIsDead(elsewhere)(a))
		}
	}},
	// Who repeats it has a session that the first has ended.
	{name: "change password", status: 200, again: 401, prepare: func(w *world) (request, func(outcome) error) {
		tokens, elsewhere := w.login(), w.login()
		before, next := w.password, "another-"+strings.ToLower(rand.Text())
		w.restart()
		return passwordRequest(tokens, before, next), func(a outcome) error {
			w.password = next
			if a.status != 200 { // the answer with the new session was lost
				a = w.login()
			}
			return errors.Join(w.sessionIsDead(elsewhere)(a), w.sessionIsDead(tokens)(a), w.tokensAreGood(a),
				w.expect("a login with the new password", w.loginRequest(), 200))
		}
	}},
	{name: "login that ends the others", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		elsewhere := w.login()
		sent := w.loginRequest()
		sent.body = strings.Replace(sent.body, "{", `{"end_others":true,`, 1)
		return sent, func(a outcome) error { return errors.Join(w.sessionIsDead(elsewhere)(a), w.tokensAreGood(a)) }
	}},
	{name: "begin the first session of a subject", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		w.must(beginRequest(newSubject(), ""), 200) // a warm function
		return beginRequest(newSubject(), ""), w.tokensAreGood
	}},
	{name: "begin another", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		w.must(beginRequest(subject, ""), 200)
		return beginRequest(subject, "key"), w.tokensAreGood
	}},
	{name: "begin after a change", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		w.must(beginRequest(subject, ""), 200)
		w.must(changeRequest(subject, `{"roles":["editor"]}`), 200)
		sent := beginRequest(subject, "key")
		sent.body = strings.Replace(sent.body, "{", `{"claims":{"plan":"gold"},`, 1)
		return sent, w.tokensAreGood
	}},
	{name: "begin again with the same key", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		first := w.must(beginRequest(subject, "key"), 200)
		return beginRequest(subject, "key"), func(a outcome) error {
			if a.RefreshToken != first.RefreshToken {
				return errors.New("the same key began another session")
			}
			return w.tokensAreGood(a)
		}
	}},
	{name: "list the sessions of a subject", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		sid := w.must(beginRequest(subject, ""), 200).claims(w.t).SessionID
		return listOfRequest(subject), func(a outcome) error {
			if !strings.Contains(a.body, sid) {
				return fmt.Errorf("the session is not in the list %s", a.body)
			}
			return nil
		}
	}},
	{name: "end one session of a subject", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		one, other := w.must(beginRequest(subject, ""), 200), w.must(beginRequest(subject, ""), 200)
		return endOfRequest(subject, one.claims(w.t).SessionID), func(a outcome) error {
			return errors.Join(w.sessionIsDead(one)(a), w.expect("the other", refreshRequest(other.RefreshToken), 200))
		}
	}},
	{name: "end all sessions of a subject", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		one, other := w.must(beginRequest(subject, ""), 200), w.must(beginRequest(subject, ""), 200)
		return endAllOfRequest(subject), func(a outcome) error {
			return errors.Join(w.sessionIsDead(one)(a), w.sessionIsDead(other)(a), w.expect("a new one", beginRequest(subject, ""), 200))
		}
	}},
	{name: "change and disable a subject", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		subject := newSubject()
		one := w.must(beginRequest(subject, ""), 200)
		return changeRequest(subject, `{"roles":["editor"],"disabled":true}`), func(a outcome) error {
			return errors.Join(w.sessionIsDead(one)(a), w.expect("a new one", beginRequest(subject, ""), 403))
		}
	}},
	{name: "ask for a ticket", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.restart()
		return ticketRequest(tokens), func(a outcome) error {
			if a.status != 200 {
				return nil
			}
			return w.expect("a WebSocket with the ticket", connectRequest(a.Ticket), 200)
		}
	}},
	{name: "authorize", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.login()
		w.restart()
		return authorizeRequest(tokens.AccessToken), func(outcome) error { return nil }
	}},
	{name: "authorize, roles looked up", status: 200, prepare: func(w *world) (request, func(outcome) error) {
		tokens := w.lookUpRoles()
		w.restart()
		return authorizeGuarded(tokens.AccessToken), func(outcome) error { return nil }
	}},
}

// lookUpRoles registers the client anew, so that its tokens have no roles, gives the person the role that the policy of guardedAPI asks
// for, and logs in.
func (w *world) lookUpRoles() outcome {
	w.t.Helper()
	app := signInClients()[0]
	app.Roles = client.RolesLookup
	ctx, needsRole := w.t.Context(), policy.Record{Version: 1, Document: []byte(`{"unlisted":"deny","routes":[{"route":"GET /orders","roles":["member"]}]}`)}
	err := w.store.PutPolicy(ctx, guardedAPI, needsRole)
	if errors.Is(err, policy.ErrConflict) { // it is there
		err = nil
	}
	if err := errors.Join(err, w.store.PutClient(ctx, app), w.store.SetAccess(ctx, w.person.ID, w.person.Access(), account.Access{Roles: []string{"member"}, Scopes: w.person.Scopes})); err != nil {
		w.t.Fatal(err)
	}
	w.restart()
	return w.login()
}

// newSubject is an id that the back end has given to nobody yet.
func newSubject() string { return "user-" + rand.Text() }

// firstLogin creates the keyring. It needs a table of its own.
var firstLogin = userOperation{name: "first login", status: 200, racing: true, prepare: func(w *world) (request, func(outcome) error) {
	w.removeKeyring()
	return w.loginRequest(), w.tokensAreGood
}}

func isActive(a outcome) error {
	if !strings.HasPrefix(a.body, `{"active":true,`) {
		return fmt.Errorf("introspection answers %s, want the token active", a.body)
	}
	return nil
}

func (w *world) tokensAreGood(a outcome) error {
	return errors.Join(w.expect("the new access token", authorizeRequest(a.AccessToken), 200),
		w.expect("the new refresh token", refreshRequest(a.RefreshToken), 200))
}

func (w *world) sameSuccessor(first outcome) func(outcome) error {
	return func(a outcome) error {
		if a.RefreshToken != first.RefreshToken {
			return errors.New("the retry got another refresh token than the first")
		}
		return w.tokensAreGood(a)
	}
}

func (w *world) sessionIsDead(tokens outcome) func(outcome) error {
	return func(outcome) error {
		return errors.Join(w.expect("a refresh token of the ended session", refreshRequest(tokens.RefreshToken), 400),
			w.expect("an access token of the ended session", authorizeRequest(tokens.AccessToken), 403))
	}
}

// step is one call of an operation, told apart from the others by what it does to which kind of item.
type step struct {
	operation string
	key       string // the beginning of its first leading key
	before    int    // how many calls of this kind the operation makes before
	writes    bool
}

func (s step) String() string { return fmt.Sprintf("%s %s (%d)", s.operation, s.key, s.before+1) }

// rule makes calls of the step fail: all from it on, or so many.
func (s step) rule(fault faultproxy.Fault, times int) faultproxy.Rule {
	return faultproxy.Rule{Operation: s.operation, Key: s.key, Skip: s.before, Times: times, Fault: fault}
}

// bestEffort reports whether the answer is the same when the step fails: after a success, attempts are given back if
// possible, and a schema number that cannot be read is taken for the older.
func (s step) bestEffort() bool {
	return strings.HasPrefix(s.key, "ATTEMPTS#") && s.before > 0 || s.key == "SCHEMA" && !s.writes
}

// kindOf is the part of a leading key that is the same for all items of its kind.
func kindOf(key string) string {
	if i := strings.LastIndexByte(key, '#'); i >= 0 && !strings.HasPrefix(key, "KEYRING#") {
		return key[:i+1]
	}
	return key
}

// steps are those calls that the operation does not share with another.
func (op userOperation) steps(calls []faultproxy.Call) []step {
	return slices.DeleteFunc(stepsOf(calls, op.racing), func(s step) bool {
		inProof := s.operation == "TransactGetItems" || slices.ContainsFunc([]string{"CLIENT", "LOGIN#", "ATTEMPTS#", "KEYRING#"}, func(prefix string) bool {
			return strings.HasPrefix(s.key, prefix)
		})
		return op.proves && inProof
	})
}

func stepsOf(calls []faultproxy.Call, racing bool) []step {
	var steps []step
	seen := map[string]int{}
	for _, c := range calls {
		s := step{operation: c.Operation, key: kindOf(c.Accesses[0].Key), writes: c.Writes()}
		s.before = seen[s.operation+s.key]
		seen[s.operation+s.key]++
		if s.before == 0 || !racing {
			steps = append(steps, s)
		}
	}
	return steps
}

// observe runs the operation without a fault and returns its calls.
func (w *world) observe(op userOperation) []faultproxy.Call {
	w.t.Helper()
	sent, done := op.prepare(w)
	w.proxy.Forget()
	got := w.send(w.t.Context(), sent)
	calls := w.proxy.Calls()
	if err := op.check(got, done); err != nil {
		w.t.Fatalf("%s without a fault: %v", op.name, err)
	}
	return calls
}

// check is an error unless the answer is the operation's own and what was asked for has happened.
func (op userOperation) check(got outcome, done func(outcome) error) error {
	if got.status != op.status || got.Error != op.code {
		return fmt.Errorf("answered %d %s, want %d %s", got.status, got.body, op.status, op.code)
	}
	return done(got)
}

// checkUnavailable is an error unless the answer says "later" and nothing else.
func checkUnavailable(sent request, got outcome) error {
	var errs []error
	want := 503
	if sent.route == "authorize" {
		want = 403 // a refusal has one face
	}
	if got.status != want {
		errs = append(errs, fmt.Errorf("answered %d %s, want %d", got.status, got.body, want))
	}
	if isPage := functionOf[sent.route] == "signin"; want == 503 && (got.Error != "temporarily_unavailable" && !isPage || got.retryAfter == "") {
		errs = append(errs, fmt.Errorf("error %q, Retry-After %q; want temporarily_unavailable and some seconds", got.Error, got.retryAfter))
	}
	return errors.Join(append(errs, checkDetails(got))...)
}

// checkDetails is an error when an answer tells about the insides.
func checkDetails(got outcome) error {
	var errs []error
	for _, detail := range []string{"dynamo", "Dynamo", "Exception", "injected", "wavepass-test", "127.0.0.1", "SESSIONS", "KEYRING"} {
		if strings.Contains(got.body, detail) {
			errs = append(errs, fmt.Errorf("the body tells about %q: %s", detail, got.body))
		}
	}
	return errors.Join(errs...)
}

// checkPrompt is an error when an answer came late. It is for answers that wait for no engine.
func checkPrompt(got outcome) error {
	if got.took > 3*time.Second {
		return fmt.Errorf("answered after %s, want 3s at most", got.took)
	}
	return nil
}

// checkTrail is an error when somebody was taken for a thief, or used up one of the few retries that only native
// clients have.
func (w *world) checkTrail(op userOperation) error {
	trail := w.events()
	if !op.reuse && strings.Contains(trail, audit.ReuseDetected) || !op.late && strings.Contains(trail, audit.LateRetry) {
		return fmt.Errorf("an honest user was suspected:\n%s", trail)
	}
	return nil
}

// eachOperation runs test for every operation, each in a world of its own.
func eachOperation(t *testing.T, test func(t *testing.T, w *world, op userOperation)) {
	endpoint := engine(t)
	table, other := newTable(t, endpoint), newTable(t, endpoint)
	t.Run("of", func(t *testing.T) {
		for _, op := range append([]userOperation{firstLogin}, userOperations...) {
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				on := table
				if op.racing {
					on = other
				}
				test(t, newWorld(t, endpoint, on), op)
			})
		}
	})
}

// crash carries out the call and then ends the invocation that made it.
func crash(end context.CancelFunc) faultproxy.Fault {
	return func(e *faultproxy.Exchange) {
		_, _ = e.Forward()
		end()
		e.HangUp()
	}
}
