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

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
)

type clientCommands struct {
	Add          clientAdd          `cmd:"" help:"Register an application."`
	List         clientList         `cmd:"" help:"List every client."`
	Show         clientShow         `cmd:"" help:"Show a client."`
	Set          clientSet          `cmd:"" help:"Replace what the flags name."`
	Remove       clientRemove       `cmd:"" help:"Take a client out of the registry, and end its sessions."`
	RotateSecret clientRotateSecret `cmd:"" help:"Give a server or service client a new secret, and print it once."`
	Apply        clientApply        `cmd:"" help:"Make the registry equal to a file."`
}

// reach is how soon a change is felt.
const reach = "Functions know within a minute."

// clients are the registered ones by their ids.
func (a admin) clients(ctx context.Context) (map[string]client.Client, error) {
	list, err := client.Registered(ctx, a.store)
	if err != nil {
		return nil, err
	}
	byID := map[string]client.Client{}
	for _, c := range list {
		byID[c.ID] = c
	}
	return byID, nil
}

// explainClient says what to do about an error of a client.
func explainClient(err error, id string) error {
	switch {
	case errors.Is(err, client.ErrUnknown):
		return fmt.Errorf("there is no client %s", id)
	case errors.Is(err, operate.ErrHasKeys):
		return fmt.Errorf("the client %s authenticates with the keys that it is registered with, so it has no secret: `wavepass client set %s --jwks FILE` replaces the keys; `wavepass client apply` with a file that has no jwks for it takes them away, and then it can have a secret", id, id)
	case errors.Is(err, operate.ErrFetchedClient):
		return fmt.Errorf("the client %s is what the document at its address says: `wavepass revoke client %s` ends its sessions, and `wavepass client remove %s` refuses it from now on", id, id, id)
	case errors.Is(err, operate.ErrClientExists):
		return fmt.Errorf("there is a client %s already: change it by `wavepass client set %s`", id, id)
	case errors.Is(err, client.ErrChanged):
		return fmt.Errorf("somebody else has changed the client %s meanwhile: look at it by `wavepass client show %s`, and try again", id, id)
	}
	return err
}

type clientNamed struct {
	target
	ID string `arg:"" help:"Client id."`
}

// clientFields are the flags of what an operator chooses. A flag that is not given leaves its field as it is.
type clientFields struct {
	Origin             []string       `help:"A web origin of the app, like https://app.example.com; repeat it for more." placeholder:"ORIGIN" sep:"none"`
	Redirect           []string       `help:"An address that sign-in may send people back to; repeat it for more." placeholder:"URL" sep:"none"`
	PostLogoutRedirect []string       `help:"The same after a logout; repeat it for more." placeholder:"URL" sep:"none"`
	Audience           []string       `help:"An API that its tokens are for; repeat it for more. Without one: the deployment's own." placeholder:"NAME" sep:"none"`
	Scope              []string       `help:"A scope that its tokens may carry; repeat it for more." placeholder:"NAME" sep:"none"`
	Introspect         []string       `help:"A client whose tokens a service may look at; repeat it for more." placeholder:"CLIENT" sep:"none"`
	Roles              string         `help:"Whether tokens carry roles (embed) or an API looks them up (lookup)." enum:",embed,lookup" default:""`
	AccessLife         *time.Duration `help:"How long an access token lives." placeholder:"15m"`
	IdleLife           *time.Duration `help:"A session that is unused for so long ends." placeholder:"336h"`
	AbsoluteLife       *time.Duration `help:"A session ends after so long, however busy." placeholder:"720h"`
	RememberedLife     *time.Duration `help:"The same for people who asked a browser to remember them." placeholder:"720h"`
	LateRetries        *int           `help:"How often an old refresh token may come late; native only." placeholder:"2"`
	SharedStore        *bool          `help:"Several processes use one stored refresh token; native only." negatable:""`
	ThirdParty         *bool          `help:"It is not the operator's own: it may not manage accounts." negatable:""`
	Consent            *bool          `help:"People are asked what it may have, as always for a third party." negatable:""`
	JWKS               []byte         `name:"jwks" help:"A file with the public keys that a server or service authenticates with, in place of a secret." placeholder:"FILE" type:"filecontent"`
	Directory          *string        `help:"Name of a service's own set of accounts." placeholder:"NAME"`
	MayBegin           []string       `help:"A client that a service may begin sessions of for the accounts of its directory; repeat it, or put commas, for more." placeholder:"CLIENT"`
	MayGrant           []string       `help:"What a service may give them: role:NAME, scope:NAME or claim:NAME; repeat it, or put commas, for more." placeholder:"RIGHT"`
	AMR                []string       `name:"amr" help:"How a service may say that they authenticated, like pwd or otp; repeat it, or put commas, for more." placeholder:"VALUE"`
}

// put puts the flags that were given into c, and reports whether there were any.
func (f clientFields) put(c *client.Client) (given bool) {
	for _, list := range []struct {
		to   *[]string
		from []string
	}{
		{&c.Origins, f.Origin}, {&c.Redirects, f.Redirect}, {&c.PostLogoutRedirects, f.PostLogoutRedirect},
		{&c.Audiences, f.Audience}, {&c.Scopes, f.Scope}, {&c.Introspects, f.Introspect},
		{&c.MayBegin, f.MayBegin}, {&c.MayGrant, f.MayGrant}, {&c.AMR, f.AMR},
	} {
		if list.from != nil {
			*list.to, given = list.from, true
		}
	}
	if f.JWKS != nil {
		c.JWKS, c.SecretHash, given = strings.TrimSpace(string(f.JWKS)), nil, true
	}
	if f.Roles != "" {
		c.Roles, given = client.RolesMode(f.Roles), true
	}
	if f.ThirdParty != nil {
		c.FirstParty, given = !*f.ThirdParty, true
	}
	for _, was := range []bool{
		replace(&c.AccessLife, f.AccessLife), replace(&c.IdleLife, f.IdleLife), replace(&c.Absolute, f.AbsoluteLife),
		replace(&c.Remembered, f.RememberedLife), replace(&c.LateRetries, f.LateRetries), replace(&c.SharedStore, f.SharedStore),
		replace(&c.Consent, f.Consent), replace(&c.Directory, f.Directory),
	} {
		given = given || was
	}
	return given
}

func replace[T any](to, by *T) bool {
	if by != nil {
		*to = *by
	}
	return by != nil
}

type clientAdd struct {
	clientNamed
	Kind string `help:"browser (single-page app), native (mobile, desktop, command line), server (application on a server, with a secret), service (back end with a secret) or site." enum:"browser,native,server,service,site" required:""`
	clientFields
}

// Help is shown by `wavepass client add --help`.
func (c *clientAdd) Help() string {
	return `docs/clients.md says which kind is for what. The secret of a server or service is printed once; with --jwks there is none.

  wavepass client add web --kind browser --origin http://localhost:5174 --scope orders:read`
}

// Run registers the client.
func (c *clientAdd) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		added := client.New(c.ID, client.Kind(c.Kind))
		c.put(&added)
		var secret oauth.Secret
		if added.Authenticates() && added.JWKS == "" {
			secret = operate.NewSecret()
			added.SecretHash = client.HashSecret(secret)
		}
		_, err := a.operator().Clients().Add(ctx, added)
		return c.tell(o, a, withSecret(result{Done: "added", Changed: true, ClientID: c.ID, subject: "client " + c.ID}, secret), explainClient(err, c.ID))
	})
}

// withSecret adds a secret that is shown this once.
func withSecret(r result, secret oauth.Secret) result {
	if !secret.IsZero() {
		r.Secret = secret.Reveal()
		r.note = "secret  " + r.Secret + "\nKeep it now: only a hash of it is stored."
	}
	return r
}

type clientList struct{ target }

// Help is shown by `wavepass client list --help`.
func (c *clientList) Help() string { return "  wavepass client list --json" }

// clientJSON is a client as --json prints it, by the names that files have.
type clientJSON struct {
	ID                  string    `json:"id"`
	Kind                string    `json:"kind"`
	FirstParty          bool      `json:"first_party"`
	Origins             []string  `json:"origins"`
	Redirects           []string  `json:"redirects"`
	PostLogoutRedirects []string  `json:"post_logout_redirects"`
	Audiences           []string  `json:"audiences"`
	Scopes              []string  `json:"scopes"`
	Roles               string    `json:"roles"`
	AccessLife          string    `json:"access_life"`
	IdleLife            string    `json:"idle_life"`
	AbsoluteLife        string    `json:"absolute_life"`
	RememberedLife      string    `json:"remembered_life"`
	LateRetries         int       `json:"late_retries"`
	SharedStore         bool      `json:"shared_store"`
	Consent             bool      `json:"consent"`
	Directory           string    `json:"directory"`
	MayBegin            []string  `json:"may_begin"`
	MayGrant            []string  `json:"may_grant"`
	AMR                 []string  `json:"amr"`
	Introspects         []string  `json:"introspects"`
	JWKS                string    `json:"jwks,omitzero"`
	HasSecret           bool      `json:"has_secret"`
	Since               time.Time `json:"since,omitzero"`

	// Of the document at the id of a client that nobody has registered.
	ClientName string    `json:"client_name,omitzero"`
	Fetched    time.Time `json:"fetched,omitzero"`
	FreshUntil time.Time `json:"fresh_until,omitzero"`
	KeptUntil  time.Time `json:"kept_until,omitzero"`
}

func clientForJSON(c client.Client) clientJSON {
	return clientJSON{
		c.ID, string(c.Kind), c.FirstParty, c.Origins, c.Redirects, c.PostLogoutRedirects, c.Audiences, c.Scopes, string(c.Roles),
		c.AccessLife.String(), c.IdleLife.String(), c.Absolute.String(), c.Remembered.String(), c.LateRetries, c.SharedStore,
		c.Consent, c.Directory, c.MayBegin, c.MayGrant, c.AMR, c.Introspects, c.JWKS, len(c.SecretHash) > 0, c.Since,
		c.Document.Name, c.Document.Fetched, c.Document.FreshUntil, c.Document.KeptUntil,
	}
}

// Run prints the clients.
func (c *clientList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		all, err := client.Registered(ctx, a.store)
		if err != nil {
			return err
		}
		if c.JSON {
			list := []clientJSON{}
			for _, found := range all {
				list = append(list, clientForJSON(found))
			}
			return printJSON(o.out, list)
		}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tKIND\tAUDIENCES\tSCOPES\tORIGINS")
		for _, found := range all {
			if found.IsFetched() {
				fmt.Fprintf(table, "%s\t%s\topen resources\t–\t–\n", found.ID, found.Kind)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", found.ID, found.Kind, ownOr(found.Audiences), orNone(found.Scopes), orNone(found.Origins))
		}
		return table.Flush()
	})
}

// ownOr is a list of audiences in one cell of a table.
func ownOr(audiences []string) string {
	if len(audiences) == 0 {
		return "the deployment's own"
	}
	return strings.Join(audiences, " ")
}

type clientShow struct{ clientNamed }

// Help is shown by `wavepass client show --help`.
func (c *clientShow) Help() string { return "  wavepass client show web --json" }

// Run prints the client.
func (c *clientShow) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		found, err := a.operator().Clients().Find(ctx, c.ID)
		switch {
		case err != nil:
			return explainClient(err, c.ID)
		case c.JSON:
			return printJSON(o.out, clientForJSON(found))
		}
		return printClient(o.out, found, time.Now())
	})
}

// printClient prints a client, and where a definition comes from that nobody has registered.
func printClient(out io.Writer, c client.Client, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "id\t%s\n", c.ID)
	for _, f := range client.Fields {
		fmt.Fprintf(table, "%s\t%s\n", f.Name, f.Text(c))
	}
	if c.Authenticates() && c.JWKS == "" {
		fmt.Fprintf(table, "secret\t%s\n", map[bool]string{true: "kept as a hash", false: "none: wavepass client rotate-secret " + c.ID}[len(c.SecretHash) > 0])
	}
	if d := c.Document; c.IsFetched() {
		age := now.Sub(d.Fetched).Truncate(time.Second)
		fmt.Fprintf(table, "document\tread %s ago, fresh until %s, kept until %s\n", age, d.FreshUntil.Format(time.RFC3339), d.KeptUntil.Format(time.RFC3339))
		fmt.Fprintf(table, "client_name\t%s\n", orNone(strings.Fields(d.Name)))
	}
	if !c.Since.IsZero() {
		fmt.Fprintf(table, "since\t%s\n", c.Since.Format(time.RFC3339))
	}
	return table.Flush()
}

type clientSet struct {
	clientNamed
	Kind  string   `help:"Another kind: every session of the client ends." enum:",browser,native,server,service,site" default:""`
	Clear []string `help:"A list to make empty: ${listFields}; repeat it for more." placeholder:"FIELD" sep:"none"`
	Yes   bool     `help:"With --kind: really, everybody who uses the client has to log in again."`
	clientFields
}

// Help is shown by `wavepass client set --help`.
func (c *clientSet) Help() string {
	return `What is not named stays as it is, and a list that is named takes the place of the one there was. A scope or an audience that
is taken away is gone with the next refresh; a new scope is there from the next login on.

  wavepass client set web --origin https://app.example.com --origin https://beta.example.com
  wavepass client set web --clear scopes`
}

// Run replaces what the flags name.
func (c *clientSet) Run(ctx context.Context, o output, in invocation) error {
	if c.Kind != "" {
		if err := in.confirm(ctx, o, c.Yes, "another kind ends every session of the client "+c.ID, c.ID); err != nil {
			return err
		}
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		registry := a.operator().Clients()
		was, err := registry.Find(ctx, c.ID)
		if err != nil {
			return explainClient(err, c.ID)
		}
		now, err := c.changed(was)
		if err != nil {
			return err
		}
		changed, err := registry.Change(ctx, was, now)
		if err == nil && changed && now.Kind != was.Kind {
			err = waitUntil(ctx, time.Now().Truncate(time.Second).Add(time.Second))
		}
		return c.tell(o, a, result{
			Done: "set", Changed: changed, ClientID: c.ID, Changes: changesOf(was, now), subject: "client " + c.ID, note: changesNote(was, now),
		}, explainClient(err, c.ID))
	})
}

// changed is the client as the flags want it.
func (c *clientSet) changed(was client.Client) (client.Client, error) {
	now := was
	given := c.put(&now)
	if c.Kind != "" && client.Kind(c.Kind) != was.Kind {
		now, given = ofKind(now, client.Kind(c.Kind)), true
		c.put(&now)
	}
	for _, name := range c.Clear {
		i := slices.IndexFunc(client.Fields, func(f client.Field) bool { return f.Name == name && f.List != nil })
		if i < 0 {
			return now, fmt.Errorf("--clear %s: want one of %s", name, listFields())
		}
		*client.Fields[i].List(&now), given = nil, true
	}
	if !given && c.Kind == "" {
		return now, fmt.Errorf("nothing was named, so nothing is changed: `wavepass client set --help` lists the flags, `wavepass client show %s` what there is", c.ID)
	}
	return now, nil
}

// ofKind is c as a client of another kind, with that kind's defaults where the kinds differ.
func ofKind(c client.Client, kind client.Kind) client.Client {
	fresh := client.New(c.ID, kind)
	c.Kind, c.Absolute, c.Remembered, c.LateRetries, c.SharedStore = kind, fresh.Absolute, fresh.Remembered, fresh.LateRetries, false
	if !fresh.Authenticates() {
		c.SecretHash, c.JWKS = nil, ""
	}
	if kind != client.Service {
		c.Directory, c.Introspects = "", nil
		c.MayBegin, c.MayGrant, c.AMR = nil, nil, nil
	}
	return c
}

func listFields() string {
	var names []string
	for _, f := range client.Fields {
		if f.List != nil {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// changesOf are the differences as --json has them.
func changesOf(was, now client.Client) (lines []string) {
	for _, change := range client.Diff(was, now) {
		lines = append(lines, change.String())
	}
	return lines
}

// changesNote is what people see of a change.
func changesNote(was, now client.Client) string {
	var lines []string
	for _, change := range changesOf(was, now) {
		lines = append(lines, "  "+change)
	}
	if now.Kind != was.Kind {
		lines = append(lines, "Every session of the client has ended.")
	}
	if now.Authenticates() && len(now.SecretHash) == 0 && now.JWKS == "" {
		lines = append(lines, "It has no secret yet: wavepass client rotate-secret "+now.ID)
	}
	lines = append(lines, reach+" A scope or an audience that was taken away is gone with the next refresh, a new scope is there from the next login on.")
	return strings.Join(lines, "\n")
}

type clientRemove struct {
	clientNamed
	Yes bool `help:"Really: everybody who uses the client is logged out."`
}

// Help is shown by `wavepass client remove --help`.
func (c *clientRemove) Help() string {
	return `Its access tokens are refused within the revocation bound. Functions may still log people in for a minute, but what they
issue is refused too. After that the id may be added again, and nothing of the client that had it is revived.

  wavepass client remove web --yes`
}

// Run removes the client.
func (c *clientRemove) Run(ctx context.Context, o output, in invocation) error {
	if err := in.confirm(ctx, o, c.Yes, "this removes the client "+c.ID+" and ends every session of it", c.ID); err != nil {
		return err
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		registry := a.operator().Clients()
		was, err := registry.Find(ctx, c.ID)
		if err == nil {
			err = registry.Remove(ctx, was)
		}
		return c.tell(o, a, result{Done: "removed", Changed: true, ClientID: c.ID, subject: "client " + c.ID}, explainClient(err, c.ID))
	})
}

type clientRotateSecret struct{ clientNamed }

// Help is shown by `wavepass client rotate-secret --help`.
func (c *clientRotateSecret) Help() string {
	return `The secret before is good for a minute yet, until functions have read the client again.

  wavepass client rotate-secret partner --json | jq -r .secret`
}

// Run replaces the secret.
func (c *clientRotateSecret) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		secret, err := a.operator().Clients().RotateSecret(ctx, c.ID)
		return c.tell(o, a, withSecret(result{Done: "secret rotated", Changed: true, ClientID: c.ID, subject: "client " + c.ID}, secret), explainClient(err, c.ID))
	})
}
