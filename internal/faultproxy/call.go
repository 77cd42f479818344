package faultproxy

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Call is one call as it reached the table, or KMS. Repetitions by the SDK are calls of their own.
type Call struct {
	Operation  string
	Accesses   []Access // in the order of the request
	Attributes []string // of the table that a write names, in all of its items: dynamodb:Attributes; sorted
	Consistent bool     // a read that is strongly consistent
	Start, End time.Time

	kms     bool
	request string // operation and full keys: what makes two reads the same
}

// Access is one item or partition that a call touches, or one use of a KMS key, as IAM sees it.
type Access struct {
	Action string // of IAM, without its service; a transaction counts as the actions in it
	Key    string // the partition key: dynamodb:LeadingKeys; of KMS kms:EncryptionContext:wavepass:purpose
}

// Writes reports whether the call may change an item.
func (c Call) Writes() bool {
	return slices.ContainsFunc(c.Accesses, func(a Access) bool {
		return !slices.Contains([]string{"GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem"}, a.Action)
	})
}

func (c Call) touches(prefix string) bool {
	return prefix == "" || slices.ContainsFunc(c.Accesses, func(a Access) bool { return strings.HasPrefix(a.Key, prefix) })
}

// RoundTrips is how many of calls came one after another: the length of the longest chain in which each call
// began when the one before had ended. Calls that overlap count once. Calls that are made at once but answered
// fast may by chance not overlap: slow them down with Delay, and take the least of several measurements.
func RoundTrips(calls []Call) int {
	byEnd := slices.Clone(calls)
	slices.SortFunc(byEnd, func(a, b Call) int { return a.End.Compare(b.End) })
	var trips int
	var last time.Time
	for _, c := range byEnd {
		if trips == 0 || c.Start.After(last) {
			trips++
			last = c.End
		}
	}
	return trips
}

type value struct{ S string }

// target has the members of every request of which a partition key can be read.
type target struct {
	Key, Item                 map[string]value
	KeyConditionExpression    string
	UpdateExpression          string
	ConditionExpression       string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]value
}

func (t target) partition() string {
	if name, ok := strings.CutPrefix(t.KeyConditionExpression, "pk = "); ok {
		name, _, _ = strings.Cut(name, " ")
		return t.ExpressionAttributeValues[name].S
	}
	if t.Item != nil {
		return t.Item["pk"].S
	}
	return t.Key["pk"].S
}

var (
	word = regexp.MustCompile(`[:#]?\w+`)

	// notAttributes are the words of expressions that name no attribute.
	notAttributes = strings.Fields("SET REMOVE ADD DELETE AND OR NOT IN BETWEEN" +
		" attribute_exists attribute_not_exists attribute_type begins_with contains size if_not_exists list_append")
)

// attributes are those that a write names: its key's, its item's and those of its expressions.
func (t target) attributes() []string {
	named := slices.Concat(slices.Collect(maps.Keys(t.Key)), slices.Collect(maps.Keys(t.Item)))
	for _, w := range word.FindAllString(t.UpdateExpression+" "+t.ConditionExpression, -1) {
		switch {
		case w[0] == '#':
			named = append(named, t.ExpressionAttributeNames[w])
		case w[0] != ':' && !slices.Contains(notAttributes, w):
			named = append(named, w)
		}
	}
	return named
}

// parseCall reads the keys out of a request. A body that it does not understand has none.
func parseCall(service, operation string, body []byte) Call {
	var in struct {
		target
		ConsistentRead    bool
		TransactItems     []map[string]target
		EncryptionContext map[string]string
	}
	_ = json.Unmarshal(body, &in)
	c := Call{Operation: operation, Consistent: in.ConsistentRead}
	if c.kms = service == "TrentService"; c.kms {
		c.Accesses = []Access{{operation, in.EncryptionContext["wavepass:purpose"]}}
		return c
	}
	if operation != "TransactWriteItems" && operation != "TransactGetItems" {
		c.Accesses = []Access{{operation, in.partition()}}
		c.request = operation + "\x00" + in.partition() + "\x00" + in.Key["sk"].S
		c.nameAttributes(in.target)
		return c
	}
	c.Consistent = operation == "TransactGetItems" // always
	c.request = operation
	for _, part := range in.TransactItems {
		for kind, t := range part {
			c.Accesses = append(c.Accesses, Access{kind + "Item", t.partition()}) // also ConditionCheckItem
			c.request += "\x00" + t.partition() + "\x00" + t.Key["sk"].S
			c.nameAttributes(t)
		}
	}
	return c
}

// nameAttributes adds what a part of the call names, if the call writes.
func (c *Call) nameAttributes(part target) {
	if c.Writes() {
		c.Attributes = slices.Compact(slices.Sorted(slices.Values(append(c.Attributes, part.attributes()...))))
	}
}
