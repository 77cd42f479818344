package dynamo

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/audit"
)

func auditPartition(day time.Time) string { return "AUDIT#" + audit.Day(day) }

// AppendEvent implements audit.Store. The key is made once, so that an attempt that is repeated meets its own item.
func (s *Store) AppendEvent(ctx context.Context, e audit.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return unavailable("append event", err)
	}
	it := key(auditPartition(e.Time), stamp(e.Time)+"#"+rand.Text())
	it["event"] = text(string(line))
	it[ttl] = number(e.Time.Add(audit.Retention).Unix() + 1) // never before it has expired
	_, err = s.put(ctx, "append event", dynamodb.PutItemInput{Item: it})
	return err
}

// EventsOf implements audit.Store.
func (s *Store) EventsOf(ctx context.Context, day time.Time) (events []audit.Event, err error) {
	query := &dynamodb.QueryInput{
		TableName:              &s.table,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :day AND sk >= :oldest"),
		ExpressionAttributeValues: item{
			":day": text(auditPartition(day)), ":oldest": text(stamp(s.now().Add(-audit.Retention))),
		},
	}
	for {
		page, err := s.queryPage(ctx, query)
		if err != nil {
			return nil, unavailable("read events", err)
		}
		for _, it := range page.Items {
			r := &reader{item: it}
			var e audit.Event
			if line := r.text("event"); r.err == nil {
				r.err = json.Unmarshal([]byte(line), &e)
			}
			if r.err != nil {
				return nil, unavailable("read events", r.err)
			}
			events = append(events, e)
		}
		if query.ExclusiveStartKey = page.LastEvaluatedKey; len(query.ExclusiveStartKey) == 0 {
			return events, nil
		}
	}
}

// queryPage bounds each page alone: an operator who reads many of them has the patience.
func (s *Store) queryPage(ctx context.Context, query *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	return s.api.Query(ctx, query)
}
