package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// caller is what Wavepass's authorizer has found out about the caller. These are the members that this function uses;
// Wavepass's docs/policy.md has all of them.
type caller struct {
	Sub      string         `json:"sub"`
	ClientID string         `json:"client_id"`
	Scope    string         `json:"scope"`
	Roles    []string       `json:"roles"`
	Claims   map[string]any `json:"claims"`
}

// plan is a claim of the account, which operators set; "" for none.
func (c caller) plan() string {
	plan, _ := c.Claims["plan"].(string)
	return plan
}

var errNoAuthorizer = errors.New("this route has no authorizer of Wavepass")

// callerOf reads the same members behind both kinds of API. A route without the authorizer has no caller: that is an error.
func callerOf(e event) (caller, error) {
	members := e.RequestContext.Authorizer
	text, nested := members["lambda"] // of an HTTP API
	if !nested {
		var err error
		if text, err = withoutText(members); err != nil {
			return caller{}, err
		}
	}
	var c caller
	if err := json.Unmarshal(text, &c); err != nil {
		return caller{}, fmt.Errorf("what the authorizer says: %w", err)
	}
	if c.Sub == "" {
		return caller{}, errNoAuthorizer
	}
	return c, nil
}

// withoutText undoes what a REST API does: it makes a string of every value. Where it was none before, the string is JSON.
func withoutText(members map[string]json.RawMessage) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for name, value := range members {
		switch name {
		case "roles", "roles_omitted", "claims", "amr", "auth_time", "exp":
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("what the authorizer says: %s: %w", name, err)
			}
			value = json.RawMessage(text)
		}
		all[name] = value
	}
	return json.Marshal(all)
}
