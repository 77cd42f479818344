package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// onStage runs cases of testdata/chromium/webclient.mjs. That starts the service itself, because it also kills it.
func onStage(t *testing.T, cases []string, environment ...string) {
	t.Helper()
	stage, err := json.Marshal(map[string]any{
		"program": os.Args[0], "environment": map[string]string{asProgram: "1", "ROTATION_MIN_AGE": "10s"}, "folder": t.TempDir(),
		"module": "../../clients/web/dist/wavepass.js", "username": demoUsername, "password": demoPassword,
		"other": []string{"ada", "a-long-enough-wave"},
	})
	check(t, err)
	play(t, "webclient.mjs", cases, append(environment, "STAGE="+string(stage))...)
}

// play runs cases of a driver in testdata/chromium one after the other, in one browser. It says of each in a line of JSON what came of it.
func play(t *testing.T, driver string, cases []string, environment ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", append([]string{"testdata/chromium/" + driver}, cases...)...)
	var wrong bytes.Buffer
	command.Env, command.Stderr = append(os.Environ(), environment...), &wrong
	out, err := command.Output()
	if err != nil {
		t.Errorf("%v\n%s%s", err, out, &wrong)
	}
	type outcome struct {
		Name  string   `json:"name"`
		Error string   `json:"error"`
		Notes []string `json:"notes"`
	}
	played := map[string]outcome{}
	for line := range strings.Lines(string(out)) {
		var o outcome
		check(t, json.Unmarshal([]byte(line), &o))
		played[o.Name] = o
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			switch o, found := played[name]; {
			case !found:
				t.Error("it was not played to its end")
			case o.Error != "":
				t.Error(o.Error)
			default:
				t.Log(o.Notes)
			}
		})
	}
}

// webClientCases are those that Chromium plays.
var webClientCases = []string{
	"reload", "anonymous", "otherSite", "tabs2", "tabs10", "tabs30", "tabs30slow", "tabs10withoutLocks", "tabs30slowWithoutLocks", "aborted",
	"reloadedInTheMiddle", "killed", "asleep", "logout", "inTurn", "anotherPerson", "endedElsewhere", "password", "demoPage", "back", "offline",
	"redirected", "frozen",
}

// TestChromiumWebClient has tabs of clients/web live through what happens to tabs.
func TestChromiumWebClient(t *testing.T) {
	needChromium(t)
	onStage(t, webClientCases)
}

// firefoxCases leave out what only the number of tabs tells from others, because Firefox takes several times as long for a tab, and "frozen" and
// "offline": this Firefox has no command of WebDriver BiDi for them.
var firefoxCases = []string{
	"reload", "anonymous", "otherSite", "tabs10", "tabs30slow", "tabs10withoutLocks", "aborted", "reloadedInTheMiddle", "killed", "asleep", "logout",
	"inTurn", "anotherPerson", "endedElsewhere", "password", "demoPage", "back", "redirected",
}

// TestFirefoxWebClient plays them in Firefox, by WebDriver BiDi.
func TestFirefoxWebClient(t *testing.T) {
	firefox := os.Getenv("WAVEPASS_FIREFOX")
	if firefox == "" {
		t.Skip("no Firefox: apt-get install firefox-esr; scripts/browser-tools go test -run Firefox ./cmd/wavepass")
	}
	onStage(t, firefoxCases, "FIREFOX="+firefox)
}

// TestChromiumWebStarts builds the starts of clients/web/README.md, each for its framework, and logs in to each.
func TestChromiumWebStarts(t *testing.T) {
	needChromium(t)
	if _, err := os.Stat("../../clients/web/starts/node_modules"); err != nil {
		t.Skip("no Vite: npm ci --prefix clients/web/starts")
	}
	folder, data := t.TempDir(), t.TempDir()
	site := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer site.Close()
	origin := strings.Replace(site.URL, "127.0.0.1", "localhost", 1)
	s := start(t, "--data", data, "--web-origins", origin)
	mustCommand(t, "client", "add", "shop", "--kind", "browser", "--origin", origin, "--data", data)
	if out, err := exec.CommandContext(t.Context(), "node", "../../clients/web/starts/build.mjs", folder, s.url).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inChromium(t, "starts", s.url, origin)
}
