package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// versions names what was compared: the modules of go.mod that are imported for it, the packages of Node, and Node.
func versions() string {
	var found []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			for _, peer := range []string{"golang-jwt/jwt", "go-jose/go-jose", "coreos/go-oidc", "lestrrat-go/jwx", "aws/aws-lambda-go"} {
				if strings.Contains(m.Path, peer) {
					found = append(found, strings.TrimPrefix(m.Path, "github.com/")+" "+m.Version)
				}
			}
		}
	}
	if out, err := exec.Command("node", "--version").Output(); err == nil {
		found = append(found, "Node "+strings.TrimSpace(string(out)))
	}
	var manifest struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if text, err := os.ReadFile(filepath.Join("peers", "package.json")); err == nil && json.Unmarshal(text, &manifest) == nil {
		for name, version := range manifest.Dependencies {
			found = append(found, name+" "+version)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}
