// Package protocol holds no code: its tests drive the real domain, over a fake table, through histories that
// nobody would think of, and compare every answer with a model. What becomes of one token the model asks
// session.Rules, whose rows pkg/session tests one by one; everything else it says from docs/design.md §6 and §7, and knows
// nothing of how the domain does it.
//
// table_test.go is the table as a function sees it, faults included; world_test.go and keys_test.go are the
// deployment; model_test.go says what must be true; each of refresh, login, endings and authorize_test.go
// makes one kind of request and judges its answer. walk_test.go walks at random, holds_test.go, thief_test.go
// and ended_test.go state single promises, and sentences_test.go those that fit a table.
package protocol
