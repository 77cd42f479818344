package dynamo_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// sessionOnTheWire is the least that a session item holds.
var sessionOnTheWire = map[string]any{
	"client_id": map[string]any{"S": "app"}, "device": map[string]any{"S": ""}, "remembered": map[string]any{"BOOL": false},
	"generation": map[string]any{"N": "1"}, "rotated_at": map[string]any{"N": "1"}, "created_at": map[string]any{"N": "1"},
	"auth_time": map[string]any{"N": "1"}, "idle_expiry": map[string]any{"N": "1"}, "expiry": map[string]any{"N": "1"},
	"epoch": map[string]any{"N": "1"},
}

// hostile is text that would meet another key if it were used as it is.
var hostile = []string{
	"", "a", "A", "a#LOGIN", "a#", "#a", "a%23", "a%2523", "a%", "a/b", "a b", "a+b", "ä", "a\u0308", "a\x00", "\xff", "\xfe", "\ufffd",
	"LOGIN", "ACCOUNT#0190a1b2-0000-7000-8000-000000000001",
}

// wantOwnKeys calls write with each text and checks that no two share a key, that each key begins with the
// prefix, and that no text adds a "#".
func wantOwnKeys(t *testing.T, table *fake, texts []string, prefix string, write func(text string) error) {
	t.Helper()
	owner := map[string]string{}
	separators := -1
	for _, text := range texts {
		if err := write(text); err != nil {
			t.Fatalf("text %q: %v", text, err)
		}
		body := table.last(t).body
		at := body["Key"]
		if at == nil {
			at = body["Item"]
		}
		key := keyText(at)
		if other, taken := owner[key]; taken {
			t.Errorf("texts %q and %q share the key %q", other, text, key)
		}
		owner[key] = text
		if !strings.HasPrefix(key, prefix) {
			t.Errorf("text %q: key %q, want the prefix %q", text, key, prefix)
		}
		n := strings.Count(key, "#")
		if separators >= 0 && n != separators {
			t.Errorf("text %q: key %q has %d separators, want %d", text, key, n, separators)
		}
		separators = n
	}
}

func TestNoTwoUsernamesShareAKey(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	wantOwnKeys(t, table, hostile, "LOGIN#", func(username string) error {
		if _, err := store.LoginName(t.Context(), username); !errors.Is(err, account.ErrNotFound) {
			return err
		}
		return nil
	})
}

func TestNoTwoBucketsShareAKey(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	wantOwnKeys(t, table, hostile, "ATTEMPTS#account#", func(key string) error {
		b := testBucket
		b.Key = key
		return store.Clear(t.Context(), b)
	})
	wantOwnKeys(t, table, hostile, "ATTEMPTS#", func(kind string) error {
		b := testBucket
		b.Kind = kind
		return store.Clear(t.Context(), b)
	})
	windows := []string{"0", "1", "2", "10", "-1"}
	wantOwnKeys(t, table, windows, "ATTEMPTS#account#", func(window string) error {
		b := testBucket
		b.Window, _ = strconv.ParseInt(window, 10, 64)
		return store.Clear(t.Context(), b)
	})
}

func TestNoTwoRevocationsShareAKey(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	at := time.UnixMilli(1_700_000_000_123)
	wantOwnKeys(t, table, hostile, "REVOCATION#0\x001700000000123#jti#", func(id string) error {
		return store.Append(t.Context(), revocation.Entry{At: at, Kind: revocation.Token, ID: id})
	})
	wantOwnKeys(t, table, hostile, "REVOCATION#0\x001700000000123#", func(kind string) error {
		return store.Append(t.Context(), revocation.Entry{At: at, Kind: revocation.Kind(kind), ID: "id"})
	})
}

func TestClientWithoutAPossibleKeyIsUnknown(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	for _, id := range []string{"", strings.Repeat("a", 1025)} {
		if _, err := store.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("id of %d bytes: error = %v, want ErrUnknown", len(id), err)
		}
	}
	if got := len(table.calls()); got != 0 {
		t.Errorf("the table was asked %d times, want 0", got)
	}
}

func TestReadsAreStronglyConsistent(t *testing.T) {
	for _, op := range operations {
		if op.write || op.api == "TransactGetItems" { // which always are
			continue
		}
		table := newFake(t)
		_ = op.call(t.Context(), open(t, dynamo.Config{Table: "t", Endpoint: table.URL}))
		if got := table.last(t).body["ConsistentRead"]; got != true {
			t.Errorf("%s: ConsistentRead = %v, want true", op.name, got)
		}
	}
}

func TestItemsThatEndHaveATimeToLive(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	entry := revocation.Entry{At: at, Kind: revocation.Token, ID: "i"}
	for name, test := range map[string]struct {
		call func(t *testing.T, s *dynamo.Store) error
		in   func(body map[string]any) string
		min  time.Time
		max  time.Time
	}{
		"session, idle expiry first": {
			func(t *testing.T, s *dynamo.Store) error {
				return s.Create(t.Context(), session.Session{IdleExpiry: at, Expiry: at.Add(time.Hour)})
			}, inItem, at, at,
		},
		"session, absolute expiry first": {
			func(t *testing.T, s *dynamo.Store) error {
				return s.Create(t.Context(), session.Session{IdleExpiry: at.Add(time.Hour), Expiry: at})
			}, inItem, at, at,
		},
		"revocation": {
			func(t *testing.T, s *dynamo.Store) error { return s.Append(t.Context(), entry) },
			inItem, entry.ExpiresAt(), entry.ExpiresAt().Add(time.Second),
		},
		"attempts": {
			func(t *testing.T, s *dynamo.Store) error {
				_, err := s.Take(t.Context(), account.Bucket{Kind: "network", Limit: 1, Until: at})
				return err
			}, func(body map[string]any) string { return attribute(body["ExpressionAttributeValues"], ":ttl") },
			at.Add(time.Second), at.Add(time.Hour),
		},
	} {
		table := newFake(t)
		if err := test.call(t, open(t, dynamo.Config{Table: "t", Endpoint: table.URL})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := strconv.ParseInt(test.in(table.last(t).body), 10, 64)
		if err != nil || got < test.min.Unix() || got > test.max.Unix() {
			t.Errorf("%s: expires_at = %d (error %v), want %d to %d", name, got, err, test.min.Unix(), test.max.Unix())
		}
	}
}

func inItem(body map[string]any) string { return attribute(body["Item"], "expires_at") }

func TestBucketWithoutALimitTakesNothing(t *testing.T) {
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	b := testBucket
	b.Limit = 0
	if ok, err := store.Take(t.Context(), b); ok || err != nil {
		t.Errorf("Take = %t, %v; want false, nil", ok, err)
	}
}

// Items of the version before lack what it did not know: nothing may be made of that but "not known".
func TestSessionOlderThanItsAttributesIsRead(t *testing.T) {
	table := newFake(t)
	table.on("GetItem", func(w http.ResponseWriter, _ call, _ int) { reply(w, map[string]any{"Item": sessionOnTheWire}) })
	got, err := open(t, dynamo.Config{Table: "t", Endpoint: table.URL}).Session(t.Context(), testAccount, testSession)
	if err != nil || got.Scopes != nil || !got.PriorRotation.IsZero() || got.Stale != nil {
		t.Errorf("Session = %+v, %v; want no scopes, prior rotation or stale tokens", got, err)
	}
}

func TestLostReplyOfARotationComesBackAsTheSessionFound(t *testing.T) {
	table := newFake(t)
	table.on("UpdateItem", func(w http.ResponseWriter, _ call, before int) {
		if before == 0 {
			hangUp(w)
			return
		}
		refuse(w, "ConditionalCheckFailedException", map[string]any{"Item": sessionOnTheWire})
	})
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	got, err := store.Rotate(t.Context(), session.Rotation{AccountID: testAccount, SessionID: testSession, ClientID: "app"})
	if !errors.Is(err, session.ErrStale) || got.Generation != 1 || got.ID != testSession {
		t.Errorf("Rotate = generation %d of %s, error %v; want generation 1 of %s with ErrStale", got.Generation, got.ID, err, testSession)
	}
}

func TestChangeAccountTellsAMissingAccountFromAConflict(t *testing.T) {
	const failed, held = "ConditionalCheckFailed", "None"
	found := map[string]any{"epoch": map[string]any{"N": "9"}}
	for name, test := range map[string]struct {
		account, login map[string]any
		want           error
	}{
		"no account":              {map[string]any{"Code": failed}, map[string]any{"Code": failed}, account.ErrNotFound},
		"another epoch of both":   {map[string]any{"Code": failed, "Item": found}, map[string]any{"Code": failed, "Item": found}, account.ErrConflict},
		"another of the account":  {map[string]any{"Code": failed, "Item": found}, map[string]any{"Code": held}, account.ErrConflict},
		"another of the name":     {map[string]any{"Code": held}, map[string]any{"Code": failed, "Item": found}, account.ErrConflict},
		"no such name any longer": {map[string]any{"Code": held}, map[string]any{"Code": failed}, account.ErrConflict},
	} {
		table := newFake(t)
		table.on("TransactWriteItems", always("TransactionCanceledException", map[string]any{
			"CancellationReasons": []any{test.account, test.login, map[string]any{"Code": held}},
		}))
		store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
		if err := store.ChangeAccount(t.Context(), account.Change{Account: account.Account{Username: "ada"}}); !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", name, err, test.want)
		}
	}
}

func TestCreateAccountTellsItsOwnWriteFromATakenName(t *testing.T) {
	other := uuid.MustParse("0190a1b2-0000-7000-8000-000000000009")
	for name, test := range map[string]struct {
		owner uuid.UUID
		want  error
	}{
		"its own":       {testAccount, nil},
		"somebody else": {other, account.ErrExists},
	} {
		table := newFake(t)
		table.on("TransactWriteItems", always("TransactionCanceledException", map[string]any{"CancellationReasons": []any{
			map[string]any{"Code": "ConditionalCheckFailed"},
			map[string]any{"Code": "ConditionalCheckFailed", "Item": map[string]any{"account_id": map[string]any{"S": test.owner.String()}}},
		}}))
		store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
		if err := store.CreateAccount(t.Context(), account.Account{ID: testAccount, Username: "u"}, "hash"); !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", name, err, test.want)
		}
	}
}

// A table of the version before has the epoch at login names too. An account of a subject has no login name, so a change that
// wanted one would fail for ever.
func TestChangeOfASubjectWantsNoLoginName(t *testing.T) {
	table := newFake(t)
	var written int
	table.on("TransactWriteItems", func(w http.ResponseWriter, c call, _ int) {
		items, _ := c.body["TransactItems"].([]any)
		written = len(items)
		reply(w, map[string]any{})
	})
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if err := store.ChangeAccount(t.Context(), account.Change{}); err != nil || written != 2 {
		t.Errorf("error %v, %d writes; want account and log entry alone", err, written)
	}
}
