package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

var hydraVersion = regexp.MustCompile(`ory/hydra/v2 (v\S+)`)

var pythonVersion = regexp.MustCompile(`(?m)^(pyjwt|cryptography)==(\S+)$`)

// readOr reads a file, and is empty when there is none.
func readOr(file string) string {
	text, _ := os.ReadFile(file)
	return string(text)
}

// versions names what was compared: the modules of go.mod that are imported for it, the packages of Node, and Node.
func versions(node string) string {
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
	if out, err := exec.Command(node, "--version").Output(); err == nil {
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
	if at := hydraVersion.FindStringSubmatch(readOr(filepath.Join("hydra", "go.mod"))); at != nil {
		found = append(found, "Ory Hydra "+at[1])
	}
	for _, at := range pythonVersion.FindAllStringSubmatch(readOr(filepath.Join("peers", "requirements.txt")), -1) {
		found = append(found, at[1]+" "+at[2])
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}
