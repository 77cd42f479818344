package account

import (
	"context"
	"time"
)

// Invitations says which invitations were used or withdrawn. An invitation itself is a link in a mail and stored nowhere.
type Invitations interface {
	// UninvitedAt returns the time of the last note about an address, strongly consistent; the zero time when there is none. An error is
	// oauth.ErrUnavailable.
	UninvitedAt(ctx context.Context, address string) (time.Time, error)
}

// Uninviter remembers that invitations were used or withdrawn.
type Uninviter interface {
	// Uninvite notes that invitations which were mailed to a canonical address until a time, in whole seconds, count no more. The note is kept until
	// the time until. It may be repeated. An error is oauth.ErrUnavailable.
	Uninvite(ctx context.Context, address string, at, until time.Time) error
}
