package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/drill"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

// operatorOf makes changes to a target, as the commands do. It notes each before it makes it, so that the next drill can undo it.
type operatorOf struct {
	target
	api  string // whose policy is changed
	name string
	out  output // where people read what they have to undo
}

func (p operatorOf) DisableAccount(ctx context.Context, username string) error {
	if err := p.note(func(r *drillRecord) { r.Disabled = username }); err != nil {
		return err
	}
	fmt.Fprintf(p.out.log, "  if this is killed now, the account stays disabled: repeat the drill, or\n  %s\n", p.howToEnable(username))
	_, err := p.command(ctx, nil, "account", "disable", "--", username)
	return err
}

func (p operatorOf) EnableAccount(ctx context.Context, username string) error {
	if _, err := p.command(ctx, nil, "account", "enable", "--", username); err != nil {
		return err
	}
	return p.note(func(r *drillRecord) { r.Disabled = "" })
}

func (p operatorOf) RevokeKey(ctx context.Context, keyID string) error {
	_, err := p.command(ctx, nil, "key", "revoke", "--", keyID)
	return err
}

func (p operatorOf) GiveRole(ctx context.Context, username, role string) error {
	if err := p.note(func(r *drillRecord) { r.Role = username }); err != nil {
		return err
	}
	return p.setRoles(ctx, username, func(roles []string) []string {
		if slices.Contains(roles, role) {
			return roles
		}
		return append(roles, role)
	})
}

func (p operatorOf) TakeRole(ctx context.Context, username, role string) error {
	without := func(roles []string) []string {
		return slices.DeleteFunc(roles, func(r string) bool { return r == role })
	}
	if err := p.setRoles(ctx, username, without); err != nil {
		return err
	}
	return p.note(func(r *drillRecord) { r.Role = "" })
}

func (p operatorOf) setRoles(ctx context.Context, username string, change func([]string) []string) error {
	text, err := p.command(ctx, nil, "account", "show", "--json", "--", username)
	if err != nil {
		return err
	}
	var a accountJSON
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	var flags []string
	for _, role := range change(a.Roles) {
		flags = append(flags, "--role="+role)
	}
	if flags == nil {
		flags = []string{"--no-roles"}
	}
	_, err = p.command(ctx, nil, "account", "set-access", append(flags, "--", username)...)
	return err
}

// changedPolicy is a change of RequireRole, with what ReleaseRoute needs to take it back.
type changedPolicy struct {
	API    string        `json:"api"`
	Route  string        `json:"route"`
	Before *policy.Needs `json:"before"` // nil: the route had no line
	None   bool          `json:"none"`   // there was no policy
}

func (p operatorOf) RequireRole(ctx context.Context, path, role string) error {
	document, version, err := p.policyNow(ctx)
	if err != nil {
		return err
	}
	changed := changedPolicy{API: p.api, Route: "GET " + path, None: document == nil}
	switch {
	case document == nil && p.api != policy.Default:
		return fmt.Errorf("the API %s has no policy of its own: leave out --api", p.api)
	case document == nil:
		document = &policy.Document{Unlisted: policy.Allow}
	}
	needs := policy.Needs{}
	i := slices.IndexFunc(document.Routes, func(l policy.Line) bool { return l.Route == changed.Route })
	if i < 0 {
		document.Routes = append(document.Routes, policy.Line{Route: changed.Route})
		i = len(document.Routes) - 1
	} else {
		needs = document.Routes[i].Needs
		before := needs
		changed.Before = &before
	}
	needs.Roles, needs.Session = []string{role}, ""
	document.Routes[i].Needs = needs
	if err := p.note(func(r *drillRecord) { r.Policy = &changed }); err != nil {
		return err
	}
	fmt.Fprintf(p.out.log, "  if this is killed now, %s stays closed: repeat the drill, or take the role %s out of the policy of the API %s\n",
		changed.Route, role, p.api)
	return p.applyPolicy(ctx, *document, version)
}

// ReleaseRoute leaves a line alone that asks for anything else by now: then somebody else has changed it.
func (p operatorOf) ReleaseRoute(ctx context.Context) error {
	record, err := p.record()
	if err != nil || record.Policy == nil {
		return err
	}
	changed := *record.Policy
	p.api = changed.API
	document, version, err := p.policyNow(ctx)
	if err != nil {
		return err
	}
	if document != nil {
		i := slices.IndexFunc(document.Routes, func(l policy.Line) bool {
			return l.Route == changed.Route && slices.Equal(l.Roles, []string{drill.Role})
		})
		if i >= 0 {
			if err := p.restoreLine(ctx, changed, *document, i, version); err != nil {
				return err
			}
		}
	}
	return p.note(func(r *drillRecord) { r.Policy = nil })
}

func (p operatorOf) restoreLine(ctx context.Context, changed changedPolicy, document policy.Document, i int, version int64) error {
	switch {
	case changed.Before != nil:
		document.Routes[i].Needs = *changed.Before
	case changed.None && len(document.Routes) == 1:
		_, err := p.command(ctx, nil, "policy", "remove", "--yes", "--api", p.api)
		return err
	default:
		document.Routes = slices.Delete(document.Routes, i, i+1)
	}
	return p.applyPolicy(ctx, document, version)
}

// policyNow returns what is stored, nil when it is nothing, and its version.
func (p operatorOf) policyNow(ctx context.Context) (*policy.Document, int64, error) {
	text, err := p.command(ctx, nil, "policy", "list", "--json")
	if err != nil {
		return nil, 0, err
	}
	var list []policyJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(list, func(found policyJSON) bool { return found.API == p.api })
	switch {
	case i < 0:
		return nil, 0, nil
	case list[i].Removed:
		return nil, list[i].Version, nil
	}
	text, err = p.command(ctx, nil, "policy", "show", "--json", "--api", p.api)
	if err != nil {
		return nil, 0, err
	}
	var document policy.Document
	return &document, list[i].Version, json.Unmarshal(text, &document)
}

func (p operatorOf) applyPolicy(ctx context.Context, document policy.Document, version int64) error {
	file, err := policyfile.Write(document)
	if err != nil {
		return err
	}
	_, err = p.command(ctx, file, "policy", "apply", "--api", p.api, "--replaces", strconv.FormatInt(version, 10), "-")
	return err
}

func (p operatorOf) command(ctx context.Context, text []byte, group, name string, args ...string) ([]byte, error) {
	var out, log bytes.Buffer
	err := parseAndRun(ctx, &adminCommands{}, output{&out, &log}, invocation{
		args: slices.Concat([]string{group, name}, p.flags(), args), operator: p.name, input: &input{from: bytes.NewReader(text)},
	})
	return out.Bytes(), err
}
