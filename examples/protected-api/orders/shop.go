package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// cents are the prices of what the shop has.
var cents = map[string]int{"board": 49900, "leash": 2900, "wax": 700}

// order is what somebody has ordered.
type order struct {
	Owner string `json:"owner" dynamodbav:"owner"` // the sub of whose it is
	ID    string `json:"id" dynamodbav:"id"`       // later ones are greater
	Item  string `json:"item" dynamodbav:"item"`
	Count int    `json:"count" dynamodbav:"count"`
	Cents int    `json:"cents" dynamodbav:"cents"` // of all together
}

// store keeps orders.
type store interface {
	// list returns the newest orders of somebody, at most pageSize.
	list(ctx context.Context, owner string) ([]order, error)
	// read returns an order, or errNoOrder.
	read(ctx context.Context, owner, id string) (order, error)
	// add keeps a new order; one with its id is an error.
	add(ctx context.Context, o order) error
}

const pageSize = 50

var errNoOrder = errors.New("there is no such order")

type shop struct {
	store store
	now   func() time.Time
}

// handle answers one request. Whether the caller may have the route was decided before, by the policy. What is theirs is
// decided here: everybody sees their own orders only, but at /admin.
func (s shop) handle(ctx context.Context, e event) (response, error) {
	if e.route() == "GET /items" { // open to everybody
		return answer(200, map[string]any{"cents": cents})
	}
	c, err := callerOf(e)
	if err != nil {
		return response{}, err
	}
	switch e.route() {
	case "GET /prices/{item}":
		return price(e.PathParameters["item"], c)
	case "GET /orders":
		return s.list(ctx, c.Sub)
	case "GET /admin/orders/{owner}":
		return s.list(ctx, e.PathParameters["owner"])
	case "GET /orders/{id}":
		return s.read(ctx, c.Sub, e.PathParameters["id"])
	case "POST /orders":
		return s.create(ctx, c, e)
	}
	return response{}, fmt.Errorf("a route that the function does not know: %s", e.route())
}

// priceFor is what the caller pays for one.
func priceFor(item string, c caller) (price int, found bool) {
	price, found = cents[item]
	if c.plan() == "pro" {
		price -= price / 10
	}
	return price, found
}

func price(item string, c caller) (response, error) {
	price, found := priceFor(item, c)
	if !found {
		return refuse(404, "there is no such item")
	}
	type seen struct {
		Sub      string   `json:"sub"`
		ClientID string   `json:"client_id"`
		Scope    string   `json:"scope"`
		Roles    []string `json:"roles"`
		Plan     string   `json:"plan"`
	}
	return answer(200, struct {
		Item   string `json:"item"`
		Cents  int    `json:"cents"`
		Caller seen   `json:"caller"`
	}{item, price, seen{c.Sub, c.ClientID, c.Scope, c.Roles, c.plan()}})
}

func (s shop) list(ctx context.Context, owner string) (response, error) {
	orders, err := s.store.list(ctx, owner)
	if err != nil {
		return response{}, err
	}
	return answer(200, map[string]any{"orders": orders})
}

func (s shop) read(ctx context.Context, owner, id string) (response, error) {
	o, err := s.store.read(ctx, owner, id)
	switch {
	case errors.Is(err, errNoOrder): // also somebody else's
		return refuse(404, err.Error())
	case err != nil:
		return response{}, err
	}
	return answer(200, o)
}

func (s shop) create(ctx context.Context, c caller, e event) (response, error) {
	text, err := e.body()
	if err != nil {
		return refuse(400, "the body is not base64")
	}
	var wanted struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&wanted) != nil || !errors.Is(decoder.Decode(&struct{}{}), io.EOF) {
		return refuse(400, `want {"item": "wax", "count": 2}`)
	}
	each, found := priceFor(wanted.Item, c)
	switch {
	case !found:
		return refuse(400, "there is no such item")
	case wanted.Count < 1 || wanted.Count > 100:
		return refuse(400, "count: want 1 to 100")
	}
	id := fmt.Sprintf("%012x-%s", s.now().UnixMilli(), rand.Text()[:8])
	o := order{c.Sub, id, wanted.Item, wanted.Count, each * wanted.Count}
	if err := s.store.add(ctx, o); err != nil {
		return response{}, err
	}
	return answer(201, o)
}
