package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/audit"
)

// auditTrail puts together what operators did, which the table keeps, and what all others did, which is in the functions' log.
type auditTrail struct {
	target
	Log     string        `help:"The functions' log, one line of JSON an event; other lines are passed over. - is standard input." placeholder:"FILE" type:"given"`
	LogOnly bool          `help:"Look at the log alone, and not at the deployment; --account is then the account's id."`
	Account string        `help:"Only what concerns this account: username or directory/subject." placeholder:"NAME" type:"given"`
	Session uuid.UUID     `help:"Only what concerns this session, and its account as a whole." placeholder:"SID"`
	Since   time.Duration `help:"Only the last while, like 36h; by default everything." placeholder:"DURATION"`
	reading
}

// Help is shown by `wavepass audit trail --help`.
func (c *auditTrail) Help() string {
	return `Says who did what to whom, the oldest first. For an incident, save the functions' log and name the session:

  aws logs tail GROUP --since 7d --format short >functions.log
  wavepass audit trail --log functions.log --session 01a21387-1fd4-7da5-a8e9-f1b457d61d00`
}

func (c *auditTrail) check() error {
	switch {
	case c.LogOnly && c.Log == "":
		return errors.New("--log-only: name the log with --log")
	case c.LogOnly && c.Account != "" && uuid.Validate(c.Account) != nil:
		return errors.New("--account: with --log-only want the account's id, sub in the events")
	case c.Since < 0:
		return errors.New("--since: want a duration like 36h")
	}
	return nil
}

// Run prints the events.
func (c *auditTrail) Run(ctx context.Context, o output, in invocation) error {
	if err := c.check(); err != nil {
		return err
	}
	subject := c.Account
	var events []audit.Event
	if !c.LogOnly {
		var err error
		if subject, events, err = c.stored(ctx, in); err != nil {
			return err
		}
	}
	if c.Log != "" {
		logged, unread, err := c.logged(ctx, in)
		if err != nil {
			return fmt.Errorf("read the log %s: %w", c.Log, err)
		}
		if unread > 0 {
			fmt.Fprintf(o.log, "lines that look like events and cannot be read, perhaps because they were cut off: %d\n", unread)
		}
		events = append(events, logged...)
	}
	found := selected(events, subject, c.Session, c.Since, time.Now())
	if c.JSON {
		return printJSON(o.out, found)
	}
	return printTrail(o.out, found)
}

// stored asks the deployment, which may be running, for the account's id and for what operators did.
func (c *auditTrail) stored(ctx context.Context, in invocation) (subject string, events []audit.Event, err error) {
	ask := func(into any, args ...string) error {
		var out, log bytes.Buffer
		err := parseAndRun(ctx, &adminCommands{}, output{&out, &log}, invocation{
			args: slices.Concat(args[:2], c.flags(), []string{"--json"}, args[2:]), operator: in.operator, open: in.open, input: &input{from: bytes.NewReader(nil)},
		})
		if err != nil {
			return err
		}
		return json.Unmarshal(out.Bytes(), into)
	}
	if c.Account != "" {
		var shown accountJSON
		args := []string{"account", "show"}
		for flag, on := range map[string]bool{"--username": c.Username, "--subject": c.Subject} {
			if on {
				args = append(args, flag)
			}
		}
		if err := ask(&shown, append(args, "--", c.Account)...); err != nil {
			return "", nil, err
		}
		subject = shown.ID
	}
	since := c.Since
	if since == 0 {
		since = audit.Retention
	}
	err = ask(&events, "audit", "list", "--since", min(since, audit.Retention).String())
	return subject, events, err
}

// maxLogLine is more than CloudWatch takes of one line.
const maxLogLine = 1 << 20

// logged reads the events of the log. Lines may begin with something else, such as a time.
func (c *auditTrail) logged(ctx context.Context, in invocation) (events []audit.Event, unread int, err error) {
	from := in.input.from
	if c.Log != "-" {
		file, err := os.Open(c.Log)
		if err != nil {
			return nil, 0, err
		}
		defer file.Close()
		from = file
	}
	_, err = until(ctx, func() (any, error) {
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, maxLogLine)
		for lines.Scan() {
			e, looks := loggedEvent(lines.Bytes())
			switch {
			case e.Name != "":
				events = append(events, e)
			case looks:
				unread++
			}
		}
		return nil, lines.Err()
	})
	return events, unread, err
}

// loggedEvent reads the event of a line. It reports whether there seems to be one that cannot be read.
func loggedEvent(line []byte) (e audit.Event, looksLikeOne bool) {
	start := bytes.Index(line, []byte(`{"event":`))
	if start < 0 {
		return e, false
	}
	if err := json.Unmarshal(line[start:], &e); err != nil || e.Name == "" || e.Time.IsZero() {
		return audit.Event{}, true
	}
	return e, true
}

// selected returns the events that concern an account, or a session and its account as a whole, the oldest first and each once.
func selected(events []audit.Event, subject string, session uuid.UUID, since time.Duration, now time.Time) []audit.Event {
	sid := ""
	if session != uuid.Nil {
		sid = session.String()
	}
	owner := subject
	for _, e := range events {
		if sid != "" && e.SessionID == sid && e.Subject != "" {
			owner = e.Subject
		}
	}
	found, seen := []audit.Event{}, map[audit.Event]bool{}
	for _, e := range events {
		e.Time = e.Time.UTC()
		ofSession := sid == "" || e.SessionID == sid || e.By == sid || e.SessionID == "" && e.Subject != "" && e.Subject == owner
		if !seen[e] && ofSession && (subject == "" || e.Subject == subject) && (since == 0 || e.Time.After(now.Add(-since))) {
			found, seen[e] = append(found, e), true
		}
	}
	slices.SortStableFunc(found, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
	return found
}

func printTrail(out io.Writer, events []audit.Event) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tEVENT\tWHO\tFROM\tOF")
	for _, e := range events {
		from := e.Network // by operators empty
		if from != "" {
			from = fmt.Sprintf("%s %.40q", bare(e.Network), e.UserAgent)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", e.Time.Format("2006-01-02T15:04:05.000Z07:00"), bare(e.Name), bare(e.Actor), from, objectsQuoted(e))
	}
	return table.Flush()
}

// bare is a word as it stands, and anything else in quotes: a log is a file that anybody may have written.
func bare(text string) string {
	for _, r := range text {
		if r <= ' ' || r >= 0x7f || r == '"' {
			return fmt.Sprintf("%+q", text)
		}
	}
	return text
}

// objectsQuoted are what an event of a log names. A log is a file that anybody may have written: nothing of it may move the cursor.
func objectsQuoted(e audit.Event) string {
	text := fmt.Sprintf("%+q", objects(e))
	return text[1 : len(text)-1]
}
