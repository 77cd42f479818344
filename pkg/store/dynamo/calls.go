package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// get reads an item strongly consistent; nil when there is none.
func (s *Store) get(ctx context.Context, op string, at item) (item, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	out, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: at, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, unavailable(op, err)
	}
	return out.Item, nil
}

// eachOf hands on every item of a partition in the order of their sort keys, until do fails. The whole reading has the time of one call.
func (s *Store) eachOf(ctx context.Context, op string, query dynamodb.QueryInput, partition types.AttributeValue, do func(item) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	query.TableName, query.ConsistentRead = &s.table, aws.Bool(true)
	query.KeyConditionExpression, query.ExpressionAttributeValues = aws.String("pk = :partition"), item{":partition": partition}
	for pages := dynamodb.NewQueryPaginator(s.api, &query); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unavailable(op, err)
		}
		for _, it := range page.Items {
			if err := do(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// getTogether reads items as they are at one moment; one that is missing is empty.
func (s *Store) getTogether(ctx context.Context, op string, keys ...item) ([]item, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	in := &dynamodb.TransactGetItemsInput{}
	for _, at := range keys {
		in.TransactItems = append(in.TransactItems, types.TransactGetItem{Get: &types.Get{TableName: &s.table, Key: at}})
	}
	var found []item
	err := retryConflicts(ctx, func() error {
		out, err := s.api.TransactGetItems(ctx, in)
		if err != nil {
			return err
		}
		found = make([]item, len(keys))
		for i, response := range out.Responses {
			found[i] = response.Item
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(op, err)
	}
	return found, nil
}

// update makes one conditional UpdateItem on the table. When the condition held, ok is true and got is the
// item as it now is; otherwise got is the item as the condition saw it, empty when there was none.
func (s *Store) update(ctx context.Context, op string, in dynamodb.UpdateItemInput) (got item, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	in.TableName = &s.table
	in.ReturnValues = types.ReturnValueAllNew
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	err = retryConflicts(ctx, func() error {
		out, err := s.api.UpdateItem(ctx, &in)
		if err == nil {
			got = out.Attributes
		}
		return err
	})
	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed):
		return failed.Item, false, nil
	case err != nil:
		return nil, false, unavailable(op, err)
	}
	return got, true, nil
}

// updateBlind is update without the item: IAM lets a function write a few attributes and read none of them.
func (s *Store) updateBlind(ctx context.Context, op string, in dynamodb.UpdateItemInput) (ok bool, err error) {
	in.TableName = &s.table
	return s.conditional(ctx, op, func(ctx context.Context) error {
		_, err := s.api.UpdateItem(ctx, &in)
		return err
	})
}

// put writes an item if the condition holds; an empty one always does.
func (s *Store) put(ctx context.Context, op string, in dynamodb.PutItemInput) (ok bool, err error) {
	in.TableName = &s.table
	return s.conditional(ctx, op, func(ctx context.Context) error {
		_, err := s.api.PutItem(ctx, &in)
		return err
	})
}

// conditional makes one conditional write, and reports whether its condition held.
func (s *Store) conditional(ctx context.Context, op string, write func(context.Context) error) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	err = retryConflicts(ctx, func() error { return write(ctx) })
	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed):
		return false, nil
	case err != nil:
		return false, unavailable(op, err)
	}
	return true, nil
}

// transact writes all or nothing. When a condition failed, it returns one reason for each of the writes, with
// the item as the condition saw it where it asked for that; nil means that all is written.
func (s *Store) transact(ctx context.Context, op string, writes ...types.TransactWriteItem) ([]types.CancellationReason, error) {
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	err := retryConflicts(ctx, func() error {
		// The SDK gives each input a token by which its own repetitions are known, so that a transaction
		// whose answer was lost is not judged by its own result.
		_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
	var cancelled *types.TransactionCanceledException
	switch {
	case errors.As(err, &cancelled) && failedCondition(cancelled.CancellationReasons) && len(cancelled.CancellationReasons) == len(writes):
		return cancelled.CancellationReasons, nil
	case err != nil:
		return nil, unavailable(op, err)
	}
	return nil, nil
}

// setAll is the part of a transaction that writes a new item. It is an update and not a put, because IAM may compare
// each action of a transaction with all of its keys: a function that may put one of them might then put an account
// too, and so replace it by one that is not disabled (docs/adr/0020-functions-write-what-they-must.md).
func (s *Store) setAll(it item) types.TransactWriteItem {
	update := &types.Update{
		TableName:                 &s.table,
		Key:                       item{partitionKey: it[partitionKey], sortKey: it[sortKey]},
		ExpressionAttributeNames:  map[string]string{},
		ExpressionAttributeValues: item{},
	}
	var sets []string
	for _, name := range slices.Sorted(maps.Keys(it)) {
		if name == partitionKey || name == sortKey {
			continue
		}
		sets = append(sets, "#"+name+" = :"+name)
		update.ExpressionAttributeNames["#"+name], update.ExpressionAttributeValues[":"+name] = name, it[name]
	}
	update.UpdateExpression = aws.String("SET " + strings.Join(sets, ", "))
	return types.TransactWriteItem{Update: update}
}
