package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// onStage runs a case of testdata/chromium/webclient.mjs, which starts the service itself because it also kills it.
func onStage(t *testing.T, name string) {
	t.Helper()
	stage, err := json.Marshal(map[string]any{
		"program": os.Args[0], "environment": map[string]string{asProgram: "1", "ROTATION_MIN_AGE": "10s"}, "data": t.TempDir(),
		"module": "../../clients/web/dist/wavepass.js", "username": demoUsername, "password": demoPassword,
	})
	check(t, err)
	command := exec.CommandContext(t.Context(), "node", "testdata/chromium/webclient.mjs", name)
	command.Env = append(os.Environ(), "STAGE="+string(stage))
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestChromiumWebClient has tabs of clients/web live through what happens to tabs.
func TestChromiumWebClient(t *testing.T) {
	needChromium(t)
	for _, name := range []string{"reload", "anonymous", "tabs"} {
		t.Run(name, func(t *testing.T) { onStage(t, name) })
	}
}
