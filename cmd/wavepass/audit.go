package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/wavepass/wavepass/pkg/audit"
)

type auditCommands struct {
	List  auditList  `cmd:"" help:"List what operators did from the command line, of the last 90 days."`
	Trail auditTrail `cmd:"" help:"Put it together with the functions' log: who did what to whom, and the timeline of one session."`
}

type auditList struct {
	target
	Day     time.Time     `help:"The day, in UTC; by default today." format:"2006-01-02" placeholder:"2026-03-01" xor:"when"`
	Since   time.Duration `help:"All of the last while in place of a day, like 36h." placeholder:"DURATION" xor:"when"`
	Account string        `help:"Only what was done to this account: username or directory/subject." placeholder:"NAME" type:"given"`
	reading
}

// Help is shown by `wavepass audit list --help`.
func (c *auditList) Help() string {
	return `What people and clients do is in the functions' logs, one JSON line an event.

  wavepass audit list --day 2026-03-01 --account ada --json`
}

// Run prints the events, the oldest first.
func (c *auditList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		subject := ""
		if c.Account != "" {
			found, err := a.find(ctx, c.Account, c.reading)
			if err != nil {
				return err
			}
			subject = found.ID.String()
		}
		all, err := c.stored(ctx, a, time.Now())
		if err != nil {
			return err
		}
		events := []audit.Event{}
		for _, e := range all {
			if subject == "" || e.Subject == subject {
				events = append(events, e)
			}
		}
		if c.JSON {
			return printJSON(o.out, events)
		}
		table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "TIME\tEVENT\tACTOR\tOF")
		for _, e := range events {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.Time.Format(time.RFC3339), e.Name, bare(e.Actor), objects(e))
		}
		return table.Flush()
	})
}

// stored reads the events of the day, or of the last while.
func (c *auditList) stored(ctx context.Context, a admin, now time.Time) (events []audit.Event, err error) {
	switch {
	case c.Since < 0:
		return nil, errors.New("--since: want a duration like 36h")
	case !c.Day.IsZero():
		return a.store.EventsOf(ctx, c.Day)
	case c.Since == 0:
		return a.store.EventsOf(ctx, now)
	}
	from := now.Add(-min(c.Since, audit.Retention))
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(now); day = day.AddDate(0, 0, 1) {
		all, err := a.store.EventsOf(ctx, day)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if !e.Time.Before(from) {
				events = append(events, e)
			}
		}
	}
	return events, nil
}

// objects are what an event names.
func objects(e audit.Event) string {
	var parts []string
	for _, part := range [][2]string{
		{"sub", e.Subject}, {"sid", e.SessionID}, {"client_id", e.ClientID}, {"jti", e.TokenID}, {"kid", e.KeyID}, {"api", e.API}, {"by_sid", e.By}, {"reason", e.Reason},
	} {
		if part[1] != "" {
			parts = append(parts, part[0]+"="+part[1])
		}
	}
	if e.Count > 0 {
		parts = append(parts, fmt.Sprintf("count=%d", e.Count))
	}
	return strings.Join(parts, " ")
}
