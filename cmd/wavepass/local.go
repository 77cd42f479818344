package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
)

// localCommand runs every function of template.yaml behind a stand-in for API Gateway.
type localCommand struct {
	Addr string `help:"Address to listen on." default:"127.0.0.1:3000" placeholder:"HOST:PORT"`
	folder
	Issuer     string `help:"Issuer of the tokens; by default this server's address." placeholder:"URL"`
	WebOrigins string `help:"Web origins whose scripts may call (CORS), with commas between." default:"http://localhost:5173,http://localhost:8080" placeholder:"ORIGINS" env:"WEB_ORIGINS"`
	Template   string `help:"The SAM template whose routes are served." default:"template.yaml" type:"path"`
}

// Help is shown by `wavepass local --help`.
func (c *localCommand) Help() string {
	return `Settings of docs/design.md §14 are read from the environment: SIGNING_ALG, AUDIENCE, REVOCATION_STALENESS,
REFRESH_GRACE, ROTATION_MIN_AGE, ATTEMPT_LIMITS, COOKIE_DOMAIN, KEY_PERIOD and KEY_CACHE_AGE. A new data folder gets a demo account and demo clients.

  wavepass local --data /tmp/wave --addr 127.0.0.1:3001`
}

const shutdownTime = 5 * time.Second

// Run serves until ctx is done.
func (c *localCommand) Run(ctx context.Context, o output) error {
	template, err := gateway.ReadTemplate(c.Template, map[string]string{"WebOrigins": c.WebOrigins})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another with --addr", c.Addr, errors.Unwrap(err))
	}
	defer listener.Close()
	own := "http://" + address(listener)
	issuer := c.Issuer
	if issuer == "" {
		issuer = own
	}
	cfg, err := settings(map[string]string{"ISSUER": issuer})
	if err != nil {
		return err
	}
	if err := keyTimes(cfg).Check(); err != nil {
		return fmt.Errorf("KEY_PERIOD, KEY_CACHE_AGE: %w", err)
	}
	trail := audit.NewTrail(o.log, time.Now)
	d, err := c.open(ctx, cfg, trail)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.mayListenOn(ctx, listener.Addr()); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(o.log, nil))
	handler, err := gateway.New(template, d.functions(cfg, log, trail), gateway.Options{Issuer: issuer, Log: log})
	if err != nil {
		return err
	}
	stop, err := c.beside(ctx, admin{data: d, cfg: cfg, trail: trail, name: c.name()}, log)
	if err != nil {
		return err
	}
	defer stop()
	c.greet(o.out, own, d.demo)
	return serve(ctx, listener, logged(handler, log), log)
}

// beside does what goes on beside the requests, until stop: it takes commands, and keeps the schedule.
func (c *localCommand) beside(ctx context.Context, a admin, log *slog.Logger) (stop func(), err error) {
	commands, err := control(c.Data)
	switch {
	case errors.Is(err, errLongPath):
		log.Warn("other commands find this server by a shorter --data only", "error", err.Error())
	case err != nil:
		return nil, fmt.Errorf("listen for commands in the data folder: %w; choose another with --data", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	if commands != nil {
		wg.Go(func() { serveControl(ctx, commands, a, log) })
	}
	wg.Go(func() { lookAfterKeys(ctx, a.rotateKeys(a.cfg, log, a.trail), keyTimes(a.cfg)) })
	return func() {
		cancel()
		wg.Wait()
	}, nil
}

// settings takes the settings that mean something on this machine from the environment. Which table is meant
// comes from flags alone. given takes precedence.
func settings(given map[string]string) (config.Config, error) {
	environment := map[string]string{}
	for _, name := range []string{
		"SIGNING_ALG", "AUDIENCE", "REVOCATION_STALENESS", "REVOCATION_SHARDS", "REFRESH_GRACE", "ROTATION_MIN_AGE", "ATTEMPT_LIMITS", "COOKIE_DOMAIN",
		"KEY_PERIOD", "KEY_CACHE_AGE", "DYNAMODB_ENDPOINT",
	} {
		if value, ok := os.LookupEnv(name); ok {
			environment[name] = value
		}
	}
	maps.Copy(environment, given)
	if environment["TABLE_NAME"] == "" {
		environment["TABLE_NAME"] = localTable
	}
	return config.Load(environment)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("ending, after the requests in progress")
	limit, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return server.Shutdown(limit)
}

// address is how a person on this machine reaches the listener.
func address(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	if ip := net.ParseIP(host); ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// logged writes one line a request.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		log.Info("request", "method", r.Method, "path", withoutTokens(r.URL.Path), "status", status.status,
			"took", time.Since(began).Round(time.Microsecond))
	})
}

// withoutTokens is a path as the log may have it: somebody may put a token where an id belongs, and no segment of
// ours is as long as one.
func withoutTokens(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if len(segment) > 64 {
			segments[i] = "…"
		}
	}
	return strings.Join(segments, "/")
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// flag names the folder to other commands, where they would not find it by themselves.
func (f folder) flag() string {
	if byDefault, err := filepath.Abs(".wavepass"); err == nil && byDefault == f.Data {
		return ""
	}
	return " --data " + f.Data
}

func (c *localCommand) greet(out io.Writer, own string, demo bool) {
	fmt.Fprintf(out, "Wavepass listens on %s. Data is in %s. Ctrl-C ends it.\n", own, c.Data)
	if demo {
		fmt.Fprintf(out, demoGreeting, demoUsername, demoPassword, own, c.flag())
	}
}
