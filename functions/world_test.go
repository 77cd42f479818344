//go:build unix

// Package functions_test runs the functions as Lambda runs them: the programs that scripts/sam builds, with the variables and the time that
// template.yaml gives them, on the Runtime API, beside DynamoDB Local.
package functions_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/wavepass/wavepass/internal/faultproxy"
	"github.com/wavepass/wavepass/internal/lambdaruntime"
	"github.com/wavepass/wavepass/internal/samtemplate"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/operate"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

const (
	templateFile = "../template.yaml"
	issuer       = "https://id.example.com"
	password     = "surf-the-canary-wave"
	secret       = "secret-of-the-partner"
	sealingKey   = "the sealing key is 32 bytes long"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if programs != "" {
		_ = os.RemoveAll(programs)
	}
	os.Exit(code)
}

var programs string // the folder of what is built

// build builds every function, and the one that panics, with the flags of scripts/sam.
var build = sync.OnceValue(func() error {
	script, err := os.ReadFile("../scripts/sam")
	if err != nil {
		return err
	}
	flags := regexp.MustCompile(`export CGO_ENABLED=0 GOFLAGS="\$\{GOFLAGS:-\} ([^"]+)"`).FindSubmatch(script)
	if flags == nil {
		return fmt.Errorf("scripts/sam no longer says with which flags it builds")
	}
	if programs, err = os.MkdirTemp("", "functions"); err != nil {
		return err
	}
	packages, err := filepath.Glob("*/main.go")
	if err != nil {
		return err
	}
	args := []string{"build", "-o", programs + "/", "./testdata/panics"}
	for _, file := range packages {
		args = append(args, "./"+filepath.Dir(file))
	}
	run := exec.Command("go", args...)
	run.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+string(flags[1]))
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	return nil
})

// function is what template.yaml says of a function.
type function struct {
	name        string // of its folder
	environment []string
	timeout     time.Duration
}

// world is a table with a person and a client, and what template.yaml says of the functions.
type world struct {
	t         *testing.T
	table     string
	proxy     *faultproxy.Proxy // between the functions and the table
	store     *dynamo.Store     // past the proxy
	ada       account.Account
	functions map[string]function
}

// newWorld is skipped without DynamoDB Local. more are variables that differ from those of template.yaml.
func newWorld(t *testing.T, more map[string]string) *world {
	t.Helper()
	engine := os.Getenv("DYNAMODB_ENDPOINT")
	if engine == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: run it by scripts/dynamodb-local")
	}
	check(t, build())
	w := &world{t: t, table: "functions-" + rand.Text(), proxy: faultproxy.Start(t, engine)}
	definition, err := tabletemplate.Read(templateFile)
	check(t, err)
	api, err := tabletemplate.Local(engine)
	check(t, err)
	check(t, tabletemplate.Create(t.Context(), api, w.table, definition))
	w.store, err = dynamo.Open(dynamo.Config{Table: w.table, Region: tabletemplate.Region, Credentials: tabletemplate.Credentials, Endpoint: engine})
	check(t, err)

	salt := []byte("saltsaltsaltsalt")
	hash := fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
	w.ada = account.Account{ID: uuid.New(), Username: "ada", Scopes: []string{"profile"}, Epoch: time.Now().Unix()}
	check(t, w.store.CreateAccount(t.Context(), w.ada, hash))
	app := client.New("app", client.Native)
	app.Redirects = []string{"http://127.0.0.1/cb"}
	app.Scopes = []string{"profile"}
	check(t, w.store.PutClient(t.Context(), app))
	partner := client.New("partner", client.Service)
	partner.Introspects, partner.SecretHash = []string{"app"}, client.HashSecret(oauth.NewSecret(secret))
	partner.Directory, partner.Scopes, partner.MayBegin, partner.AMR = "shop", []string{oauth.ScopeSessions}, []string{"app"}, []string{"pwd"}
	check(t, w.store.PutClient(t.Context(), partner))
	w.readTemplate(more)
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// readTemplate finds the functions. A variable that depends on the cloud has a value here.
func (w *world) readTemplate(more map[string]string) {
	w.t.Helper()
	template, err := samtemplate.Read(templateFile, nil)
	check(w.t, err)
	values := map[string]string{
		"TABLE_NAME": w.table, "DYNAMODB_ENDPOINT": w.proxy.URL, "ISSUER": issuer, "METRICS_NAMESPACE": "wavepass",
		"SEALING_KEY": "local:" + base64.StdEncoding.EncodeToString([]byte(sealingKey)),
		"SIGNUP":      "open", "MAIL_FROM": "no-reply@example.com", "MAIL_TEXTS": "", "SES_ENDPOINT": "http://127.0.0.1:1", // where nobody listens
	}
	for name, value := range more {
		values[name] = value
	}
	w.functions = map[string]function{}
	for _, resource := range template.Resources("AWS::Serverless::Function") {
		properties := resource.Value.Get("Properties")
		timeout, err := strconv.Atoi(properties.Get("Timeout").Text)
		check(w.t, err)
		f := function{name: filepath.Base(properties.Get("CodeUri").Text), timeout: time.Duration(timeout) * time.Second}
		for _, variables := range []samtemplate.Node{template.Root.Get("Globals").Get("Function"), properties} {
			for _, variable := range variables.Get("Environment").Get("Variables").Fields {
				value, given := values[variable.Name]
				if !given {
					value, err = template.Text(variable.Value, variable.Name)
					check(w.t, err)
				}
				f.environment = append(f.environment, variable.Name+"="+value)
			}
		}
		if cacheAge, given := more["KEY_CACHE_AGE"]; given { // no parameter of the template
			f.environment = append(f.environment, "KEY_CACHE_AGE="+cacheAge)
		}
		for name, value := range more { // nor are these
			if strings.HasPrefix(name, "OTEL_") {
				f.environment = append(f.environment, name+"="+value)
			}
		}
		w.functions[f.name] = f
	}
}

// start starts a function, which is cold. It is ready when start returns.
func (w *world) start(name string) *running {
	w.t.Helper()
	f := w.functions[name]
	r := &running{w.t, name, lambdaruntime.Start(w.t, lambdaruntime.Config{Program: filepath.Join(programs, name), Environment: f.environment}), f.timeout}
	if !r.Ready() {
		w.t.Fatalf("%s does not start: %s", name, r.Log())
	}
	return r
}

// keys are the deployment's, as operators change them.
func (w *world) keys() *operate.Keys {
	w.t.Helper()
	sealer, err := seal.NewLocal([]byte(sealingKey))
	check(w.t, err)
	ring := keyring.New(keyring.Config{Store: w.store, Sealer: sealer, Algorithm: keyring.ES256, Now: time.Now})
	return operate.NewKeys(operate.KeysParts{Ring: ring, Log: w.store, Trail: audit.NewTrail(w.t.Output(), time.Now), Now: time.Now})
}

// running is a function that runs.
type running struct {
	t    *testing.T
	name string
	*lambdaruntime.Function
	timeout time.Duration
}

// answer is what a function behind the API or the authorizer answers.
type answer struct {
	lambdaruntime.Answer `json:"-"`

	StatusCode   int               `json:"statusCode"`
	Headers      map[string]string `json:"headers"`
	Body         string            `json:"body"`
	IsAuthorized bool              `json:"isAuthorized"`
	Context      map[string]any    `json:"context"`

	AccessToken  string `json:"-"`
	RefreshToken string `json:"-"`
	Error        string `json:"-"`
}

// send gives the function an event and reads its answer, which has to come before the function's time is over.
func (r *running) send(event []byte) answer {
	r.t.Helper()
	a := answer{Answer: r.Invoke(event, r.timeout)}
	if a.Failed || a.Ended {
		r.t.Fatalf("%s: %s %+v\n%s", r.name, a.Payload, a.Answer, r.Log())
	}
	if err := json.Unmarshal(a.Payload, &a); err != nil && !behindNoRoute[r.name] {
		r.t.Fatalf("%s answers %s", r.name, a.Payload)
	}
	var body struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Error        string `json:"error"`
	}
	if a.Body != "" && !strings.HasPrefix(a.Body, "<") { // pages are for people
		check(r.t, json.Unmarshal([]byte(a.Body), &body))
	}
	a.AccessToken, a.RefreshToken, a.Error = body.AccessToken, body.RefreshToken, body.Error
	return a
}

// want is send, and reports another status.
func (r *running) want(what string, event []byte, status int) answer {
	r.t.Helper()
	a := r.send(event)
	if a.StatusCode != status {
		r.t.Errorf("%s, %s: %d %s, want %d\n%s", r.name, what, a.StatusCode, a.Body, status, r.Log())
	}
	return a
}

// wantAllowed asks the authorizer, and reports another answer.
func (r *running) wantAllowed(what, token string, allowed bool) answer {
	r.t.Helper()
	a := r.send(authorizerEvent(token))
	if a.IsAuthorized != allowed {
		r.t.Errorf("%s: authorized %t, want %t\n%s", what, a.IsAuthorized, allowed, r.Log())
	}
	return a
}

// login has the person log in.
func (r *running) login() answer {
	r.t.Helper()
	return r.want("login", loginEvent(), 200)
}

// silence reports what no log and no error may tell.
func silence(t *testing.T, where, text string, more ...string) {
	t.Helper()
	for _, secret := range append(more, password, secret, "$argon2id$", base64.StdEncoding.EncodeToString([]byte(sealingKey)), "wprt_", "eyJ") {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s tells %q:\n%s", where, secret, text)
		}
	}
}
