package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	refreshConnections = 8
	refreshTime        = 700 * time.Millisecond // of one measurement
)

// refresh compares refreshes end to end: each connection has a session of its own, and sends the token that it got last.
func (l *lab) refresh(ctx context.Context) ([]comparison, error) {
	servers, err := l.servers("0s")
	if err != nil {
		return nil, err
	}
	c := comparison{
		name: "refresh", title: "Refresh, end to end",
		text: fmt.Sprintf("%d connections on loopback, each with a session of its own; every request rotates the token (Wavepass with ROTATION_MIN_AGE=0s, which by default rotates no token that is younger than 10 s). "+
			"The processor time is the server's. Wavepass waits for the disk in each refresh; the others keep their sessions in memory and lose them when they end.", refreshConnections),
		metrics: []metric{{title: "refreshes", unit: "a second", more: true}, {title: "a refresh", unit: "µs of a processor"}},
	}
	for _, s := range servers {
		var loads []*load
		for range refreshConnections {
			one, err := newLoad(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			l.atEnd(one.close)
			loads = append(loads, one)
		}
		c.contenders = append(c.contenders, contender{s.name + ", in " + s.keeps, func(context.Context) ([]float64, error) {
			return measureLoad(s, loads)
		}})
	}
	return []comparison{c}, nil
}

// load is one connection with one session.
type load struct {
	connection net.Conn
	reader     *bufio.Reader
	host, path string
	token      string
}

func newLoad(ctx context.Context, s server) (*load, error) {
	token, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(s.token)
	if err != nil {
		return nil, err
	}
	connection, err := net.Dial("tcp", address.Host)
	if err != nil {
		return nil, err
	}
	return &load{connection, bufio.NewReader(connection), address.Host, address.Path, token}, nil
}

func (l *load) close() { _ = l.connection.Close() }

// once refreshes once. The request is written as it is, so that the client costs little of the processor that it shares with the server.
func (l *load) once() error {
	form := refreshForm(l.token)
	if _, err := fmt.Fprintf(l.connection, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", l.path, l.host, formType, len(form), form); err != nil {
		return err
	}
	response, err := http.ReadResponse(l.reader, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	next, err := readToken(response)
	if err == nil && next == l.token {
		err = fmt.Errorf("the token was not rotated")
	}
	l.token = next
	return err
}

func measureLoad(s server, loads []*load) ([]float64, error) {
	before, err := processorTimeOf(s.pid)
	if err != nil {
		return nil, err
	}
	var (
		done   atomic.Int64
		failed = make([]error, len(loads))
		wg     sync.WaitGroup
		begin  = time.Now()
	)
	for i, one := range loads {
		wg.Go(func() {
			for time.Since(begin) < refreshTime && failed[i] == nil {
				failed[i] = one.once()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	after, err := processorTimeOf(s.pid)
	if err != nil {
		return nil, err
	}
	n := float64(done.Load())
	return []float64{n / took.Seconds(), (after - before).Seconds() * 1e6 / n}, nil
}
