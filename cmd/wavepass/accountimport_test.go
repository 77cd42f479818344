package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/gofrs/flock"
	"golang.org/x/crypto/bcrypt"

	"github.com/wavepass/wavepass/internal/tabletemplate"
	"github.com/wavepass/wavepass/pkg/accountfile"
)

const importedPassword = "surf-the-imported-wave"

// bcryptOf is a hash as other systems keep it.
func bcryptOf(t *testing.T, password string) string {
	t.Helper()
	made, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	check(t, err)
	return string(made)
}

// importFile writes a file of a test of its own.
func importFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// manyAccounts writes a file of so many lines, one of each hundred bad.
func manyAccounts(t *testing.T, lines int) string {
	t.Helper()
	hash := bcryptOf(t, importedPassword)
	var text bytes.Buffer
	for i := range lines {
		if i%100 == 50 {
			fmt.Fprintf(&text, "{\"email\":\"broken%d\n", i)
			continue
		}
		fmt.Fprintf(&text, "{\"email\":\"person%d@example.com\",\"email_verified\":true,\"password_hash\":%q}\n", i, hash)
	}
	return importFile(t, "many.jsonl", text.String())
}

func wantImport(t *testing.T, what string, got importResult, imported, unchanged, bad int) {
	t.Helper()
	if got.Imported != imported || got.Unchanged != unchanged || got.Bad != bad || got.Changed != (imported > 0) {
		t.Errorf("%s: %+v; want %d imported, %d unchanged, %d bad", what, got, imported, unchanged, bad)
	}
}

// badLines reads the list of bad lines.
func badLines(t *testing.T, file string) (list []badLine) {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	for line := range strings.Lines(string(text)) {
		var b badLine
		check(t, json.Unmarshal([]byte(line), &b))
		list = append(list, b)
	}
	return list
}

// accountsIn counts those that the list command shows.
func accountsIn(t *testing.T, target ...string) int {
	t.Helper()
	return len(as[[]accountJSON](t, append([]string{"account", "list"}, target...)...))
}

func TestImportIntoARunningServiceLogsPeopleIn(t *testing.T) {
	data := t.TempDir()
	s := start(t, "--data", data)
	file := importFile(t, "users.jsonl", fmt.Sprintf(`{"email":"Ada@example.com","email_verified":true,"password_hash":%q}
{"username":"bob","password_hash":"$2b$31$abcdefghijklmnopqrstuuWWh8iN5lWxE4RqNB0mF0hLrQ3JcVY9e"}
{"username":%q}
{"email":"eve@example.com"}

{"username":"ada@example.com","password_hash":"x"}
`, bcryptOf(t, importedPassword), demoUsername))
	args := []string{"account", "import", file, "--format", "jsonl", "--data", data}

	wantImport(t, "dry run", func() importResult {
		r := as[importResult](t, append(args, "--dry-run")...)
		if r.Changed || r.Done != "to be imported" {
			t.Errorf("a dry run says %+v", r)
		}
		r.Changed = true
		return r
	}(), 2, 0, 3)
	if n := accountsIn(t, "--data", data); n != 1 {
		t.Fatalf("a dry run leaves %d accounts, want the demo account alone", n)
	}
	wantImport(t, "import", as[importResult](t, args...), 2, 0, 3)
	list := badLines(t, file+".bad")
	for i, want := range []struct {
		line   int
		reason string
	}{{2, "bcrypt of cost 31, at most 14"}, {6, "want bcrypt, scrypt, PBKDF2 or argon2"}, {3, "login name taken"}} {
		if len(list) != 3 || list[i].Line != want.line || !strings.Contains(list[i].Reason, want.reason) {
			t.Fatalf("the bad lines are %+v; want line %d, %q", list, want.line, want.reason)
		}
	}
	s.want("a login with the password of before", s.loginAs("ADA@example.com", importedPassword), 200, "")
	s.want("a second login", s.loginAs("ada@example.com", importedPassword), 200, "")
	s.want("another password", s.loginAs("ada@example.com", importedPassword+"x"), 401, "invalid_credentials")
	s.want("somebody without a password", s.loginAs("eve@example.com", importedPassword), 401, "invalid_credentials")

	again := as[importResult](t, args...)
	wantImport(t, "import again", again, 0, 2, 3)
	if text := mustCommand(t, args...); !strings.Contains(text, "no change: no account was imported; 2 were there before, 3 lines are bad") {
		t.Errorf("again, for people: %s", text)
	}
	s.want("a login after that", s.loginAs("ada@example.com", importedPassword), 200, "")
	if _, err := os.Stat(file + ".progress"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state of an import that has ended is there: %v", err)
	}
	if events := mustCommand(t, "audit", "list", "--data", data); strings.Count(events, "accounts_imported") != 1 || !strings.Contains(events, "operator:grace") {
		t.Errorf("the events are %s; want one of the import, by its operator", events)
	}
}

// TestImportOfEveryFormat has files as each system exports them.
func TestImportOfEveryFormat(t *testing.T) {
	const (
		firebaseUsers = `{"users":[
{"localId":"1","email":"user1@example.com","emailVerified":true,"passwordHash":"lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==","salt":"42xEC+ixf3L2lw==","createdAt":"1500000000000","providerUserInfo":[]},
{"localId":"2","phoneNumber":"+4912345"},
{"localId":"3","email":"social@example.com","providerUserInfo":[{"providerId":"google.com"}]}]}`
		hashConfig = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`
	)
	hash, pepper := bcryptOf(t, importedPassword), "the pepper of Rails"
	data := t.TempDir()
	s := start(t, "--data", data)
	for format, test := range map[string]struct {
		file     string
		flags    []string
		imported int
		bad      []string
		login    string
		password string
	}{
		"auth0": {
			file: `{"_id":{"$oid":"60425dc43519d90068f82973"},"email_verified":true,"email":"auth0@example.com","passwordHash":"` + hash + `","tenant":"dev","connection":"Username-Password-Authentication"}
{"user_id":"auth0|2","email":"blocked@example.com","blocked":true}
{"user_id":"auth0|3","email":["x"]}
`,
			imported: 2, bad: []string{`its member "email" is no string`}, login: "auth0@example.com",
		},
		"firebase": {
			file: firebaseUsers, flags: []string{"--hash-config", importFile(t, "hash-config.txt", hashConfig)},
			imported: 2, bad: []string{"neither an e-mail address nor a username"}, login: "user1@example.com", password: "user1password",
		},
		"cognito": {
			file: `{"Users":[{"Username":"5d2c","Attributes":[{"Name":"sub","Value":"5d2c"},{"Name":"email","Value":"cognito@example.com"},{"Name":"email_verified","Value":"true"}],"Enabled":true,"UserStatus":"CONFIRMED"},
{"Username":"by-name","Attributes":[],"Enabled":false}]}`,
			imported: 2,
		},
		"supabase": {
			file: "id,email,encrypted_password,email_confirmed_at,banned_until,raw_user_meta_data\n" +
				`6a1f,supabase@example.com,` + hash + `,2024-01-01 00:00:00+00,,"{""name"": ""A, B""}"` + "\n" +
				"6a20,short@example.com\n6a21,NULL@,x,,,\n",
			imported: 1, bad: []string{"wrong number of fields", "e-mail address"}, login: "supabase@example.com",
		},
		"devise": {
			file:  "id,email,encrypted_password,confirmed_at\n1,devise@example.com," + bcryptOf(t, importedPassword+pepper) + ",2024-01-01\n",
			flags: []string{"--pepper-file", importFile(t, "pepper", pepper+"\n")}, imported: 1, login: "devise@example.com",
		},
	} {
		t.Run(format, func(t *testing.T) {
			file := importFile(t, "users", test.file)
			args := append([]string{"account", "import", file, "--format", format, "--data", data}, test.flags...)
			wantImport(t, "import", as[importResult](t, args...), test.imported, 0, len(test.bad))
			for i, b := range badLines(t, file+".bad") {
				if !strings.Contains(b.Reason, test.bad[i]) {
					t.Errorf("bad line %+v, want %q", b, test.bad[i])
				}
			}
			wantImport(t, "import again", as[importResult](t, args...), 0, test.imported, len(test.bad))
			if test.login == "" {
				return
			}
			password := test.password
			if password == "" {
				password = importedPassword
			}
			s.want("a login", s.loginAs(test.login, password), 200, "")
			s.want("another password", s.loginAs(test.login, password+"x"), 401, "invalid_credentials")
		})
	}
	s.want("somebody who was blocked", s.loginAs("blocked@example.com", importedPassword), 401, "invalid_credentials")
}

func TestImportThatCannotBeginSaysWhy(t *testing.T) {
	data := deploymentInFolder(t)
	file := importFile(t, "users", "{}\n")
	for says, args := range map[string][]string{
		"needs --hash-config FILE":        {file, "--format", "firebase"},
		"lack base64_signer_key":          {file, "--format", "firebase", "--hash-config", importFile(t, "c", "algorithm: SCRYPT,")},
		"--pepper-file is for":            {file, "--format", "auth0", "--pepper-file", file},
		"no such file":                    {filepath.Join(data, "nothing"), "--format", "auth0"},
		"must be one of":                  {file, "--format", "okta"},
		`with the member "Users"`:         {importFile(t, "users", "[]"), "--format", "cognito"},
		`has no member "Users"`:           {file, "--format", "cognito"},
		"it ends in the middle, after 1":  {importFile(t, "users", `{"Users":[{"Username":"ann"},{"User`), "--format", "cognito"},
		"perhaps a quote or a bracket is": {importFile(t, "users", "id,email\n1,\""+strings.Repeat("x", 300<<10)), "--format", "devise"},
		"it begins after line 2":          {importFile(t, "users", "id,email\n1,ann@example.com\n2,"+strings.Repeat("x", 10<<20)+"\n"), "--format", "devise"},
		"no row with the names":           {importFile(t, "users", ""), "--format", "devise"},
		"holds no deployment":             {file, "--format", "jsonl", "--data", t.TempDir()},
	} {
		out, _, err := command(t, append([]string{"account", "import"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v (%s), want an error that says %q", args, err, out, says)
		}
	}
	if n := accountsIn(t); n != 1 {
		t.Errorf("%d accounts, want the demo account alone", n)
	}
}

// TestLineThatIsTooLongIsABadLine and the next one is read.
func TestLineThatIsTooLongIsABadLine(t *testing.T) {
	deploymentInFolder(t)
	file := importFile(t, "users", `{"username":"`+strings.Repeat("x", 600<<10)+"\"}\n"+`{"username":"bea"}`)
	wantImport(t, "import", as[importResult](t, "account", "import", file, "--format", "jsonl"), 1, 0, 1)
	if list := badLines(t, file+".bad"); list[0].Line != 1 || !strings.Contains(list[0].Reason, "more than 256 KB") {
		t.Errorf("the bad line is %+v", list)
	}
}

// TestOfLinesThatCannotBothBeThereTheFirstIsImported, although many are stored at once.
func TestOfLinesThatCannotBothBeThereTheFirstIsImported(t *testing.T) {
	deploymentInFolder(t)
	const id = "0190b0e4-7e00-7000-8000-000000000001"
	file := importFile(t, "users", `{"username":"first","id":"`+id+`","roles":["a"]}
{"username":"second","id":"`+id+`"}
{"username":"FIRST"}
{"username":"third","email":"third@example.com"}
{"username":"fourth","email":"Third@EXAMPLE.com"}
`)
	wantImport(t, "import", as[importResult](t, "account", "import", file, "--format", "jsonl"), 2, 0, 3)
	for i, reason := range []string{"another account has its id", "login name taken", "address taken"} {
		if list := badLines(t, file+".bad"); !strings.Contains(list[i].Reason, reason) {
			t.Errorf("bad line %+v, want %q", list[i], reason)
		}
	}
	if a := as[accountJSON](t, "account", "show", "first"); a.ID != id || len(a.Roles) != 1 {
		t.Errorf("the first is %+v", a)
	}
}

func TestInterruptedImportGoesOn(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 1200)
	interruptedImport(t, file)
	wantImport(t, "the rest", as[importResult](t, "account", "import", file, "--format", "jsonl"), 1188, 0, 12)
	if n := accountsIn(t); n != 1188+1 {
		t.Errorf("%d accounts, want 1188 and the demo account", n)
	}
}

// importLines is how many lines the test of a killed import has. With 100000, docs/import.md says how, it measures.
func importLines(t *testing.T) (lines int, measured bool) {
	t.Helper()
	text := os.Getenv("WAVEPASS_IMPORT")
	if text == "" {
		return 3000, false
	}
	lines, err := strconv.Atoi(text)
	check(t, err)
	return lines, true
}

func TestKilledImportGoesOnAndCountsExactly(t *testing.T) {
	deploymentInFolder(t)
	killedImport(t, func() int { return accountsIn(t) })
}

func TestKilledImportGoesOnAndCountsExactlyOnATable(t *testing.T) {
	name, _ := newTable(t, func(engine string) string { return engine })
	killedImport(t, func() int { return accountsOn(t, name) }, "--table", name)
}

// accountsOn counts those of a table on DynamoDB Local, which takes seconds for each page of a large one: longer than a command waits.
func accountsOn(t *testing.T, table string) (n int) {
	t.Helper()
	api, err := tabletemplate.Local(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	check(t, err)
	pages := dynamodb.NewScanPaginator(api, &dynamodb.ScanInput{
		TableName: &table, Select: types.SelectCount, FilterExpression: aws.String("begins_with(pk, :account)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":account": &types.AttributeValueMemberS{Value: "ACCOUNT#"}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		n += int(page.Count)
	}
	return n
}

// killedImport kills an import half-way and has it go on. count says how many accounts there are.
func killedImport(t *testing.T, count func() int, target ...string) {
	t.Helper()
	lines, measured := importLines(t)
	before, file := count(), manyAccounts(t, lines)
	args := append([]string{"account", "import", file, "--format", "jsonl", "--json"}, target...)

	// A busy machine may give this process no turn for a while: with few lines it is killed after the first of six batches, so that it does not end before.
	enough, patience := importBatch, 10*time.Minute
	if measured {
		enough, patience = lines/2, time.Hour
	}
	run, log := programFor(t, patience, args...)
	check(t, run.Start())
	first := peakOf(run)
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	var at importState
	for at.Records < enough {
		select {
		case err := <-ended:
			t.Fatalf("the import ended before it was killed: %v\n%s", err, log)
		case <-time.After(5 * time.Millisecond):
		}
		text, err := os.ReadFile(file + ".progress")
		if err == nil {
			check(t, json.Unmarshal(text, &at))
		}
	}
	check(t, run.Process.Signal(syscall.SIGKILL))
	<-ended

	run, log = programFor(t, patience, args...)
	var out bytes.Buffer
	run.Stdout = &out
	check(t, run.Start())
	second := peakOf(run)
	if err := run.Wait(); err != nil {
		t.Fatalf("go on: %v\n%s", err, log)
	}
	var got importResult
	check(t, json.Unmarshal(out.Bytes(), &got))
	bad := lines / 100
	wantImport(t, "after it was killed", got, lines-bad, 0, bad)
	list := badLines(t, file+".bad")
	for i, b := range list {
		if b.Line != 100*i+51 {
			t.Fatalf("the bad lines are %+v", list)
		}
	}
	if len(list) != bad {
		t.Errorf("%d bad lines are listed, want %d", len(list), bad)
	}
	own, mapped := max(first.own.Load(), second.own.Load())/1024, max(first.mapped.Load(), second.mapped.Load())/1024
	t.Logf("%d lines: killed after %d, the rest took %.1f s, %.0f lines a second; peak memory %d MB, and %d MB of files that are mapped",
		lines, at.Records, got.Seconds, float64(lines-at.Records)/got.Seconds, own, mapped)
	if measured && own > 60 {
		t.Errorf("peak memory is %d MB, want at most 60", own)
	}
	if n := count(); n != before+lines-bad {
		t.Errorf("%d accounts, want %d", n, before+lines-bad)
	}
}

// peak is the most memory that a process had, in KB; zero on systems that do not say.
type peak struct {
	own    atomic.Int64
	mapped atomic.Int64 // pages of the program and the database file, which the kernel takes back where it needs them
}

// peakOf looks every 10 ms. What the kernel tells of a process that has ended would include this one, which has started it.
func peakOf(run *exec.Cmd) *peak {
	p := &peak{}
	go func() {
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", run.Process.Pid))
			if err != nil {
				return
			}
			for name, most := range map[string]*atomic.Int64{"RssAnon:": &p.own, "RssFile:": &p.mapped} {
				_, rest, found := strings.Cut(string(status), name)
				var kb int64
				if n, _ := fmt.Sscan(rest, &kb); !found || n != 1 {
					return // it has ended
				}
				most.Store(max(most.Load(), kb))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return p
}

func TestProgressSaysHowFastAndHowLong(t *testing.T) {
	s := importState{Records: 25000, Bad: 250}
	if got := progressOf(s, 10*time.Second, 2_000_000, 6_000_000); got != "25000 lines, 250 bad, 200 KB a second, 30s left" {
		t.Errorf("progress: %q", got)
	}
	if got := progressOf(s, 0, 0, 6_000_000); got != "25000 lines, 250 bad" {
		t.Errorf("progress at once: %q", got)
	}
}

// TestInterruptedImportOfAnotherFileIsNotGoneOnWith for example when the file has been exported again since. Nothing is lost by asking.
func TestInterruptedImportOfAnotherFileIsNotGoneOnWith(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 1200)
	interruptedImport(t, file)
	list, err := os.ReadFile(file + ".bad")
	check(t, err)
	text, err := os.ReadFile(file)
	check(t, err)
	state, err := os.ReadFile(file + ".progress")
	check(t, err)
	args := []string{"account", "import", file, "--format", "jsonl"}
	refused := func(what string) {
		t.Helper()
		_, _, err := command(t, args...)
		if err == nil || !strings.Contains(err.Error(), "has changed since") || !strings.Contains(err.Error(), "remove "+file+".progress") {
			t.Errorf("%s: %v, want how to go on", what, err)
		}
		if now, err := os.ReadFile(file + ".bad"); err != nil || !bytes.Equal(now, list) {
			t.Errorf("%s: the list of bad lines is not as it was: %v", what, err)
		}
	}
	check(t, os.WriteFile(file, append(text, "{\"username\":\"late\"}\n"...), 0o600))
	refused("a line more")
	check(t, os.WriteFile(file+".progress", state[:20], 0o600))
	refused("half of a state")
	check(t, os.Remove(file+".progress"))
	wantImport(t, "anew", as[importResult](t, args...), 1189-500, 500, 12)
}

// interruptedImport imports the first 505 lines of a file of many accounts, of which 5 are bad, into the folder .wavepass.
func interruptedImport(t *testing.T, file string) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	data, err := filepath.Abs(".wavepass")
	check(t, err)
	c := accountImport{target: target{folder: folder{Data: data}}, File: file, Format: "jsonl", stored: interrupt}
	err = c.Run(ctx, output{io.Discard, io.Discard}, invocation{operator: "grace", input: &input{}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped after 505 lines") {
		t.Fatalf("interrupted: %v, want how many lines are done", err)
	}
}

// TestImportThatIsKilledInItsFirstBatchCountsWhatItStored although its state says of no line that it is stored.
func TestImportThatIsKilledInItsFirstBatchCountsWhatItStored(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 600)
	killedInABatch(t, file, 300)
	args := []string{"account", "import", file, "--format", "jsonl"}
	wantImport(t, "the rest", as[importResult](t, args...), 594, 0, 6)

	killedInABatch(t, file, 300)
	wantImport(t, "a second import that was killed", as[importResult](t, args...), 0, 594, 6)
	interruptedImport(t, file)
	wantImport(t, "a second import that was interrupted", as[importResult](t, args...), 0, 594, 6)
}

// TestKilledImportLooksAtEachBatchOnItsOwn because one may be new after others that were there before.
func TestKilledImportLooksAtEachBatchOnItsOwn(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 1200)
	interruptedImport(t, file)
	check(t, os.Remove(file+".progress"))
	interruptedImport(t, file)
	killedInABatch(t, file, 300)
	wantImport(t, "the rest", as[importResult](t, "account", "import", file, "--format", "jsonl"), 688, 500, 12)
}

// killedInABatch imports a file into the folder .wavepass until so many accounts of the next batch are stored, and leaves behind what a killed process does.
func killedInABatch(t *testing.T, file string, stored int) {
	t.Helper()
	data, err := filepath.Abs(".wavepass")
	check(t, err)
	c := accountImport{target: target{folder: folder{Data: data}}, File: file, Format: "jsonl"}
	in := invocation{operator: "grace", input: &input{}}
	to, err := c.importer(t.Context(), output{io.Discard, io.Discard}, in)
	check(t, err)
	defer to.close()
	killed := errors.New("killed")
	whole := to.store
	to.store = func(ctx context.Context, batch []accountfile.Record, dry bool) ([]importedLine, error) {
		lines, err := whole(ctx, batch[:min(stored, len(batch))], dry)
		if !dry && err == nil {
			err = killed
		}
		return lines, err
	}
	from, err := os.Open(file)
	check(t, err)
	defer from.Close()
	c.Bad = file + ".bad"
	run, err := beginImport(&c, from, to)
	check(t, err)
	defer run.bad.Close()
	read := &countingReader{from: from}
	reader, err := accountfile.NewReader(accountfile.JSONL, read, accountfile.Options{})
	check(t, err)
	if err := run.all(t.Context(), output{io.Discard, io.Discard}, reader, read); !errors.Is(err, killed) {
		t.Fatalf("killed: %v", err)
	}
}

// TestStateThatCannotBeWrittenStopsTheImport as on a full disk. Before the first batch nothing is stored.
func TestStateThatCannotBeWrittenStopsTheImport(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 1200)
	check(t, os.Mkdir(file+".progress.new", 0o700)) // where the state is to be written
	args := []string{"account", "import", file, "--format", "jsonl"}
	if _, _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "stopped after 0 lines, nothing is half done; run the same command again") {
		t.Errorf("%v, want how to go on", err)
	}
	if n := accountsIn(t); n != 1 {
		t.Errorf("%d accounts, want the demo account alone", n)
	}
	check(t, os.Remove(file+".progress.new"))
	wantImport(t, "again", as[importResult](t, args...), 1188, 0, 12)
	if n := len(badLines(t, file+".bad")); n != 12 {
		t.Errorf("%d bad lines are listed, want 12", n)
	}
}

// TestFileIsImportedByOneCommandAtATime because two would write over each other's state and list.
func TestFileIsImportedByOneCommandAtATime(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 600)
	held := flock.New(file + ".lock")
	if got, err := held.TryLock(); !got {
		t.Fatal(err)
	}
	args := []string{"account", "import", file, "--format", "jsonl"}
	if _, _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "another import of "+file+" is under way") {
		t.Errorf("beside another import: %v", err)
	}
	check(t, held.Close())
	wantImport(t, "after it", as[importResult](t, args...), 594, 0, 6)
}

// TestImportLocksAnotherFileThanItReads because on Windows nobody reads a file that is locked.
func TestImportLocksAnotherFileThanItReads(t *testing.T) {
	file := importFile(t, "users", "{}\n")
	unlock, err := lockImport(file)
	check(t, err)
	held := flock.New(file, flock.SetFlag(os.O_RDONLY))
	if got, err := held.TryLock(); !got {
		t.Errorf("the file itself is locked: %v", err)
	}
	check(t, held.Close())
	if _, err := lockImport(file); err == nil {
		t.Error("it is locked twice")
	}
	unlock()
	if _, err := os.Stat(file + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock stays behind: %v", err)
	}
}

// TestListOfBadLinesIsThatOfTheInterruptedImport or the import says so: its counts would not fit the list.
func TestListOfBadLinesIsThatOfTheInterruptedImport(t *testing.T) {
	deploymentInFolder(t)
	file := manyAccounts(t, 1200)
	interruptedImport(t, file)
	args := []string{"account", "import", file, "--format", "jsonl"}
	wantDry := as[importResult](t, append(args, "--dry-run")...)
	if wantDry.Bad != 12 || len(badLines(t, file+".dry-run.bad")) != 12 || wantDry.Imported+wantDry.Unchanged != 1188 {
		t.Errorf("a dry run in between: %+v", wantDry)
	}
	if _, _, err := command(t, append(args, "--bad", filepath.Join(t.TempDir(), "other"))...); err == nil || !strings.Contains(err.Error(), "is not the list of the import that was interrupted") {
		t.Errorf("with another list: %v", err)
	}
	wantImport(t, "the rest", as[importResult](t, args...), 1188, 0, 12)
	if n := len(badLines(t, file+".bad")); n != 12 {
		t.Errorf("%d bad lines are listed, want 12", n)
	}
}
