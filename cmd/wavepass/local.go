package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/demopage"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/metric"
	"github.com/wavepass/wavepass/pkg/pages"
)

// localCommand runs every function of template.yaml behind a stand-in for API Gateway.
type localCommand struct {
	Addr string `help:"Address to listen on." default:"127.0.0.1:3000" placeholder:"HOST:PORT"`
	folder
	Issuer       string   `help:"Issuer of the tokens; by default this server's address." placeholder:"URL"`
	WebOrigins   string   `help:"Web origins whose scripts may call (CORS), with commas between." default:"http://localhost:5173,http://localhost:8080" placeholder:"ORIGINS" env:"WEB_ORIGINS"`
	AllowHost    []string `help:"Answer requests for this name too; by default those for localhost, loopback addresses, and the hosts of --addr and --issuer." placeholder:"HOST"`
	Policy       string   `help:"Make this file the policy of the routes, as wavepass policy apply does." placeholder:"FILE" type:"path"`
	DemoProvider bool     `help:"Start a stand-in for an identity provider beside it, that people sign in with."`
	// ClientDocument is a map and no list, because an address has one file.
	ClientDocument clientDocuments `help:"Take the application whose client id is this address, and read its metadata document from this file; repeat it for more." placeholder:"URL=FILE" mapsep:"none"`
	ownRoutes
}

// Help is shown by `wavepass local --help`.
func (c *localCommand) Help() string {
	return `These settings of docs/configuration.md are read from the environment: SIGNING_ALG, AUDIENCE, REVOCATION_STALENESS,
REVOCATION_SHARDS, REFRESH_GRACE, ROTATION_MIN_AGE, ATTEMPT_LIMITS, PASSWORD_MIN_LENGTH, COOKIE_DOMAIN, SIGNUP, MAIL_TEXTS, PAGES_NAME,
PAGES_LOGO, PAGES_COLOUR, KEY_PERIOD, KEY_CACHE_AGE and METRICS_NAMESPACE. A new data folder gets a demo
account and demo clients, and a page at / to try everything with them. --demo-provider puts the button of another
provider on the sign-in page: a second Wavepass on a port of its own, with the same account and password.
--client-document takes an application that nobody has registered, without asking the internet for what it says of itself.

  wavepass local --data /tmp/wave --addr 127.0.0.1:3001`
}

// How long a connection may take: a caller that sends or reads nothing must not hold one for ever.
const (
	headerTime   = 10 * time.Second
	readTime     = 20 * time.Second // of a whole request
	writeTime    = time.Minute      // from the end of the headers; the gateway itself ends a request after 30 s
	idleTime     = 2 * time.Minute
	shutdownTime = 5 * time.Second
)

// Run serves until ctx is done.
func (c *localCommand) Run(ctx context.Context, o output) error {
	template, err := c.routes(c.WebOrigins)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; end what listens there, perhaps another `wavepass local`, or choose another address, like --addr 127.0.0.1:3001",
			c.Addr, errors.Unwrap(err))
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
	log, trail := newLog(o.log), audit.NewTrail(o.log, time.Now)
	trail.Metrics = metric.Namespace(cfg.MetricsNamespace)
	settings, err := endpoint.New(cfg, log, trail, time.Now)
	if err != nil {
		return err
	}
	if err := c.ClientDocument.use(&settings); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Data, databaseName)); errors.Is(err, fs.ErrNotExist) && c.DynamoDB == "" {
		fmt.Fprintf(o.out, "A new deployment is made in %s. The first events of its audit trail:\n", c.Data)
	}
	d, err := c.open(ctx, cfg, trail)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.mayListenOn(ctx, listener.Addr()); err != nil {
		return err
	}
	box, stopMails, err := d.sendMails(ctx, settings, cfg.MailTexts, c.Data, log)
	if err != nil {
		return err
	}
	defer stopMails()
	functions := d.functions(settings)
	key, removeKey, err := c.contextKey()
	if err != nil {
		return err
	}
	defer removeKey()
	handler, err := gateway.New(template, behindGateway(functions), gateway.Options{Issuer: issuer, ContextKey: key, Log: log})
	if err != nil {
		return err
	}
	a := admin{data: d, cfg: cfg, trail: trail, name: c.name()}
	if err := c.applyPolicy(audit.WithActor(ctx, audit.Operator(userName())), a, o.out); err != nil {
		return err
	}
	stop, err := c.startBackground(ctx, a, functions.RotateKeys, log)
	if err != nil {
		return err
	}
	defer stop()
	page, err := d.demoPage(template, cfg)
	if err != nil {
		return err
	}
	provider, stopProvider, err := c.startDemoProvider(ctx, a, log)
	if err != nil {
		return err
	}
	defer stopProvider()
	c.greet(o.out, own, page, provider, d.demo)
	c.greetBackEnds(o.out)
	handler = withOutbox(template, box, frontPage(template, page, handler))
	handler = onlyHosts(append(c.AllowHost, hostOf(c.Addr), hostOf(issuer)), handler, log)
	return serve(ctx, listener, newServer(logged(handler, log), log), log)
}

// startBackground takes commands and rotates keys on schedule, until stop.
func (c *localCommand) startBackground(ctx context.Context, a admin, rotate rotatekeys.Function, log *slog.Logger) (stop func(), err error) {
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
	wg.Go(func() { lookAfterKeys(ctx, rotate, endpoint.KeyTimes(a.cfg)) })
	return func() {
		cancel()
		wg.Wait()
	}, nil
}

// settings takes the settings that mean something on this machine from the environment. Which table is meant
// comes from flags alone. given takes precedence.
func settings(given map[string]string) (config.Config, error) {
	environment := map[string]string{"SIGNUP": "off"} // mails go to the outbox, so people can recover
	for _, name := range []string{
		"SIGNING_ALG", "AUDIENCE", "REVOCATION_STALENESS", "REVOCATION_SHARDS", "REFRESH_GRACE", "ROTATION_MIN_AGE", "ATTEMPT_LIMITS", "PASSWORD_MIN_LENGTH", "COOKIE_DOMAIN",
		"KEY_PERIOD", "KEY_CACHE_AGE", "DYNAMODB_ENDPOINT", "MAIL_TEXTS", "SIGNUP", "METRICS_NAMESPACE", "PAGES_NAME", "PAGES_LOGO", "PAGES_COLOUR",
	} {
		if value, ok := os.LookupEnv(name); ok {
			environment[name] = value
		}
	}
	maps.Copy(environment, given)
	if environment["TABLE_NAME"] == "" {
		environment["TABLE_NAME"] = localTable
	}
	cfg, err := config.Load(environment)
	if err != nil {
		return cfg, err
	}
	if err := (pages.Looks{Name: cfg.PagesName, Logo: cfg.PagesLogo, Colour: cfg.PagesColour}).Check(); err != nil {
		return cfg, fmt.Errorf("PAGES_NAME, PAGES_LOGO or PAGES_COLOUR: %w", err)
	}
	return cfg, nil
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve answers until ctx is done, and then lets the requests in progress end.
func serve(ctx context.Context, listener net.Listener, server *http.Server, log *slog.Logger) error {
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
	if err := server.Shutdown(limit); err != nil {
		log.Warn("requests that did not end in time were cut off", "limit", shutdownTime.String())
		_ = server.Close()
	}
	return nil
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

// flag names the folder to other commands, where they would not find it by themselves.
func (f folder) flag() string {
	if byDefault, err := filepath.Abs(".wavepass"); err == nil && byDefault == f.Data {
		return ""
	}
	return " --data " + f.Data
}

// calledAs is the command by which a person has started this program, whose file is path. The Go tool runs a program out of folders of its own.
func calledAs(path string, err error) string {
	if err == nil && strings.Contains(path, "go-build") && strings.TrimSuffix(filepath.Base(path), ".exe") == "wavepass" {
		return "go run ./cmd/wavepass"
	}
	return "wavepass"
}

// greet prints what somebody needs who starts the command for the first time.
func (c *localCommand) greet(out io.Writer, own string, page *demopage.Page, provider string, demo bool) {
	fmt.Fprintf(out, "\nWavepass listens on %s. Data is in %s. Ctrl-C ends it.\n", own, c.Data)
	c.greetOutbox(out, own)
	if page != nil {
		fmt.Fprintf(out, "Open %s/ in a browser to try everything.\n", page.Origin())
	}
	if provider != "" {
		fmt.Fprintf(out, "The sign-in page has the button of a demo provider, %s: sign in there with the account below.\n", provider)
	}
	if demo {
		fmt.Fprintf(out, demoGreeting, demoUsername, demoPassword, own, c.flag(), demoAuthorization(own), calledAs(os.Executable()))
	}
}
