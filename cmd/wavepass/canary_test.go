package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/gateway"
	"github.com/wavepass/wavepass/internal/eventlines"
	"github.com/wavepass/wavepass/internal/hooks"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/endpoint/accounts"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
	"github.com/wavepass/wavepass/pkg/endpoint/introspect"
	"github.com/wavepass/wavepass/pkg/endpoint/login"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/endpoint/oauthtoken"
	"github.com/wavepass/wavepass/pkg/endpoint/password"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
	"github.com/wavepass/wavepass/pkg/endpoint/revoke"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
	"github.com/wavepass/wavepass/pkg/endpoint/signin"
	"github.com/wavepass/wavepass/pkg/endpoint/subjects"
	"github.com/wavepass/wavepass/pkg/endpoint/ticket"
	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/bolt"
	"github.com/wavepass/wavepass/pkg/store/storetest"
)

const canaryIssuer = "http://localhost:3000"

type seedStore interface {
	account.Creator
	account.Store
	account.Changer
	client.Registrar
}

// seedCanaries adds the accounts and clients of a walk, and notes their secrets.
func seedCanaries(t *testing.T, store seedStore, s *secrets) {
	t.Helper()
	ctx := t.Context()
	salt, password := []byte("salt-of-a-canary"), []byte(canaryPassword)
	key := argon2.IDKey(password, salt, 1, 8, 1, 32)
	hash := fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
	s.text(t, "password hash", hash)
	s.key(t, "password hash", key)
	for name, text := range map[string]string{
		"password": canaryPassword, "wrong password": wrongPassword, "password in a long body": longPassword,
		"password typed as a name": namePassword, "next password": nextPassword, "password that is too long": endlessPassword, "client secret": clientSecret, "wrong client secret": wrongSecret,
	} {
		s.text(t, name, text)
	}
	made, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := account.Imported(string(made))
	if err != nil {
		t.Fatal(err)
	}
	s.text(t, "imported hash", moved)
	if err := store.CreateAccount(ctx, account.Account{ID: uuid.New(), Username: "moved", Epoch: time.Now().Unix()}, moved); err != nil {
		t.Fatal(err)
	}
	for _, username := range []string{"ada", "bea", "disabled", "limited"} {
		a := account.Account{ID: uuid.New(), Username: username, Scopes: []string{"profile"}, Epoch: time.Now().Unix()}
		if err := store.CreateAccount(ctx, a, hash); err != nil {
			t.Fatal(err)
		}
		if username == "disabled" {
			if _, err := account.NewEditor(store, time.Now).Disable(ctx, a.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	service := client.New("canary", client.Service)
	service.SecretHash = client.HashSecret(oauth.NewSecret(clientSecret))
	keyed := client.New("keyed", client.Service)
	keyed.JWKS = aPublicKey
	s.key(t, "client secret hash", service.SecretHash)
	for _, c := range append(demoClients(), service, keyed, client.New("other", client.Native), pagesClient(), backEndClient(s, t)) {
		if err := store.PutClient(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
}

// canaryService is everything that `wavepass local` serves, over a store whose calls can fail.
type canaryService struct {
	*walker
	store *faultyStore
	data  data
	cfg   config.Config
	out   *syncBuffer // log and audit trail
	file  string      // of the store
}

func newCanaryService(t *testing.T) *canaryService {
	t.Helper()
	cfg, err := config.Load(map[string]string{
		"ROTATION_MIN_AGE": "0s", // the walk sees rotations
		"TABLE_NAME":       "local", "ISSUER": canaryIssuer, "REVOCATION_STALENESS": "0s", "ATTEMPT_LIMITS": "4/24h,10000/24h", "SIGNUP": "open",
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := storetest.Dir(t)
	sealer, err := seal.OpenKeyFile(filepath.Join(folder, "sealing.key"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "wavepass.db")
	file, err := bolt.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	c := &canaryService{store: &faultyStore{Store: hooks.Store{Store: file}}, cfg: cfg, out: &syncBuffer{}, file: path}
	c.walker = &walker{t: t, secrets: newSecrets(), store: c.store}
	c.data = data{store: c.store, sealer: sealer}
	seedCanaries(t, file, c.secrets)

	text, err := os.ReadFile(filepath.Join(folder, "sealing.key"))
	if err != nil {
		t.Fatal(err)
	}
	_, encoded, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
	sealingKey, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	c.secrets.key(t, "sealing key", sealingKey)
	c.restart()
	return c
}

// restart wires the functions anew, so that they hold neither keys nor clients.
func (c *canaryService) restart() {
	c.t.Helper()
	read, err := gateway.ReadTemplate(template, map[string]string{"WebOrigins": webOrigin})
	if err != nil {
		c.t.Fatal(err)
	}
	log := newLog(c.out)
	settings, err := endpoint.New(c.cfg, log, audit.NewTrail(eventlines.Watch(c.t, c.out), time.Now), time.Now)
	if err != nil {
		c.t.Fatal(err)
	}
	settings.Documents = endpoint.Documents{Allowed: true, Source: agentDocument{}}
	functions := behindGateway(c.data.functions(settings))
	c.authorizer = functions["authorizer"]
	c.letters = mailer.NewLetters(settings, c.store, c.data.sealer)
	handler, err := gateway.New(read, functions, gateway.Options{Issuer: canaryIssuer, Log: log})
	if err != nil {
		c.t.Fatal(err)
	}
	c.handler = logged(handler, log)
}

// begin prepares the walk while nothing fails.
func (c *canaryService) begin() {
	c.t.Helper()
	c.strict = true
	c.prepare()
	c.secrets.keyring(c.t, c.store, c.data.sealer)
	c.restart()
	c.store.ForgetCalls()
}

// wantSilence expects no secret in what the service said and wrote.
func (c *canaryService) wantSilence() {
	c.t.Helper()
	for where, text := range map[string]string{"an answer": c.said.String(), "the log": c.out.String()} {
		for name, line := range c.secrets.find(text) {
			c.t.Errorf("%s tells a secret (%s): %s", where, name, strings.TrimSpace(line))
		}
	}
}

func TestNoSecretIsSaidByTheWholeService(t *testing.T) {
	c := newCanaryService(t)
	c.begin()
	c.all()
	c.wantSilence()
	for _, event := range []string{
		audit.Login, audit.LoginFailed, audit.LoginLimited, audit.Refresh, audit.RaceReplay, audit.LateRetry, audit.ReuseDetected,
		audit.RefreshRefused, audit.ClientRefused, audit.TokenIssued, audit.TokenRevoked, audit.SessionRevoked, audit.LoggedOut, audit.LoggedOutEverywhere,
		audit.SessionEnded, audit.OthersEnded, audit.PasswordChanged, audit.PasswordFailed,
		audit.AccountAdded, audit.SessionBegun, audit.BeginRepeated, audit.AccessSet, audit.AccountDisabled, audit.AccountEnabled, audit.AccountRevoked,
		audit.SignedUp, audit.Recovered, audit.ProofRefused, audit.AddressAsked, audit.AddressConfirmed, audit.AddressTakenBack, audit.AccountClosed, audit.AccountReopened,
	} {
		if !strings.Contains(c.out.String(), `"event":"`+event+`"`) {
			t.Errorf("no event %s: the walk did not come where it should", event)
		}
	}
}

// The table holds nothing that somebody who reads it could show to the service: it has hashes of passwords and of secrets, and sealed keys.
func TestNoSecretOfTheWholeServiceIsInTheTable(t *testing.T) {
	c := newCanaryService(t)
	c.begin()
	c.all()
	stored, err := os.ReadFile(c.file) // with what was deleted, as long as nothing is written over it
	check(t, err)
	found := c.secrets.find(string(stored))
	if found["password hash"] == "" {
		t.Error("no password hash is stored: this test does not see what is")
	}
	// Back ends' own user ids are stored as they are, and beside a ticket the claims of its access token.
	for _, kept := range []string{"password hash", "imported hash", "client secret hash", "subject", "access token"} {
		delete(found, kept)
	}
	for name := range found {
		t.Errorf("the table has it as it is: %s", name)
	}
}

// unsteady lets a method fail in another way at each call, and work in between, so that a walk gets further.
func unsteady(method string) func(context.Context, string, func() error) error {
	var calls atomic.Int64
	return func(_ context.Context, called string, carryOut func() error) error {
		if called != method {
			return carryOut()
		}
		switch calls.Add(1) % 4 {
		case 1:
			return fmt.Errorf("%w: %s fails in this test", oauth.ErrUnavailable, method)
		case 2:
			_ = carryOut()
			return fmt.Errorf("%w: the reply of %s is lost in this test", oauth.ErrUnavailable, method)
		case 3:
			return errors.New("broken pipe")
		}
		return carryOut()
	}
}

func TestNoSecretIsSaidWhateverFaultTheStoreHas(t *testing.T) {
	for _, method := range storeMethods {
		for name, how := range map[string]*hooks.Hooks{"down": {Before: hooks.Fail(method)}, "unsteady": {Around: unsteady(method)}} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				c := newCanaryService(t)
				if method == "ReplaceParts" { // only the very first requests create the keyring
					c.store.Before, c.store.Around = how.Before, how.Around
					c.login("login without keys", 0, "app", "ada", canaryPassword)
					if c.store.Count(method) == 0 {
						t.Error("the first login never called ReplaceParts")
					}
					c.store.Before, c.store.Around = nil, nil
				}
				c.begin()
				c.store.Before, c.store.Around = how.Before, how.Around
				c.strict = false
				c.all()
				c.wantSilence()
				if c.store.Count(method) == 0 && method != "ReplaceParts" {
					t.Errorf("the walk never called %s", method)
				}
			})
		}
	}
}

// A panic ends up in the log, with its stack.
func TestNoSecretIsSaidByAPanic(t *testing.T) {
	for method, walk := range map[string]func(*canaryService){
		"Client": func(c *canaryService) { c.login("login", 0, "app", "ada", canaryPassword) }, // elsewhere it is read on a goroutine of its own
		"Since":  (*canaryService).all,
	} {
		t.Run(method, func(t *testing.T) {
			c := newCanaryService(t)
			c.begin()
			c.store.Before = func(_ context.Context, called string) error {
				if called == method {
					panic(method + " panics in this test")
				}
				return nil
			}
			c.strict = false
			walk(c)
			c.wantSilence()
			if !strings.Contains(c.out.String(), "function panicked") {
				t.Error("nothing panicked")
			}
		})
	}
}

// A method that an endpoint calls and that cannot be made to fail would go untested unnoticed.
func TestEveryStoreMethodOfTheEndpointsCanFail(t *testing.T) {
	for _, needed := range []reflect.Type{
		reflect.TypeFor[login.Store](), reflect.TypeFor[refresh.Store](), reflect.TypeFor[revoke.Store](), reflect.TypeFor[authorizer.Store](),
		reflect.TypeFor[sessions.Store](), reflect.TypeFor[password.Store](), reflect.TypeFor[subjects.Store](), reflect.TypeFor[ticket.Store](),
		reflect.TypeFor[oauthtoken.Store](), reflect.TypeFor[introspect.Store](), reflect.TypeFor[signin.Store](),
		reflect.TypeFor[accounts.Store](),
	} {
		for i := range needed.NumMethod() {
			name := strings.TrimSuffix(needed.Method(i).Name, "Once")
			// A number that cannot be read is no failure, and to delete an account, or read one provider alone, is for the command line.
			if !slices.Contains([]string{"Schema", "DeleteAccount", "Provider"}, name) && !slices.Contains(storeMethods, name) {
				t.Errorf("%s asks for %s, which no fault covers", needed, name)
			}
		}
	}
}
