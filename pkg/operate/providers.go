package operate

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/federation"
)

// ErrProviderExists says that a provider with the id is registered already.
var ErrProviderExists = errors.New("operate: the provider is registered already")

// AddProvider registers an identity provider, with replace also in place of one that has its id. Errors: those of Provider.Check;
// ErrProviderExists; federation.ErrConflict when somebody has changed it meanwhile, or when this very call was written before.
func (o *Operator) AddProvider(ctx context.Context, p federation.Provider, replace bool) error {
	if err := p.Check(); err != nil {
		return err
	}
	before, err := o.store.Provider(ctx, p.ID)
	switch {
	case err != nil && !errors.Is(err, federation.ErrUnknown):
		return err
	case !before.Removed() && !replace:
		return ErrProviderExists
	}
	document, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return o.putProvider(ctx, p.ID, federation.Record{Version: before.Version + 1, Document: document}, audit.ProviderSet)
}

// RemoveProvider takes a provider out of the registry: nobody can log in with it any more. Errors: federation.ErrUnknown,
// federation.ErrConflict.
func (o *Operator) RemoveProvider(ctx context.Context, id string) error {
	before, err := o.store.Provider(ctx, id)
	switch {
	case err != nil:
		return err
	case before.Removed():
		return federation.ErrUnknown
	}
	return o.putProvider(ctx, id, federation.Record{Version: before.Version + 1}, audit.ProviderRemoved)
}

func (o *Operator) putProvider(ctx context.Context, id string, r federation.Record, event string) error {
	if err := o.store.PutProvider(ctx, id, r); err != nil {
		return err
	}
	return o.record(ctx, audit.Event{Name: event, Provider: id})
}
