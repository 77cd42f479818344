package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/doctor"
	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/seal"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// ill is a deployment that mistakes are planted in. Its table is in DynamoDB Local. What that does not have (point-in-time recovery, a
// clock of its own, permissions), the API of Lambda, KMS and the address of the service are stand-ins of this test, which the
// command asks by the same clients as AWS.
type ill struct {
	t     *testing.T
	name  string
	store *dynamo.Store
	api   *dynamodb.Client

	functions map[string]map[string]string // their settings, as deployed last
	live      map[string]map[string]string // where others run
	states    map[string]string
	recovery  string
	denied    string        // an operation that is not allowed
	ahead     time.Duration // this machine's clock
	issuer    string        // what the address says; empty: its own
	keys      string        // what it serves; empty: the table's keys
	sealing   string        // --sealing-key; empty: none
	address   string
}

const doctorSealing = "local:dGhlIHNlYWxpbmcga2V5IGlzIDMyIGJ5dGVzIGxvbmc="

func newIll(t *testing.T) *ill {
	w := &ill{t: t}
	w.name, w.store = newTable(t, func(engine string) string {
		var err error
		w.api, err = tabletemplate.Local(engine)
		check(t, err)
		return w.inFrontOf(engine)
	})
	service := httptest.NewServer(http.HandlerFunc(w.service))
	t.Cleanup(service.Close)
	w.address = service.URL
	for variable, answer := range map[string]http.HandlerFunc{"AWS_ENDPOINT_URL_LAMBDA": w.lambda, "AWS_ENDPOINT_URL_KMS": kmsDisabled} {
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		t.Setenv(variable, server.URL)
	}

	sealer, err := seal.FromSetting(doctorSealing, seal.KMSConfig{})
	check(t, err)
	daysAgo := func() time.Time { return time.Now().Add(-72 * time.Hour) }
	check(t, keyring.New(keyring.Config{Store: w.store, Sealer: sealer, Algorithm: keyring.ES256, Now: daysAgo}).Ensure(t.Context()))
	web := client.New("web", client.Browser)
	web.Origins = []string{w.address}
	check(t, w.store.PutClient(t.Context(), web))
	w.timeToLive(true)
	w.update(dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(true)})
	t.Cleanup(func() { w.update(dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(false)}) })
	w.heal()
	return w
}

// heal gives everything but the table its right form.
func (w *ill) heal() {
	own := map[string]string{
		"TABLE_NAME": w.name, "ISSUER": w.address, "AUDIENCE": "", "REVOCATION_SHARDS": "2", "COOKIE_DOMAIN": "", "DYNAMODB_ENDPOINT": "",
		"SEALING_KEY": "kms:arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	}
	w.functions = map[string]map[string]string{"login": maps.Clone(own), "authorizer": maps.Clone(own), "rotate": {
		"TABLE_NAME": w.name, "KEY_PERIOD": "720h", "SEALING_KEY": own["SEALING_KEY"], "DYNAMODB_ENDPOINT": "",
	}, "another": {"TABLE_NAME": "of-another-stack", "REVOCATION_SHARDS": "9"}}
	w.live, w.states, w.recovery, w.denied, w.ahead, w.issuer, w.keys, w.sealing = nil, nil, "ENABLED", "", 0, "", "", doctorSealing
}

func (w *ill) set(setting, value string, functions ...string) {
	for _, name := range functions {
		w.functions[name][setting] = value
	}
}

func (w *ill) timeToLive(on bool) {
	_, err := w.api.UpdateTimeToLive(w.t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: &w.name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires_at"), Enabled: &on},
	})
	check(w.t, err)
}

func (w *ill) update(in dynamodb.UpdateTableInput) {
	in.TableName = &w.name
	_, err := w.api.UpdateTable(w.t.Context(), &in)
	if err != nil && w.t.Context().Err() == nil {
		w.t.Error(err)
	}
}

// put stores an item of texts and numbers, and returns what deletes it again.
func (w *ill) put(pk, sk string, numbers map[string]string) (undo func()) {
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
	item := maps.Clone(key)
	for name, n := range numbers {
		item[name] = &types.AttributeValueMemberN{Value: n}
	}
	before, err := w.api.GetItem(w.t.Context(), &dynamodb.GetItemInput{TableName: &w.name, Key: key})
	check(w.t, err)
	_, err = w.api.PutItem(w.t.Context(), &dynamodb.PutItemInput{TableName: &w.name, Item: item})
	check(w.t, err)
	return func() {
		if before.Item != nil {
			_, err = w.api.PutItem(w.t.Context(), &dynamodb.PutItemInput{TableName: &w.name, Item: before.Item})
		} else {
			_, err = w.api.DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: &w.name, Key: key})
		}
		check(w.t, err)
	}
}

func (w *ill) inFrontOf(engine string) string {
	target, err := url.Parse(engine)
	check(w.t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-w.ahead).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case operation != "" && operation == w.denied:
			awsSays(out, http.StatusBadRequest, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not allowed"}`)
		case operation == "DescribeContinuousBackups":
			awsSays(out, http.StatusOK, fmt.Sprintf(
				`{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":%q}}}`, w.recovery))
		default:
			forward.ServeHTTP(out, r)
		}
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

func awsSays(out http.ResponseWriter, status int, body string) {
	out.Header().Set("Content-Type", "application/x-amz-json-1.0")
	out.WriteHeader(status)
	_, _ = io.WriteString(out, body)
}

func kmsDisabled(out http.ResponseWriter, _ *http.Request) {
	awsSays(out, http.StatusBadRequest, `{"__type":"DisabledException","message":"the key is disabled"}`)
}

// list is what ListFunctions answers, and `aws lambda list-functions` prints.
func (w *ill) list() []byte {
	var all []map[string]any
	for name := range w.functions {
		all = append(all, w.function(name, w.functions))
	}
	text, err := json.Marshal(map[string]any{"Functions": all})
	check(w.t, err)
	return text
}

func (w *ill) function(name string, of map[string]map[string]string) map[string]any {
	f := map[string]any{"FunctionName": name, "Environment": map[string]any{"Variables": of[name]}}
	if state := w.states[name]; state != "" {
		f["State"] = state
	}
	return f
}

func (w *ill) lambda(out http.ResponseWriter, r *http.Request) {
	name, one := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/configuration")
	switch {
	case w.denied == "ListFunctions":
		out.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		out.WriteHeader(http.StatusForbidden)
	case !one:
		_, _ = out.Write(w.list())
	case w.live[name] != nil:
		_ = json.NewEncoder(out).Encode(w.function(name, w.live))
	default:
		_ = json.NewEncoder(out).Encode(w.function(name, w.functions))
	}
}

// service is what the address of the service answers.
func (w *ill) service(out http.ResponseWriter, r *http.Request) {
	issuer := w.issuer
	if issuer == "" {
		issuer = w.address
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(out).Encode(map[string]string{"issuer": issuer})
	case "/.well-known/jwks.json":
		if w.keys != "" {
			_, _ = io.WriteString(out, w.keys)
			return
		}
		set, err := keyring.NewPublicKeys(w.store, keyring.Times{}, time.Now).JWKS(r.Context())
		check(w.t, err)
		_, _ = out.Write(set)
	}
}

// wrong is what the doctor finds wrong.
func (w *ill) wrong(args ...string) (found string, report doctor.Report) {
	w.t.Helper()
	args = append([]string{"doctor", "--json", "--table", w.name}, args...)
	if w.sealing != "" {
		args = append(args, "--sealing-key", w.sealing)
	}
	out, log, err := command(w.t, args...)
	if problem := json.Unmarshal([]byte(out), &report); problem != nil {
		w.t.Fatalf("%v: %v, %v\n%s%s", args, err, problem, out, log)
	}
	var ids []string
	for _, f := range report.Findings {
		if f.Verdict == verdict.Fail || f.Verdict == verdict.Warn {
			ids = append(ids, fmt.Sprintf("%s %s", f.Verdict, f.ID))
		}
	}
	if (err != nil) != (report.Findings.Count(verdict.Fail) > 0) {
		w.t.Errorf("%v: %v, want an error when something failed", args, err)
	}
	return strings.Join(ids, ", "), report
}

func TestDoctorFindsEachPlantedMistakeAlone(t *testing.T) {
	w := newIll(t)
	if found, report := w.wrong(); found != "" || report.Findings.Count(verdict.Pass) < 20 {
		t.Fatalf("a deployment that is well: %s\n%+v", found, report)
	}
	nothing := func() {}
	for _, mistake := range []struct {
		name  string
		plant func() (undo func())
		want  string
	}{
		{"the clock is off", func() func() { w.ahead = time.Minute; return nothing }, "fail clock"},
		{"time to live is off", func() func() { w.timeToLive(false); return func() { w.timeToLive(true) } }, "fail table-ttl"},
		{"point-in-time recovery is off", func() func() { w.recovery = "DISABLED"; return nothing }, "fail table-recovery"},
		{"deletion protection is off", func() func() {
			w.update(dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(false)})
			return func() { w.update(dynamodb.UpdateTableInput{DeletionProtectionEnabled: aws.Bool(true)}) }
		}, "warn table-deletion"},
		{"mails without a stream", func() func() { w.set("MAIL_FROM", "no-reply@example.com", "rotate"); return nothing }, "fail table-stream"},
		{"a stream of whole items", func() func() {
			w.update(dynamodb.UpdateTableInput{StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage}})
			return func() {
				w.update(dynamodb.UpdateTableInput{StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)}})
			}
		}, "fail table-stream"},
		{"an older schema", func() func() { return w.put("SCHEMA", "SCHEMA", map[string]string{"number": "1"}) }, "fail schema"},
		{"a key is late", func() func() { w.set("KEY_PERIOD", "24h", "rotate"); return nothing }, "fail keys"},
		{"another sealing key", func() func() {
			w.sealing = "local:" + base64.StdEncoding.EncodeToString([]byte("another key of 32 bytes, as long"))
			return nothing
		}, "fail sealing-key"},
		{"the key in KMS is disabled", func() func() { w.sealing = ""; return nothing }, "fail sealing-key"},
		{"a client that cannot be read", func() func() { return w.put("CLIENT", "broken", nil) }, "fail clients"},
		{"a client on another site", func() func() {
			shop := client.New("shop", client.Browser)
			shop.Origins = []string{"https://shop.example.org"}
			check(t, w.store.PutClient(t.Context(), shop))
			return func() { w.delete("CLIENT", "shop") }
		}, "warn client-origins"},
		{"a policy that cannot be read", func() func() {
			check(t, w.store.PutPolicy(t.Context(), "abc123", policy.Record{Version: 1, Document: []byte(`{"unlisted":"perhaps"}`)}))
			return func() { check(t, w.store.PutPolicy(t.Context(), "abc123", policy.Record{Version: 2})) }
		}, "fail policies"},
		{"the demo account", func() func() {
			demo := account.Account{ID: uuid.New(), Username: demoUsername, Roles: []string{}, Scopes: []string{}, Epoch: 1}
			check(t, w.store.CreateAccount(t.Context(), demo, ""))
			return func() { w.delete("LOGIN#"+demoUsername, "LOGIN") }
		}, "fail demo-account"},
		{"a setting that no function starts with", func() func() { w.set("KEY_PERIOD", "soon", "rotate"); return nothing }, "fail functions"},
		{"a setting for laptops", func() func() {
			w.set("DYNAMODB_ENDPOINT", "http://localhost:8000", "login", "authorizer", "rotate")
			return nothing
		}, "fail functions"},
		{"a function that failed", func() func() { w.states = map[string]string{"login": "Failed"}; return nothing }, "fail functions"},
		{"shards that disagree", func() func() { w.set("REVOCATION_SHARDS", "3", "authorizer"); return nothing }, "fail shards"},
		{"shards that were lowered", func() func() {
			return w.put("REVOCATION#7", "1", map[string]string{"expires_at": fmt.Sprint(time.Now().Add(time.Hour).Unix())})
		}, "fail denylist"},
		{"audiences that disagree", func() func() { w.set("AUDIENCE", "https://api.example.com", "login"); return nothing }, "fail settings"},
		{"a deployment that goes on", func() func() {
			w.live = maps.Clone(w.functions)
			w.live["login"] = maps.Clone(w.functions["login"])
			w.live["login"]["ATTEMPT_LIMITS"] = "5/15m,100/15m"
			return nothing
		}, "warn versions"},
		{"cookies of another domain", func() func() { w.set("COOKIE_DOMAIN", "example.com", "login", "authorizer"); return nothing }, "fail cookie-domain"},
		{"cookies of everybody's domain", func() func() { w.set("COOKIE_DOMAIN", "co.uk", "login", "authorizer"); return nothing }, "fail cookie-domain"},
		{"another issuer", func() func() { w.issuer = "https://id.example.com"; return nothing }, "fail issuer"},
		{"keys of another deployment", func() func() { w.keys = `{"keys":[{"kid":"foreign"}]}`; return nothing }, "fail key-set"},
		{"a permission is missing", func() func() { w.denied = "DescribeTimeToLive"; return nothing }, "warn permissions"},
	} {
		undo := mistake.plant()
		if found, report := w.wrong(); found != mistake.want {
			t.Errorf("%s: found %q, want %q alone\n%+v", mistake.name, found, mistake.want, report.Findings)
		}
		undo()
		w.heal()
	}
}

func (w *ill) delete(pk, sk string) {
	_, err := w.api.DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: &w.name, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk},
	}})
	check(w.t, err)
}

// Somebody who may not ask Lambda brings a file of somebody who may; without either, the report says what it does not know.
func TestDoctorWithoutTheRightToAskLambda(t *testing.T) {
	w := newIll(t)
	w.denied = "ListFunctions"
	found, report := w.wrong("--url", w.address)
	if found != "warn permissions" || report.Findings.Count(verdict.NotChecked) < 5 {
		t.Errorf("found %q, %d things not checked; want that a permission is missing\n%+v", found, report.Findings.Count(verdict.NotChecked), report.Findings)
	}
	w.set("REVOCATION_SHARDS", "3", "authorizer")
	file := filepath.Join(t.TempDir(), "functions.json")
	check(t, os.WriteFile(file, w.list(), 0o600))
	if found, report := w.wrong("--functions", file); found != "fail shards" {
		t.Errorf("by the file: found %q, want the shards\n%+v", found, report.Findings)
	}
	var o, l bytes.Buffer
	err := run(t.Context(), []string{"doctor", "--table", w.name, "--functions", file, "--sealing-key", doctorSealing}, output{&o, &l})
	if err == nil || statusOf(err) != 1 || !strings.Contains(o.String(), "fail     shards") || !strings.Contains(o.String(), "mend  Deploy the stack with") {
		t.Errorf("as text: %v\n%s", err, o.String())
	}
}

func TestDoctorOfADataFolder(t *testing.T) {
	folder := t.TempDir()
	start(t, "--data", folder)
	out := mustCommand(t, "doctor", "--data", folder)
	if !strings.Contains(out, "0 failed") || !strings.Contains(out, "pass         sealing-key") {
		t.Errorf("doctor of a data folder:\n%s", out)
	}
	// What is only of the cloud is not a line each, unless it is asked for.
	each := mustCommand(t, "doctor", "--data", folder, "--verbose")
	if unseen := strings.Count(out, "\nnot checked "); unseen > 2 || !strings.Contains(out, "--verbose names them") {
		t.Errorf("%d lines of what was not checked:\n%s", unseen, out)
	}
	if strings.Count(each, "\nnot checked ") < 10 || !strings.Contains(each, "table-ttl") || strings.Contains(out, "table-ttl") {
		t.Errorf("with --verbose:\n%s", each)
	}
	for _, args := range [][]string{{"--data", t.TempDir()}, {"--url", "https://id.example.com"}, {"--functions", "x"}, {"--table", "x", "--url", "http://id.example.com"}} {
		if _, _, err := command(t, append([]string{"doctor"}, args...)...); err == nil || statusOf(err) != exitUsage {
			t.Errorf("doctor %v: %v, want that it is refused", args, err)
		}
	}
}
