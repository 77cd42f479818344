package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/client/clientfile"
	"github.com/wavepass/wavepass/pkg/operate"
)

type clientApply struct {
	target
	File   string `arg:"" help:"The file, or - for standard input."`
	Prune  bool   `help:"Remove the clients that the file does not name."`
	DryRun bool   `help:"Print the difference, and change nothing."`
	Yes    bool   `help:"With --prune, and for another kind: really, the people who use these clients are logged out."`
}

// Help is shown by `wavepass client apply --help`.
func (c *clientApply) Help() string {
	return `The whole file is checked, and the difference printed, before anything is written. Each client is one conditional write; the
command may be repeated at any time, also after it was killed. Secrets are in no file: one that is there is kept, and a new
server or service has none until wavepass client rotate-secret. --prune leaves the service's own client alone, and those whose id is an
address.

  wavepass client apply clients.yaml --dry-run`
}

// progressEvery is after how many changes a person is told how far the command is.
const progressEvery = 50

// step is what is to be done with one client.
type step struct {
	What     string          `json:"what"` // add, change or remove
	ClientID string          `json:"client_id"`
	Changes  []client.Change `json:"changes,omitzero"`

	was, now client.Client
}

// ends reports whether people are logged out by the step.
func (s step) ends() bool {
	return s.What == "remove" || s.What == "change" && s.now.Kind != s.was.Kind
}

// applied is what the command says at its end.
type applied struct {
	Target  string `json:"target"`
	DryRun  bool   `json:"dry_run"`
	Changed bool   `json:"changed"`
	Steps   []step `json:"steps"`
}

// Run makes the registry equal to the file.
func (c *clientApply) Run(ctx context.Context, o output, in invocation) error {
	text, err := in.file(ctx, c.File, clientfile.MaxSize)
	if err != nil {
		return err
	}
	wanted, err := clientfile.Read(text)
	if err != nil {
		return fmt.Errorf("%s: nothing was changed:\n%w", c.File, err)
	}
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		steps, err := c.steps(ctx, a, wanted)
		if err != nil {
			return err
		}
		if !c.JSON {
			if err := printSteps(o.out, steps); err != nil {
				return err
			}
		}
		if !c.DryRun {
			if err := a.carryOut(ctx, o, steps); err != nil {
				return err
			}
		}
		done := applied{a.name, c.DryRun, len(steps) > 0 && !c.DryRun, steps}
		if c.JSON {
			return printJSON(o.out, done)
		}
		return done.print(o.out)
	})
}

// steps are what makes the clients there equal to the wanted ones. All that is refused is refused here, before the first write.
func (c *clientApply) steps(ctx context.Context, a admin, wanted []client.Client) ([]step, error) {
	all, err := a.store.Clients(ctx)
	if err != nil {
		return nil, err
	}
	there, tombstones := map[string]client.Client{}, map[string]client.Client{}
	for _, record := range all {
		if record.Kind == client.Removed {
			tombstones[record.ID] = record
		} else {
			there[record.ID] = record
		}
	}
	steps, named := []step{}, map[string]bool{}
	for _, now := range wanted {
		was, known := there[now.ID]
		named[now.ID] = true
		if err := a.operator().Clients().MayComeBack(tombstones[now.ID]); err != nil {
			return nil, fmt.Errorf("client %s: %w; nothing was changed", now.ID, err)
		}
		if now.Authenticates() && now.JWKS == "" {
			now.SecretHash = was.SecretHash
		}
		changes := client.Diff(was, now) // was is empty where the client is not known
		switch {
		case now.ID == client.Reserved:
			return nil, fmt.Errorf("%s: %w: leave it out; nothing was changed", c.File, operate.ErrReservedClient)
		case !known:
			steps = append(steps, step{"add", now.ID, changes, was, now})
		case len(changes) > 0:
			steps = append(steps, step{"change", now.ID, changes, was, now})
		}
	}
	if c.Prune {
		for _, id := range slices.Sorted(maps.Keys(there)) {
			fetched := strings.HasPrefix(id, "https://")
			if !named[id] && id != client.Reserved && !fetched {
				steps = append(steps, step{"remove", id, nil, there[id], client.Client{}})
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.ClientID, b.ClientID) })
	if ending := slices.IndexFunc(steps, step.ends); ending >= 0 && !c.Yes && !c.DryRun {
		return nil, fmt.Errorf("this ends every session of the client %s, and perhaps of others: see which with --dry-run, and add --yes if that is what you want; nothing was changed", steps[ending].ClientID)
	}
	return steps, nil
}

// carryOut does one step after the other, each by one conditional write. What it did before it broke off is no difference
// the next time.
func (a admin) carryOut(ctx context.Context, o output, steps []step) error {
	registry := a.operator().Clients()
	for n, s := range steps {
		if n > 0 && n%progressEvery == 0 {
			o.progress("%d of %d changes are made", n, len(steps))
		}
		var err error
		switch s.What {
		case "add":
			_, err = registry.Add(ctx, s.now)
		case "change":
			_, err = registry.Change(ctx, s.was, s.now)
		case "remove":
			err = registry.Remove(ctx, s.was)
		}
		if err != nil {
			return fmt.Errorf("%d of %d changes are made; %s %s: %w; repeat the command to go on", n, len(steps), s.What, s.ClientID, explainClient(err, s.ClientID))
		}
	}
	if slices.ContainsFunc(steps, step.ends) {
		return waitUntil(ctx, time.Now().Truncate(time.Second).Add(time.Second))
	}
	return nil
}

// printSteps prints the difference, field by field.
func printSteps(out io.Writer, steps []step) error {
	var text strings.Builder
	for _, s := range steps {
		sign := map[string]string{"add": "+", "change": "~", "remove": "-"}[s.What]
		fmt.Fprintf(&text, "%s %s\n", sign, s.ClientID)
		for _, change := range s.Changes {
			if s.What == "add" {
				if change.Now != "" {
					fmt.Fprintf(&text, "    + %s: %s\n", change.Field, change.Now)
				}
				continue
			}
			fmt.Fprintf(&text, "    ~ %s\n", change)
		}
		if s.ends() {
			fmt.Fprintln(&text, "    every session of it ends")
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func (d applied) print(out io.Writer) error {
	counts := map[string]int{}
	for _, s := range d.Steps {
		counts[s.What]++
	}
	var err error
	switch numbers := fmt.Sprintf("%d added, %d changed, %d removed", counts["add"], counts["change"], counts["remove"]); {
	case len(d.Steps) == 0:
		_, err = fmt.Fprintf(out, "no change\nin %s\n", d.Target)
	case d.DryRun:
		_, err = fmt.Fprintf(out, "would be %s; nothing was changed\nin %s\n", numbers, d.Target)
	default:
		_, err = fmt.Fprintf(out, "%s\n%s A scope or an audience that was taken away is gone with the next refresh.\nin %s\n", numbers, reach, d.Target)
	}
	return err
}
