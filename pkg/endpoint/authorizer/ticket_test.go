package authorizer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/internal/deployment"
	"github.com/wavepass/wavepass/pkg/operate"
)

const everybodyConnects = "unlisted: allow\nroutes: {}\n"

// ticket asks for a ticket at the API of the golden events.
func (g guarded) ticket() string {
	g.t.Helper()
	a := g.As(g.token, deployment.JSON("POST /ticket", `{"api":"`+apiID+`"}`))
	var said struct {
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(a.Body), &said); err != nil || a.StatusCode != 200 || said.ExpiresIn != 30 {
		g.t.Fatalf("ticket: %d %s\n%s", a.StatusCode, a.Body, g.Log())
	}
	return said.Ticket
}

// opening is the event of a browser that opens a WebSocket with these values of `ticket`.
func opening(t *testing.T, tickets ...string) string {
	t.Helper()
	text := strings.ReplaceAll(goldenEvent(t, "websocket"), `"Authorization": "Bearer $ACCESS",`, "")
	text = strings.ReplaceAll(text, `"Authorization": ["Bearer $ACCESS"],`, "")
	list, err := json.Marshal(tickets)
	if err != nil {
		t.Fatal(err)
	}
	last, err := json.Marshal(tickets[len(tickets)-1])
	if err != nil {
		t.Fatal(err)
	}
	text = strings.Replace(text, `"queryStringParameters": {}`, `"queryStringParameters": {"ticket": `+string(last)+`}`, 1)
	return strings.Replace(text, `"multiValueQueryStringParameters": {}`, `"multiValueQueryStringParameters": {"ticket": `+string(list)+`}`, 1)
}

func (g guarded) connects(what string, event string, want int) reply {
	g.t.Helper()
	got := g.send("websocket", event)
	if got.status != want {
		g.t.Errorf("%s: %d, want %d: %s %v\n%s", what, got.status, want, got.raw, got.err, g.Log())
	}
	return got
}

func TestTicketOpensOneWebSocket(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	event := opening(t, g.ticket())
	got := g.connects("with a ticket", event, 200)
	byHeader := g.event("websocket")
	for name, want := range byHeader.context {
		if got.context[name] != want {
			t.Errorf("context %s: %v, want %v, as with the access token", name, got.context[name], want)
		}
	}
	if got.principal != byHeader.principal || len(got.context) != len(byHeader.context) {
		t.Errorf("by ticket %q %v, by token %q %v", got.principal, got.context, byHeader.principal, byHeader.context)
	}
	g.connects("with the same ticket again", event, 401)
	withoutMulti := strings.Replace(opening(t, g.ticket()), `"multiValueQueryStringParameters"`, `"none"`, 1)
	g.connects("from an event without lists", withoutMulti, 200)
}

// The tickets of an authorizer without ISSUER stand for tokens of another address than that of the WebSocket API.
func TestLogSaysToSetIssuerForTicketsToo(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	var log bytes.Buffer
	settings := deployment.Settings(io.Discard, g.Clock.Now)
	settings.Issuer, settings.Region, settings.Log = "", "eu-central-1", slog.New(slog.NewTextHandler(&log, nil))
	if _, err := authorizer.New(settings, g.Store)(t.Context(), []byte(opening(t, g.ticket()))); err == nil {
		t.Error("a token of another issuer opened a WebSocket")
	}
	if !strings.Contains(log.String(), "set ISSUER") {
		t.Errorf("the log does not say to set ISSUER:\n%s", &log)
	}
}

func TestOfManyConnectionsWithATicketOneOpens(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	event := []byte(opening(t, g.ticket()))
	var (
		mu   sync.Mutex
		open int
		all  sync.WaitGroup
	)
	for range 50 {
		all.Go(func() {
			raw, err := g.Authorizer(t.Context(), event)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && strings.Contains(string(raw), `"Allow"`) {
				open++
			}
		})
	}
	all.Wait()
	if open != 1 {
		t.Errorf("%d connections open, want 1", open)
	}
}

func TestTicketIsGoodAtConnectOfItsOwnAPIOnly(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	text := g.ticket()
	other := strings.ReplaceAll(opening(t, text), "abc123", "abc124")
	g.connects("at another API", other, 401)
	for shape, change := range map[string][2]string{
		"rest":     {`"queryStringParameters": {}`, `"queryStringParameters": {"ticket": "` + text + `"}`},
		"http-2.0": {`"queryStringParameters": { "page": "2" }`, `"queryStringParameters": {"ticket": "` + text + `"}`},
	} {
		event := goldenEvent(t, shape)
		if !strings.Contains(event, change[0]) {
			t.Fatalf("%s has no %s", shape, change[0])
		}
		event = strings.Replace(event, change[0], change[1], 1)
		if got := g.send(shape, strings.ReplaceAll(event, "Bearer $ACCESS", "Bearer x")); got.status == 200 {
			t.Errorf("%s lets a ticket through", shape)
		}
	}
	if got := g.event("rest-token", "Bearer $ACCESS", "Bearer "+text); got.status == 200 {
		t.Error("a ticket passes for an access token")
	}
	g.connects("after all that, at its own", opening(t, text), 200)
}

func TestTicketsThatOpenNothing(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	good := g.ticket()
	for what, tickets := range map[string][]string{
		"two": {good, good}, "an unknown one and a good one": {"x", good}, "empty": {""}, "garbage": {"x"}, "another spelling": {good + "="}, "an access token": {g.token},
		"unknown": {"wptk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "with a space": {" " + good}, "long": {strings.Repeat("x", 10_000)},
	} {
		g.connects(what, opening(t, tickets...), 401)
	}
	beside := strings.Replace(opening(t, good), `"Connection": "upgrade",`, `"Connection": "upgrade", "authorization": "Bearer `+g.token+`",`, 1)
	g.connects("beside an access token", beside, 401)
	g.connects("in a list of lists", strings.Replace(opening(t, good), `["`+good+`"]`, `[["`+good+`"]]`, 1), 401)
	g.connects("in another case", strings.ReplaceAll(opening(t, good), `"ticket"`, `"Ticket"`), 401)
	cookie := strings.Replace(opening(t, good), `"Connection": "upgrade",`, `"Connection": "upgrade", "cookie": "__Host-Http-wpss-site=x",`, 1)
	g.connects("beside a cookie, which comes by itself", cookie, 200)
}

// What happens between a ticket and its use counts.
func TestTicketIsNoBetterThanItsAccessToken(t *testing.T) {
	for what, end := range map[string]func(g guarded) error{
		"30 s later": func(g guarded) error { g.Clock.Advance(30 * time.Second); return nil },
		"the session was ended": func(g guarded) error {
			g.As(g.token, deployment.Request{Route: "DELETE /sessions/{id}", Path: map[string]string{"id": sessionOf(g)}})
			return nil
		},
		"the token was revoked": func(g guarded) error {
			g.Want("revoke", g.Do(deployment.Form("POST /revoke", "client_id=app&token="+g.token)), 200, "")
			return nil
		},
		"the account was disabled": func(g guarded) error {
			_, err := g.operator().Disable(t.Context(), deployment.AccountID)
			return err
		},
		"the client was removed": func(g guarded) error {
			clients := g.operator().Clients()
			c, err := clients.Find(t.Context(), "app")
			if err == nil {
				err = clients.Remove(t.Context(), c)
			}
			return err
		},
		"a policy wants a scope": func(g guarded) error {
			g.putFile(apiID, "unlisted: deny\nroutes:\n  GET /$connect: { scopes: [orders:read] }\n")
			return nil
		},
		"a policy wants another audience": func(g guarded) error {
			g.putFile(apiID, "unlisted: deny\naudience: https://chat.example.com\nroutes:\n  GET /$connect: {}\n")
			return nil
		},
	} {
		g := newGuarded(t, everybodyConnects)
		event := opening(t, g.ticket())
		if err := end(g); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		g.Clock.Advance(time.Millisecond)
		if got := g.send("websocket", event); got.status != 401 && got.status != 403 {
			t.Errorf("%s: %d %s", what, got.status, got.raw)
		}
	}
	g := newGuarded(t, everybodyConnects)
	event := opening(t, g.ticket())
	g.Clock.Advance(30*time.Second - time.Millisecond)
	g.connects("just before its end", event, 200)
}

func (g guarded) operator() *operate.Operator {
	return operate.New(g.Store, audit.NewTrail(g.t.Output(), g.Clock.Now), g.Clock.Now)
}

func sessionOf(g guarded) string {
	g.t.Helper()
	got := g.event("websocket")
	return got.context["sid"].(string)
}

func TestTicketWhileTheTableIsOutOfReach(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	event := opening(t, g.ticket())
	g.Store.Before = hooks.Fail("TakeTicket")
	g.connects("before it is taken", event, 500)
	g.Store.Before = nil
	g.connects("afterwards", event, 200)
	lost := opening(t, g.ticket())
	g.Store.After = hooks.Fail("TakeTicket")
	g.connects("with a lost answer", lost, 500)
	g.Store.After = nil
	g.connects("again: it is used up", lost, 401)
	g.Store.Before = hooks.Fail("PutTicket")
	if a := g.As(g.token, deployment.JSON("POST /ticket", `{"api":"`+apiID+`"}`)); a.StatusCode != 503 || strings.Contains(a.Body, "wptk_") {
		t.Errorf("a ticket that cannot be stored: %d %s", a.StatusCode, a.Body)
	}
}

func TestTicketTakesOneCallEach(t *testing.T) {
	g := newGuarded(t, everybodyConnects)
	g.connects("warm", opening(t, g.ticket()), 200)
	g.Store.ForgetCalls()
	text := g.ticket()
	if calls := g.Store.Calls(); strings.Join(calls, " ") != "PutTicket Since" { // the denylist is asked each time here
		t.Errorf("a ticket takes %v, want PutTicket and the denylist", calls)
	}
	g.Store.ForgetCalls()
	g.connects("warm", opening(t, text), 200)
	if calls := g.Store.Calls(); strings.Join(calls, " ") != "Since TakeTicket" {
		t.Errorf("a connection takes %v, want TakeTicket and the denylist", calls)
	}
}
