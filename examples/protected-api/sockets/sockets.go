package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// event is what the function reads of the events of a WebSocket API; EndSession is of a call that comes from no API.
type event struct {
	EndSession     string `json:"end_session"` // a session whose connections are to be closed
	Body           string `json:"body"`
	RequestContext struct {
		RouteKey     string         `json:"routeKey"`
		ConnectionID string         `json:"connectionId"`
		Authorizer   map[string]any `json:"authorizer"` // what Wavepass's authorizer has found out, as texts
	} `json:"requestContext"`
}

type response struct {
	StatusCode int `json:"statusCode"`
}

// connection is one open WebSocket.
type connection struct {
	ID      string `dynamodbav:"id"`
	Session string `dynamodbav:"sid"`
	Account string `dynamodbav:"sub"`
	Expires int64  `dynamodbav:"expires_at"` // when its access token ends, unix seconds
}

// store keeps the open connections.
type store interface {
	note(context.Context, connection) error
	find(ctx context.Context, id string) (connection, error) // errNoConnection
	forget(ctx context.Context, id string) error
	ofSession(ctx context.Context, session string) (ids []string, err error)
}

// clients are the other ends of connections. A connection that is closed already is no error.
type clients interface {
	send(ctx context.Context, connection string, message []byte) error
	hangUp(ctx context.Context, connection string) error
}

var errNoConnection = errors.New("no such connection")

type sockets struct {
	store   store
	clients clients
	now     func() time.Time
}

func (s sockets) handle(ctx context.Context, e event) (response, error) {
	id := e.RequestContext.ConnectionID
	switch {
	case e.EndSession != "":
		return response{200}, s.end(ctx, e.EndSession)
	case id == "":
		return response{400}, errors.New("neither an event of a WebSocket API nor a session to end")
	}
	switch e.RequestContext.RouteKey {
	case "$connect":
		return s.connect(ctx, e)
	case "$disconnect":
		return response{200}, s.store.forget(ctx, id)
	}
	return response{200}, s.message(ctx, id, e.Body)
}

// connect notes whose connection it is and until when. The authorizer has let it through; without its context nobody is let in.
func (s sockets) connect(ctx context.Context, e event) (response, error) {
	said := e.RequestContext.Authorizer
	session, _ := said["sid"].(string)
	account, _ := said["sub"].(string)
	until, _ := said["exp"].(string)
	expires, err := strconv.ParseInt(until, 10, 64)
	if session == "" || account == "" || err != nil { // also a service's own token: it has no session that could end
		return response{403}, nil
	}
	return response{200}, s.store.note(ctx, connection{e.RequestContext.ConnectionID, session, account, expires})
}

// message answers, as long as the access token of the connection would.
func (s sockets) message(ctx context.Context, id, body string) error {
	c, err := s.store.find(ctx, id)
	switch {
	case errors.Is(err, errNoConnection), err == nil && s.now().Unix() >= c.Expires:
		return errors.Join(s.clients.hangUp(ctx, id), s.store.forget(ctx, id))
	case err != nil:
		return err
	}
	text, err := json.Marshal(map[string]string{"account": c.Account, "you_said": body})
	if err != nil {
		return err
	}
	return s.clients.send(ctx, id, text)
}

// end closes every connection of a session. One that cannot be closed does not keep the others open, and the call may be repeated.
func (s sockets) end(ctx context.Context, session string) error {
	ids, err := s.store.ofSession(ctx, session)
	for _, id := range ids {
		closing := s.clients.hangUp(ctx, id)
		if closing == nil {
			closing = s.store.forget(ctx, id)
		}
		if closing != nil {
			err = errors.Join(err, fmt.Errorf("connection %s: %w", id, closing))
		}
	}
	return err
}
