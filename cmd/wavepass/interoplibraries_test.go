package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// libraries is the folder of scripts/interop-tools. The test skips where it is not installed.
func libraries(t *testing.T) string {
	t.Helper()
	home := os.Getenv("WAVEPASS_INTEROP")
	if home == "" {
		t.Skip("WAVEPASS_INTEROP is not set: run scripts/interop-tools go test ./cmd/wavepass")
	}
	return home
}

// page returns the code in one language below a heading of docs/resource-servers.md.
func page(t *testing.T, heading, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/resource-servers.md")
	check(t, err)
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for i, block := range strings.Split(section, "```") {
		if code, found := strings.CutPrefix(block, language+"\n"); found && i%2 == 1 {
			blocks = append(blocks, code)
		}
	}
	if !ok || len(blocks) == 0 {
		t.Fatalf("docs/resource-servers.md has no %s below %q", language, heading)
	}
	return blocks
}

// snippet writes the code of the page into a folder of its own, with this issuer in the place of the page's.
func (s *secure) snippet(heading, language, file string) string {
	s.t.Helper()
	code := page(s.t, heading, language)[0]
	if !strings.Contains(code, pageIssuer) || !strings.Contains(code, pageAudience) {
		s.t.Fatalf("the code below %q does not name %s and %s", heading, pageIssuer, pageAudience)
	}
	path := filepath.Join(s.t.TempDir(), file)
	check(s.t, os.WriteFile(path, []byte(strings.ReplaceAll(code, pageIssuer, s.url)), 0o600))
	return path
}

// verifies gives every attempt to a command that answers as testdata/interop/verify.mjs does.
func (s *secure) verifies(by string, command *exec.Cmd) {
	s.t.Helper()
	list := s.attempts()
	var input strings.Builder
	for _, a := range list {
		input.WriteString(a.text + "\n")
	}
	command.Stdin = strings.NewReader(input.String())
	lines := strings.Split(strings.TrimSuffix(s.run(command), "\n"), "\n")
	if len(lines) != len(list) {
		s.t.Fatalf("%s: %d answers to %d tokens:\n%s", by, len(lines), len(list), strings.Join(lines, "\n"))
	}
	refusals := make([]error, len(list))
	for i, line := range lines {
		if !strings.HasPrefix(line, "accepted ") {
			refusals[i] = errors.New(line)
		}
	}
	s.judge(by, list, refusals)
}

// run runs a command that trusts the server's certificate, and returns what it prints.
func (s *secure) run(command *exec.Cmd) string {
	s.t.Helper()
	command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.cert, "SSL_CERT_FILE="+s.cert, "REQUESTS_CA_BUNDLE="+s.cert)
	var out, failure strings.Builder
	command.Stdout, command.Stderr = &out, &failure
	check(s.t, command.Start())
	tooLong := time.AfterFunc(3*time.Minute, func() { command.Process.Kill() })
	defer tooLong.Stop()
	if err := command.Wait(); err != nil {
		s.t.Fatalf("%s: %v\n%s%s", command, err, &out, &failure)
	}
	return out.String()
}

func TestInteropNodeResourceServers(t *testing.T) {
	home := libraries(t)
	for heading, file := range map[string]string{"Node.js: jose": "jose.mjs", "Node.js: aws-jwt-verify": "aws.mjs", "Node.js: Express": "express.mjs", "Hono": "hono.mjs"} {
		for _, alg := range algorithms {
			t.Run(file+"/"+string(alg), func(t *testing.T) {
				s := startSecure(t, alg)
				module := s.snippet(heading, "js", file)
				check(t, os.Symlink(filepath.Join(home, "node_modules"), filepath.Join(filepath.Dir(module), "node_modules")))
				s.verifies(heading, exec.Command("node", "testdata/interop/verify.mjs", module))
			})
		}
	}
}

func TestInteropPythonResourceServer(t *testing.T) {
	home := libraries(t)
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			s := startSecure(t, alg)
			module := s.snippet("Python: PyJWT", "python", "snippet.py")
			s.verifies("PyJWT", exec.Command(filepath.Join(home, "venv/bin/python"), "testdata/interop/verify.py", module))
		})
	}
}

func TestInteropJavaResourceServer(t *testing.T) {
	interopJava(t, "Java: Nimbus JOSE + JWT", "AccessTokens.java", "VerifyTokens")
}

func TestInteropSpringResourceServer(t *testing.T) {
	interopJava(t, "Java: Spring Security", "Decoders.java", "VerifySpring")
}

// interopJava runs the class of a section by the program in testdata/interop that calls it.
func interopJava(t *testing.T, heading, file, program string) {
	home := libraries(t)
	for _, alg := range []keyring.Algorithm{keyring.ES256, keyring.RS256} { // the page says why not EdDSA
		t.Run(string(alg), func(t *testing.T) {
			s := startSecure(t, alg)
			class := s.snippet(heading, "java", file)
			s.verifies(heading, s.java(home, program, class))
		})
	}
}

// java compiles a program of testdata/interop with other files, and is the command that runs it.
func (s *secure) java(home, program string, files ...string) *exec.Cmd {
	s.t.Helper()
	folder := s.t.TempDir()
	path := folder + string(os.PathListSeparator) + filepath.Join(home, "jars", "*")
	trust := filepath.Join(folder, "trust.p12")
	s.run(exec.Command("keytool", "-importcert", "-noprompt", "-alias", "issuer", "-file", s.cert,
		"-keystore", trust, "-storetype", "PKCS12", "-storepass", "changeit"))
	s.run(exec.Command("javac", append([]string{"-cp", path, "-d", folder, "testdata/interop/" + program + ".java"}, files...)...))
	return exec.Command("java", "-Djavax.net.ssl.trustStore="+trust, "-Djavax.net.ssl.trustStorePassword=changeit", "-cp", path, program)
}

// The Go code of the page is that of the example, which is run with its package.
func TestPagesGoCodeIsTheExample(t *testing.T) {
	plain := func(code string) string {
		var lines []string
		for line := range strings.Lines(code) {
			lines = append(lines, strings.TrimSpace(line))
		}
		return strings.Join(lines, "\n")
	}
	example, err := os.ReadFile("../../pkg/verify/example_test.go")
	check(t, err)
	for _, code := range page(t, "Go", "go") {
		if !strings.Contains(plain(string(example)), plain(code)) {
			t.Errorf("pkg/verify/example_test.go does not have\n%s", code)
		}
	}
}
