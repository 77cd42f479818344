package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

type sessionCommands struct {
	List sessionList `cmd:"" help:"List the sessions of an account, newest first."`
	Show sessionShow `cmd:"" help:"Show the timeline of one session: why was somebody logged out?"`
}

// sessionPage is how many sessions are read at once.
const sessionPage = 100

type sessionList struct {
	named
	All bool `help:"Also those that have ended, as long as they are stored."`
}

// Help is shown by `wavepass session list --help`.
func (c *sessionList) Help() string { return "  wavepass session list ada --all" }

// sessionJSON is a session as --json prints it.
type sessionJSON struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id"`
	ClientID   string    `json:"client_id"`
	Device     string    `json:"device"`
	Network    string    `json:"network"`
	UsedFrom   string    `json:"used_from,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
	RotatedAt  time.Time `json:"rotated_at"`
	LastUsedAt time.Time `json:"last_used_at"` // its last refresh, or the last recorded use of a handle or a token that is kept
	Rotations  uint32    `json:"rotations"`
	IdleExpiry time.Time `json:"idle_expiry"`
	Expiry     time.Time `json:"expiry"`
	Ended      string    `json:"ended,omitzero"` // why; absent while it may be used
	EndedAt    time.Time `json:"ended_at,omitzero"`
	Timeline   []moment  `json:"timeline,omitzero"`
}

func sessionForJSON(s session.Session, a account.Account, c client.Client, now time.Time) sessionJSON {
	reason, at := ending(s, a, c, now)
	return sessionJSON{
		s.ID.String(), s.AccountID.String(), s.ClientID, s.Device, s.Network, s.UsedFrom, s.CreatedAt, s.RotatedAt, s.LastUsed(), s.Generation,
		s.IdleExpiry, s.Expiry, reason, at, nil,
	}
}

// ending returns why a session cannot be used any more, in the word that its client is told, and when it ended if that is
// known. The reason is empty while the session can be used.
func ending(s session.Session, a account.Account, c client.Client, now time.Time) (reason string, at time.Time) {
	var ended *session.EndedError
	if err := session.Usable(s, a, c, now); !errors.As(err, &ended) {
		return "", time.Time{}
	}
	switch {
	case !s.RevokedAt.IsZero():
		at = s.RevokedAt
	case s.CreatedAt.Before(c.Since):
		at = c.Since
	case !now.Before(s.Expiry):
		at = s.Expiry
	case !now.Before(s.IdleExpiry):
		at = s.IdleExpiry
	default: // by an epoch, which is the time in seconds of the change that raised it
		for _, raised := range slices.Backward(a.Endings) {
			if raised.Epoch > s.Epoch {
				at = time.Unix(raised.Epoch, 0).UTC()
			}
		}
	}
	return string(ended.Reason), at
}

// Run prints the sessions.
func (c *sessionList) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		owner, err := a.find(ctx, c.Name, c.reading)
		if err != nil {
			return err
		}
		clients, err := a.clients(ctx)
		if err != nil {
			return err
		}
		list, now := []sessionJSON{}, time.Now()
		for before := uuid.Nil; ; {
			page, err := a.store.SessionsOf(ctx, owner.ID, before, sessionPage)
			if err != nil {
				return err
			}
			for _, s := range page.Sessions {
				if found := sessionForJSON(s, owner, clients[s.ClientID], now); c.All || found.Ended == "" {
					list = append(list, found)
				}
			}
			if before = page.Next; before == uuid.Nil {
				break
			}
		}
		if c.JSON {
			return printJSON(o.out, list)
		}
		return printSessions(o.out, list)
	})
}

func printSessions(out io.Writer, list []sessionJSON) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCLIENT\tDEVICE\tBEGAN\tLAST USED\tFROM\tSTATE")
	for _, s := range list {
		state := "live"
		if s.Ended != "" {
			state = "ended: " + s.Ended
		}
		from := s.UsedFrom
		if from == "" {
			from = s.Network
		}
		fmt.Fprintf(table, "%s\t%s\t%.30q\t%s\t%s\t%s\t%s\n", s.ID, s.ClientID, s.Device, minute(s.CreatedAt), minute(s.LastUsedAt), from, state)
	}
	return table.Flush()
}

func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

type sessionShow struct {
	target
	SID     uuid.UUID `arg:"" help:"The session's id, sid in its tokens and in the audit trail."`
	Account string    `help:"Its account, as username or directory/subject; without it the whole table is searched." placeholder:"NAME" type:"given"`
	reading
}

// Help is shown by `wavepass session show --help`.
func (c *sessionShow) Help() string {
	return `Says when it began, was last refreshed and ended, why, and what operators did to it. What people did is in the
functions' logs: search them for the id. A session that expired is deleted after a while.

  wavepass session show 01a21387-1fd4-7da5-a8e9-f1b457d61d00 --account ada`
}

// Run prints the session.
func (c *sessionShow) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		s, err := c.find(ctx, a)
		if errors.Is(err, session.ErrNotFound) {
			return fmt.Errorf("there is no session %s: it never was, or has expired and is deleted", c.SID)
		}
		if err != nil {
			return err
		}
		owner, err := a.store.Account(ctx, s.AccountID)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		clients, clientsErr := a.clients(ctx)
		if clientsErr != nil {
			return clientsErr
		}
		name := nameOf(owner)
		shown := sessionForJSON(s, owner, clients[s.ClientID], time.Now())
		if err != nil {
			shown.Ended, name = "account deleted", "a deleted account"
		}
		events, err := eventsAbout(ctx, a, s, time.Now())
		if err != nil {
			return err
		}
		shown.Timeline = timeline(s, shown, events)
		if c.JSON {
			return printJSON(o.out, shown)
		}
		return printSession(o.out, shown, name)
	})
}

func (c *sessionShow) find(ctx context.Context, a admin) (session.Session, error) {
	if c.Account == "" {
		return a.store.FindSession(ctx, c.SID)
	}
	owner, err := a.find(ctx, c.Account, c.reading)
	if err != nil {
		return session.Session{}, err
	}
	return a.store.Session(ctx, owner.ID, c.SID)
}

// eventsAbout returns the stored events that name the session, and those of its account that may have ended it.
func eventsAbout(ctx context.Context, a admin, s session.Session, now time.Time) (events []audit.Event, err error) {
	from := s.CreatedAt
	if oldest := now.Add(-audit.Retention); from.Before(oldest) {
		from = oldest
	}
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(now); day = day.AddDate(0, 0, 1) {
		all, err := a.store.EventsOf(ctx, day)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if e.SessionID == s.ID.String() || e.SessionID == "" && e.Subject == s.AccountID.String() && !e.Time.Before(s.CreatedAt) {
				events = append(events, e)
			}
		}
	}
	return events, nil
}

// moment is one line of a timeline.
type moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// timeline returns what is known of a session, the oldest first. Of its rotations the last two are known.
func timeline(s session.Session, shown sessionJSON, events []audit.Event) []moment {
	from := func(network string) string {
		if network == "" {
			return ""
		}
		return " from " + network
	}
	line := []moment{{s.CreatedAt, "began" + from(s.Network)}}
	if s.Generation > 1 && !s.PriorRotation.IsZero() {
		line = append(line, moment{s.PriorRotation, fmt.Sprintf("refreshed, rotation %d", s.Generation-1)})
	}
	if s.Generation > 0 {
		line = append(line, moment{s.RotatedAt, fmt.Sprintf("refreshed, rotation %d%s", s.Generation, from(s.UsedFrom))})
	}
	if s.LastUsed().After(s.RotatedAt) && s.LastUsed().After(s.CreatedAt) {
		line = append(line, moment{s.LastUsed(), "used" + from(s.UsedFrom)})
	}
	for _, late := range s.Late {
		line = append(line, moment{late.At, fmt.Sprintf("late retry of rotation %d", late.Generation)})
	}
	for _, e := range events {
		line = append(line, moment{e.Time, e.Name + " by " + e.Actor})
	}
	switch {
	case !shown.EndedAt.IsZero():
		line = append(line, moment{shown.EndedAt, "ended: " + shown.Ended})
	case shown.Ended == "":
		line = append(line, moment{s.IdleExpiry, "ends, unless it is used before"})
	}
	slices.SortStableFunc(line, func(a, b moment) int { return a.At.Compare(b.At) })
	return line
}

func printSession(out io.Writer, s sessionJSON, account string) error {
	state := "live"
	if s.Ended != "" {
		state = "ended: " + s.Ended
	}
	fmt.Fprintf(out, "session  %s\naccount  %s (%s)\nclient   %s\ndevice   %q\nstate    %s\n", s.ID, account, s.AccountID, s.ClientID, s.Device, state)
	for _, m := range s.Timeline {
		if _, err := fmt.Fprintf(out, "%s  %s\n", m.At.Local().Format("2006-01-02 15:04:05 MST"), m.What); err != nil {
			return err
		}
	}
	return nil
}
