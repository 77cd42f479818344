package endpoint

import (
	"context"
	"time"
)

// Documents says what is made of clients that nobody has registered, and whose id is the address of a client id metadata document.
type Documents struct {
	Allowed     bool           // the zero value refuses them
	SharedStore bool           // several processes may use one stored refresh token of theirs
	Source      DocumentSource // nil: the internet
}

// DocumentSource reads documents. *metadata.Fetcher implements it.
type DocumentSource interface {
	// Read returns the document at an address, and how long it may be used before it is read again. Errors: *metadata.Error.
	Read(ctx context.Context, address string) (document []byte, fresh time.Duration, err error)
}
