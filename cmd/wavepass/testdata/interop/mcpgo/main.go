// Command mcpgo is a client of the MCP SDK for Go, as it is: mcpgo SERVER CLIENT_ID REDIRECT. Its commands and answers are those of mcp.mjs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

var (
	lines  = bufio.NewScanner(os.Stdin)
	saying sync.Mutex
)

func say(what, text string) {
	saying.Lock()
	defer saying.Unlock()
	line, _ := json.Marshal(map[string]string{what: text})
	fmt.Println(string(line))
}

// fetch has a person go to the address, and waits for where the browser came back to.
func fetch(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	say("open", args.URL)
	if !lines.Scan() {
		return nil, fmt.Errorf("nobody came back: %w", lines.Err())
	}
	back, err := url.Parse(lines.Text())
	if err != nil {
		return nil, err
	}
	q := back.Query()
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}

func main() {
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: os.Args[2]}, RedirectURL: os.Args[3], AuthorizationCodeFetcher: fetch, RequestRefreshToken: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	c := &client{address: os.Args[1], auth: handler}
	for lines.Scan() {
		if text, err := c.do(context.Background(), strings.Fields(lines.Text())); err != nil {
			say("failed", err.Error())
		} else {
			say("said", text)
		}
	}
}

type client struct {
	address string
	auth    *auth.AuthorizationCodeHandler
	session *mcp.ClientSession
}

func (c *client) do(ctx context.Context, command []string) (string, error) {
	if command[0] == "token" {
		source, err := c.auth.TokenSource(ctx)
		if err != nil {
			return "", err
		}
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
	if c.session == nil {
		var err error
		transport := &mcp.StreamableClientTransport{Endpoint: c.address, OAuthHandler: c.auth, DisableStandaloneSSE: true}
		if c.session, err = mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1.0.0"}, nil).Connect(ctx, transport, nil); err != nil {
			return "", err
		}
	}
	if command[0] == "call" {
		return c.call(ctx, command[1])
	}
	n, err := strconv.Atoi(command[2])
	if err != nil {
		return "", err
	}
	said, errs := make([]string, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { said[i], errs[i] = c.call(ctx, command[1]) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	return strings.Join(said, " "), nil
}

func (c *client) call(ctx context.Context, tool string) (string, error) {
	arguments := map[string]any{}
	if tool != "whoami" {
		arguments["place"] = "Peniche"
	}
	result, err := c.session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		c.session = nil // the SDK gives up a connection after an error of the transport
		return "", err
	}
	text, err := json.Marshal(result.StructuredContent)
	if result.IsError {
		err = fmt.Errorf("the tool: %v", result.Content)
	}
	return string(text), err
}
