package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

var (
	testAccount = uuid.MustParse("0190a1b2-0000-7000-8000-000000000001")
	testSession = uuid.MustParse("0190a1b2-0000-7000-8000-000000000002")
	testBucket  = account.Bucket{Kind: "account", Key: "k", Window: 1, Limit: 10, Until: time.Unix(900, 0)}
	testParts   = map[keyring.Part][]byte{keyring.Signing: {1}, keyring.Refresh: {2}, keyring.Public: {3}}
)

// operation is a method of a store with its DynamoDB operation.
type operation struct {
	name  string
	api   string
	write bool
	call  func(context.Context, *dynamo.Store) error
}

var operations = []operation{
	{"Client", "GetItem", false, func(ctx context.Context, s *dynamo.Store) error { _, err := s.Client(ctx, "app"); return err }},
	{"Account", "GetItem", false, func(ctx context.Context, s *dynamo.Store) error { _, err := s.Account(ctx, testAccount); return err }},
	{"AccountAndLogin", "TransactGetItems", false, func(ctx context.Context, s *dynamo.Store) error {
		_, _, err := s.AccountAndLogin(ctx, testAccount, "u")
		return err
	}},
	{"LoginName", "GetItem", false, func(ctx context.Context, s *dynamo.Store) error { _, err := s.LoginName(ctx, "u"); return err }},
	{"Session", "GetItem", false, func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.Session(ctx, testAccount, testSession)
		return err
	}},
	{"SessionsOf", "Query", false, func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.SessionsOf(ctx, testAccount, testSession, 1)
		return err
	}},
	{"ReadPart", "GetItem", false, func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.ReadPart(ctx, keyring.Public)
		return err
	}},
	{"Since", "Query", false, func(ctx context.Context, s *dynamo.Store) error { _, err := s.Since(ctx, time.Time{}); return err }},
	{"PutClient", "PutItem", true, func(ctx context.Context, s *dynamo.Store) error { return s.PutClient(ctx, client.Client{ID: "app"}) }},
	{"ReplaceClient", "PutItem", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.ReplaceClient(ctx, 0, client.Client{ID: "app", Revision: 1})
	}},
	{"Create", "PutItem", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.Create(ctx, session.Session{AccountID: testAccount, ID: testSession})
	}},
	{"Append", "PutItem", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.Append(ctx, revocation.Entry{At: time.Unix(1, 0), Kind: revocation.Token, ID: "i"})
	}},
	{"Rotate", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.Rotate(ctx, session.Rotation{AccountID: testAccount, SessionID: testSession})
		return err
	}},
	{"RecordReplay", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error {
		_, err := s.RecordReplay(ctx, session.Replay{AccountID: testAccount, SessionID: testSession})
		return err
	}},
	{"Take", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error { _, err := s.Take(ctx, testBucket); return err }},
	{"Refund", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error { return s.Refund(ctx, testBucket) }},
	{"Clear", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error { return s.Clear(ctx, testBucket) }},
	{"SetAccess", "UpdateItem", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.SetAccess(ctx, testAccount, account.Access{}, account.Access{})
	}},
	{"DeleteAccount", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.DeleteAccount(ctx, account.Change{Account: account.Account{ID: testAccount, Username: "u"}})
	}},
	{"CreateAccount", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.CreateAccount(ctx, account.Account{ID: testAccount, Username: "u"}, "hash")
	}},
	{"Rehash", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error { return s.Rehash(ctx, "u", "hash", "other") }},
	{"ChangeAccount", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.ChangeAccount(ctx, account.Change{Account: account.Account{ID: testAccount, Username: "u"}, Hash: "hash", Keep: testSession})
	}},
	{"Revoke", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error {
		return s.Revoke(ctx, session.Ending{AccountID: testAccount, SessionID: testSession})
	}},
	{"ReplaceParts", "TransactWriteItems", true, func(ctx context.Context, s *dynamo.Store) error { return s.ReplaceParts(ctx, 0, testParts) }},
}

// endsWithin is the 3 seconds that a call has, and what a busy machine may add. Without a deadline it would not end.
const endsWithin = 15 * time.Second

// always answers with one error.
func always(code string, members ...map[string]any) answer {
	return func(w http.ResponseWriter, _ call, _ int) { refuse(w, code, members...) }
}

func TestEveryFaultIsUnavailable(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, fault := range map[string]answer{
		"throttled":       always("ThrottlingException"),
		"over capacity":   always("ProvisionedThroughputExceededException"),
		"table missing":   always("ResourceNotFoundException"),
		"access denied":   always("AccessDeniedException"),
		"expired token":   always("ExpiredTokenException"),
		"not understood":  always("ValidationException"),
		"internal error":  always("InternalServerError"),
		"connection lost": func(w http.ResponseWriter, _ call, _ int) { hangUp(w) },
		"not an answer":   func(w http.ResponseWriter, _ call, _ int) { _, _ = io.WriteString(w, "<html>") },
		// For every operation, also those that never meet it.
		"conflict":              always("TransactionConflictException"),
		"cancelled by conflict": always("TransactionCanceledException", cancelled("None", "TransactionConflict", "None")),
		"cancelled by throttle": always("TransactionCanceledException", cancelled("ThrottlingError", "None", "None")),
		"cancelled by nobody":   always("TransactionCanceledException"),
	} {
		for _, op := range operations {
			wg.Go(func() { wantUnavailable(t, name, op, fault) })
		}
	}
}

// TestSilentTableIsUnavailableWithinThreeSeconds waits for real, so it tries one method for each of
// DynamoDB's operations, all at once.
func TestSilentTableIsUnavailableWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, fault := range map[string]answer{
		"no answer": func(w http.ResponseWriter, _ call, _ int) { waitForCaller(w) },
		"half an answer": func(w http.ResponseWriter, _ call, _ int) {
			_, _ = io.WriteString(w, `{"Item":{`)
			_ = http.NewResponseController(w).Flush()
			waitForCaller(w)
		},
	} {
		tried := map[string]bool{}
		for _, op := range operations {
			if !tried[op.api] {
				tried[op.api] = true
				wg.Go(func() {
					start := time.Now()
					wantUnavailable(t, name, op, fault)
					if took := time.Since(start); took > endsWithin {
						t.Errorf("%s: %s took %s, want about 3s", name, op.name, took)
					}
				})
			}
		}
	}
}

// waitForCaller ends when the caller has given up.
func waitForCaller(w http.ResponseWriter) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, buffered)
	_ = conn.Close()
}

func wantUnavailable(t *testing.T, name string, op operation, fault answer) {
	t.Helper()
	table := newFake(t)
	table.on(op.api, fault)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if err := op.call(t.Context(), store); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("%s: %s: error = %v, want ErrUnavailable", name, op.name, err)
	}
}

func TestCancelledCallIsUnavailable(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, op := range operations {
		if err := op.call(ctx, store); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: error = %v, want ErrUnavailable", op.name, err)
		}
	}
	if got := len(table.calls()); got != 0 {
		t.Errorf("the table was asked %d times, want 0", got)
	}
}

func TestThrottledForEverGivesUpAfterThreeAttempts(t *testing.T) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			table := newFake(t)
			table.on(op.api, always("ThrottlingException"))
			start := time.Now()
			_ = op.call(t.Context(), open(t, dynamo.Config{Table: "t", Endpoint: table.URL}))
			if took := time.Since(start); took > endsWithin {
				t.Errorf("took %s, want about 3s", took)
			}
			if got := len(table.calls()); got != 3 {
				t.Errorf("%d attempts, want 3", got)
			}
		})
	}
}

// TestOneSilentAttemptIsNotOutage: what one attempt may take leaves time for another.
func TestOneSilentAttemptIsNotOutage(t *testing.T) {
	t.Parallel()
	var err error
	for range 3 { // a machine that does much else may be late once
		table := newFake(t)
		table.on("PutItem", func(w http.ResponseWriter, _ call, before int) {
			if before == 0 {
				waitForCaller(w)
				return
			}
			reply(w, map[string]any{})
		})
		store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
		if err = store.PutClient(t.Context(), client.Client{ID: "app"}); err == nil {
			return
		}
	}
	t.Errorf("PutClient: error = %v, want nil", err)
}

// TestConflictIsNotOutage meets more conflicts than there are attempts of a throttled call. The SDK does not repeat what
// a cancelled transaction was throttled for either.
func TestConflictIsNotOutage(t *testing.T) {
	const conflicts = 6
	reasons := []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
	for _, op := range operations {
		if !op.write {
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			table := newFake(t)
			table.on(op.api, func(w http.ResponseWriter, c call, before int) {
				switch {
				case before >= conflicts:
					reply(w, map[string]any{"Attributes": sessionOnTheWire})
				case op.api == "TransactWriteItems":
					refuse(w, "TransactionCanceledException", cancelled("None", reasons[before%len(reasons)]))
				default:
					refuse(w, "TransactionConflictException")
				}
			})
			if err := op.call(t.Context(), open(t, dynamo.Config{Table: "t", Endpoint: table.URL})); err != nil {
				t.Errorf("after %d conflicts: %v, want nil", conflicts, err)
			}
			if got := len(table.calls()); got != conflicts+1 {
				t.Errorf("asked %d times, want %d", got, conflicts+1)
			}
		})
	}
}

// TestFailedConditionOutweighsAConflict has both in one cancelled transaction: the condition is the answer.
func TestFailedConditionOutweighsAConflict(t *testing.T) {
	table := newFake(t)
	table.on("TransactWriteItems", always("TransactionCanceledException", cancelled("ConditionalCheckFailed", "TransactionConflict")))
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if err := store.Revoke(t.Context(), session.Ending{}); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Revoke: error = %v, want ErrNotFound", err)
	}
	if got := len(table.calls()); got != 1 {
		t.Errorf("asked %d times, want 1", got)
	}
}

// TestRepeatedTransactionIsRecognised loses the answer: the repetition must carry the same token, or it
// would be judged by what it wrote itself.
func TestRepeatedTransactionIsRecognised(t *testing.T) {
	for _, op := range operations {
		if op.api != "TransactWriteItems" {
			continue
		}
		table := newFake(t)
		table.on(op.api, func(w http.ResponseWriter, _ call, before int) {
			if before == 0 {
				hangUp(w)
				return
			}
			reply(w, map[string]any{})
		})
		if err := op.call(t.Context(), open(t, dynamo.Config{Table: "t", Endpoint: table.URL})); err != nil {
			t.Errorf("%s: error = %v, want nil", op.name, err)
		}
		calls := table.calls()
		if len(calls) != 2 {
			t.Fatalf("%s: asked %d times, want 2", op.name, len(calls))
		}
		first, second := calls[0].body["ClientRequestToken"], calls[1].body["ClientRequestToken"]
		if first == nil || first == "" || first != second {
			t.Errorf("%s: tokens %v and %v, want the same one twice", op.name, first, second)
		}
	}
}
