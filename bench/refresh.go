package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connections  = 8
	refreshTime  = 700 * time.Millisecond // of one measurement
	revokesEach  = 2                      // of a connection in one measurement: each needs a session of its own
	rotatesYoung = "Wavepass runs with ROTATION_MIN_AGE=0s; by default it rotates no token that is younger than 10 s."
)

// refresh compares refreshes and revocations end to end: each connection has sessions of its own.
func (l *lab) refresh(ctx context.Context) ([]comparison, error) {
	servers, err := l.servers(ctx, "0s")
	if err != nil {
		return nil, err
	}
	metrics := func(many, one string) []metric {
		return []metric{{title: many, unit: "a second", more: true}, {title: "a " + one, unit: "µs of a processor"}}
	}
	refreshes := comparison{
		name: "refresh", title: "Refresh, end to end",
		text: fmt.Sprintf("%d connections on loopback, each with a session of its own; every request rotates the token. %s "+
			"The processor time is the server's. What is in the disk is written before the answer; what is in memory is lost when the server ends.", connections, rotatesYoung),
		metrics: metrics("refreshes", "refresh"),
	}
	revocations := comparison{
		name: "revoke", title: "Revoke a session, end to end",
		text: fmt.Sprintf("%d connections on loopback, each revokes %d refresh tokens of new sessions (RFC 7009). Wavepass also writes the line by which the session's access tokens are refused. "+
			"OpenAuth takes no part: it has no address for it.", connections, revokesEach),
		metrics: metrics("revocations", "revocation"),
	}
	for _, s := range servers {
		var loads []*load
		for range connections {
			token, err := s.session(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			loads = append(loads, &load{server: s, token: token})
		}
		refreshes.contenders = append(refreshes.contenders, contender{s.name + ", in " + s.keeps, func(ctx context.Context) ([]float64, error) {
			until := time.Now().Add(refreshTime)
			return measureLoad(ctx, s, s.token, loads, func(one *load) (bool, error) {
				return time.Now().Before(until), one.refresh()
			})
		}})
		if s.revokeAt == "" {
			continue
		}
		revocations.contenders = append(revocations.contenders, contender{s.name + ", in " + s.keeps, func(ctx context.Context) ([]float64, error) {
			loads, err := revocableLoads(ctx, s)
			if err != nil {
				return nil, err
			}
			return measureLoad(ctx, s, s.revokeAt, loads, func(one *load) (bool, error) {
				token := one.tokens[0]
				one.tokens = one.tokens[1:]
				return len(one.tokens) > 0, one.revoke(token)
			})
		}})
	}
	return []comparison{refreshes, revocations}, nil
}

// revocableLoads begins the sessions that one measurement revokes.
func revocableLoads(ctx context.Context, s server) ([]*load, error) {
	loads := make([]*load, connections)
	for i := range loads {
		loads[i] = &load{server: s}
		for range revokesEach {
			token, err := s.session(ctx)
			if err != nil {
				return nil, err
			}
			loads[i].tokens = append(loads[i].tokens, token)
		}
	}
	return loads, nil
}

// load is one connection and its sessions.
type load struct {
	server     server
	connection net.Conn
	reader     *bufio.Reader
	at         *url.URL
	token      string   // to refresh
	tokens     []string // to revoke
}

// dial connects anew: a server may close a connection that was idle while others were measured.
func (l *load) dial(address string) (err error) {
	if l.at, err = url.Parse(address); err != nil {
		return err
	}
	if l.connection, err = net.Dial("tcp", l.at.Host); err != nil {
		return err
	}
	l.reader = bufio.NewReader(l.connection)
	return l.connection.SetDeadline(time.Now().Add(startTime))
}

// post sends a form. The request is written as it is, so that the client costs little of the processor that it shares with the server.
func (l *load) post(form string) (*http.Response, error) {
	if _, err := fmt.Fprintf(l.connection, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", l.at.Path, l.at.Host, formType, len(form), form); err != nil {
		return nil, err
	}
	return http.ReadResponse(l.reader, nil)
}

// refresh asks again while the server says that it cannot just now: the time counts, the answer does not.
func (l *load) refresh() error {
	for range patience {
		err := l.refreshOnce()
		var r refused
		if !errors.As(err, &r) || !r.temporary() {
			return err
		}
	}
	return fmt.Errorf("no refresh in %d attempts", patience)
}

func (l *load) refreshOnce() error {
	response, err := l.post(l.server.refreshForm(l.token))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	next, err := readToken(response)
	if err != nil {
		return err
	}
	if next == l.token {
		return errors.New("the token was not rotated")
	}
	l.token = next
	return nil
}

func (l *load) revoke(token string) error {
	response, err := l.post(l.server.revokeForm(token))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = refused{response.StatusCode, string(body)}
	}
	return err
}

// measureLoad has all loads do their work at once until each says that it has no more, and returns what a second has of it, and the server's processor time for each.
func measureLoad(ctx context.Context, s server, address string, loads []*load, work func(*load) (more bool, err error)) ([]float64, error) {
	for _, one := range loads {
		if err := one.dial(address); err != nil {
			return nil, err
		}
		defer one.connection.Close()
	}
	before, err := processorTimeOf(s.pid)
	if err != nil {
		return nil, err
	}
	var (
		done  atomic.Int64
		errs  = make([]error, len(loads))
		wg    sync.WaitGroup
		begin = time.Now()
	)
	for i, one := range loads {
		wg.Go(func() {
			for more := true; more && errs[i] == nil && ctx.Err() == nil; done.Add(1) {
				more, errs[i] = work(one)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	after, err := processorTimeOf(s.pid)
	if err := errors.Join(append(errs, err, ctx.Err())...); err != nil {
		return nil, err
	}
	n := float64(done.Load())
	return []float64{n / took.Seconds(), (after - before).Seconds() * 1e6 / n}, nil
}
