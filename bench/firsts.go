package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// firsts compares how long somebody waits whose request meets a function that has not been started yet: from exec to the answer of the first event. The table
// is DynamoDB Local, with TLS before it, and what is in it comes from `wavepass local`.
func (l *lab) firsts(ctx context.Context) ([]comparison, error) {
	engine := os.Getenv("DYNAMODB_ENDPOINT")
	if engine == "" {
		l.leaveOut("First requests, which ask a table: scripts/dynamodb-local go run -C bench .")
		return nil, nil
	}
	access, keys, err := l.logInAt(ctx, engine)
	if err != nil {
		return nil, err
	}
	front, roots, err := l.tlsBefore(engine, keys)
	if err != nil {
		return nil, err
	}
	environment := []string{
		"ISSUER=" + issuer, "TABLE_NAME=wavepass", "DYNAMODB_ENDPOINT=" + front, "JWKS_URI=" + front + jwksPath,
		"SSL_CERT_FILE=" + roots, "SSL_CERT_DIR=" + filepath.Join(l.work, "none"), "NODE_EXTRA_CA_CERTS=" + roots,
	}
	c := comparison{
		name: "firsts", title: "First request of a function",
		text: "From exec to the answer of the first event, which is a protected request with a token that nobody has revoked; for the empty handler it is any event. In a round each is started five times, and the median counts. All but the empty handler ask " +
			"DynamoDB Local over TLS on the loopback address, which answers " + tableDelay.String() + " later than it could, as a table in the cloud does. The set of roots has the one that is needed, as Wavepass's has those of AWS. " +
			"The authorizer in Node fetches the keys from their address, which answers at once, and then looks for the token in a denylist. OpenAuth has no authorizer; it reads its keys from the table and answers with them.",
		metrics: []metric{{title: "first answer", unit: "ms"}, {title: "of it its own", unit: "ms of a processor"}, {title: "memory", unit: "MiB"}},
	}
	empty, err := l.build(ctx, ".", "./empty", "empty")
	if err != nil {
		return nil, err
	}
	own, err := l.build(ctx, "..", "./functions/authorizer", "authorizer")
	if err != nil {
		return nil, err
	}
	protected := eventWith(access)
	add := func(name string, command []string, event []byte, good string) {
		c.contenders = append(c.contenders, contender{name, steady(func(ctx context.Context) ([]float64, error) {
			l, err := launch(ctx, command, environment, event)
			if err == nil && !bytes.Contains(l.answer, []byte(good)) {
				err = fmt.Errorf("it answered %s", l.answer)
			}
			return []float64{milliseconds(l.answered), milliseconds(l.used), l.memory}, err
		})})
	}
	const letThrough = `"isAuthorized":true`
	add("empty handler in Go", []string{empty}, protected, "{}")
	add("Wavepass, authorizer", []string{own}, protected, letThrough)
	if l.node() {
		authorizer, openAuth := l.nodeFunctions()[0], l.nodeFunctions()[1]
		add(authorizer.name, authorizer.command, protected, letThrough)
		if err := l.createTable(ctx, engine, openAuthTable); err != nil {
			return nil, err
		}
		keys := bytes.ReplaceAll(protected, []byte("/orders/7"), []byte("/.well-known/jwks.json"))
		add(openAuth.name+", asked for its keys", openAuth.command, keys, `{\"keys\":[{`)
	}
	return []comparison{c}, nil
}

// openAuthTable is that of peers/openauth-lambda.mjs. Its keys are called as in the table of template.yaml.
const openAuthTable = "openauth"

func (l *lab) createTable(ctx context.Context, engine, name string) error {
	run := exec.CommandContext(ctx, "go", "run", "./scripts/createtable", engine, name)
	run.Dir = ".."
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("create table %s: %w\n%s", name, err, out)
	}
	return nil
}

// logInAt fills a table of DynamoDB Local by `wavepass local`, and returns an access token and the keys that it is checked with.
func (l *lab) logInAt(ctx context.Context, engine string) (access string, keys []byte, err error) {
	program, err := l.wavepass()
	if err != nil {
		return "", nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return "", nil, err
	}
	run := exec.Command(program, "local", "--data", filepath.Join(l.work, newID()), "--addr", address, "--issuer", issuer, "--allow-host", "127.0.0.1", "--dynamodb", engine)
	if err := l.begin(ctx, run); err != nil {
		return "", nil, err
	}
	if err := waitFor(ctx, address); err != nil {
		return "", nil, fmt.Errorf("wavepass local: %w", err)
	}
	var login struct {
		AccessToken string `json:"access_token"`
	}
	text, err := answerOf(ctx, http.MethodPost, "http://"+address+"/login", `{"username":"demo@wavepass.local","password":"surf-the-cookie-wave","client_id":"`+clientID+`"}`)
	if err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(text, &login); err != nil {
		return "", nil, err
	}
	keys, err = answerOf(ctx, http.MethodGet, "http://"+address+"/.well-known/jwks.json", "")
	return login.AccessToken, keys, err
}

func answerOf(ctx context.Context, method, address, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", method, address, response.StatusCode, text)
	}
	return text, err
}

const (
	jwksPath   = "/jwks.json"
	tableDelay = 5 * time.Millisecond // added to each answer of the table, which in the cloud is not on the same machine
)

// tlsBefore puts TLS before the engine, serves the keys beside it, and returns the address and the file with its root.
func (l *lab) tlsBefore(engine string, keys []byte) (address, roots string, err error) {
	at, err := url.Parse(engine)
	if err != nil {
		return "", "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+jwksPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(keys)
	})
	table := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(tableDelay)
		table.ServeHTTP(w, r)
	})
	front := httptest.NewUnstartedServer(mux)
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	front.StartTLS()
	l.atEnd(front.Close)
	roots = filepath.Join(l.work, "roots.pem")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	return front.URL, roots, os.WriteFile(roots, root, 0o600)
}
