package account

import (
	"context"
	"iter"
)

// Lister lists accounts.
type Lister interface {
	// Accounts yields every account once, in no order; one that is added or deleted meanwhile may be left out. An
	// error, oauth.ErrUnavailable, is the last that it yields. It may read everything that is stored: it is for
	// operators, not for functions.
	Accounts(ctx context.Context) iter.Seq2[Account, error]
}
