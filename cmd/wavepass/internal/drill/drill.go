// Package drill rehearses an emergency on a running deployment: a session of a test account is stolen, and
// taken back in every way that there is. It measures from outside, by HTTP alone, how long each took until the
// stolen access token was refused everywhere.
package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Config says what to rehearse, and where.
type Config struct {
	URL      string // of the deployment, without a slash at the end
	Route    string // a protected route that answers GET with 200
	ClientID string // native
	Username string
	Password oauth.Secret

	Bound       time.Duration // after which no stolen token may be accepted
	Connections int           // of the thief, each its own
	Pace        time.Duration // between two requests of a connection
	After       time.Duration // how long to go on beyond the bound

	Ways     []string     // names of Ways; empty: all
	Operator Operator     // nil: what needs one is left out
	Progress func(string) // is told what begins; may be nil
}

// Operator does what the person cannot do himself. Each method returns once its revocation is confirmed.
type Operator interface {
	DisableAccount(ctx context.Context, username string) error
	EnableAccount(ctx context.Context, username string) error
	RevokeKey(ctx context.Context, keyID string) error
}

// Result is how one way went.
type Result struct {
	Way     string
	Skipped string // why it was left out; then nothing else is set
	Failed  string // why it could not be rehearsed; then nothing else is set

	Confirmed    time.Duration // how long the revocation took to be confirmed
	FirstRefused time.Duration // median over the connections, from the confirmation to the first refusal
	LastAccepted time.Duration // when the last request that was accepted began, after the confirmation; 0: none
	Requests     int
	Others       int           // answers that are neither: throttled, failed
	Refresh      string        // what became of the stolen refresh token: "refused" or "works"
	GoesOn       time.Duration // where it works: how long after the watch its access tokens were let in again
	Wrong        string        // what broke the promise; empty: it held

	undone error // what could not be undone
}

// Held reports whether the promise held, or nothing was tried.
func (r Result) Held() bool { return r.Wrong == "" && r.Failed == "" }

// Run rehearses one way after the other. Its error is that of the context, or says that the account cannot log in at
// all; what goes wrong in a way is in its result.
func Run(ctx context.Context, c Config) ([]Result, error) {
	if err := c.tryLogin(ctx); err != nil {
		return nil, err
	}
	var results []Result
	for _, w := range chosen(c.Ways) {
		if c.Progress != nil {
			c.Progress(w.name + ": " + w.about)
		}
		r := c.rehearse(ctx, w)
		if err := ctx.Err(); err != nil {
			if r.undone != nil {
				err = errors.Join(err, r.undone)
			}
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// tryLogin finds out before anything is rehearsed whether the test account can log in.
func (c Config) tryLogin(ctx context.Context) error {
	p := person{c, newClient()}
	t, err := p.login(ctx)
	if err != nil {
		return fmt.Errorf("log in as %s by the client %s: %w", c.Username, c.ClientID, err)
	}
	if err := p.revoke(ctx, t.refresh); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

func (c Config) rehearse(ctx context.Context, w way) Result {
	r := Result{Way: w.name}
	if w.operator && c.Operator == nil {
		r.Skipped = "needs an operator: --data or --table"
		return r
	}
	if err := c.try(ctx, w, &r); err != nil {
		return Result{Way: w.name, Failed: err.Error(), undone: r.undone}
	}
	return r
}

// try steals, revokes, watches and judges.
func (c Config) try(ctx context.Context, w way, r *Result) (err error) {
	p := person{c, newClient()}
	s, err := p.set(ctx, w)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	watch := startWatch(ctx, c, s.stolen.access)
	defer watch.stop()
	if err := watch.untilAccepted(ctx); err != nil {
		return err
	}
	asked := time.Now()
	if w.undo != nil {
		defer func() {
			// Also after Ctrl-C: nobody is left disabled.
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if failed := w.undo(undo, p); failed != nil {
				r.undone = fmt.Errorf("undo what %s has done: %w", w.name, failed)
				err = errors.Join(err, r.undone)
			}
		}()
	}
	if err := w.revoke(ctx, p, s); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	confirmed := time.Now()
	r.Confirmed = confirmed.Sub(asked)
	if err := sleep(ctx, c.Bound+c.After); err != nil {
		return err
	}
	if err := watch.untilAnswered(ctx, confirmed.Add(c.Bound)); err != nil {
		return err
	}
	watch.stop()
	watch.judge(r, confirmed, c.Bound)

	return p.judgeRefresh(ctx, w, s, r)
}

// set logs in on the device that is robbed, and on a second one where the way has one.
func (p person) set(ctx context.Context, w way) (s scene, err error) {
	if s.stolen, err = p.login(ctx); err == nil && w.second {
		s.own, err = p.login(ctx)
	}
	return s, err
}

// judgeRefresh looks what has become of the refresh tokens.
func (p person) judgeRefresh(ctx context.Context, w way, s scene, r *Result) error {
	next, works, err := p.refresh(ctx, s.stolen.refresh)
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	r.Refresh = map[bool]string{true: "works", false: "refused"}[works]
	switch {
	case works != w.refreshWorks:
		r.wrong("the stolen refresh token " + r.Refresh)
		return nil
	case w.second:
		if next, works, err = p.refresh(ctx, s.own.refresh); err != nil {
			return fmt.Errorf("refresh on the second device: %w", err)
		}
		if !works {
			r.wrong("the session that ended the others has ended too")
			return nil
		}
	}
	if !works {
		return nil
	}
	began := time.Now()
	if err := p.goOn(ctx, next); err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	r.GoesOn = time.Since(began)
	return nil
}

// wrong notes the first thing that broke the promise.
func (r *Result) wrong(what string) {
	if r.Wrong == "" {
		r.Wrong = what
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
