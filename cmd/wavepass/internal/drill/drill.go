// Package drill rehearses an emergency on a running deployment: it steals a session of a test account and revokes it, in
// every way that there is. It measures by HTTP how long it takes until the stolen access token is refused everywhere.
package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
)

// Config says what to rehearse, and where.
type Config struct {
	URL      string // of the deployment, without a trailing slash
	Route    string // a protected route that answers GET with 200; empty: Wavepass's own
	ClientID string // a native client, or a site
	Username string
	Password oauth.Secret

	Bound       time.Duration // the revocation bound that is promised for tokens; for a site it is 0
	Connections int           // that the thief uses at once
	Pace        time.Duration // between two requests of a connection
	After       time.Duration // how long the thief goes on after the bound

	Ways     []string     // names of Ways; empty: all
	Operator Operator     // nil: ways that need an operator are skipped
	Progress func(string) // called when a way begins; may be nil
}

// Operator does what people cannot do for themselves. Each method returns when its change is confirmed.
type Operator interface {
	DisableAccount(ctx context.Context, username string) error
	EnableAccount(ctx context.Context, username string) error
	RevokeKey(ctx context.Context, keyID string) error

	// GiveRole and TakeRole change the roles of an account by one; it may have it already, or not have it.
	GiveRole(ctx context.Context, username, role string) error
	TakeRole(ctx context.Context, username, role string) error
	// RequireRole has GET requests of the path need the role, besides what they need already. Everybody without it is refused there,
	// until ReleaseRoute takes that back.
	RequireRole(ctx context.Context, path, role string) error
	ReleaseRoute(ctx context.Context) error
}

// Result is what was measured of one way.
type Result struct {
	Way     string
	Skipped string // why it was skipped; then nothing but the bound is set
	Failed  string // why it could not be rehearsed; then nothing but the bound is set
	Bound   time.Duration

	Confirmed    time.Duration // how long the revocation took to be confirmed
	FirstRefused time.Duration // median over the connections, from the confirmation to the first refusal
	LastAccepted time.Duration // from the confirmation to the beginning of the last request that was accepted; 0: none
	Requests     int
	Others       int           // answers that are neither an acceptance nor a refusal: throttled, failed
	Refresh      string        // whether the stolen refresh token "works" or is "refused"
	GoesOn       time.Duration // if a refresh token works: how long until its access token was accepted again
	Wrong        string        // how the promise was broken; empty: it held

	undoFailed error // why a change of the way could not be undone
}

// Held reports whether the promise held, or the way was skipped.
func (r Result) Held() bool { return r.Wrong == "" && r.Failed == "" }

// Run rehearses one way after the other. The error is that of ctx, or says that the test account cannot log in. An error of a
// single way is in its result.
func Run(ctx context.Context, c Config) ([]Result, error) {
	site, err := c.tryLogin(ctx)
	if err != nil {
		return nil, err
	}
	if site {
		c.Bound = 0
	}
	c.Route = cmp.Or(c.Route, map[bool]string{true: "/site/userinfo", false: "/userinfo"}[site])
	var results []Result
	for _, w := range chosen(c.Ways) {
		if c.Progress != nil {
			c.Progress(w.name + ": " + w.about)
		}
		r := c.rehearse(ctx, w, site)
		if err := ctx.Err(); err != nil {
			if r.undoFailed != nil {
				err = errors.Join(err, r.undoFailed)
			}
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// tryLogin logs in and out, to see whether the test account can be used. It reports whether the client is a site.
func (c Config) tryLogin(ctx context.Context) (site bool, err error) {
	p := person{c, newClient()}
	t, err := p.login(ctx)
	if err != nil {
		return false, fmt.Errorf("log in as %s by the client %s: %w", c.Username, c.ClientID, err)
	}
	if err := p.revoke(ctx, t.refresh); err != nil {
		return false, fmt.Errorf("log out: %w", err)
	}
	return t.ofSite(), nil
}

func (c Config) rehearse(ctx context.Context, w way, site bool) Result {
	r := Result{Way: w.name, Bound: c.Bound}
	if site && w.tokens {
		r.Skipped = "a site has no tokens"
		return r
	}
	if !site && w.site {
		r.Skipped = "of a site only: tokens follow later, by design"
		return r
	}
	if w.operator && c.Operator == nil {
		r.Skipped = "needs an operator: --data or --table"
		return r
	}
	if err := c.try(ctx, w, &r); err != nil {
		return Result{Way: w.name, Bound: c.Bound, Failed: err.Error(), undoFailed: r.undoFailed}
	}
	return r
}

// try steals a session, revokes it in one way, watches the thief and judges what was seen.
func (c Config) try(ctx context.Context, w way, r *Result) (err error) {
	p := person{c, newClient()}
	s, err := p.prepare(ctx, w)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if w.undo != nil {
		defer func() {
			// Also after Ctrl-C, so that the account does not stay disabled.
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if failed := w.undo(undo, p); failed != nil {
				r.undoFailed = fmt.Errorf("undo what %s has done: %w", w.name, failed)
				err = errors.Join(err, r.undoFailed)
			}
		}()
	}
	if w.setUp != nil {
		if err := w.setUp(ctx, p); err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	watch := startWatch(ctx, c, s.stolen)
	defer watch.stop()
	if err := watch.untilAccepted(ctx); err != nil {
		return err
	}
	asked := time.Now()
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

// prepare logs in on the device that is robbed, and on a second device if the way has one.
func (p person) prepare(ctx context.Context, w way) (s scene, err error) {
	if s.stolen, err = p.login(ctx); err == nil && w.second {
		s.own, err = p.login(ctx)
	}
	return s, err
}

// judgeRefresh tries the refresh tokens of both devices after the revocation.
func (p person) judgeRefresh(ctx context.Context, w way, s scene, r *Result) error {
	if s.stolen.ofSite() { // the handle was all that it had
		in, err := true, error(nil)
		if w.second {
			in, err = p.isIn(ctx, s.own)
		}
		if !in {
			r.wrong("the session that ended the others has ended too")
		}
		return err
	}
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
	if err := p.refreshUntilAccepted(ctx, next); err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	r.GoesOn = time.Since(began)
	return nil
}

// wrong records the first way in which the promise was broken.
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
