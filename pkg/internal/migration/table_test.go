package migration_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/internal/tabletemplate/tabletest"
	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// table is a table of the engine, as the version before talks to it: by its requests, kept here.
type table struct {
	t              *testing.T
	endpoint, name string
}

type item = map[string]map[string]any

// ask sends a request and returns the answer; an error of the engine is its text.
func (b table) ask(operation, request string) (answer struct{ Item item }, refusal string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), "POST", b.endpoint, strings.NewReader(strings.ReplaceAll(request, "$TABLE", b.name)))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	if response.StatusCode != 200 {
		return answer, string(data)
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		b.t.Fatal(err)
	}
	return answer, ""
}

// load writes the items that the version before has left.
func (b table) load() {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "table", "table.json"))
	var items []json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &items)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for _, it := range items {
		if _, refusal := b.ask("PutItem", `{"TableName":"$TABLE","Item":`+string(it)+`}`); refusal != "" {
			b.t.Fatal(refusal)
		}
	}
}

func (b table) get(pk, sk string) item {
	b.t.Helper()
	got, refusal := b.ask("GetItem", fmt.Sprintf(`{"TableName":"$TABLE","ConsistentRead":true,"Key":{"pk":{"S":%q},"sk":{"S":%q}}}`, pk, sk))
	if refusal != "" {
		b.t.Fatal(refusal)
	}
	return got.Item
}

// oldLogin is what a login of the version before reads: the account's id, and the epoch of the new session.
func (b table) oldLogin(username string) (id, epoch string) {
	b.t.Helper()
	name := b.get("LOGIN#"+username, "LOGIN")
	id, _ = name["account_id"]["S"].(string)
	epoch, _ = name["epoch"]["N"].(string)
	if id == "" || epoch == "" {
		b.t.Fatalf("the version before cannot read the login name %s: %v", username, name)
	}
	return id, epoch
}

// oldEndSessions is how the version before ends all sessions of an account.
func (b table) oldEndSessions(username string) (refusal string) {
	b.t.Helper()
	id, epoch := b.oldLogin(username)
	update := `{"Update":{"TableName":"$TABLE","Key":{"pk":{"S":%q},"sk":{"S":%q}},"ConditionExpression":"epoch = :from","UpdateExpression":"SET epoch = :to%s",` +
		`"ExpressionAttributeValues":{":from":{"N":%q},":to":{"N":"%s1"}%s}}}`
	_, refusal = b.ask("TransactWriteItems", `{"TransactItems":[`+
		fmt.Sprintf(update, "ACCOUNT#"+id, "ACCOUNT", ", disabled = :disabled", epoch, epoch, `,":disabled":{"BOOL":false}`)+","+
		fmt.Sprintf(update, "LOGIN#"+username, "LOGIN", "", epoch, epoch, "")+`]}`)
	return refusal
}

// openTable returns the table, filled, and a world of this version on it.
func openTable(t *testing.T) (table, *world, *dynamo.Store) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	_, name := tabletest.New(t, endpoint, "../../../template.yaml")
	b := table{t, endpoint, name}
	b.load()
	var opened *dynamo.Store
	w := newWorld(t, "table", func(now func() time.Time) all.Store {
		var err error
		opened, err = dynamo.Open(dynamo.Config{
			Table: name, Endpoint: endpoint, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials, Now: now, Patience: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		return opened
	})
	return b, w, opened
}

func TestNobodyIsLoggedOutByTheMigrationOfATable(t *testing.T) {
	b, w, opened := openTable(t)
	tokens := w.wantNobodyLoggedOut("before the migration")
	for i, want := range []schema.Migration{
		{From: schema.First, To: schema.Current, Items: 9}, {From: schema.First, To: schema.Current, Items: 9}, {From: schema.Current, To: schema.Current},
	} {
		done, err := opened.Migrate(t.Context(), i == 0) // the first is a rehearsal
		if err != nil || done != want {
			t.Fatalf("migration %d: %+v, error %v; want %+v", i, done, err, want)
		}
	}
	if name := b.get("LOGIN#ada", "LOGIN"); name["epoch"] != nil {
		t.Errorf("the login name has kept its epoch: %v", name)
	}
	tokens = w.wantAllRefresh("after the migration", tokens)
	w.clock.Advance(14*24*time.Hour - time.Minute)
	w.wantAllRefresh("a minute before they are idle for too long", tokens)
	if status, _ := w.login("app", "νικος", w.left.Accounts[0].Password); status != 200 {
		t.Errorf("login after the migration: %d", status)
	}
}

// TestHalfAMigrationGoesOn: the number was raised, and one login name of nine was done.
func TestHalfAMigrationGoesOn(t *testing.T) {
	b, w, opened := openTable(t)
	for _, request := range []string{
		`{"TableName":"$TABLE","Key":{"pk":{"S":"SCHEMA"},"sk":{"S":"SCHEMA"}},"UpdateExpression":"SET #n = :n","ExpressionAttributeNames":{"#n":"number"},"ExpressionAttributeValues":{":n":{"N":"2"}}}`,
		`{"TableName":"$TABLE","Key":{"pk":{"S":"LOGIN#ada"},"sk":{"S":"LOGIN"}},"UpdateExpression":"REMOVE epoch"}`,
	} {
		if _, refusal := b.ask("UpdateItem", request); refusal != "" {
			t.Fatal(refusal)
		}
	}
	w.wantNobodyLoggedOut("half-way")
	if done, err := opened.Migrate(t.Context(), false); err != nil || done.Items != 8 {
		t.Errorf("the rest of the migration: %+v, error %v; want 8 login names", done, err)
	}
}

// TestOldAndNewFunctionsWorkSideBySide on one table, whose number is 1: each finds what the other has changed as it needs it.
func TestOldAndNewFunctionsWorkSideBySide(t *testing.T) {
	b, w, _ := openTable(t)
	password := w.left.Accounts[0].Password
	for round := range 3 {
		_, token := w.login("app", "ada", password)
		status, _, _ := w.do("POST /logout", "application/json", fmt.Sprintf(`{"client_id":"app","refresh_token":%q,"everywhere":true}`, token), "")
		if status != 200 {
			t.Fatalf("round %d: logout everywhere by this version: %d", round, status)
		}
		id, epoch := b.oldLogin("ada")
		if got := b.get("ACCOUNT#"+id, "ACCOUNT")["epoch"]["N"]; got != epoch {
			t.Fatalf("round %d: the account has the epoch %v, its login name %s", round, got, epoch)
		}
		_, token = w.login("app", "ada", password)
		if refusal := b.oldEndSessions("ada"); refusal != "" {
			t.Fatalf("round %d: logout everywhere by the version before: %s", round, refusal)
		}
		if status, _ := w.refresh("app", token); status != 400 {
			t.Errorf("round %d: refresh of a session that the version before has ended: %d", round, status)
		}
		if status, token := w.login("app", "ada", password); status != 200 {
			t.Errorf("round %d: login after that: %d", round, status)
		} else if status, _ := w.refresh("app", token); status != 200 {
			t.Errorf("round %d: refresh after that: %d", round, status)
		}
		w.clock.Advance(time.Second)
	}
}
