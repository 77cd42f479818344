// Package permissions reads out of template.yaml what each function may do, and judges calls by it as IAM would.
// It understands the few forms of statement that the template uses and refuses every other, so that nothing is
// allowed unseen.
//
// AWS does not say whether the conditions of a transaction are compared item by item or for the whole request
// (docs/adr/0020-functions-write-what-they-must.md). Calls that a function makes are judged as whole requests, which
// allows less. What must be impossible has to be asked as a call of one item: what is refused there is refused by
// either reading.
package permissions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wavepass/wavepass/internal/faultproxy"
)

// Service is what a statement gives access to.
type Service struct {
	name      string   // of IAM's actions
	resource  string   // the only one that the template has
	condition string   // the condition key that tells its parts from each other: an Access has its value as Key
	operators []string // by which the key may be compared: exactly, and as a pattern

	// The condition keys by which writes are fenced in further, empty where there are none: the attributes that
	// a write names, and the operation that it is a part of.
	attributes, enclosing string
}

var (
	// Table is the one table, by partition.
	Table = Service{
		"dynamodb", "Table.Arn", "dynamodb:LeadingKeys", []string{"ForAllValues:StringEquals", "ForAllValues:StringLike"},
		"dynamodb:Attributes", "dynamodb:EnclosingOperation",
	}

	// SealingKey is the one KMS key, by the purpose that it is used for.
	SealingKey = Service{
		"kms", "SealingKey.Arn", "kms:EncryptionContext:wavepass:purpose", []string{"StringEquals", "StringLike"}, "", "",
	}
)

// transaction is the one operation that a statement may be bound to.
const transaction = "TransactWriteItems"

// Statement allows actions on those parts of a service that its condition names.
type Statement struct {
	Service Service
	Actions []string // without the service
	Keys    []string
	Pattern bool // a star at the end of a key stands for anything

	Some        []string // keys of which a call names one at least; nil for no such condition
	Attributes  []string // that an update may name; nil for any
	Transaction bool     // only within a transaction
}

// Allow reports whether a call is allowed: each of its actions by one of the statements.
func Allow(statements []Statement, c faultproxy.Call) bool { return len(denied(statements, c)) == 0 }

// denied lists the actions of a call that no statement allows.
func denied(statements []Statement, c faultproxy.Call) (actions []string) {
	for _, a := range c.Accesses {
		if !slices.ContainsFunc(statements, func(s Statement) bool { return s.allows(a.Action, c) }) {
			actions = append(actions, a.Action)
		}
	}
	return actions
}

// Differences lists where what the statements allow is not what the calls of a function need: too little or too
// much, a sentence each.
func Differences(function string, statements []Statement, calls []faultproxy.Call) (all []string) {
	for _, c := range calls {
		for _, action := range denied(statements, c) {
			all = append(all, fmt.Sprintf("%s calls %s on %v, but no statement allows %s on all of them",
				function, c.Operation, c.Accesses, action))
		}
	}
	for _, s := range statements {
		for _, unused := range s.unused(calls) {
			all = append(all, fmt.Sprintf("the policy of %s allows %s, which it was not seen to need", function, unused))
		}
	}
	return all
}

// allows reports whether a call may do the action by this statement alone. ForAllValues compares all leading keys
// and attributes of a request, so a transaction must be allowed each of its actions on all of them.
func (s Statement) allows(action string, c faultproxy.Call) bool {
	inCall := slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool { return a.Action == action })
	return inCall && slices.Contains(s.Actions, action) &&
		(!s.Transaction || c.Operation == transaction) &&
		!slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool {
			return !slices.ContainsFunc(s.Keys, func(key string) bool { return s.matches(key, a.Key) })
		}) &&
		(s.Some == nil || slices.ContainsFunc(c.Accesses, func(a faultproxy.Access) bool {
			return slices.ContainsFunc(s.Some, func(key string) bool { return s.matches(key, a.Key) })
		})) &&
		(s.Attributes == nil || !slices.ContainsFunc(c.Attributes, func(name string) bool { return !slices.Contains(s.Attributes, name) }))
}

func (s Statement) matches(key, got string) bool {
	if prefix, ok := strings.CutSuffix(key, "*"); ok && s.Pattern {
		return strings.HasPrefix(got, prefix)
	}
	return key == got
}

// unused lists what the statement allows and no call has needed.
func (s Statement) unused(calls []faultproxy.Call) (unused []string) {
	needed := func(action string, by func(faultproxy.Call) bool) bool {
		return slices.ContainsFunc(calls, func(c faultproxy.Call) bool { return s.allows(action, c) && by(c) })
	}
	for _, action := range s.Actions {
		name := s.Service.name + ":" + action
		for _, key := range s.Keys {
			touches := func(a faultproxy.Access) bool { return s.matches(key, a.Key) }
			if !needed(action, func(c faultproxy.Call) bool { return slices.ContainsFunc(c.Accesses, touches) }) {
				unused = append(unused, name+" on "+key)
			}
		}
		for _, attribute := range s.Attributes {
			if !needed(action, func(c faultproxy.Call) bool { return slices.Contains(c.Attributes, attribute) }) {
				unused = append(unused, name+" of "+attribute)
			}
		}
		within := func(c faultproxy.Call) bool { return c.Operation == transaction }
		if !s.Transaction && needed(action, within) && !needed(action, func(c faultproxy.Call) bool { return !within(c) }) {
			unused = append(unused, name+" outside transactions")
		}
	}
	return unused
}
