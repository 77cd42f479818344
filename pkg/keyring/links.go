package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Links is the part, and the purpose, of the key of links and codes in mails. It is stored beside the keyring and is not replaced
// with it: a function that makes links opens no key of tokens, and none that makes tokens opens this.
const Links Part = "LINKS"

// LinkStore keeps the key of links.
type LinkStore interface {
	// ReadPart is that of Store.
	ReadPart(ctx context.Context, part Part) (Item, error)
	// CreateLinks stores the part Links as version 1, on the condition that there is none. Of several callers exactly one succeeds,
	// and the others get ErrConflict, as does the repetition of a call. After oauth.ErrUnavailable it may be stored or not.
	CreateLinks(ctx context.Context, data []byte) error
}

// NewLinkKeys returns the key of links in store, which the first use creates.
func NewLinkKeys(store LinkStore, sealer Sealer, times Times, now func() time.Time) *MACKeys {
	return newMACKeys(sealer, Links, times.orDefault(), now, func(ctx context.Context) (Item, error) {
		item, err := store.ReadPart(ctx, Links)
		if !errors.Is(err, ErrMissing) {
			return item, err
		}
		if err := createLinks(ctx, store, sealer); err != nil && !errors.Is(err, ErrConflict) {
			return Item{}, fmt.Errorf("%w: keyring: create the key of links: %w", oauth.ErrUnavailable, err)
		}
		return store.ReadPart(ctx, Links)
	})
}

func createLinks(ctx context.Context, store LinkStore, sealer Sealer) error {
	key := make([]byte, macKeyLen)
	rand.Read(key)
	plain, err := json.Marshal(refreshPart{Current: 1, Keys: []storedMACKey{{1, key}}})
	if err != nil {
		return err
	}
	sealed, err := sealer.Seal(ctx, string(Links), plain)
	if err != nil {
		return err
	}
	return store.CreateLinks(ctx, sealed)
}
