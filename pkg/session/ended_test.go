package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/session"
)

func TestUsableSaysWhyASessionEnded(t *testing.T) {
	idle, absolute := start.Add(time.Hour), start.Add(2*time.Hour)
	for name, test := range map[string]struct {
		change func(*session.Session, *account.Account)
		now    time.Time
		want   string // empty: it may be used
	}{
		"fresh":               {nil, start, ""},
		"just before idle":    {nil, idle.Add(-1), ""},
		"at idle":             {nil, idle, session.BecauseIdle},
		"long after both":     {nil, absolute.Add(time.Hour), session.BecauseIdle},
		"at absolute":         {func(s *session.Session, _ *account.Account) { s.IdleExpiry = s.Expiry }, absolute, session.BecauseAbsolute},
		"idle after absolute": {func(s *session.Session, _ *account.Account) { s.IdleExpiry = s.Expiry.Add(1) }, absolute, session.BecauseAbsolute},
		"disabled":            {func(_ *session.Session, a *account.Account) { a.Disabled = true }, start, session.BecauseDisabled},
		"older epoch":         {func(_ *session.Session, a *account.Account) { a.Epoch++ }, start, session.BecauseEndedElsewhere},
		"password changed": {func(_ *session.Session, a *account.Account) {
			a.Epoch, a.Endings = 102, []account.Ending{{Epoch: 101, Reason: account.ReasonPasswordChanged}, {Epoch: 102, Reason: account.ReasonEndedElsewhere}}
		}, start, session.BecausePasswordChanged},
		"newer epoch":          {func(s *session.Session, _ *account.Account) { s.Epoch++ }, start, ""},
		"reuse":                {revokedFor(session.ReasonReuse), start, session.BecauseReuse},
		"handed in":            {revokedFor(session.ReasonClient), start, session.BecauseEnded},
		"logged out":           {revokedFor(session.ReasonLogout), start, session.BecauseEnded},
		"by an operator":       {revokedFor(session.ReasonOperator), start, session.BecauseEnded},
		"from the list":        {revokedFor(session.ReasonEnded), start, session.BecauseEndedElsewhere},
		"revoked, then idle":   {revokedFor(session.ReasonReuse), idle, session.BecauseReuse},
		"the zero session":     {func(s *session.Session, _ *account.Account) { *s = session.Session{} }, start, session.BecauseEndedElsewhere},
		"disabled, and behind": {func(_ *session.Session, a *account.Account) { a.Disabled, a.Epoch = true, 101 }, start, session.BecauseDisabled},
	} {
		s, a := session.Session{Epoch: 100, IdleExpiry: idle, Expiry: absolute}, account.Account{Epoch: 100}
		if test.change != nil {
			test.change(&s, &a)
		}
		err := session.Usable(s, a, client.Client{}, test.now)
		var ended *session.EndedError
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v, want it to be usable", name, err)
		case test.want != "" && (!errors.As(err, &ended) || ended.Reason != test.want || !errors.Is(err, session.ErrEnded)):
			t.Errorf("%s: %v, want an ErrEnded because of %q", name, err, test.want)
		}
	}
}

func revokedFor(reason session.Reason) func(*session.Session, *account.Account) {
	return func(s *session.Session, _ *account.Account) { s.RevokedAt, s.Reason = start, reason }
}
