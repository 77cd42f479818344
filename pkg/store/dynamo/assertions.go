package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func assertionKey(name [sha256.Size]byte) item {
	return key("ASSERTION#"+hex.EncodeToString(name[:]), "ASSERTION")
}

// UseAssertion implements assertion.Uses. An item that has expired is replaced: TTL deletes late.
func (s *Store) UseAssertion(ctx context.Context, name [sha256.Size]byte, until time.Time, call string) (bool, error) {
	used := assertionKey(name)
	used["call"] = text(call)
	used[ttl] = seconds(until)
	return s.put(ctx, "use assertion", dynamodb.PutItemInput{
		Item:                      used,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR expires_at <= :now OR #call = :call"),
		ExpressionAttributeNames:  map[string]string{"#call": "call"},
		ExpressionAttributeValues: item{":now": seconds(s.now()), ":call": text(call)},
	})
}
