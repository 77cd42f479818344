package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/resource"
)

// ErrResourceExists says that a resource with the address is registered already.
var ErrResourceExists = errors.New("operate: the resource is registered already")

// AddResource registers a protected resource. Errors: those of Resource.Check; ErrResourceExists; resource.ErrConflict when somebody has changed it
// meanwhile, or when this very call was written before.
func (o *Operator) AddResource(ctx context.Context, r resource.Resource) error {
	if err := r.Check(); err != nil {
		return err
	}
	before, err := o.store.Resource(ctx, resource.Key(r.URI))
	switch {
	case err != nil && !errors.Is(err, resource.ErrUnknown):
		return err
	case !before.Removed():
		return ErrResourceExists
	}
	document, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return o.putResource(ctx, r.URI, resource.Record{Version: before.Version + 1, Document: document}, audit.ResourceSet)
}

// ChangeResource has change rewrite what is registered of a resource, and reports whether it says anything else then. Errors: those of Resource.Check;
// resource.ErrUnknown; resource.ErrConflict.
func (o *Operator) ChangeResource(ctx context.Context, uri string, change func(*resource.Resource)) (bool, error) {
	before, err := o.store.Resource(ctx, resource.Key(uri))
	if err != nil {
		return false, err
	}
	r, err := before.Resource()
	if err != nil {
		return false, err
	}
	change(&r)
	r.URI = uri
	if err := r.Check(); err != nil {
		return false, err
	}
	document, err := json.Marshal(r)
	if err != nil || bytes.Equal(document, before.Document) {
		return false, err
	}
	return changed(o.putResource(ctx, uri, resource.Record{Version: before.Version + 1, Document: document}, audit.ResourceSet))
}

// RemoveResource takes a resource out of the registry. Tokens for it are good as before; clients are told no more about it. Errors: resource.ErrUnknown,
// resource.ErrConflict.
func (o *Operator) RemoveResource(ctx context.Context, uri string) error {
	before, err := o.store.Resource(ctx, resource.Key(uri))
	switch {
	case err != nil:
		return err
	case before.Removed():
		return resource.ErrUnknown
	}
	return o.putResource(ctx, uri, resource.Record{Version: before.Version + 1}, audit.ResourceRemoved)
}

func (o *Operator) putResource(ctx context.Context, uri string, r resource.Record, event string) error {
	if err := o.store.PutResource(ctx, resource.Key(uri), r); err != nil {
		return err
	}
	return o.record(ctx, audit.Event{Name: event, Resource: uri})
}
