package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/revocation"
)

// item is an item, a key or the values of an expression: attribute name → value.
type item = map[string]types.AttributeValue

const (
	partitionKey = "pk"
	sortKey      = "sk"
	ttl          = "expires_at" // unix seconds
)

// Keys. Text that is not an id of our own making is escaped, so that no choice of it meets another key or
// leaves its partition prefix, which is what IAM policies are cut by.

func key(pk, sk string) item { return item{partitionKey: text(pk), sortKey: text(sk)} }

// Prefixes of partitions that are named by an account.
const (
	accountPrefix  = "ACCOUNT#"
	sessionsPrefix = "SESSIONS#"
)

func accountKey(id uuid.UUID) item { return key(accountPrefix+id.String(), "ACCOUNT") }

func loginKey(username string) item { return key("LOGIN#"+url.PathEscape(username), "LOGIN") }

// subjectKey is of the record of a subject. A hash names it, so that the back end's own ids are no part of a key.
func subjectKey(s account.Subject) item { return key(subjectPartition(s), "SUBJECT") }

func subjectPartition(s account.Subject) string {
	sum := sha256.Sum256([]byte(s.ID))
	return "SUBJECT#" + url.PathEscape(s.Directory) + "#" + hex.EncodeToString(sum[:])
}

// begunKey is of what was begun for a subject with an idempotency key.
func begunKey(s account.Subject, name string) item {
	sum := sha256.Sum256([]byte(name))
	return key(subjectPartition(s), "BEGUN#"+hex.EncodeToString(sum[:]))
}

func sessionKey(account, id uuid.UUID) item { return key(sessionsPrefix+account.String(), id.String()) }

// clientKey names a client. Those of documents have a partition of their own, because the function that fetches them may write it.
func clientKey(id string) item {
	if client.IsURL(id) {
		return key("CLIENT#DOCUMENT", id)
	}
	return key("CLIENT", id)
}

func keyringKey(part keyring.Part) item { return key("KEYRING#"+string(part), "KEYRING") }

// attemptsKey names one window of one bucket. The window is part of the hash: a new one begins with a new
// item, and counting stays a single conditional write.
func attemptsKey(b account.Bucket) item {
	sum := sha256.Sum256([]byte(strconv.FormatInt(b.Window, 10) + "\x00" + b.Key))
	return key("ATTEMPTS#"+url.PathEscape(b.Kind)+"#"+hex.EncodeToString(sum[:]), "ATTEMPTS")
}

func revocationPartition(shard int) string { return "REVOCATION#" + strconv.Itoa(shard) }

func revocationKey(shard int, e revocation.Entry) item {
	return key(revocationPartition(shard),
		stamp(e.At)+"#"+url.PathEscape(string(e.Kind))+"#"+url.PathEscape(e.ID))
}

// revokedKey is of the marker of the last entry that AppendOnce has stored. Ids of tokens are alone without their kind.
func revokedKey(e revocation.Entry) item {
	pk := "REVOKED#" + url.PathEscape(e.ID)
	if e.Kind != revocation.Token {
		pk = "REVOKED#" + url.PathEscape(string(e.Kind)) + "#" + url.PathEscape(e.ID)
	}
	return key(pk, "REVOKED")
}

// stamp is a time as sort keys have it: unix milliseconds, of equal length so that text order is time order.
func stamp(t time.Time) string { return fmt.Sprintf("%013d", max(t.UnixMilli(), 0)) }

// Attribute values.

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[T int | int64 | uint32](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

func truth(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

func bytesOf(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// texts is a list, not a set: sets have no order and cannot be empty.
func texts(values []string) types.AttributeValue {
	list := make([]types.AttributeValue, len(values))
	for i, value := range values {
		list[i] = text(value)
	}
	return &types.AttributeValueMemberL{Value: list}
}

func milliseconds(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

func seconds(t time.Time) types.AttributeValue { return number(t.Unix()) }

// reader takes attributes out of an item and remembers the first that is missing or of a wrong type. Lists
// may be missing; nothing else may, unless has was asked first.
type reader struct {
	item item
	err  error
}

func (r *reader) has(name string) bool { return r.item[name] != nil }

func (r *reader) fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s: missing or of a wrong type", name)
	}
}

func (r *reader) text(name string) string {
	value, ok := r.item[name].(*types.AttributeValueMemberS)
	if !ok {
		r.fail(name)
		return ""
	}
	return value.Value
}

func (r *reader) number(name string) int64 {
	value, ok := r.item[name].(*types.AttributeValueMemberN)
	if !ok {
		r.fail(name)
		return 0
	}
	n, err := strconv.ParseInt(value.Value, 10, 64)
	if err != nil {
		r.fail(name)
	}
	return n
}

func (r *reader) generation(name string) uint32 {
	n := r.number(name)
	if n < 0 || n > 1<<32-1 {
		r.fail(name)
	}
	return uint32(n)
}

func (r *reader) truth(name string) bool {
	value, ok := r.item[name].(*types.AttributeValueMemberBOOL)
	if !ok {
		r.fail(name)
		return false
	}
	return value.Value
}

func (r *reader) bytes(name string) []byte {
	value, ok := r.item[name].(*types.AttributeValueMemberB)
	if !ok {
		r.fail(name)
		return nil
	}
	return value.Value
}

func (r *reader) list(name string) []types.AttributeValue {
	if !r.has(name) {
		return nil
	}
	value, ok := r.item[name].(*types.AttributeValueMemberL)
	if !ok {
		r.fail(name)
		return nil
	}
	return value.Value
}

// texts returns nil for an empty list, as the domain writes it.
func (r *reader) texts(name string) []string {
	var values []string
	for _, element := range r.list(name) {
		value, ok := element.(*types.AttributeValueMemberS)
		if !ok {
			r.fail(name)
			return nil
		}
		values = append(values, value.Value)
	}
	return values
}

func (r *reader) milliseconds(name string) time.Time { return time.UnixMilli(r.number(name)).UTC() }

func (r *reader) seconds(name string) time.Time { return time.Unix(r.number(name), 0).UTC() }

func (r *reader) id(name string) uuid.UUID {
	id, err := uuid.Parse(r.text(name))
	if err != nil {
		r.fail(name)
	}
	return id
}
