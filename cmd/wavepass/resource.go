package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/resource"
)

type resourceCommands struct {
	Add    resourceAdd    `cmd:"" help:"Register an API or an MCP server that access tokens are for."`
	List   resourceList   `cmd:"" help:"List the registered resources."`
	Show   resourceShow   `cmd:"" help:"Show a resource, or the document that clients read about it."`
	Set    resourceSet    `cmd:"" help:"Change what is registered of a resource."`
	Remove resourceRemove `cmd:"" help:"Take a resource out of the registry."`
}

// explainResource says what to do about an error of a resource.
func explainResource(err error, uri string) error {
	switch {
	case errors.Is(err, resource.ErrUnknown):
		return fmt.Errorf("there is no resource %s; `wavepass resource list` names those that are", uri)
	case errors.Is(err, operate.ErrResourceExists):
		return fmt.Errorf("the resource %s is registered already: change it by `wavepass resource set`", uri)
	case errors.Is(err, resource.ErrConflict):
		return fmt.Errorf("somebody else has changed the resource %s meanwhile: look at it by `wavepass resource show %s`, and try again", uri, uri)
	}
	return err
}

type resourceNamed struct {
	target
	URI string `arg:"" name:"uri" help:"Address of the resource, exactly as clients call it. It is the audience of its tokens."`
}

type resourceAdd struct {
	resourceNamed
	Scope         []string `help:"A scope that clients may ask for; repeat it for more." placeholder:"NAME" sep:"none"`
	Name          string   `help:"What people read of it." placeholder:"NAME" type:"given"`
	Documentation string   `help:"Address of a page for developers." placeholder:"URL" type:"given"`
	Open          bool     `help:"Applications that nobody has registered, and that are named by the address of their document, may ask for these scopes, too."`
}

// Help is shown by `wavepass resource add --help`.
func (c *resourceAdd) Help() string {
	return `Clients find out by it which issuer gives out tokens for the resource, and which scopes there are (RFC 9728). Its address is the audience
of the tokens; the document is served for resources of this deployment's own host. For others print it, and serve it there:

  wavepass resource add https://mcp.example.com/mcp --scope notes:read --scope notes:write --name Notes
  wavepass resource show https://mcp.example.com/mcp --document https://id.example.com

Applications that are registered need the address among their audiences, too: wavepass client set app --audience https://mcp.example.com/mcp`
}

// Run registers the resource.
func (c *resourceAdd) Run(ctx context.Context, o output, in invocation) error {
	r := resource.Resource{URI: c.URI, Name: c.Name, Documentation: c.Documentation, Scopes: c.Scope, Open: c.Open}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		err := a.operator().AddResource(ctx, r)
		return c.tell(o, a, result{Done: "added", Changed: true, Resource: c.URI, subject: "resource " + c.URI,
			note: "Clients look for its document at  " + r.MetadataAddress()}, explainResource(err, c.URI))
	})
}

type resourceList struct{ target }

// Help is shown by `wavepass resource list --help`.
func (c *resourceList) Help() string { return "  wavepass resource list --json" }

// resourceJSON is a resource as --json prints it.
type resourceJSON struct {
	URI           string   `json:"resource"`
	Name          string   `json:"name"`
	Documentation string   `json:"documentation"`
	Scopes        []string `json:"scopes"`
	Open          bool     `json:"open"`
	Document      string   `json:"document"` // where clients look for its metadata
}

func resourceForJSON(r resource.Resource) resourceJSON {
	return resourceJSON{r.URI, r.Name, r.Documentation, r.Scopes, r.Open, r.MetadataAddress()}
}

// Run prints the resources.
func (c *resourceList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		all, err := resource.Registered(ctx, a.store)
		if err != nil {
			return err
		}
		if c.JSON {
			list := []resourceJSON{}
			for _, r := range all {
				list = append(list, resourceForJSON(r))
			}
			return printJSON(o.out, list)
		}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "RESOURCE\tNAME\tSCOPES\tOPEN")
		for _, r := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\t%t\n", r.URI, r.Name, orNone(r.Scopes), r.Open)
		}
		return table.Flush()
	})
}

type resourceShow struct {
	resourceNamed
	Document string `help:"Print the document that the resource serves to clients, whose tokens come from this issuer." placeholder:"ISSUER" type:"given"`
}

// Help is shown by `wavepass resource show --help`.
func (c *resourceShow) Help() string {
	return `  wavepass resource show https://mcp.example.com/mcp --json
  wavepass resource show https://mcp.example.com/mcp --document https://id.example.com >oauth-protected-resource`
}

// Run prints the resource.
func (c *resourceShow) Run(ctx context.Context, o output, in invocation) error {
	if c.Document != "" {
		if err := federation.CheckIssuer(c.Document); err != nil || strings.HasSuffix(c.Document, "/") {
			return fmt.Errorf("--document %q: want the issuer exactly as its metadata say, like https://id.example.com", c.Document)
		}
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		r, err := resource.Find(ctx, a.store, c.URI)
		switch {
		case err != nil:
			return explainResource(err, c.URI)
		case c.Document != "":
			return printJSON(o.out, r.Metadata(c.Document))
		case c.JSON:
			return printJSON(o.out, resourceForJSON(r))
		}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		for _, line := range [][2]string{
			{"resource", r.URI}, {"name", r.Name}, {"documentation", r.Documentation}, {"scopes", orNone(r.Scopes)}, {"open", fmt.Sprint(r.Open)},
			{"document", r.MetadataAddress()},
		} {
			fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
		}
		return table.Flush()
	})
}

type resourceSet struct {
	resourceNamed
	Scope         []string `help:"The scopes that clients may ask for, in place of those before; repeat it for more." placeholder:"NAME" sep:"none"`
	Name          string   `help:"What people read of it." placeholder:"NAME" type:"given"`
	Documentation string   `help:"Address of a page for developers." placeholder:"URL" type:"given"`
	Open          *bool    `help:"Applications that nobody has registered may ask for it, too." negatable:""`
	Clear         []string `help:"A field to make empty: scopes, name or documentation; repeat it for more." placeholder:"FIELD" enum:"scopes,name,documentation" sep:"none"`
}

// Help is shown by `wavepass resource set --help`.
func (c *resourceSet) Help() string {
	return `What no flag names stays as it is. Tokens that were given out keep their scopes until they expire.

  wavepass resource set https://mcp.example.com/mcp --scope notes:read --no-open`
}

// Run changes the resource.
func (c *resourceSet) Run(ctx context.Context, o output, in invocation) error {
	if len(c.Scope)+len(c.Clear) == 0 && c.Name == "" && c.Documentation == "" && c.Open == nil {
		return errors.New("nothing to set: name what to change, for example --scope notes:read")
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		changed, err := a.operator().ChangeResource(ctx, c.URI, c.change)
		return c.tell(o, a, result{Done: "set", Changed: changed, Resource: c.URI, subject: "resource " + c.URI}, explainResource(err, c.URI))
	})
}

func (c *resourceSet) change(r *resource.Resource) {
	if slices.Contains(c.Clear, "scopes") || len(c.Scope) > 0 {
		r.Scopes = c.Scope
	}
	if slices.Contains(c.Clear, "name") || c.Name != "" {
		r.Name = c.Name
	}
	if slices.Contains(c.Clear, "documentation") || c.Documentation != "" {
		r.Documentation = c.Documentation
	}
	if c.Open != nil {
		r.Open = *c.Open
	}
}

type resourceRemove struct {
	resourceNamed
	Yes bool `help:"Really: clients no longer find out whose tokens it takes."`
}

// Help is shown by `wavepass resource remove --help`.
func (c *resourceRemove) Help() string {
	return `Sessions and tokens for it are good as before; ` + "`wavepass revoke client`" + ` ends those of a client.

  wavepass resource remove https://mcp.example.com/mcp --yes`
}

// Run removes the resource.
func (c *resourceRemove) Run(ctx context.Context, o output, in invocation) error {
	if err := in.confirm(ctx, o, c.Yes, "clients no longer find out whose tokens "+c.URI+" takes", c.URI); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		err := a.operator().RemoveResource(ctx, c.URI)
		return c.tell(o, a, result{Done: "removed", Changed: true, Resource: c.URI, subject: "resource " + c.URI}, explainResource(err, c.URI))
	})
}
