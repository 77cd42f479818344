package dynamo

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/revocation"
)

// Append implements revocation.Log.
func (s *Store) Append(ctx context.Context, e revocation.Entry) error {
	// Two entries of one account in one millisecond share a key: the higher minimum says both. So it is for a client, where an
	// entry without one says the most.
	in := dynamodb.PutItemInput{
		Item:                      s.encodeEntry(e),
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR min_epoch < :epoch"),
		ExpressionAttributeValues: item{":epoch": number(e.MinEpoch)},
	}
	switch {
	case e.Kind == revocation.Client && e.Before == 0:
		in.ConditionExpression, in.ExpressionAttributeValues = nil, nil
	case e.Kind == revocation.Client:
		in.ConditionExpression = aws.String("attribute_not_exists(pk) OR #before < :before")
		in.ExpressionAttributeNames = map[string]string{"#before": "before"}
		in.ExpressionAttributeValues = item{":before": number(e.Before)}
	}
	_, err := s.put(ctx, "append revocation", in)
	return err
}

// AppendOnce implements revocation.Once. A marker beside the log holds the stamp of the last entry, and the call that
// made it.
func (s *Store) AppendOnce(ctx context.Context, e revocation.Entry, call string) (bool, error) {
	marker := revokedKey(e)
	marker["at"] = milliseconds(e.At)
	marker["call"] = text(call)
	marker[ttl] = seconds(e.ExpiresAt())
	failed, err := s.transact(ctx, "append revocation once",
		types.TransactWriteItem{Put: &types.Put{
			TableName:                &s.table,
			Item:                     marker,
			ConditionExpression:      aws.String("attribute_not_exists(pk) OR #at <= :before OR #call = :call"),
			ExpressionAttributeNames: map[string]string{"#at": "at", "#call": "call"},
			ExpressionAttributeValues: item{
				":before": milliseconds(e.At.Add(-revocation.SlowWrite)),
				":call":   text(call),
			},
		}},
		types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: s.encodeEntry(e)}},
	)
	return err == nil && failed == nil, err
}

// Since implements revocation.Log. It queries all shards at once.
func (s *Store) Since(ctx context.Context, from time.Time) ([]revocation.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	now := s.now()
	// Expired entries that the table has not deleted yet need not be read: their stamps are too old.
	life := revocation.Entry{At: now}.ExpiresAt().Sub(now)
	if oldest := now.Add(-life); from.Before(oldest) {
		from = oldest
	}
	shards := make([][]revocation.Entry, s.shards)
	errs := make([]error, s.shards)
	var wg sync.WaitGroup
	for shard := range s.shards {
		wg.Go(func() { shards[shard], errs[shard] = s.queryShard(ctx, shard, from, now) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return beginning(shards, errs), unavailable("read revocations", err)
	}
	return slices.Concat(shards...), nil
}

// beginning is what was read of all shards up to the stamp where the first of them broke off.
func beginning(shards [][]revocation.Entry, errs []error) (entries []revocation.Entry) {
	var end time.Time
	for shard, err := range errs {
		if err == nil {
			continue
		}
		if len(shards[shard]) == 0 {
			return nil
		}
		if last := shards[shard][len(shards[shard])-1].At; end.IsZero() || last.Before(end) {
			end = last
		}
	}
	for _, e := range slices.Concat(shards...) {
		if !e.At.After(end) {
			entries = append(entries, e)
		}
	}
	return entries
}

// queryShard returns entries in the order of their stamps; with an error, those of the pages before it.
func (s *Store) queryShard(ctx context.Context, shard int, from, now time.Time) (entries []revocation.Entry, err error) {
	query := &dynamodb.QueryInput{
		TableName:              &s.table,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :shard AND sk >= :from"),
		ExpressionAttributeValues: item{
			":shard": text(revocationPartition(shard)),
			":from":  text(stamp(from)),
		},
	}
	for {
		page, err := s.api.Query(ctx, query)
		if err != nil {
			return entries, err
		}
		for _, it := range page.Items {
			e, err := decodeEntry(it)
			if err != nil {
				return entries, err
			}
			if now.Before(e.ExpiresAt()) {
				entries = append(entries, e)
			}
		}
		if len(page.LastEvaluatedKey) == 0 {
			return entries, nil
		}
		query.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// shardOf spreads entries by what they name, so that a repeated write meets its own item.
func (s *Store) shardOf(e revocation.Entry) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(string(e.Kind) + "\x00" + e.ID))
	return int(h.Sum32() % uint32(s.shards))
}

func (s *Store) encodeEntry(e revocation.Entry) item {
	it := revocationKey(s.shardOf(e), e)
	it["at"] = milliseconds(e.At)
	it["kind"] = text(string(e.Kind))
	it["id"] = text(e.ID)
	it["min_epoch"] = number(e.MinEpoch)
	if e.Before != 0 { // entries of older versions lack it
		it["before"] = number(e.Before)
	}
	it[ttl] = number(e.ExpiresAt().Unix() + 1) // never before it has expired
	return it
}

func decodeEntry(it item) (revocation.Entry, error) {
	r := &reader{item: it}
	e := revocation.Entry{
		At:       r.milliseconds("at"),
		Kind:     revocation.Kind(r.text("kind")),
		ID:       r.text("id"),
		MinEpoch: r.number("min_epoch"),
	}
	if r.has("before") {
		e.Before = r.number("before")
	}
	return e, r.err
}
