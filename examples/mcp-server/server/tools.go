package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The scopes of this server. A first consent is for readScope alone, because that is what a 401 asks for.
const (
	readScope = "waves:read"
	bookScope = "boards:book"
)

// scopesOfTools are what a call of a tool needs beside readScope.
var scopesOfTools = map[string]string{"book_board": bookScope}

type caller struct {
	subject, client string
	scopes          []string
}

type nothing struct{}

type identity struct {
	Subject string   `json:"subject"`
	Client  string   `json:"client"`
	Scopes  []string `json:"scopes"`
}

type place struct {
	Place string `json:"place" jsonschema:"the name of a beach"`
}

type forecast struct {
	Place  string `json:"place"`
	Height int    `json:"height_cm"`
}

type booking struct {
	Place string `json:"place"`
	Board string `json:"board"`
	By    string `json:"by"`
}

// newServer returns a server whose tools act for one caller. It is made for each request, so that nobody acts for anybody else.
func newServer(c caller) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "waves", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "whoami", Description: "Say for whom this server acts."},
		func(context.Context, *mcp.CallToolRequest, nothing) (*mcp.CallToolResult, identity, error) {
			return nil, identity{c.subject, c.client, c.scopes}, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "forecast", Description: "Tell how high the waves are."},
		func(_ context.Context, _ *mcp.CallToolRequest, in place) (*mcp.CallToolResult, forecast, error) {
			return nil, forecast{in.Place, height(in.Place)}, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "book_board", Description: "Book a board. It asks for one more permission."},
		func(_ context.Context, _ *mcp.CallToolRequest, in place) (*mcp.CallToolResult, booking, error) {
			if !c.has(bookScope) { // guard.go asks the client for it; this is what holds, whatever the body looked like there
				return nil, booking{}, errors.New("the access token has no scope " + bookScope)
			}
			return nil, booking{in.Place, fmt.Sprintf("board %d", height(in.Place)%7+1), c.subject}, nil
		})
	return s
}

// height stands for a forecast.
func height(place string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(place))
	return int(sum.Sum32()%250) + 20
}

func (c caller) has(scope string) bool {
	for _, one := range c.scopes {
		if one == scope {
			return true
		}
	}
	return false
}

type callerKey struct{}

func withCaller(r *http.Request, c caller) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// streamable is the transport of MCP. Each request is answered at once, in JSON and without a session: Lambda keeps neither streams nor memory.
func streamable() http.Handler {
	return mcp.NewStreamableHTTPHandler(func(r *http.Request) *mcp.Server {
		c, _ := r.Context().Value(callerKey{}).(caller)
		return newServer(c)
	}, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}
