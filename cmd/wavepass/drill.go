package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/drill"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/policy"
)

// drillCommand rehearses an emergency.
type drillCommand struct {
	target
	URL         string        `arg:"" help:"Address of the deployment, like http://localhost:3000."`
	Client      string        `help:"A native client, or a site." default:"app" type:"given"`
	Username    string        `help:"The test account; all its sessions end. Its password is WAVEPASS_DRILL_PASSWORD, or is read from standard input." default:"demo@wavepass.local" type:"given"`
	Route       string        `help:"A protected route; by itself /userinfo, of a site /site/userinfo."`
	Bound       time.Duration `help:"The revocation bound that is promised: REVOCATION_STALENESS; of a site it is 0." default:"5s"`
	Connections int           `help:"Connections of the thief." default:"20"`
	Pace        time.Duration `help:"Pause between two requests of a connection." default:"200ms"`
	After       time.Duration `help:"How long to go on beyond the bound." default:"1s"`
	Only        []string      `help:"Ways to rehearse: token, session, others, everywhere, disable, key, role, policy." placeholder:"WAY,…"`
	WithKey     bool          `help:"Revoke the signing key too: everybody's access tokens are refused once."`
	WithPolicy  bool          `help:"Of a site, change the policy and the account's roles too: everybody else is refused at the route, for seconds."`
	API         string        `name:"api" help:"The API whose policy is changed, if it has one of its own." default:"default" placeholder:"ID" type:"given"`
}

// Help is shown by `wavepass drill --help`.
func (c *drillCommand) Help() string {
	return `Steals the access token of a test account's session, takes the session back in every way that there is, and
measures from outside how long the token was let in. A request counts by when it began. Exits with status 1 when
a promise was broken. Disabling the account, revoking the key and changing policy and roles need an operator: --data of the
running wavepass local, or --table. A note says what is changed: a drill that was killed is undone by the next one.

  wavepass drill http://localhost:3000
  wavepass drill http://localhost:3000 --client site --with-policy
  wavepass drill https://id.example.com --username drill@example.com --table wavepass-TableXYZ --sealing-key kms:arn:aws:kms:… --json`
}

const maxConnections = 1000

func (c *drillCommand) check() error {
	c.URL = strings.TrimSuffix(c.URL, "/")
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q: want an address like https://id.example.com", c.URL)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q: want https: the drill sends a password", c.URL)
	case c.Route != "" && !strings.HasPrefix(c.Route, "/"):
		return fmt.Errorf("--route %q: want a path like /userinfo", c.Route) // without the slash, the token could go to another host
	case c.Connections < 1 || c.Connections > maxConnections:
		return fmt.Errorf("--connections %d: want 1 to %d", c.Connections, maxConnections)
	case c.Pace < 10*time.Millisecond:
		return fmt.Errorf("--pace %s: want 10ms or more", c.Pace)
	case !policy.ValidAPI(c.API):
		return fmt.Errorf("--api %q: want an id like abc123def4", c.API)
	case c.Bound < 0 || c.Bound > 10*time.Minute || c.After < 0 || c.After > 10*time.Minute:
		return errors.New("--bound and --after: want 0s to 10m")
	}
	for _, way := range c.Only {
		if !slices.Contains(drill.Ways(), way) {
			return fmt.Errorf("--only %s: want some of %s", way, strings.Join(drill.Ways(), ", "))
		}
	}
	return nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// Run rehearses the ways and prints what was measured.
func (c *drillCommand) Run(ctx context.Context, o output, in invocation) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.undoLast(ctx, o, operatorOf{c.target, c.API, in.operator, o}); err != nil {
		return err
	}
	served, err := fetch(ctx, c.URL+"/.well-known/jwks.json")
	if err != nil {
		return fmt.Errorf("there is no Wavepass at %s: %w", c.URL, err)
	}
	password, err := c.password(ctx, o, in)
	if err != nil {
		return err
	}
	operator, why := c.operator(ctx, o, in, served)
	if operator == nil {
		fmt.Fprintf(o.log, "no operator: %s\n", why)
	}
	config := drill.Config{
		URL: c.URL, Route: c.Route, ClientID: c.Client, Username: c.Username, Password: password,
		Bound: c.Bound, Connections: c.Connections, Pace: c.Pace, After: c.After, Ways: c.ways(), Operator: operator,
		Progress: func(line string) { fmt.Fprintln(o.log, line) },
	}
	results, err := drill.Run(ctx, config)
	if len(results) > 0 {
		if err := c.print(o.out, results); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	var broken, missed int
	for _, r := range results {
		switch {
		case r.Skipped != "" && (slices.Contains(c.Only, r.Way) || c.with(r.Way)):
			missed++ // it was asked for by its name
		case !r.Held():
			broken++
		}
	}
	if broken+missed > 0 {
		return fmt.Errorf("of %d ways %d did not hold, and %d that were asked for could not be rehearsed", len(results), broken, missed)
	}
	return nil
}

// with reports whether a way that concerns other people was asked for by its flag.
func (c *drillCommand) with(way string) bool {
	return way == "key" && c.WithKey || (way == "role" || way == "policy") && c.WithPolicy
}

// ways leaves out what concerns other people, unless it was asked for.
func (c *drillCommand) ways() []string {
	if len(c.Only) > 0 {
		return c.Only
	}
	return slices.DeleteFunc(drill.Ways(), func(way string) bool {
		return (way == "key" || way == "role" || way == "policy") && !c.with(way)
	})
}

func (c *drillCommand) password(ctx context.Context, o output, in invocation) (oauth.Secret, error) {
	if text := os.Getenv("WAVEPASS_DRILL_PASSWORD"); text != "" {
		return oauth.NewSecret(text), nil
	}
	if c.Username == demoUsername {
		return oauth.NewSecret(demoPassword), nil
	}
	password, err := in.secret(ctx, o, "Password of "+c.Username+": ")
	if errors.Is(err, errNoSecret) {
		return password, fmt.Errorf("no password of %s: set WAVEPASS_DRILL_PASSWORD, or give it on standard input", c.Username)
	}
	return password, err
}

// operator returns an operator of the target, if the target and the deployment at the address are the same: if they have a
// signing key in common.
func (c *drillCommand) operator(ctx context.Context, o output, in invocation, served []byte) (operator drill.Operator, why string) {
	op := operatorOf{c.target, c.API, in.operator, o}
	own, err := op.command(ctx, nil, "key", "export-jwks")
	if err != nil {
		return nil, err.Error()
	}
	ids := keyIDs(served)
	if !slices.ContainsFunc(keyIDs(own), func(id string) bool { return slices.Contains(ids, id) }) {
		return nil, "--data or --table is another deployment than the address: they share no signing key"
	}
	return op, ""
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", address, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

func keyIDs(set []byte) []string {
	var jwks struct {
		Keys []struct {
			KeyID string `json:"kid"`
		} `json:"keys"`
	}
	_ = json.Unmarshal(set, &jwks) // an answer that is not a key set has no keys
	var ids []string
	for _, key := range jwks.Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

func (c *drillCommand) print(out io.Writer, results []drill.Result) error {
	if c.JSON {
		return printDrillJSON(out, results)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WAY\tCONFIRMED IN\tFIRST REFUSED\tLAST ACCEPTED\tBOUND\tREQUESTS\tREFRESH TOKEN\tGOES ON AFTER\tVERDICT")
	for _, r := range results {
		switch {
		case r.Skipped != "":
			fmt.Fprintf(table, "%s\t–\t–\t–\t%s\t–\t–\t–\tskipped: %s\n", r.Way, r.Bound, r.Skipped)
		case r.Failed != "":
			fmt.Fprintf(table, "%s\t–\t–\t–\t%s\t–\t–\t–\tfailed: %s\n", r.Way, r.Bound, r.Failed)
		default:
			verdict := "held"
			if r.Wrong != "" {
				verdict = "BROKEN: " + r.Wrong
			}
			goesOn := "–"
			if r.GoesOn > 0 {
				goesOn = ms(r.GoesOn)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.Way, ms(r.Confirmed), ms(r.FirstRefused), ms(r.LastAccepted), r.Bound,
				r.Requests, r.Refresh, goesOn, verdict)
		}
	}
	return table.Flush()
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }

type resultJSON struct {
	Way            string `json:"way"`
	Held           *bool  `json:"held,omitempty"` // absent when it was skipped
	Skipped        string `json:"skipped,omitempty"`
	Failed         string `json:"failed,omitempty"`
	Wrong          string `json:"wrong,omitempty"`
	ConfirmedMS    int64  `json:"confirmed_ms"`
	FirstRefusedMS int64  `json:"first_refused_ms"` // median over the connections
	LastAcceptedMS int64  `json:"last_accepted_ms"`
	BoundMS        int64  `json:"bound_ms"`
	Requests       int    `json:"requests"`
	Others         int    `json:"neither"` // answers that were neither an acceptance nor a refusal
	Refresh        string `json:"refresh_token,omitempty"`
	GoesOnMS       int64  `json:"goes_on_ms,omitempty"`
}

func printDrillJSON(out io.Writer, results []drill.Result) error {
	list := make([]resultJSON, len(results))
	for i, r := range results {
		var held *bool
		if r.Skipped == "" {
			held = new(bool)
			*held = r.Held()
		}
		list[i] = resultJSON{
			r.Way, held, r.Skipped, r.Failed, r.Wrong, r.Confirmed.Milliseconds(), r.FirstRefused.Milliseconds(),
			r.LastAccepted.Milliseconds(), r.Bound.Milliseconds(), r.Requests, r.Others, r.Refresh, r.GoesOn.Milliseconds(),
		}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}
