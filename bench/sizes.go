package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// bundleBanner lets libraries in a module of ES6 require what is Node's own.
const bundleBanner = "import{createRequire}from'module';const require=createRequire(import.meta.url);"

// sizes compares the zip files that are put into the cloud. They are the same in every round.
func (l *lab) sizes(ctx context.Context) ([]comparison, error) {
	c := comparison{
		name: "sizes", title: "Size of a function",
		text:    "The zip file that is uploaded, for linux/" + runtime.GOARCH + ". Functions in Go are built as `sam build` does. Those of Node are one file each, made by esbuild, minified; Node itself and the libraries of its own are the runtime's.",
		metrics: []metric{{title: "zip", unit: "MB"}},
	}
	add := func(name, file string) error {
		size, err := zipped(file)
		c.contenders = append(c.contenders, contender{name, func(context.Context) ([]float64, error) { return []float64{size}, nil }})
		return err
	}
	empty, err := l.build(ctx, ".", "./empty", "empty")
	if err != nil {
		return nil, err
	}
	if err := add("empty handler in Go", empty); err != nil {
		return nil, err
	}
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		return nil, err
	}
	for _, file := range mains {
		name := filepath.Base(filepath.Dir(file))
		program, err := l.build(ctx, "..", "./functions/"+name, name)
		if err != nil {
			return nil, err
		}
		if err := add("Wavepass, "+name, program); err != nil {
			return nil, err
		}
	}
	if !l.node() {
		return []comparison{c}, nil
	}
	for _, p := range []struct{ name, script string }{
		{"authorizer in Node, with aws-jwt-verify and the SDK's client of DynamoDB", "handler.mjs"}, {"OpenAuth on DynamoDB", "openauth-lambda.mjs"},
	} {
		file, err := l.bundle(ctx, p.script)
		if err != nil {
			return nil, err
		}
		if err := add(p.name, file); err != nil {
			return nil, err
		}
	}
	return []comparison{c}, nil
}

// bundle makes one file of a function of Node and its libraries.
func (l *lab) bundle(ctx context.Context, script string) (string, error) {
	file := filepath.Join(l.work, script)
	run := exec.CommandContext(ctx, filepath.Join(l.peers, "node_modules", "@esbuild", nodePlatform(), "bin", "esbuild"), script,
		"--bundle", "--platform=node", "--format=esm", "--minify", "--target=node22", "--banner:js="+bundleBanner, "--log-level=error", "--outfile="+file)
	run.Dir = l.peers
	if out, err := run.CombinedOutput(); err != nil {
		return "", fmt.Errorf("bundle %s: %w\n%s", script, err, tail(out))
	}
	return file, nil
}

// zipped is the size of a file in a zip file, in MB.
func zipped(file string) (float64, error) {
	content, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	entry, err := archive.Create(filepath.Base(file))
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(entry, content); err != nil {
		return 0, err
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	return float64(packed.Len()) / 1e6, nil
}
