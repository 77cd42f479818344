// Package schema owns the number of the form in which a store keeps its items. Every store carries one number,
// so that code never guesses what it reads (docs/adr/0034-one-schema-number.md).
//
// A version that changes the form reads both the form before and its own. It writes the form before until
// `wavepass migrate` has raised the number, so that functions of both versions can run side by side.
package schema

import (
	"context"
	"errors"
	"fmt"
)

const (
	// First is the number of a store that is older than the number itself.
	First = 1

	// Current is the number of what this version writes. From 2 on the session epoch stands on the account alone,
	// and cookies have the names of docs/design.md §12.
	Current = 2
)

var (
	// ErrOlder says that a store must be migrated before this version can use it.
	ErrOlder = errors.New("made by an older version")
	// ErrNewer says that this version is too old for a store.
	ErrNewer = errors.New("made by a newer version")
)

// Source knows the number of a store.
type Source interface {
	// Schema returns the number, as it was at most a minute ago, or an older one where it cannot be read. The only
	// error is ErrNewer, which is oauth.ErrUnavailable too.
	Schema(ctx context.Context) (int, error)
}

// WritesFirst reports whether a store still holds the first form, so that what is written must be in it. It is meant
// for the end of a request: the number is held by then, and a store that is too new has refused before.
func WritesFirst(ctx context.Context, s Source) bool {
	number, err := s.Schema(ctx)
	return err == nil && number == First
}

// Check returns ErrNewer for a number that this version does not know.
func Check(number int) error {
	switch {
	case number > Current:
		return fmt.Errorf("%w: its schema is number %d, and this version knows numbers up to %d", ErrNewer, number, Current)
	case number < First:
		return fmt.Errorf("schema number %d: there is no such number", number)
	}
	return nil
}

// Migration is what raising the number of a store does, or would do.
type Migration struct {
	From, To int
	Items    int // login names that lose the epoch, which from 2 on stands on the account
}

// Done reports whether there is nothing to do.
func (m Migration) Done() bool { return m.From == m.To && m.Items == 0 }
