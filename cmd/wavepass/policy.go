package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/policy/policyfile"
)

type policyCommands struct {
	Apply  policyApply  `cmd:"" help:"Make a file the policy of an API."`
	Show   policyShow   `cmd:"" help:"Print the policy of an API, as a file."`
	List   policyList   `cmd:"" help:"List the APIs that have a policy."`
	Remove policyRemove `cmd:"" help:"Remove the policy of an API: then the default one counts, or a valid token is enough."`
	Test   policyTest   `cmd:"" help:"Say whether somebody may have a request, and which line of the policy decides."`
}

// ofAPI names one API.
type ofAPI struct {
	target
	API string `name:"api" help:"Id of the API; by default the policy of every API without one of its own." default:"default" placeholder:"ID" type:"given"`
}

func (c ofAPI) checkAPI() error {
	if !policy.ValidAPI(c.API) {
		return fmt.Errorf("--api %q: an API has an id like abc123def4; the stack's output ApiId is that of Wavepass's own", c.API)
	}
	return nil
}

func (c ofAPI) about() string {
	if c.API == policy.Default {
		return "the default policy"
	}
	return "the policy of the API " + c.API
}

// explain says what to do about an error of a policy.
func (c ofAPI) explainPolicy(err error) error {
	switch {
	case errors.Is(err, policy.ErrNone):
		return fmt.Errorf("%s is not there; `wavepass policy list` names those that are", c.about())
	case errors.Is(err, policy.ErrConflict):
		return fmt.Errorf("%s was changed meanwhile, so nothing was done: look at it with `wavepass policy show`, and do it again", c.about())
	case errors.Is(err, operate.ErrAudienceOfAll):
		return fmt.Errorf("%w: name it with --api ID", err)
	}
	return err
}

const feltWithin = "Authorizers follow within a minute."

type policyApply struct {
	ofAPI
	File   string `arg:"" help:"The policy, in YAML; - for standard input." placeholder:"FILE"`
	DryRun bool   `help:"Say what would change, and change nothing."`

	Replaces int64 `help:"Only in place of this version, as wavepass policy list says it, 0 for none; else nothing is changed." default:"-1" placeholder:"VERSION"`
}

// Help is shown by `wavepass policy apply --help`.
func (c *policyApply) Help() string {
	return `What changes is printed first: + a line more, - one less, ~ one that asks for something else.

  wavepass policy apply policy.yaml
  wavepass policy apply policy.yaml --api abc123def4 --table wavepass-TableXYZ

The file:

  unlisted: deny            # or allow: for routes that no line names
  routes:
    GET /orders/{id}:    { scopes: [orders:read] }                           # all of the scopes
    POST /orders:        { scopes: [orders:write], roles: [member, admin] }  # and one of the roles
    ANY /admin/{proxy+}: { roles: [admin], max_auth_age: 15m }               # logged in no longer ago
    GET /news:           {}                                                  # everybody with a valid token
    GET /shop:           { session: optional }                               # by cookie: people without a session, too`
}

// Run stores the policy.
func (c *policyApply) Run(ctx context.Context, o output, in invocation) error {
	document, err := readPolicy(ctx, in, c.File)
	if err != nil {
		return err
	}
	if err := c.checkAPI(); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		before, record, err := a.operator().PolicyOf(ctx, c.API)
		if err != nil && !errors.Is(err, policy.ErrNone) {
			return err
		}
		if c.Replaces >= 0 && c.Replaces != record.Version {
			return fmt.Errorf("%s has the version %d, and not %d, so nothing was done: look at it with `wavepass policy show`", c.about(), record.Version, c.Replaces)
		}
		changes := differences(before, document)
		if !c.JSON {
			_, _ = io.WriteString(o.out, strings.Join(append(changes, ""), "\n"))
		}
		r := result{Done: "applied", API: c.API, Changes: changes, subject: c.about(), note: feltWithin}
		if c.DryRun {
			r.note = ""
			if r.Changed = len(changes) > 0; r.Changed {
				r.Done = "not applied, as this is a dry run:"
			}
			return c.tell(o, a, r, nil)
		}
		r.Changed, err = a.operator().SetPolicy(ctx, c.API, record, document)
		return c.tell(o, a, r, c.explainPolicy(err))
	})
}

// readPolicy reads a file, and names it in each mistake.
func readPolicy(ctx context.Context, in invocation, file string) (policy.Document, error) {
	text, err := in.file(ctx, file, policyfile.MaxSize)
	if err != nil {
		return policy.Document{}, err
	}
	document, err := policyfile.Read(text)
	if err != nil {
		return policy.Document{}, fmt.Errorf("%s, nothing was changed:\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return document, nil
}

// differences are the lines by which the second document differs from the first.
func differences(before, after policy.Document) (changes []string) {
	note := func(what, before, after string) {
		switch {
		case before == after:
		case before == "":
			changes = append(changes, "+ "+what+": "+after)
		case after == "":
			changes = append(changes, "- "+what+": "+before)
		default:
			changes = append(changes, "~ "+what+": "+before+" → "+after)
		}
	}
	note("unlisted", before.Unlisted, after.Unlisted)
	note("base_path", before.BasePath, after.BasePath)
	note("audience", before.Audience, after.Audience)
	for _, l := range after.Routes {
		note(l.Route, needsOf(before, l.Route), needsOf(after, l.Route))
	}
	for _, l := range before.Routes {
		if needsOf(after, l.Route) == "" {
			note(l.Route, needsOf(before, l.Route), "")
		}
	}
	return changes
}

// needsOf is what a document says of a route, "" when it does not name it.
func needsOf(d policy.Document, route string) string {
	i := slices.IndexFunc(d.Routes, func(l policy.Line) bool { return l.Route == route })
	if i < 0 {
		return ""
	}
	n := d.Routes[i].Needs
	var words []string
	if len(n.Scopes) > 0 {
		words = append(words, "scopes "+strings.Join(n.Scopes, " "))
	}
	if len(n.Roles) > 0 {
		words = append(words, "roles "+strings.Join(n.Roles, " "))
	}
	if n.MaxAuthAge > 0 {
		words = append(words, "max_auth_age "+policyfile.Age(n.MaxAuthAge))
	}
	if n.Session != "" {
		words = append(words, "session "+n.Session)
	}
	if len(words) == 0 {
		return "any valid token"
	}
	return strings.Join(words, ", ")
}

type policyShow struct{ ofAPI }

// Help is shown by `wavepass policy show --help`.
func (c *policyShow) Help() string { return "  wavepass policy show >policy.yaml" }

// Run prints the policy.
func (c *policyShow) Run(ctx context.Context, o output, in invocation) error {
	if err := c.checkAPI(); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		document, _, err := a.operator().PolicyOf(ctx, c.API)
		switch {
		case err != nil:
			return c.explainPolicy(err)
		case c.JSON:
			return printJSON(o.out, document)
		}
		file, err := policyfile.Write(document)
		if err != nil {
			return err
		}
		_, err = o.out.Write(file)
		return err
	})
}

type policyList struct{ target }

// Help is shown by `wavepass policy list --help`.
func (c *policyList) Help() string { return "  wavepass policy list --json" }

// policyJSON is a policy as --json lists it.
type policyJSON struct {
	API     string `json:"api"`
	Version int64  `json:"version"`
	Removed bool   `json:"removed"`
}

// Run prints the APIs.
func (c *policyList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		apis, err := a.store.Policies(ctx)
		if err != nil {
			return err
		}
		list := []policyJSON{}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "API\tVERSION\tPOLICY")
		for _, api := range apis {
			record, err := a.store.Policy(ctx, api)
			if err != nil {
				return err
			}
			found := policyJSON{api, record.Version, record.Removed()}
			list = append(list, found)
			fmt.Fprintf(table, "%s\t%d\t%s\n", api, found.Version, map[bool]string{true: "removed", false: "there"}[found.Removed])
		}
		if c.JSON {
			return printJSON(o.out, list)
		}
		return table.Flush()
	})
}

type policyRemove struct {
	ofAPI
	Yes bool `help:"Really: routes may open by it."`
}

// Help is shown by `wavepass policy remove --help`.
func (c *policyRemove) Help() string {
	return "  wavepass policy remove --api abc123def4 --yes\n\n`wavepass policy show >before.yaml` keeps what was there."
}

// Run removes the policy.
func (c *policyRemove) Run(ctx context.Context, o output, in invocation) error {
	if err := c.checkAPI(); err != nil {
		return err
	}
	without := "without " + c.about() + " the default policy decides, and where there is none a valid token opens every route"
	if c.API == policy.Default {
		without = "without the default policy a valid token opens every route of the APIs that have no policy of their own"
	}
	if err := in.confirm(ctx, o, c.Yes, without, c.API); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		changed, err := a.operator().RemovePolicy(ctx, c.API)
		return c.tell(o, a, result{Done: "removed", Changed: changed, API: c.API, subject: c.about(), note: feltWithin}, c.explainPolicy(err))
	})
}

type policyTest struct {
	ofAPI
	Request string        `arg:"" help:"Method and path, as \"GET /orders/7\"."`
	Scope   []string      `help:"A scope that the access token has; repeat it for more." placeholder:"NAME"`
	Role    []string      `help:"A role that it has; repeat it for more." placeholder:"NAME"`
	AuthAge time.Duration `help:"How long ago the person has logged in." default:"0s"`
	NoLogin bool          `help:"Nobody has logged in: a service's token."`
	Nobody  bool          `name:"no-session" help:"There is no session that can be used, at a site."`
	Route   string        `help:"The route that the gateway chooses for it, as \"ANY /{proxy+}\" or \"$$default\"; by default one of exactly this path." placeholder:"ROUTE" type:"given"`
	InFile  string        `name:"file" help:"Ask this file, and not what is stored." placeholder:"FILE" type:"given"`
}

// Help is shown by `wavepass policy test --help`.
func (c *policyTest) Help() string {
	return `It ends with an error when the request is refused, so that a script can rely on it:

  wavepass policy test "GET /orders/7" --scope orders:read
  wavepass policy test "GET /admin/users" --role member --route "ANY /{proxy+}" --file policy.yaml`
}

// decisionJSON is an answer of the policy as --json prints it.
type decisionJSON struct {
	Allowed bool   `json:"allowed"`
	Line    string `json:"line"` // of the policy; empty when none could decide
	Why     string `json:"why,omitzero"`
}

// Run asks the policy.
func (c *policyTest) Run(ctx context.Context, o output, in invocation) error {
	if err := c.checkAPI(); err != nil {
		return err
	}
	method, path, found := strings.Cut(c.Request, " ")
	if !found {
		return fmt.Errorf("%q: want a method, a space and a path, like \"GET /orders/7\"", c.Request)
	}
	request := policy.Request{Route: c.Route, Method: method, Path: path}
	if request.Route == "" {
		request.Route = c.Request
	}
	if c.InFile != "" {
		document, err := readPolicy(ctx, in, c.InFile)
		if err != nil {
			return err
		}
		return c.decide(o, document, request)
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		document, _, err := a.operator().PolicyOf(ctx, c.API)
		if errors.Is(err, policy.ErrNone) && c.API != policy.Default {
			document, _, err = a.operator().PolicyOf(ctx, policy.Default)
		}
		if err != nil {
			return c.explainPolicy(err)
		}
		return c.decide(o, document, request)
	})
}

func (c *policyTest) decide(o output, document policy.Document, request policy.Request) error {
	p, err := policy.New(document)
	if err != nil {
		return err
	}
	now := time.Now()
	caller := policy.Caller{Scope: strings.Join(c.Scope, " "), Roles: c.Role, AuthTime: now.Add(-c.AuthAge)}
	if c.NoLogin {
		caller.AuthTime = time.Time{}
	}
	line, _ := p.Line(request)
	refused := p.Decide(request, caller, now)
	if c.Nobody {
		refused = p.DecideNobody(request)
	}
	if c.JSON {
		answer := decisionJSON{Allowed: refused == nil, Line: line}
		if refused != nil {
			answer.Why = refused.Error()
		}
		return errors.Join(printJSON(o.out, answer), refused)
	}
	if refused != nil {
		return refused
	}
	_, err = fmt.Fprintf(o.out, "allowed  %s, by %s\n", c.Request, line)
	return err
}

// applyPolicy makes a file the default policy when `wavepass local` starts.
func (c *localCommand) applyPolicy(ctx context.Context, a admin, out io.Writer) error {
	if c.Policy == "" {
		return nil
	}
	document, err := readPolicy(ctx, invocation{input: &input{}}, c.Policy)
	if err != nil {
		return err
	}
	_, record, err := a.operator().PolicyOf(ctx, policy.Default)
	if err != nil && !errors.Is(err, policy.ErrNone) {
		return err
	}
	_, err = a.operator().SetPolicy(ctx, policy.Default, record, document)
	if errors.Is(err, operate.ErrAudienceOfAll) {
		return fmt.Errorf("%s: %w: once the server runs, `wavepass policy apply %s --api local`", c.Policy, err, c.Policy)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The policy in %s counts; routes: %d.\n", c.Policy, len(document.Routes))
	return nil
}
