package alarms_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/pkg/browser"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/keyring"
)

// filter is one AWS::Logs::MetricFilter of the template.
type filter struct {
	pattern pattern
	value   string // what is added to the metric: "1", or "$." and a member of the line
}

// readFilters returns the filters by the names of their metrics.
func readFilters(t *testing.T) map[string]filter {
	t.Helper()
	template, err := samtemplate.Read("../../../template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	filters := map[string]filter{}
	for _, resource := range template.Resources("AWS::Logs::MetricFilter") {
		properties := resource.Value.Get("Properties")
		p, err := parsePattern(properties.Get("FilterPattern").Text)
		if err != nil {
			t.Fatalf("%s: %v", resource.Name, err)
		}
		transformations := properties.Get("MetricTransformations").Items
		if len(transformations) != 1 {
			t.Fatalf("%s: %d transformations, want one", resource.Name, len(transformations))
		}
		filters[transformations[0].Get("MetricName").Text] = filter{p, transformations[0].Get("MetricValue").Text}
	}
	return filters
}

// scenes make the functions log what a metric counts, and return how many lines of it.
var scenes = map[string]func(*deployment.Deployment) int{
	"reuse_detected": func(d *deployment.Deployment) int {
		first := d.Login("app").RefreshToken
		for token, i := first, 0; i < 3; i++ {
			d.Clock.Advance(time.Minute)
			token = refresh(d, token).RefreshToken
		}
		d.Want("reuse", refresh(d, first), 400, "invalid_grant")
		return 1
	},
	"restored_table": func(d *deployment.Deployment) int {
		login := d.Login("app")
		backup, _ := d.Store.GetSession(login.SessionID())
		d.Clock.Advance(time.Minute)
		newer := refresh(d, login.RefreshToken)
		d.Store.SetSession(backup)
		d.Want("newer than the table", refresh(d, newer.RefreshToken), 400, "invalid_grant")
		return 1
	},
	"overtaken": func(d *deployment.Deployment) int {
		d.MinAge = 10 * time.Second
		d.Restart(browser.Jar{}, func(string) keyring.Sealer { return d.Sealer })
		first := d.Login("app").RefreshToken
		d.Clock.Advance(d.MinAge)
		second := refresh(d, first).RefreshToken
		d.Clock.Advance(d.MinAge)
		refresh(d, second)
		d.Want("overtaken by two", refresh(d, first), 503, "temporarily_unavailable")
		return 1
	},
	"client_refused": func(d *deployment.Deployment) int {
		d.Want("a wrong secret", d.Do(deployment.Form("POST /token", "grant_type=client_credentials&client_id=partner&client_secret=wrong")), 401, "invalid_client")
		d.Want("nobody's id", d.Do(deployment.Form("POST /token", "grant_type=client_credentials&client_id=nobody&client_secret=wrong")), 401, "invalid_client")
		return 1
	},
	"refused_for_outage": func(d *deployment.Deployment) int {
		token := d.Login("app").AccessToken
		d.Store.Before = hooks.Fail("Since")
		for range 2 {
			if got := d.As(token, deployment.Request{Route: "GET /userinfo"}); got.StatusCode != 403 {
				panic("let through without the denylist")
			}
		}
		return 2
	},
	"unauthorized": func(d *deployment.Deployment) int {
		const rest = `{"type":"TOKEN","methodArn":"arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/orders","authorizationToken":"Bearer nonsense"}`
		if _, err := d.Authorizer(d.Context(), []byte(rest)); err == nil {
			panic("a REST API answers 401 only to an error")
		}
		d.As("nonsense", deployment.Request{Route: "GET /userinfo"}) // of an HTTP API, which is no error
		return 1
	},
	"unavailable": func(d *deployment.Deployment) int {
		token := d.Login("app").RefreshToken
		d.Store.Before = hooks.Fail("Rotate")
		d.Want("without the table", refresh(d, token), 503, "temporarily_unavailable")
		return 1
	},
	"internal_error": func(d *deployment.Deployment) int {
		token := d.Login("app").RefreshToken
		d.Store.Before = func(context.Context, string) error { return errors.New("an error that nobody expects") }
		d.Want("unexpected", refresh(d, token), 500, "server_error")
		return 1
	},
	"keys_overdue_seconds": func(d *deployment.Deployment) int {
		for range 3 {
			if err := d.RotateKeys(d.Context(), events.EventBridgeEvent{ID: "run-1"}); err != nil {
				panic(err)
			}
			d.Clock.Advance(time.Hour)
		}
		return 3
	},
}

func refresh(d *deployment.Deployment, token string) deployment.Answer {
	return d.Do(deployment.Form("POST /refresh", "client_id=app&refresh_token="+token))
}

func TestEachMetricFilterCountsTheLinesThatItIsForAndNoOthers(t *testing.T) {
	filters := readFilters(t)
	if got, want := slices.Sorted(maps.Keys(filters)), slices.Sorted(maps.Keys(scenes)); !slices.Equal(got, want) {
		t.Fatalf("the template counts %q, and this test has scenes for %q", got, want)
	}
	for scene, play := range scenes {
		d := deployment.New(t, browser.Jar{})
		want := play(d)
		lines := slices.Collect(strings.Lines(d.Log() + d.Trail()))
		for metric, f := range filters {
			counted := 0
			for _, line := range lines {
				members, matched := f.pattern.matches(line)
				if !matched {
					continue
				}
				counted++
				if member, isMember := strings.CutPrefix(f.value, "$."); isMember {
					if _, isNumber := members[member].(float64); !isNumber {
						t.Errorf("%s adds up %s, which is no number in %s", metric, f.value, line)
					}
				} else if f.value != "1" {
					t.Errorf("%s adds up %q, want 1 or a member of the line", metric, f.value)
				}
			}
			if metric == scene && counted != want || metric != scene && counted != 0 {
				t.Errorf("scene %s: the filter of %s counts %d lines of\n%s", scene, metric, counted, strings.Join(lines, ""))
			}
		}
	}
}

// On a quiet day people mistype passwords, come with old tokens and log out, and no alarm counts anything but the schedule.
func TestNoMetricFilterCountsOnAQuietDay(t *testing.T) {
	d := deployment.New(t, browser.Jar{})
	app := d.Login("app")
	d.Do(deployment.JSON("POST /login", `{"client_id":"app","username":"ada","password":"mistyped password"}`))
	d.Want("refresh", refresh(d, app.RefreshToken), 200, "")
	d.Want("two tabs", refresh(d, app.RefreshToken), 200, "")
	d.Want("userinfo", d.As(app.AccessToken, deployment.Request{Route: "GET /userinfo"}), 200, "")
	d.Want("no token", d.As("nonsense", deployment.Request{Route: "GET /userinfo"}), 403, "")
	d.Want("nobody's token", refresh(d, "wprt_nobodys"), 400, "invalid_grant")
	d.Want("logout", d.Do(deployment.JSON("POST /logout", `{"client_id":"app","refresh_token":"`+app.RefreshToken+`"}`)), 200, "")
	lines := slices.Collect(strings.Lines(d.Log() + d.Trail()))
	if len(lines) < 6 {
		t.Fatalf("only %d lines on this day: %q", len(lines), lines)
	}
	for metric, f := range readFilters(t) {
		for _, line := range lines {
			if _, matched := f.pattern.matches(line); matched {
				t.Errorf("%s counts %s", metric, line)
			}
		}
	}
}
