package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
)

type statusCommand struct{ target }

// Help is shown by `wavepass status --help`.
func (c *statusCommand) Help() string {
	return `Changes nothing, and needs no sealing key. Ask it first which deployment your flags and AWS_PROFILE mean.

  wavepass status --table wavepass-TableXYZ`
}

// statusJSON is a deployment in a few lines.
type statusJSON struct {
	Target    string    `json:"target"`
	Running   bool      `json:"running"` // wavepass local has it open
	Schema    int       `json:"schema"`
	Signing   string    `json:"signing_kid,omitzero"` // absent: there is no keyring yet
	Algorithm string    `json:"signing_alg,omitzero"`
	Next      string    `json:"next_kid,omitzero"`
	Due       time.Time `json:"next_due,omitzero"`
	Events    int       `json:"operator_events_today"`
}

// Run prints the summary.
func (c *statusCommand) Run(ctx context.Context, o output, in invocation) error {
	return c.run(ctx, o, in, func(ctx context.Context, a admin) error {
		s := statusJSON{Target: a.name, Running: in.open != nil}
		var err error
		if s.Schema, err = a.store.Schema(ctx); err != nil {
			return err
		}
		keys, err := a.keys().Ring.List(ctx)
		if err != nil && !errors.Is(err, keyring.ErrMissing) {
			return err
		}
		for _, key := range keys {
			switch {
			case key.IsMAC():
			case key.State == keyring.Current:
				s.Signing, s.Algorithm = key.ID, string(key.Algorithm)
			case key.State == keyring.Next:
				s.Next, s.Due = key.ID, key.Due
			}
		}
		events, err := a.store.EventsOf(ctx, time.Now())
		if err != nil {
			return err
		}
		s.Events = len(events)
		if c.JSON {
			return printJSON(o.out, s)
		}
		return s.print(o, a)
	})
}

func (s statusJSON) print(o output, a admin) error {
	state := "not running on this machine"
	switch {
	case s.Running:
		state = "wavepass local is running"
	case a.cloud:
		state = "reached"
	}
	form, signing := "none yet", noKeyYet // the transaction that creates the keys also writes the number
	if s.Signing != "" {
		form = strconv.Itoa(s.Schema)
		signing = fmt.Sprintf("%s (%s), followed by %s", s.Signing, s.Algorithm, s.Next)
		if a.knowsPeriod() && !s.Due.IsZero() {
			signing += " in " + age(time.Until(s.Due))
		}
	}
	events := "1 event"
	if s.Events != 1 {
		events = fmt.Sprintf("%d events", s.Events)
	}
	_, err := fmt.Fprintf(o.out, "target   %s\nstate    %s\nschema   %s\nsigning  %s\ntoday    %s of operators\n", s.Target, state, form, signing, events)
	return err
}
