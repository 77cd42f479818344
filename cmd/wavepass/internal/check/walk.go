package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// foreign is the origin of a page of somebody else. Nothing is ever sent there.
const foreign = "https://attacker.example"

// evidence is what a walk saw. What it did not see is nil or the zero value, and the judges say that it was not checked.
type evidence struct {
	secure, loopback bool // how the service is reached
	host             string
	notes            []string
	why              string // why nobody logged in, or the walk ended early; for checks that have nothing to judge

	home    answer
	oldTLS  *bool
	oauth   document // RFC 8414
	openID  document // OpenID Connect Discovery 1.0
	keys    *keySet
	keysAge string // Cache-Control of the key set

	login       *answer
	session     []cookie          // those of the login without which nobody is signed in
	others      []cookie          // the other ones
	again       []cookie          // the session's, of another login
	signedIn    *answer           // the page of somebody who is signed in
	kept        *bool             // whether the login kept an id that the browser had before
	origins     map[string]answer // answers of that page to pages of other origins
	loginByPage *bool             // whether another site's page can log somebody in
	access      *accessToken

	refresh *refreshed
	logout  *loggedOut
}

// unseen says why there is nothing to judge.
func (e *evidence) unseen() string {
	if e.why == "" {
		return "nothing was seen"
	}
	return e.why
}

// refreshed is what became of refresh tokens.
type refreshed struct {
	worked    bool
	rotates   bool
	answered  time.Duration // how long the replaced token was answered, at least
	refused   bool          // whether it was refused in the end
	reuse     *bool         // whether the session was ended because the replaced token came back
	tooYoung  bool          // whether the first refresh gave the same token
	waited    bool          // whether it was refreshed again when it was older
	untilDone time.Duration // how long the replaced token was tried
}

// loggedOut is what became of a session.
type loggedOut struct {
	byOtherSite *bool          // whether another site's page can log somebody out
	byGET       *bool          // whether following a link does
	worked      bool           // whether the answer was a success
	stillIn     *bool          // whether the session's cookie opened something afterwards
	cleared     bool           // whether the answer deletes the session's cookie
	tokenFor    *time.Duration // how long the access token was accepted, 0: not at all
	tokenLives  bool           // whether it was accepted until the end
}

// walker makes the requests and remembers what it saw.
type walker struct {
	*visitor
	c Config
	e *evidence
}

// walk sends the requests of a review. An error ends the review; a budget that is used up only ends the walk.
func walk(ctx context.Context, v *visitor, c Config) (*evidence, error) {
	host := v.base.Hostname()
	e := &evidence{secure: v.secure(), host: host, loopback: isLoopback(host)}
	w := &walker{v, c, e}
	home, err := v.send(ctx, request{method: "GET", path: "/"})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %s does not answer: %w", ErrUnusable, v.base.Host, err)
	}
	e.home = home
	for _, part := range []func(context.Context) error{w.published, w.person} {
		if err := part(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			e.note("the walk ended early: %v", err)
			e.why = err.Error()
			break
		}
	}
	return e, nil
}

func (e *evidence) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// published looks at what everybody is told.
func (w *walker) published(ctx context.Context) error {
	if w.secure() {
		old, err := w.acceptsOldTLS(ctx)
		if err != nil {
			return err
		}
		w.e.oldTLS = &old
	}
	var err error
	if w.e.oauth, err = w.document(ctx, "/.well-known/oauth-authorization-server"); err != nil {
		return err
	}
	if w.e.openID, err = w.document(ctx, "/.well-known/openid-configuration"); err != nil {
		return err
	}
	path := "/.well-known/jwks.json"
	for _, d := range []document{w.e.openID, w.e.oauth} {
		if at := d.text("jwks_uri"); at != "" {
			rest, own := strings.CutPrefix(at, w.base.String()+"/")
			if !own {
				w.e.note("jwks_uri is on another host, which is not asked: give its address to look at the keys")
				return nil
			}
			path = "/" + rest
			break
		}
	}
	a, err := w.send(ctx, request{method: "GET", path: path})
	if err != nil {
		return err
	}
	w.e.keysAge = a.header.Get("Cache-Control")
	w.e.keys = readKeySet(a)
	return nil
}

func (w *walker) document(ctx context.Context, path string) (document, error) {
	a, err := w.send(ctx, request{method: "GET", path: path})
	if err != nil {
		return nil, err
	}
	var d document
	if a.status != 200 || json.Unmarshal(a.body, &d) != nil {
		return nil, nil
	}
	return d, nil
}

// person logs the test account in, and looks at its session.
func (w *walker) person(ctx context.Context) error {
	if w.c.Password.IsZero() {
		w.e.why = "nobody logged in: no test account was given"
		return nil
	}
	if w.c.Service.Login.Path == "" {
		found, err := w.wavepass(ctx)
		if err != nil {
			return err
		}
		if !found {
			w.e.why = "nobody logged in: this is no Wavepass, and how people log in to it is not described"
			return nil
		}
	}
	before := signedIn{}
	if w.c.Service.SignedIn.Path != "" {
		a, err := w.send(ctx, request{method: "GET", path: w.c.Service.SignedIn.Path})
		if err != nil {
			return err
		}
		if w.c.Service.SignedIn.in(a) {
			return errors.New("signed_in also opens for somebody who is not signed in: describe what only a signed-in person gets")
		}
		before = before.kept(a, w.c.Service)
	}
	s, a, err := w.logIn(ctx, before, nil)
	if err != nil {
		return err
	}
	w.e.login = &a
	if err := w.look(ctx, s, before); err != nil {
		return err
	}
	if !w.c.LogOut {
		w.e.note("a session of the test account is left open: without --log-out nobody is logged out")
		return nil
	}
	if err := w.refreshes(ctx, s); err != nil {
		return err
	}
	return w.logsOut(ctx, s)
}

// logIn begins a session in a browser that has the cookies before. The answer need not be a success.
func (w *walker) logIn(ctx context.Context, before signedIn, header map[string]string) (signedIn, answer, error) {
	login := w.c.Service.Login
	fields := maps.Clone(login.Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	fields[login.Username], fields[login.Password] = w.c.Username, w.c.Password.Reveal()
	a, err := w.send(ctx, request{method: "POST", path: login.Path, as: login.As, fields: fields, cookies: before.cookies, header: header})
	if err != nil {
		return signedIn{}, a, err
	}
	s := before.kept(a, w.c.Service)
	if header == nil && (!a.ok() || len(a.cookies) == 0 && s.access.IsZero()) {
		return s, a, fmt.Errorf("the test account could not log in: status %d %s", a.status, a.member("error"))
	}
	return s, a, nil
}

// in reports whether the session opens what only somebody who is signed in gets.
func (w *walker) in(ctx context.Context, s signedIn, header map[string]string) (bool, answer, error) {
	r, probe := request{method: "GET", path: w.c.Service.SignedIn.Path, cookies: s.cookies, header: header}, w.c.Service.SignedIn
	if probe.Path == "" {
		probe = w.c.Service.API
		r = request{method: "GET", path: probe.Path, bearer: s.access.Reveal(), header: header}
	}
	a, err := w.send(ctx, r)
	return err == nil && probe.in(a), a, err
}

// look looks at a session without changing it.
func (w *walker) look(ctx context.Context, s, before signedIn) error {
	in, a, err := w.in(ctx, s, nil)
	if err != nil {
		return err
	}
	if !in {
		return fmt.Errorf("the login succeeded, but what somebody who is signed in should get answers %d: check signed_in and api of the description", a.status)
	}
	w.e.signedIn = &a
	if !s.access.IsZero() {
		w.e.access = readAccessToken(s.access.Reveal(), time.Now())
	}
	if w.e.session, w.e.others, err = w.sessionCookies(ctx, s); err != nil {
		return err
	}
	w.e.kept = keptID(w.e.session, before)
	w.e.origins = map[string]answer{}
	for _, origin := range []string{foreign, "null", "https://" + w.base.Hostname() + ".attacker.example"} {
		_, a, err := w.in(ctx, s, map[string]string{"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"})
		if err != nil {
			return err
		}
		w.e.origins[origin] = a
	}
	return nil
}

// sessionCookies finds out which of the cookies keep the person signed in: those without which they are not.
func (w *walker) sessionCookies(ctx context.Context, s signedIn) (session, others []cookie, err error) {
	set := newest(w.e.login.cookies)
	if w.c.Service.SignedIn.Path == "" || len(set) > 5 {
		return set, nil, nil // it cannot be told: all are judged as if they were
	}
	for _, one := range set {
		without := signedIn{cookies: maps.Clone(s.cookies)}
		delete(without.cookies, one.Name)
		in, _, err := w.in(ctx, without, nil)
		switch {
		case err != nil:
			return nil, nil, err
		case in:
			others = append(others, one)
		default:
			session = append(session, one)
		}
	}
	return session, others, nil
}

// keptID reports whether a session goes by the id that the browser had before the login.
func keptID(session []cookie, before signedIn) *bool {
	kept := slices.ContainsFunc(session, func(c cookie) bool { return before.cookies[c.Name] == c.Value && c.Value != "" })
	return &kept
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// wavepass finds out whether the service is a Wavepass, and then describes it.
func (w *walker) wavepass(ctx context.Context) (bool, error) {
	if w.c.Client == "" {
		return false, nil
	}
	a, err := w.send(ctx, request{method: "GET", path: "/session?client_id=" + url.QueryEscape(w.c.Client)})
	if err != nil {
		return false, err
	}
	var state map[string]any
	_ = json.Unmarshal(a.body, &state) // what is not JSON has no members
	_, browser := state["active"]
	native := !browser && w.e.oauth.text("revocation_endpoint") == w.base.String()+"/revoke" && w.e.oauth.text("introspection_endpoint") == w.base.String()+"/introspect"
	if !browser && !native {
		return false, nil
	}
	w.c.Service = Wavepass(w.c.Client, native)
	return true, nil
}
