package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/policy"
)

// PolicyOf returns the document of the API, or of policy.Default, and its record. Without a document, also where it was removed, the error is
// policy.ErrNone.
func (o *Operator) PolicyOf(ctx context.Context, api string) (policy.Document, policy.Record, error) {
	var d policy.Document
	r, err := o.store.Policy(ctx, api)
	switch {
	case err != nil:
		return d, r, err
	case r.Removed():
		return d, r, policy.ErrNone
	}
	if err := json.Unmarshal(r.Document, &d); err != nil {
		return d, r, fmt.Errorf("operate: the policy that is stored: %w", err)
	}
	return d, r, nil
}

// ErrAudienceOfAll says that the default document names an audience. It also counts for Wavepass's own routes, which tokens for another
// audience could not use then.
var ErrAudienceOfAll = errors.New("a policy with an audience is for one API, and the default one is for all that have none of their own")

// SetPolicy replaces the document that was read as the record before, and reports whether it says anything else. Errors: those of policy.New; ErrAudienceOfAll;
// policy.ErrConflict when somebody has changed it since, or when this very call was written before.
func (o *Operator) SetPolicy(ctx context.Context, api string, before policy.Record, d policy.Document) (bool, error) {
	if api == policy.Default && d.Audience != "" {
		return false, ErrAudienceOfAll
	}
	if _, err := policy.New(d); err != nil {
		return false, err
	}
	document, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	if bytes.Equal(document, before.Document) {
		return false, nil
	}
	return changed(o.putPolicy(ctx, api, policy.Record{Version: before.Version + 1, Document: document}, audit.PolicySet))
}

// RemovePolicy has the API follow the default, or nothing, and reports whether it had a document. Errors as SetPolicy.
func (o *Operator) RemovePolicy(ctx context.Context, api string) (bool, error) {
	_, before, err := o.PolicyOf(ctx, api)
	switch {
	case errors.Is(err, policy.ErrNone):
		return false, nil
	case before.Version == 0:
		return false, err
	}
	return changed(o.putPolicy(ctx, api, policy.Record{Version: before.Version + 1}, audit.PolicyRemoved))
}

func (o *Operator) putPolicy(ctx context.Context, api string, r policy.Record, event string) error {
	if err := o.store.PutPolicy(ctx, api, r); err != nil {
		return err
	}
	return o.record(ctx, audit.Event{Name: event, API: api})
}
