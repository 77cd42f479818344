package session

import (
	"context"

	"github.com/google/uuid"
)

// Finder finds a session whose account is not known.
type Finder interface {
	// FindSession returns the session with the id. ErrNotFound, oauth.ErrUnavailable. It may read everything that
	// is stored: it is for operators, not for functions.
	FindSession(ctx context.Context, id uuid.UUID) (Session, error)
}
