package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

// addressKey is of the item that says whose an address is.
func addressKey(address string) item { return keyOfAddress("EMAIL", address) }

// keyOfAddress is of an item of a kind about an address. A hash names it, so that the keys, which AWS may log, hold no addresses.
func keyOfAddress(kind, address string) item {
	sum := sha256.Sum256([]byte(address))
	return key(kind+"#"+hex.EncodeToString(sum[:]), kind)
}

func encodeAddress(address string, owner uuid.UUID) item {
	it := addressKey(address)
	it["account_id"] = text(owner.String())
	return it
}

// OwnerOf implements account.Addresses.
func (s *Store) OwnerOf(ctx context.Context, address string) (uuid.UUID, error) {
	got, err := s.get(ctx, "read address", addressKey(address))
	switch {
	case err != nil:
		return uuid.Nil, err
	case len(got) == 0:
		return uuid.Nil, account.ErrNotFound
	}
	r := &reader{item: got}
	owner := r.id("account_id")
	if r.err != nil {
		return uuid.Nil, unavailable("read address", r.err)
	}
	return owner, nil
}

// email reads the address of an account that has or had one.
func (r *reader) email() account.Email {
	e := account.Email{Address: r.text("email")}
	if at := r.number("email_verified_at"); at > 0 {
		e.VerifiedAt = time.UnixMilli(at).UTC()
	}
	return e
}

// verifiedAt is 0 for an address that was not verified.
func verifiedAt(e account.Email) types.AttributeValue {
	if !e.Verified() {
		return number(0)
	}
	return milliseconds(e.VerifiedAt)
}

// encodeHeld keeps each as "<from> <until>", in unix milliseconds; 0 is none.
func encodeHeld(held []account.Held) types.AttributeValue {
	list := make([]string, len(held))
	for i, h := range held {
		list[i] = strconv.FormatInt(unixMilli(h.From), 10) + " " + strconv.FormatInt(unixMilli(h.Until), 10)
	}
	return texts(list)
}

func (r *reader) held() []account.Held {
	var held []account.Held
	for _, encoded := range r.texts("held") {
		from, until, _ := strings.Cut(encoded, " ")
		f, errFrom := strconv.ParseInt(from, 10, 64)
		u, errUntil := strconv.ParseInt(until, 10, 64)
		if errFrom != nil || errUntil != nil {
			r.fail("held")
			return nil
		}
		held = append(held, account.Held{From: timeOf(f), Until: timeOf(u)})
	}
	return held
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(unixMilli int64) time.Time {
	if unixMilli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(unixMilli).UTC()
}

// moveAddress is the parts of a transaction that free the old address and take the new one, with what it means when they fail. That
// the account has the old one follows from its epoch: a change of the address raises it.
func (s *Store) moveAddress(c account.Change) (writes []types.TransactWriteItem, failures []error) {
	if c.OldEmail != "" && c.OldEmail != c.Email.Address {
		writes, failures = append(writes, s.deleteAddress(c.OldEmail)), append(failures, account.ErrConflict)
	}
	if c.Email.Address != "" && c.Email.Address != c.OldEmail {
		take := s.setAll(goingWith(c.Account, encodeAddress(c.Email.Address, c.Account.ID)))
		take.Update.ConditionExpression = aws.String("attribute_not_exists(pk) OR account_id = :owner")
		take.Update.ExpressionAttributeValues[":owner"] = text(c.Account.ID.String())
		writes, failures = append(writes, take), append(failures, account.ErrAddressTaken)
	}
	return writes, failures
}

func (s *Store) deleteAddress(address string) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: addressKey(address)}}
}

// deleteLoginName is the part of a transaction that frees a login name, if its hash is the one that was read.
func (s *Store) deleteLoginName(username, hash string) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:                 &s.table,
		Key:                       loginKey(username),
		ConditionExpression:       aws.String("#hash = :old"),
		ExpressionAttributeNames:  hashName,
		ExpressionAttributeValues: item{":old": text(hash)},
	}}
}

// takeLoginName is the part that moves the hash to the login name that the account has after the change.
func (s *Store) takeLoginName(c account.Change, form int) types.TransactWriteItem {
	hash := c.Hash
	if hash == "" {
		hash = c.OldHash
	}
	return missing(s.setAll(goingWith(c.Account, encodeLoginName(c.Account, hash, form)))) // no put, see docs/adr/0020-functions-write-what-they-must.md
}
