package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// app is what the commands work with.
type app struct {
	options
	*session
	in       *os.File
	out, log io.Writer
}

func newApp(o options, in *os.File, out, log io.Writer) (*app, error) {
	s, err := newService(o.at, o.as)
	if err != nil {
		return nil, err
	}
	kept, err := open(o.store, s)
	if err != nil {
		return nil, err
	}
	return &app{o, &session{service: s, kept: kept, now: time.Now}, in, out, log}, nil
}

func login(ctx context.Context, a *app, _ []string) error {
	username, password, err := a.ask(ctx)
	if err != nil {
		return err
	}
	if err := a.begin(ctx, username, password, a.device); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.log, "Logged in. The session is kept in %s.\n", a.kept)
	return err
}

// ask reads username and password, from the terminal without showing the password.
func (a *app) ask(ctx context.Context) (username, password string, err error) {
	fd := int(a.in.Fd())
	if state, err := term.GetState(fd); err == nil {
		// Reads of a terminal cannot be cancelled. Without this, Ctrl-C would leave it without an echo.
		defer context.AfterFunc(ctx, func() { _ = term.Restore(fd, state); fmt.Fprintln(a.log); os.Exit(130) })()
	}
	lines := bufio.NewReader(io.LimitReader(a.in, 4096))
	username = a.username
	if username == "" {
		if term.IsTerminal(fd) {
			fmt.Fprint(a.log, "Username: ")
		}
		if username, err = line(lines); err != nil {
			return "", "", fmt.Errorf("no username: %w", err)
		}
	}
	if !term.IsTerminal(fd) {
		if password, err = line(lines); err != nil {
			err = fmt.Errorf("no password: %w", err)
		}
		return username, password, err
	}
	fmt.Fprint(a.log, "Password: ")
	typed, err := term.ReadPassword(fd)
	fmt.Fprintln(a.log)
	return username, string(typed), err
}

// line reads a line. The last one may end with the input.
func line(r *bufio.Reader) (string, error) {
	text, err := r.ReadString('\n')
	if text = strings.TrimRight(text, "\r\n"); text != "" {
		return text, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return "", err
}

func whoami(ctx context.Context, a *app, _ []string) error {
	var claims map[string]any
	if err := a.authorized(ctx, http.MethodGet, "/userinfo", &claims); err != nil {
		return err
	}
	names := make([]string, 0, len(claims))
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, name := range names {
		value, err := json.Marshal(claims[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\n", printable(name), printable(strings.Trim(string(value), `"`)))
	}
	fmt.Fprintf(table, "kept in\t%s\n", a.kept)
	return table.Flush()
}

// call sends a request of the person's own and prints the answer as it is.
func call(ctx context.Context, a *app, args []string) error {
	target, err := a.target(args[0])
	if err != nil {
		return err
	}
	var body []byte
	if a.data != "" {
		body = []byte(a.data)
	}
	answer, err := a.send(ctx, func(token string) (answer, error) { return a.do(ctx, a.method, target, token, body) })
	if err != nil {
		return err
	}
	if _, err := io.Copy(a.out, bytes.NewReader(answer.body)); err != nil {
		return err
	}
	if answer.status >= 400 {
		return fmt.Errorf("%s %s: %s", a.method, target, inWords(answer))
	}
	return nil
}

// target is the address that a path of the API means. An access token is sent to the API only, whatever address was pasted.
func (a *app) target(path string) (string, error) {
	base := a.service.url
	if a.api != "" {
		var err error
		if base, err = origin(a.api); err != nil {
			return "", fmt.Errorf("--api: %w", err)
		}
	}
	whole, err := url.Parse(path)
	if err != nil {
		return "", usageError(fmt.Sprintf("%q is neither a path nor an address", path))
	}
	if whole.Scheme == "" && whole.Host == "" && strings.HasPrefix(path, "/") {
		return base + path, nil
	}
	if found, err := origin(whole.Scheme + "://" + whole.Host); err != nil || found != base || whole.User != nil {
		return "", usageError(fmt.Sprintf("%q is not at %s, and an access token is sent nowhere else; --api names another API", path, base))
	}
	return path, nil
}

// device is a session as the service lists it.
type device struct {
	ID, Device, Network string
	Client              string `json:"client_id"`
	LastUsed            int64  `json:"last_used_at"`
	Current             bool
}

func devices(ctx context.Context, a *app, _ []string) error {
	if a.end != "" {
		if err := a.authorized(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(a.end), nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.log, "Ended.")
		return err
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tDEVICE\tCLIENT\tNETWORK\tLAST USED\t")
	for path := "/sessions"; path != ""; {
		var page struct {
			Sessions []device
			Next     string
		}
		if err := a.authorized(ctx, http.MethodGet, path, &page); err != nil {
			return err
		}
		for _, d := range page.Sessions {
			mark := ""
			if d.Current {
				mark = "this one"
			}
			used := time.Unix(d.LastUsed, 0).Format(time.DateTime)
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(d.ID), printable(d.Device), printable(d.Client), printable(d.Network), used, mark)
		}
		if path = ""; page.Next != "" {
			path = "/sessions?cursor=" + url.QueryEscape(page.Next)
		}
	}
	return table.Flush()
}

// printable is text without what a terminal would take for a command: somebody else may have named a device.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, text)
}

func logout(ctx context.Context, a *app, _ []string) error {
	if err := a.finish(ctx, a.everywhere); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.log, "Logged out.")
	return err
}
