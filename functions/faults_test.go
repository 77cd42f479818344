//go:build unix

package functions_test

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/internal/lambdaruntime"
)

// using starts each function that needs the table, and returns the functions with an event for each.
func (w *world) using() (fs []*running, events map[string][]byte) {
	w.t.Helper()
	tokens := w.start("login").login()
	caller := w.start("authorizer").wantAllowed("the token", tokens.AccessToken, true).Context
	events = uses(tokens, caller)
	for _, name := range slices.Sorted(maps.Keys(w.functions)) {
		switch {
		case events[name] != nil:
			fs = append(fs, w.start(name))
		default:
			w.t.Errorf("no event is known that makes %s ask the table: add one to uses", name)
		}
	}
	// Those that end what the others use come last.
	last := []string{"password", "revoke"}
	slices.SortStableFunc(fs, func(a, b *running) int { return cmp.Compare(slices.Index(last, a.name), slices.Index(last, b.name)) })
	return fs, events
}

// wantOutage gives each function its event, all at once, and reports an answer that says anything but that it should be tried again.
func wantOutage(t *testing.T, fs []*running, events map[string][]byte) {
	t.Helper()
	var all sync.WaitGroup
	for _, f := range fs {
		all.Go(func() {
			if behindNoRoute[f.name] { // AWS tries again when the function fails
				if got := f.Invoke(events[f.name], f.timeout); !got.Failed || got.Ended || !strings.Contains(string(got.Payload), "unavailable") {
					t.Errorf("%s: %s %+v, want an error, and a process that goes on", f.name, got.Payload, got)
				}
				return
			}
			got := f.Invoke(events[f.name], f.timeout)
			text := string(got.Payload)
			refused := strings.Contains(text, `"statusCode":503`) && (strings.Contains(text, "temporarily_unavailable") || strings.Contains(text, "The service does not answer at the moment")) && strings.Contains(text, `"Retry-After":"`)
			if f.name == "authorizer" {
				refused = strings.Contains(text, `"isAuthorized":false`)
			}
			if got.Failed || got.Ended || !refused {
				t.Errorf("%s: %s %+v, want it refused for now within %s", f.name, text, got, f.timeout)
			}
			t.Logf("%s: %s of %s", f.name, got.Took.Round(1e6), f.timeout)
		})
	}
	all.Wait()
	for _, f := range fs {
		if !strings.Contains(f.Log(), `"level":"ERROR"`) && !behindNoRoute[f.name] {
			t.Errorf("%s: the log says nothing of it:\n%s", f.name, f.Log())
		}
		silence(t, f.name+"'s log", f.Log())
	}
}

// A table that says nothing is the slowest there can be.
func TestSilentTableIsAnsweredBeforeTheDeadline(t *testing.T) {
	w := newWorld(t, map[string]string{"REVOCATION_STALENESS": "0s"})
	fs, events := w.using()
	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Hang})
	wantOutage(t, fs, events)
	w.proxy.Heal()
	for _, f := range fs {
		if got := f.send(events[f.name]); got.StatusCode/100 != 2 && !got.IsAuthorized && !behindNoRoute[f.name] {
			t.Errorf("%s: %d %s when the table answers again, want 2xx", f.name, got.StatusCode, got.Body)
		}
	}
	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.Hang}) // warm, with keys and clients at hand
	wantOutage(t, slices.DeleteFunc(fs, func(f *running) bool { return f.name == "discovery" }), events)
}

func TestMissingPermissionIsLoggedByItsName(t *testing.T) {
	w := newWorld(t, map[string]string{"REVOCATION_STALENESS": "0s"})
	fs, events := w.using()
	w.proxy.Inject(faultproxy.Rule{Fault: faultproxy.AccessDenied})
	wantOutage(t, fs, events)
	for _, f := range fs {
		if !strings.Contains(f.Log(), "AccessDeniedException") {
			t.Errorf("%s: the log does not name it:\n%s", f.name, f.Log())
		}
	}
}

// A panic of the handler is told to Lambda, one of a goroutine beside it is not; after either the process is gone, and Lambda starts
// another one.
func TestPanicEndsTheProcessAndTellsNoSecret(t *testing.T) {
	w := newWorld(t, nil)
	for method, told := range map[string]bool{"Client": true, "LoginName": false} {
		f := lambdaruntime.Start(t, lambdaruntime.Config{
			Program: filepath.Join(programs, "panics"), Environment: append([]string{"PANICS_IN=" + method}, w.functions["login"].environment...),
		})
		if !f.Ready() {
			t.Fatal(f.Log())
		}
		got := f.Invoke(loginEvent(), w.functions["login"].timeout)
		if got.Failed != told || !got.Ended || got.TimedOut || f.ExitCode() == 0 {
			t.Errorf("%s: %s %+v, status %d; want the process ended, and an error told: %t", method, got.Payload, got, f.ExitCode(), told)
		}
		if !strings.Contains(f.Log(), "index out of range") {
			t.Errorf("%s: the log does not say what happened:\n%s", method, f.Log())
		}
		silence(t, method+": the log", f.Log())
		silence(t, method+": the error", string(got.Payload))
	}
	w.start("login").login()
}

func TestBadConfigurationIsNamedAndEndsTheProcess(t *testing.T) {
	w := newWorld(t, nil)
	for variable, values := range map[string]map[string]string{
		"login":      {"TABLE_NAME": "", "SEALING_KEY": "local:canary-key", "SIGNING_ALG": "HS256", "ATTEMPT_LIMITS": "many", "COOKIE_DOMAIN": ".example.com", "ISSUER": "http://id.example.com"},
		"authorizer": {"REVOCATION_STALENESS": "1h", "REVOCATION_SHARDS": "0", "ISSUER": "https://id.example.com/"},
		"mailer":     {"MAIL_FROM": "Shop <no-reply@example.com>", "MAIL_TEXTS": "/no/such/folder"},
		"userinfo":   {"ISSUER": ""}, // sam local has no address in its place
		"refresh":    {"REFRESH_GRACE": "-1s", "ROTATION_MIN_AGE": "1h", "SEALING_KEY": ""},
	} {
		for name, value := range values {
			f := w.functions[variable]
			environment := append([]string{}, f.environment...)
			r := lambdaruntime.Start(t, lambdaruntime.Config{Program: filepath.Join(programs, f.name), Environment: append(environment, name+"="+value)})
			if r.Ready() || r.ExitCode() != 1 {
				t.Errorf("%s with %s=%q: it starts, or ends with another status than 1", f.name, name, value)
				continue
			}
			log := r.Log()
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"level":"ERROR","msg":"the function cannot start"`) || !strings.Contains(log, name) || strings.Contains(log, "canary-key") {
				t.Errorf("%s with %s=%q logs\n%s\nwant one line that names the variable", f.name, name, value, log)
			}
		}
	}
	// template.yaml gives ISSUER only to functions that use one.
	if f := w.functions["rotatekeys"]; strings.Contains(strings.Join(f.environment, " "), "ISSUER=") {
		t.Error("rotatekeys is given an ISSUER, which it does not use")
	}
}
