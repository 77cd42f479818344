package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// ReadPart implements keyring.Store.
func (s *Store) ReadPart(ctx context.Context, part keyring.Part) (keyring.Item, error) {
	got, err := s.get(ctx, "read keyring", keyringKey(part))
	switch {
	case err != nil:
		return keyring.Item{}, err
	case len(got) == 0:
		return keyring.Item{}, keyring.ErrMissing
	}
	r := &reader{item: got}
	found := keyring.Item{Version: r.number("version"), Data: r.bytes("data")}
	if r.has("states") {
		found.States = r.bytes("states")
	}
	if r.err != nil {
		return keyring.Item{}, unavailable("read keyring", r.err)
	}
	return found, nil
}

// ReplaceParts implements keyring.Store.
func (s *Store) ReplaceParts(ctx context.Context, version int64, parts map[keyring.Part][]byte) error {
	var writes []types.TransactWriteItem
	for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh, keyring.Public} {
		data, ok := parts[part]
		if !ok {
			return fmt.Errorf("dynamo: replace keyring: no part %s", part)
		}
		writes = append(writes, s.putPart(part, version, data))
	}
	if version == 0 {
		writes = append(writes, s.beginSchema())
		defer s.schema.hold(0, time.Time{}) // somebody has given the table its number
	}
	failed, err := s.transact(ctx, "replace keyring", writes...)
	if err == nil && failed != nil {
		return keyring.ErrConflict
	}
	return err
}

// ReplaceLinks implements keyring.LinkStore.
func (s *Store) ReplaceLinks(ctx context.Context, version int64, data, states []byte) error {
	write := s.putPart(keyring.Links, version, data)
	write.Put.Item["states"] = bytesOf(states)
	failed, err := s.transact(ctx, "replace the keys of links", write)
	if err == nil && failed != nil {
		return keyring.ErrConflict
	}
	return err
}

func (s *Store) putPart(part keyring.Part, version int64, data []byte) types.TransactWriteItem {
	it := keyringKey(part)
	it["version"] = number(version + 1)
	it["data"] = bytesOf(data)
	put := &types.Put{TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if version != 0 {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = item{":version": number(version)}
	}
	return types.TransactWriteItem{Put: put}
}
