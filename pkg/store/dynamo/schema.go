package dynamo

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/schema"
)

// schemaAge is how long a number that was read is believed.
const schemaAge = time.Minute

// number is a reserved word of DynamoDB's expressions.
var numberName = map[string]string{"#number": "number"}

func schemaKey() item { return key("SCHEMA", "SCHEMA") }

// heldSchema is the schema number as it was read last.
type heldSchema struct {
	mu     sync.Mutex
	number int // 0: never read
	readAt time.Time
}

// current returns the number that is held, and whether it is young enough to be believed without asking.
func (h *heldSchema) current(now time.Time) (number int, believed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := now.Sub(h.readAt)
	return h.number, h.number != 0 && age >= 0 && age < schemaAge
}

func (h *heldSchema) hold(number int, readAt time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.number, h.readAt = number, readAt
}

// Schema implements schema.Source. A number that cannot be read is taken for what it was, at first for the oldest: it
// only grows, and the older form is understood by everybody. So this read never costs anybody an answer.
func (s *Store) Schema(ctx context.Context) (int, error) {
	now := s.now()
	held, believed := s.schema.current(now)
	if believed {
		return held, nil
	}
	number, err := s.readSchema(ctx)
	switch {
	case errors.Is(err, schema.ErrNewer):
		return 0, err
	case err != nil:
		return max(held, schema.First), nil
	}
	s.schema.hold(number, now)
	return number, nil
}

// readSchemaMeanwhile reads the number again, where it is due, beside the read that its caller makes; the caller
// waits for both by calling wait.
func (s *Store) readSchemaMeanwhile(ctx context.Context) (wait func()) {
	if _, believed := s.schema.current(s.now()); believed {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Schema(ctx) })
	return wg.Wait
}

// readSchema returns the number in the table. A table without one is older than the number.
func (s *Store) readSchema(ctx context.Context) (int, error) {
	got, err := s.get(ctx, "read schema", schemaKey())
	if err != nil {
		return 0, err
	}
	if len(got) == 0 {
		return schema.First, nil
	}
	r := &reader{item: got}
	number := int(r.number("number"))
	if r.err != nil {
		return 0, unavailable("read schema", r.err)
	}
	if err := schema.Check(number); err != nil {
		return 0, unavailable("read schema", err)
	}
	return number, nil
}

// beginSchema is the part of the transaction that creates the keyring, which every table needs before it is of any
// use: a table that begins with this version has its number. One that already has that number is left as it is.
func (s *Store) beginSchema() types.TransactWriteItem {
	it := schemaKey()
	it["number"] = number(schema.Current)
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                 &s.table,
		Item:                      it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #number = :current"),
		ExpressionAttributeNames:  numberName,
		ExpressionAttributeValues: item{":current": number(schema.Current)},
	}}
}

// Migrate raises the number of the table to schema.Current and removes what the form before has left. It changes
// nothing with dryRun, and may be repeated and interrupted. Every function must be of this version before: the
// version before cannot read what is left.
func (s *Store) Migrate(ctx context.Context, dryRun bool) (schema.Migration, error) {
	from, err := s.readSchema(ctx)
	if err != nil {
		return schema.Migration{}, err
	}
	done := schema.Migration{From: from, To: schema.Current}
	if !dryRun && from != schema.Current {
		if err := s.raiseSchema(ctx); err != nil {
			return schema.Migration{}, err
		}
	}
	// Only then: a function that writes the older form goes on repeating the epoch until it has seen the number.
	for start := item(nil); ; {
		page, err := s.loginNamesWithEpoch(ctx, start)
		if err != nil {
			return done, err
		}
		for _, found := range page.Items {
			if !dryRun {
				if err := s.removeEpoch(ctx, found); err != nil {
					return done, err
				}
			}
			done.Items++
		}
		if start = page.LastEvaluatedKey; len(start) == 0 {
			return done, nil
		}
	}
}

// raiseSchema sets the number, unless it is higher by now.
func (s *Store) raiseSchema(ctx context.Context) error {
	it := schemaKey()
	it["number"] = number(schema.Current)
	ok, err := s.put(ctx, "raise schema", dynamodb.PutItemInput{
		Item:                      it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #number <= :current"),
		ExpressionAttributeNames:  numberName,
		ExpressionAttributeValues: item{":current": number(schema.Current)},
	})
	s.schema.hold(0, time.Time{})
	if err == nil && !ok {
		_, err = s.readSchema(ctx) // says which
	}
	return err
}

func (s *Store) loginNamesWithEpoch(ctx context.Context, start item) (*dynamodb.ScanOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	page, err := s.api.Scan(ctx, &dynamodb.ScanInput{
		TableName:                 &s.table,
		ConsistentRead:            aws.Bool(true),
		ExclusiveStartKey:         start,
		FilterExpression:          aws.String("begins_with(pk, :login) AND attribute_exists(epoch)"),
		ProjectionExpression:      aws.String("pk, sk"),
		ExpressionAttributeValues: item{":login": text("LOGIN#")},
	})
	if err != nil {
		return nil, unavailable("find login names", err)
	}
	return page, nil
}

// removeEpoch takes the epoch from a login name, which may have been deleted meanwhile.
func (s *Store) removeEpoch(ctx context.Context, at item) error {
	_, _, err := s.update(ctx, "migrate login name", dynamodb.UpdateItemInput{
		Key:                 item{partitionKey: at[partitionKey], sortKey: at[sortKey]},
		ConditionExpression: aws.String("attribute_exists(pk)"),
		UpdateExpression:    aws.String("REMOVE epoch"),
	})
	return err
}
