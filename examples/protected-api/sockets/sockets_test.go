package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is the function over a table and clients in memory.
type world struct {
	t      *testing.T
	noted  map[string]connection
	sent   map[string]string
	closed []string
	stuck  string // a connection that cannot be closed
	now    time.Time
}

func (w *world) note(_ context.Context, c connection) error { w.noted[c.ID] = c; return nil }

func (w *world) find(_ context.Context, id string) (connection, error) {
	c, ok := w.noted[id]
	if !ok {
		return connection{}, errNoConnection
	}
	return c, nil
}

func (w *world) forget(_ context.Context, id string) error { delete(w.noted, id); return nil }

func (w *world) ofSession(_ context.Context, session string) (ids []string, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.noted)) {
		if w.noted[id].Session == session {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (w *world) send(_ context.Context, id string, message []byte) error {
	w.sent[id] = string(message)
	return nil
}

func (w *world) hangUp(_ context.Context, id string) error {
	if id == w.stuck {
		return errors.New("throttled")
	}
	w.closed = append(w.closed, id)
	return nil
}

func newWorld(t *testing.T) *world {
	return &world{t: t, noted: map[string]connection{}, sent: map[string]string{}, now: noon}
}

// event sends an event as Lambda does, and wants a status; 0 stands for an error.
func (w *world) event(text string, status int) {
	w.t.Helper()
	var e event
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		w.t.Fatal(err)
	}
	got, err := sockets{w, w, func() time.Time { return w.now }}.handle(w.t.Context(), e)
	if (err == nil) != (status != 0) || err == nil && got.StatusCode != status {
		w.t.Errorf("%s: %d, %v; want %d", text, got.StatusCode, err, status)
	}
}

func (w *world) connect(id, session string) {
	w.t.Helper()
	w.event(fmt.Sprintf(`{"requestContext":{"routeKey":"$connect","connectionId":%q,"authorizer":{"sub":"ada","sid":%q,"exp":"%d","scope":"orders:read"}}}`, id, session, noon.Unix()+900), 200)
}

func (w *world) message(id string) {
	w.t.Helper()
	w.event(fmt.Sprintf(`{"requestContext":{"routeKey":"$default","connectionId":%q},"body":"hello"}`, id), 200)
}

func TestConnectionIsAnsweredWhileItsTokenLives(t *testing.T) {
	w := newWorld(t)
	w.connect("c1", "s1")
	w.message("c1")
	if w.sent["c1"] != `{"account":"ada","you_said":"hello"}` || len(w.closed) > 0 {
		t.Errorf("sent %v, closed %v", w.sent, w.closed)
	}
	w.now = noon.Add(15 * time.Minute)
	delete(w.sent, "c1")
	w.message("c1")
	if len(w.sent) > 0 || !slices.Equal(w.closed, []string{"c1"}) || len(w.noted) > 0 {
		t.Errorf("after its end: sent %v, closed %v, noted %v", w.sent, w.closed, w.noted)
	}
	w.message("c9")
	if !slices.Contains(w.closed, "c9") {
		t.Error("a connection that nobody has noted is answered")
	}
}

func TestConnectionsOfAnEndedSessionAreClosed(t *testing.T) {
	w := newWorld(t)
	for id, session := range map[string]string{"c1": "s1", "c2": "s1", "c3": "s2"} {
		w.connect(id, session)
	}
	w.stuck = "c1"
	w.event(`{"end_session":"s1"}`, 0)
	if !slices.Equal(w.closed, []string{"c2"}) || len(w.noted) != 2 {
		t.Errorf("one could not be closed: closed %v, noted %v; want the others closed and it kept", w.closed, w.noted)
	}
	w.stuck = ""
	w.event(`{"end_session":"s1"}`, 200)
	w.event(`{"end_session":"s1"}`, 200)
	if !slices.Equal(w.closed, []string{"c2", "c1"}) || len(w.noted) != 1 {
		t.Errorf("closed %v, noted %v; want those of the session, once", w.closed, w.noted)
	}
}

func TestDisconnectedOnesAreForgotten(t *testing.T) {
	w := newWorld(t)
	w.connect("c1", "s1")
	w.event(`{"requestContext":{"routeKey":"$disconnect","connectionId":"c1"}}`, 200)
	if len(w.noted) > 0 {
		t.Errorf("noted %v", w.noted)
	}
}

func TestNobodyConnectsWithoutASession(t *testing.T) {
	w := newWorld(t)
	for _, said := range []string{
		`null`, `{}`, `{"sub":"shop","exp":"1772367300"}`, `{"sub":"ada","sid":"s1"}`, `{"sub":"ada","sid":"s1","exp":"soon"}`, `{"sid":"s1","exp":"1772367300"}`, `{"sub":"ada","sid":7,"exp":"1772367300"}`,
	} {
		w.event(`{"requestContext":{"routeKey":"$connect","connectionId":"c1","authorizer":`+said+`}}`, 403)
	}
	w.event(`{}`, 0)
	w.event(`{"end_session":""}`, 0)
	if len(w.noted) > 0 {
		t.Errorf("noted %v", w.noted)
	}
}
