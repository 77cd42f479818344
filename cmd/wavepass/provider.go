package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wavepass/wavepass/pkg/federation"
	"github.com/wavepass/wavepass/pkg/operate"
)

type providerCommands struct {
	Add    providerAdd    `cmd:"" help:"Register an identity provider that people log in with."`
	List   providerList   `cmd:"" help:"List the identity providers."`
	Show   providerShow   `cmd:"" help:"Show an identity provider."`
	Remove providerRemove `cmd:"" help:"Take an identity provider out of the registry."`
	Test   providerTest   `cmd:"" help:"Fetch what an identity provider publishes, and say what is wrong with it."`
}

// explainProvider says what to do about an error of a provider.
func explainProvider(err error, id string) error {
	switch {
	case errors.Is(err, federation.ErrUnknown):
		return fmt.Errorf("there is no provider %s; `wavepass provider list` names those that are", id)
	case errors.Is(err, operate.ErrProviderExists):
		return fmt.Errorf("there is a provider %s already: --replace puts this definition in its place", id)
	case errors.Is(err, federation.ErrConflict):
		return fmt.Errorf("somebody else has changed the provider %s meanwhile: look at it by `wavepass provider show %s`, and try again", id, id)
	}
	return err
}

type providerNamed struct {
	target
	ID string `arg:"" help:"Id of the provider, as it stands in its callback address."`
}

type providerAdd struct {
	providerNamed
	Issuer     string            `help:"Issuer of the provider, exactly as its metadata say." placeholder:"URL" required:""`
	ClientID   string            `name:"client-id" help:"Client id that the provider has given to you." placeholder:"ID" required:""`
	Name       string            `help:"What people read on the button; by default the id." placeholder:"NAME" type:"given"`
	Scope      []string          `help:"A scope to ask the provider for; repeat it for more. By default openid, email and profile." placeholder:"NAME" sep:"none"`
	TrustEmail []string          `help:"A domain whose e-mail addresses the provider may speak for; repeat it, or put commas, for more." placeholder:"DOMAIN"`
	RolesClaim string            `help:"Claim of the ID token that lists the person's groups." placeholder:"CLAIM" type:"given"`
	Role       map[string]string `help:"The role that members of a group have; repeat it for more." placeholder:"GROUP=ROLE" mapsep:"none"`
	Replace    bool              `help:"Put this definition in the place of one that is there."`
}

// Help is shown by `wavepass provider add --help`.
func (c *providerAdd) Help() string {
	return `The client secret is read from standard input, and sealed. Test the provider before: that needs no secret.

  wavepass provider test https://accounts.google.com
  wavepass provider add google --issuer https://accounts.google.com --client-id 123.apps.googleusercontent.com <secret.txt

At the provider register ISSUER/callback/ID as the redirect address, for example https://id.example.com/callback/google.

People who come for the first time get accounts of their own. With --trust-email example.com a person comes into the account that has
their address already, when both sides have verified it. Its sessions and its password end. Name only domains whose mail the provider
itself runs.`
}

// Run registers the provider.
func (c *providerAdd) Run(ctx context.Context, o output, in invocation) error {
	p := federation.Provider{
		ID: c.ID, Name: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, Scopes: c.Scope, TrustEmail: c.TrustEmail, RolesClaim: c.RolesClaim, Roles: c.Role,
	}
	if p.Name == "" {
		p.Name = p.ID
	}
	if len(p.Scopes) == 0 {
		p.Scopes = federation.DefaultScopes
	}
	secret, err := in.secret(ctx, o, "Client secret: ")
	switch {
	case errors.Is(err, errNoSecret):
		return fmt.Errorf("no client secret on standard input: for example `wavepass provider add %s … <secret.txt`", c.ID)
	case err != nil:
		return err
	case len(secret.Reveal()) > federation.MaxSecret:
		return fmt.Errorf("the client secret has more than %d bytes", federation.MaxSecret)
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		var err error
		if p.SealedSecret, err = a.sealer.Seal(ctx, federation.SecretPurpose, []byte(secret.Reveal())); err != nil {
			return err
		}
		err = a.operator().AddProvider(ctx, p, c.Replace)
		return c.tell(o, a, result{Done: "added", Changed: true, Provider: c.ID, subject: "provider " + c.ID,
			note: "Register at the provider as its redirect address:  ISSUER/callback/" + c.ID + "\nThe button is on the sign-in page within a minute."}, explainProvider(err, c.ID))
	})
}

type providerList struct{ target }

// Help is shown by `wavepass provider list --help`.
func (c *providerList) Help() string { return "  wavepass provider list --json" }

// providerJSON is a provider as --json prints it. The secret is not in it.
type providerJSON struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Issuer     string            `json:"issuer"`
	ClientID   string            `json:"client_id"`
	Scopes     []string          `json:"scopes"`
	TrustEmail []string          `json:"trust_email"`
	RolesClaim string            `json:"roles_claim"`
	Roles      map[string]string `json:"roles"`
}

func providerForJSON(p federation.Provider) providerJSON {
	return providerJSON{p.ID, p.Name, p.Issuer, p.ClientID, p.Scopes, p.TrustEmail, p.RolesClaim, p.Roles}
}

// Run prints the providers.
func (c *providerList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		all, err := federation.Registered(ctx, a.store)
		if err != nil {
			return err
		}
		if c.JSON {
			list := []providerJSON{}
			for _, p := range all {
				list = append(list, providerForJSON(p))
			}
			return printJSON(o.out, list)
		}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tISSUER\tCLIENT ID")
		for _, p := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.ID, p.Name, p.Issuer, p.ClientID)
		}
		return table.Flush()
	})
}

type providerShow struct{ providerNamed }

// Help is shown by `wavepass provider show --help`.
func (c *providerShow) Help() string { return "  wavepass provider show google --json" }

// Run prints the provider.
func (c *providerShow) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		p, err := a.provider(ctx, c.ID)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return printJSON(o.out, providerForJSON(p))
		}
		return printProvider(o.out, p)
	})
}

func (a admin) provider(ctx context.Context, id string) (federation.Provider, error) {
	record, err := a.store.Provider(ctx, id)
	if err != nil {
		return federation.Provider{}, explainProvider(err, id)
	}
	p, err := record.Provider()
	return p, explainProvider(err, id)
}

func printProvider(out io.Writer, p federation.Provider) error {
	roles := []string{}
	for _, group := range slices.Sorted(maps.Keys(p.Roles)) {
		roles = append(roles, group+"="+p.Roles[group])
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", p.ID}, {"name", p.Name}, {"issuer", p.Issuer}, {"client_id", p.ClientID}, {"scopes", strings.Join(p.Scopes, " ")},
		{"trust_email", orNone(p.TrustEmail)}, {"roles_claim", p.RolesClaim}, {"roles", orNone(roles)}, {"secret", "sealed"},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	return table.Flush()
}

type providerRemove struct {
	providerNamed
	Yes bool `help:"Really: nobody can log in with it any more."`
}

// Help is shown by `wavepass provider remove --help`.
func (c *providerRemove) Help() string { return "  wavepass provider remove google --yes" }

// Run removes the provider.
func (c *providerRemove) Run(ctx context.Context, o output, in invocation) error {
	if err := in.confirm(ctx, o, c.Yes, "nobody can log in with the provider "+c.ID+" any more", c.ID); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		err := a.operator().RemoveProvider(ctx, c.ID)
		return c.tell(o, a, result{Done: "removed", Changed: true, Provider: c.ID, subject: "provider " + c.ID}, explainProvider(err, c.ID))
	})
}

type providerTest struct {
	target
	Provider string `arg:"" help:"Id of a registered provider, or the issuer of one that is not." placeholder:"ID|URL"`
}

// Help is shown by `wavepass provider test --help`.
func (c *providerTest) Help() string {
	return `It fetches the metadata and the keys from this machine, and logs nobody in. It ends with status 1 when nobody could log in.

  wavepass provider test google
  wavepass provider test https://accounts.google.com`
}

var errUnusableProvider = errors.New("nobody can log in with this provider: the lines that say fail say why")

// Run fetches and looks.
func (c *providerTest) Run(ctx context.Context, o output, in invocation) error {
	if strings.Contains(c.Provider, ":") {
		return c.inspect(ctx, o, c.Provider)
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		p, err := a.provider(ctx, c.Provider)
		if err != nil {
			return err
		}
		return c.inspect(ctx, o, p.Issuer)
	})
}

func (c *providerTest) inspect(ctx context.Context, o output, issuer string) error {
	found := federation.Inspect(ctx, federation.NewClient(), issuer)
	if c.JSON {
		if err := printJSON(o.out, found); err != nil {
			return err
		}
	} else {
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(table, "%s\t%s\t%s\n", f.Grade, f.What, f.Says)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(found, func(f federation.Finding) bool { return f.Grade == federation.Bad }) {
		return errUnusableProvider
	}
	return nil
}
