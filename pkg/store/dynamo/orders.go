package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/mail"
)

// OrderPrefix is what the partitions of orders begin with: the stream of the table starts the function mailer for them only.
const OrderPrefix = "MAIL#"

func orderKey(id uuid.UUID) item { return key(OrderPrefix+id.String(), "MAIL") }

// PutOrder implements mail.Orders.
func (s *Store) PutOrder(ctx context.Context, o mail.Order) error {
	it := orderKey(o.ID)
	it["purpose"], it["account"], it["address"], it["new_address"] = text(string(o.Purpose)), text(o.Account.String()), text(o.Address), text(o.NewAddress)
	it["language"], it["client_id"], it["at"] = text(o.Language), text(o.Client), milliseconds(o.At)
	it[ttl] = seconds(o.At.Add(mail.OrderLife))
	// A repetition after a lost reply must not make an order new that was taken meanwhile.
	_, err := s.put(ctx, "store order", dynamodb.PutItemInput{Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")})
	return err
}

// TakeOrder implements mail.Taker. The item stays until its TTL is over, so that the SDK may ask again after a lost answer.
func (s *Store) TakeOrder(ctx context.Context, id uuid.UUID, call string) (mail.Order, error) {
	got, ok, err := s.update(ctx, "take order", dynamodb.UpdateItemInput{
		Key:                       orderKey(id),
		UpdateExpression:          aws.String("SET #call = :call"),
		ConditionExpression:       aws.String("#at > :oldest AND (attribute_not_exists(#call) OR #call = :call)"),
		ExpressionAttributeNames:  map[string]string{"#at": "at", "#call": "call"},
		ExpressionAttributeValues: item{":oldest": milliseconds(s.now().Add(-mail.OrderLife)), ":call": text(call)},
	})
	switch {
	case err != nil:
		return mail.Order{}, err
	case !ok:
		return mail.Order{}, mail.ErrTaken
	}
	r := &reader{item: got}
	o := mail.Order{
		ID: id, Purpose: mail.Purpose(r.text("purpose")), Account: r.id("account"), Address: r.text("address"), NewAddress: r.text("new_address"),
		Language: r.text("language"), Client: r.text("client_id"), At: r.milliseconds("at"),
	}
	if r.err != nil {
		return mail.Order{}, unavailable("take order", r.err)
	}
	return o, nil
}

// A hash names what is counted: addresses may have any characters.
func mailsKey(name string) item {
	sum := sha256.Sum256([]byte(name))
	return key("MAILS#"+hex.EncodeToString(sum[:]), "MAILS")
}

// CountMail implements mail.Counter. The item has the times of the mails in the window, and each write is on the condition that they
// are as they were read. A condition that fails brings the newer ones; every time it does, somebody else has counted a mail, so it
// fails no more often than there is room for mails.
func (s *Store) CountMail(ctx context.Context, name string, r mail.Rate, now time.Time) (bool, error) {
	var read []types.AttributeValue
	for range 2*r.Count + 1 {
		kept := withinWindow(read, now.Add(-r.Window))
		if len(kept) >= r.Count {
			return false, nil
		}
		condition, values := "attribute_not_exists(#times)", item{
			":times": &types.AttributeValueMemberL{Value: append(kept, milliseconds(now))},
			":ttl":   seconds(now.Add(r.Window + attemptsSlack)),
		}
		if read != nil {
			condition, values[":read"] = "#times = :read", &types.AttributeValueMemberL{Value: read}
		}
		got, ok, err := s.update(ctx, "count mail", dynamodb.UpdateItemInput{
			Key:                       mailsKey(name),
			UpdateExpression:          aws.String("SET #times = :times, expires_at = :ttl"),
			ConditionExpression:       &condition,
			ExpressionAttributeNames:  map[string]string{"#times": "times"},
			ExpressionAttributeValues: values,
		})
		if err != nil || ok {
			return ok, err
		}
		if read, err = timesOf(got); err != nil {
			return false, unavailable("count mail", err)
		}
	}
	return false, unavailable("count mail", fmt.Errorf("others count all the time"))
}

// timesOf is what an item has that failed the condition; nil when it has expired meanwhile.
func timesOf(it item) ([]types.AttributeValue, error) {
	r := &reader{item: it}
	return r.list("times"), r.err
}

// withinWindow returns those times that are after one.
func withinWindow(times []types.AttributeValue, after time.Time) []types.AttributeValue {
	return slices.DeleteFunc(slices.Clone(times), func(value types.AttributeValue) bool {
		n, ok := value.(*types.AttributeValueMemberN)
		if !ok {
			return true
		}
		ms, err := strconv.ParseInt(n.Value, 10, 64)
		return err != nil || ms <= after.UnixMilli()
	})
}
