// Package authorizer is the Lambda authorizer of an API: it lets a request through when its access token verifies and was not
// revoked, or its session handle opens a session that may be used, and the policy of the API has no more to ask. Any doubt refuses. It answers the events of HTTP APIs, REST APIs, WebSocket APIs
// and AppSync, each in its own way.
package authorizer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/access"
	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/grant"
	"github.com/wavepass/wavepass/pkg/metric"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/session"
	"github.com/wavepass/wavepass/pkg/ticket"
	"github.com/wavepass/wavepass/pkg/token"
)

// Function is the authorizer as Lambda calls it, with an event and an answer in JSON; a lambda.Handler.
type Function func(ctx context.Context, event []byte) ([]byte, error)

// Invoke calls f.
func (f Function) Invoke(ctx context.Context, event []byte) ([]byte, error) { return f(ctx, event) }

// Store is what the function asks of the table.
type Store interface {
	endpoint.AccessStore
	policy.Reader
	session.Accounts
	session.Reader
	session.UseRecorder
	client.Store
	ticket.Taker
}

// New returns the function.
func New(s endpoint.Settings, store Store) Function {
	tokens, _ := s.AccessTokens(store)
	owners := session.NewOwners(store, store, client.NewRegistry(store, s.Now), s.Now)
	visits := grant.NewVisits(owners, session.NewUses(store, s.Now))
	return function{s.Config, tokens, s.Cookies, visits, policy.NewSource(store, s.Now), store, s.Now}.authorize
}

type function struct {
	cfg     apigw.Config
	tokens  *access.Checker
	cookies browser.Jar
	visits  *grant.Visits
	policy  *policy.Source
	store   Store
	now     func() time.Time
}

// authorize answers an event in the way of the API that it comes from.
func (f function) authorize(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := decode(payload)
	shape := shapeOf(e)
	r, readErr := shape.read(e)
	v := verdict{err: cmp.Or(err, readErr)}
	if v.err == nil {
		v = f.check(ctx, r)
	}
	answer, err := shape.answer(r, v)
	if v.err != nil {
		f.logRefusal(ctx, r.id, v.err, err)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// logRefusal says why a request was refused. Where the answer is an error, Lambda counts it as one of the function; the alarm on its
// errors in template.yaml takes off those that are answered Unauthorized.
func (f function) logRefusal(ctx context.Context, requestID string, reason, answer error) {
	level := slog.LevelInfo
	if isOutage(reason) {
		level = slog.LevelError
	}
	members := []any{"request_id", requestID, "why", why(reason), "reason", reason.Error()}
	if answer != nil {
		members = append(members, "answered", answer.Error())
	}
	if n := f.cfg.Trail.Metrics; n != "" {
		members = append(members, "refusals", 1, "_aws", n.Of(f.now(), []string{"level", "why"}, metric.Count, "refusals"))
	}
	f.cfg.Log.Log(ctx, level, "refused", members...)
}

// check reads the credential, and what the policy asks for.
func (f function) check(ctx context.Context, r request) verdict {
	at, err := apigw.PlaceOf(f.cfg, r.apiID, r.domain)
	if err != nil {
		return verdict{err: err}
	}
	ask := f.policy.Ask
	if r.byCookie && f.hasHandle(at, r) {
		ask = f.policy.AskNow // what is said about a session counts with its next request
	}
	reading := ask(ctx, r.apiID) // beside the keys, the log of revocations, the session
	v, err := f.caller(ctx, at, r)
	p, policyErr := reading.Policy() // also when the caller is refused: a function that has answered is frozen, with all that it has begun
	if policyErr == nil && r.byCookie && isNobody(err) && p.DecideNobody(r.ask) == nil {
		return verdict{nobody: true, because: reasonOf(err)}
	}
	if err := cmp.Or(err, policyErr); err != nil {
		return verdict{err: err}
	}
	if want := cmp.Or(p.Audience(), at.Audience); !slices.Contains(v.claims.Audience, want) {
		return verdict{err: fmt.Errorf("%w: not for %s, but for %s", errAudience, want, strings.Join(v.claims.Audience, ", "))}
	}
	v.err = p.Decide(r.ask, callerOf(v.claims), f.now())
	if errors.Is(v.err, policy.ErrRolesOmitted) && v.claims.Login != nil {
		var roles []string
		if roles, v.err = grant.RolesOf(ctx, f.store, v.claims); v.err == nil {
			v.claims.Roles, v.claims.RolesOmitted = roles, false
			v.err = p.Decide(r.ask, callerOf(v.claims), f.now())
		}
	}
	v.sameForAll = v.visit == nil && p.SameForAll() // the cross-site check of a visit was of this request alone
	if v.visit != nil && v.err == nil {
		if err := f.visits.Used(ctx, *v.visit, r.network); err != nil {
			f.cfg.Log.WarnContext(ctx, "the use of a session could not be recorded", "request_id", r.id, "reason", err.Error())
		}
	}
	return v
}

// caller finds out who sends the request, by the one credential that counts.
func (f function) caller(ctx context.Context, at grant.Place, r request) (verdict, error) {
	switch {
	case r.byCookie:
		return f.visit(ctx, at, r)
	case !r.ticket.IsZero():
		claims, err := f.redeem(ctx, at, r)
		return verdict{claims: claims}, f.explained(err, at)
	}
	claims, err := f.tokens.Check(ctx, r.bearer, token.Expect{Issuer: at.Issuer, SkipAudience: true}) // the policy says which
	return verdict{claims: claims}, f.explained(err, at)
}

// explained adds to an error what its reader would not guess: whose issuer was expected, and why.
func (f function) explained(err error, at grant.Place) error {
	if f.cfg.Issuer == "" && errors.Is(err, token.ErrOtherIssuer) {
		return fmt.Errorf("%w: ISSUER is not set, so it is taken to be %s, the address of the API that asks; set ISSUER when another stack's API uses this authorizer", err, at.Issuer)
	}
	return err
}

func callerOf(c token.Claims) policy.Caller {
	caller := policy.Caller{Scope: c.Scope, Roles: c.Roles, RolesOmitted: c.RolesOmitted}
	if c.Login != nil {
		caller.AuthTime = c.Login.AuthTime
	}
	return caller
}
