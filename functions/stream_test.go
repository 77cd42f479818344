//go:build unix

package functions_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/internal/smallses"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/mail"
)

const (
	streamPatience = 2 * time.Minute // for what the engine does by itself, such as deleting what has expired
	streamPause    = 100 * time.Millisecond
)

// mapping is the event source mapping of template.yaml: which records of the stream Lambda gives the mailer, and how many at once.
type mapping struct {
	view     types.StreamViewType
	from     string // the kind of the first iterator
	batch    int
	patterns []any
}

// readMapping reads it as a deployment that sends mails has it.
func readMapping(t *testing.T) (m mapping) {
	t.Helper()
	template, err := samtemplate.Read(templateFile, map[string]string{"MailFrom": "no-reply@example.com"})
	check(t, err)
	tables, mappings := template.Resources("AWS::DynamoDB::Table"), template.Resources("AWS::Lambda::EventSourceMapping")
	if len(tables) != 1 || len(mappings) != 1 {
		t.Fatalf("%d tables and %d event source mappings, want one of each", len(tables), len(mappings))
	}
	stream, err := template.Choose(tables[0].Value.Get("Properties").Get("StreamSpecification"), "StreamSpecification")
	check(t, err)
	m.view = types.StreamViewType(stream.Get("StreamViewType").Text)
	properties := mappings[0].Value.Get("Properties")
	m.from = properties.Get("StartingPosition").Text
	m.batch, err = strconv.Atoi(properties.Get("BatchSize").Text)
	check(t, err)
	for _, filter := range properties.Get("FilterCriteria").Get("Filters").Items {
		var pattern any
		check(t, json.Unmarshal([]byte(filter.Get("Pattern").Text), &pattern))
		m.patterns = append(m.patterns, pattern)
	}
	return m
}

// lets reports whether one of the filters matches a record (Lambda's developer guide, "Filter rule syntax").
func (m mapping) lets(t *testing.T, record map[string]any) bool {
	t.Helper()
	for _, pattern := range m.patterns {
		if matches(t, pattern, record) {
			return true
		}
	}
	return false
}

// matches knows what the filter of template.yaml has: members that all have to match, and lists of values and prefixes of which one has to.
func matches(t *testing.T, pattern, value any) bool {
	t.Helper()
	switch pattern := pattern.(type) {
	case map[string]any:
		members, ok := value.(map[string]any)
		for name, below := range pattern {
			ok = ok && matches(t, below, members[name])
		}
		return ok
	case []any:
		for _, one := range pattern {
			rule, isRule := one.(map[string]any)
			prefix, isPrefix := rule["prefix"].(string)
			text, isText := value.(string)
			switch {
			case isRule && (!isPrefix || len(rule) != 1):
				t.Fatalf("the test does not know the rule %v", rule)
			case isPrefix && isText && strings.HasPrefix(text, prefix), !isRule && one == value:
				return true
			}
		}
		return false
	}
	t.Fatalf("%v is no filter: want members, or lists of values", pattern)
	return false
}

// stream is the stream of a table, read as Lambda reads it.
type stream struct {
	t         *testing.T
	arn       string
	from      string
	iterators map[string]string // by shard; empty when the shard has ended
}

// call calls the API of DynamoDB Streams. Its answer is read as it is on the wire, and not by a client that knows its members.
func (s *stream) call(operation string, in map[string]any) map[string]any {
	s.t.Helper()
	body, err := json.Marshal(in)
	check(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, os.Getenv("DYNAMODB_ENDPOINT"), bytes.NewReader(body))
	check(s.t, err)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	sum := sha256.Sum256(body)
	credentials, err := tabletemplate.Credentials.Retrieve(s.t.Context())
	check(s.t, err)
	check(s.t, v4.NewSigner().SignHTTP(s.t.Context(), credentials, request, hex.EncodeToString(sum[:]), "dynamodb", tabletemplate.Region, time.Now()))
	response, err := http.DefaultClient.Do(request)
	check(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(s.t, err)
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %s", operation, response.Status, text)
	}
	return out
}

// read returns the records that have come since, as Lambda gives them to a function.
func (s *stream) read() (records []map[string]any) {
	s.t.Helper()
	described := s.call("DescribeStream", map[string]any{"StreamArn": s.arn})["StreamDescription"].(map[string]any)
	for _, shard := range described["Shards"].([]any) {
		id := shard.(map[string]any)["ShardId"].(string)
		if _, known := s.iterators[id]; !known {
			s.iterators[id] = s.call("GetShardIterator", map[string]any{"StreamArn": s.arn, "ShardId": id, "ShardIteratorType": s.from})["ShardIterator"].(string)
		}
		if s.iterators[id] == "" {
			continue
		}
		out := s.call("GetRecords", map[string]any{"ShardIterator": s.iterators[id]})
		s.iterators[id], _ = out["NextShardIterator"].(string)
		for _, one := range out["Records"].([]any) {
			record := one.(map[string]any)
			record["eventSourceARN"] = s.arn                     // what the records of Lambda have and those of the stream have not
			if record["eventName"] == "UNKNOWN_TO_SDK_VERSION" { // so DynamoDB Local calls what it removes by itself; in the cloud it is this
				record["eventName"], record["userIdentity"] = "REMOVE", map[string]any{"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
			}
			if by, found := record["userIdentity"].(map[string]any); found {
				lower := map[string]any{} // Lambda writes its members with small letters
				for name, value := range by {
					lower[strings.ToLower(name[:1])+name[1:]] = value
				}
				record["userIdentity"] = lower
			}
			records = append(records, record)
		}
	}
	return records
}

// change says what a record is: the name of its event, and what the partition begins with.
func change(record map[string]any) string {
	pk := record["dynamodb"].(map[string]any)["Keys"].(map[string]any)["pk"].(map[string]any)["S"].(string)
	kind, _, _ := strings.Cut(pk, "#")
	who := ""
	if by, found := record["userIdentity"].(map[string]any); found {
		who = fmt.Sprint(" by ", by["principalId"])
	}
	return record["eventName"].(string) + " " + kind + who
}

// TestMailerFollowsTheStreamOfTheTable gives the mailer what an event source mapping with the filter of template.yaml would, of a stream like the
// template's: orders, and neither what else is written nor what becomes of the orders.
func TestMailerFollowsTheStreamOfTheTable(t *testing.T) {
	service := smallses.New()
	t.Cleanup(service.Close)
	w, m := newWorld(t, map[string]string{"SES_ENDPOINT": service.URL}), readMapping(t)
	mailer := w.start("mailer")
	source := w.startStream(m)

	desk := mail.NewDesk(w.store, mail.DefaultLimits, time.Now)
	order := mail.Order{Purpose: mail.PasswordChanged, Account: w.ada.ID, Language: "en", Client: "app"}
	for _, order.Address = range []string{"ada@example.com", "eve@example.com"} {
		check(t, desk.Place(t.Context(), order, "203.0.113.0/24")) // counts the mail too
	}
	check(t, w.store.PutClient(t.Context(), client.New("another", client.Native)))
	old := order
	old.ID, old.Address, old.At = uuid.Must(uuid.NewV7()), "old@example.com", time.Now().Add(-2*mail.OrderLife) // the engine deletes it at once
	check(t, w.store.PutOrder(t.Context(), old))

	let, kept := map[string]int{}, map[string]int{}
	const expired = "REMOVE MAIL by dynamodb.amazonaws.com"
	for deadline := time.Now().Add(streamPatience); kept[expired] == 0 || kept["MODIFY MAIL"] < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("after %s the stream had %v and %v, want that orders were taken and one was deleted\n%s", streamPatience, let, kept, mailer.Log())
		}
		time.Sleep(streamPause)
		var batch []map[string]any
		for _, record := range source.read() {
			change, changed := change(record), record["dynamodb"].(map[string]any)
			if changed["StreamViewType"] != string(m.view) || changed["NewImage"] != nil || changed["OldImage"] != nil {
				t.Errorf("%s: %v; want keys alone", change, changed)
			}
			if m.lets(t, record) {
				let[change]++
				batch = append(batch, record)
				continue
			}
			kept[change]++
			w.deliver(mailer, record) // a mailer without its filter takes no notice of it
		}
		for len(batch) > 0 {
			n := min(len(batch), m.batch)
			w.deliver(mailer, batch[:n]...)
			w.deliver(mailer, batch[:n]...) // Lambda gives a batch at least once
			batch = batch[n:]
		}
	}
	if len(let) != 1 || let["INSERT MAIL"] != 3 {
		t.Errorf("the filter lets %v through, want the three orders", let)
	}
	for _, change := range []string{"INSERT MAILS", "INSERT CLIENT"} {
		if kept[change] == 0 {
			t.Errorf("the filter keeps %v from the mailer, want %s among them", kept, change)
		}
	}
	sent := map[string]int{}
	for _, m := range service.Mails() {
		sent[m.To]++
	}
	if len(sent) != 2 || sent["ada@example.com"] != 1 || sent["eve@example.com"] != 1 || len(service.Wrong()) > 0 {
		t.Errorf("mails to %v, %v; want one for each order that is not too old", sent, service.Wrong())
	}
}

// startStream gives the table the stream of the template, and has the engine delete what has expired.
func (w *world) startStream(m mapping) *stream {
	w.t.Helper()
	api, err := tabletemplate.Local(os.Getenv("DYNAMODB_ENDPOINT"))
	check(w.t, err)
	updated, err := api.UpdateTable(w.t.Context(), &dynamodb.UpdateTableInput{
		TableName: &w.table, StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: m.view},
	})
	check(w.t, err)
	definition, err := tabletemplate.Read(templateFile)
	check(w.t, err)
	_, err = api.UpdateTimeToLive(w.t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &w.table, TimeToLiveSpecification: &types.TimeToLiveSpecification{Enabled: aws.Bool(true), AttributeName: &definition.TimeToLive},
	})
	check(w.t, err)
	w.t.Cleanup(func() { // the engine would look through the table for as long as it runs
		_, _ = api.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &w.table})
	})
	return &stream{w.t, *updated.TableDescription.LatestStreamArn, m.from, map[string]string{}}
}

// deliver gives the mailer records in one event.
func (w *world) deliver(mailer *running, records ...map[string]any) {
	w.t.Helper()
	event, err := json.Marshal(map[string]any{"Records": records})
	check(w.t, err)
	if got := mailer.Invoke(event, mailer.timeout); got.Failed || got.Ended {
		w.t.Fatalf("%s: %s %+v\n%s", event, got.Payload, got, mailer.Log())
	}
}
