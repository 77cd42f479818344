// Command bench compares Wavepass with what else does the same work: everything in one run, in turn, on one machine.
//
//	go run -C bench .                          everything; writes bench/RESULTS.md and bench/charts/
//	go run -C bench . --only starts,verify     some of it; prints the tables
//
// It is a module of its own, so that nothing that it compares with becomes a dependency of Wavepass.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// part is a group of comparisons that are prepared together.
type part struct {
	name    string
	prepare func(*lab, context.Context) ([]comparison, error)
	run     func(*lab, context.Context) (result, error) // in place of prepare, for what waits most of its time and has no rounds
}

var parts = []part{
	{name: "sizes", prepare: (*lab).sizes},
	{name: "starts", prepare: (*lab).starts},
	{name: "firsts", prepare: (*lab).firsts},
	{name: "verify", prepare: (*lab).verify},
	{name: "authorize", prepare: (*lab).authorize},
	{name: "flat", prepare: (*lab).flat},
	{name: "login", prepare: (*lab).login},
	{name: "refresh", prepare: (*lab).refresh},
	{name: "loss", run: (*lab).loss},
}

func main() {
	rounds := flag.Int("rounds", 9, "how often each is measured, in turn; at least 8 for figures to publish")
	only := flag.String("only", "", "some of the parts, with commas between them")
	write := flag.Bool("write", false, "write bench/RESULTS.md with these parts alone")
	guard := flag.Bool("guard", false, "measure a little, and fail when something of Wavepass has become several times slower")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *rounds, *only, *write, *guard); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, only string, write, guard bool) error {
	if rounds < 1 || flag.NArg() > 0 {
		return errors.New("want at least one round and no arguments; see --help")
	}
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	l, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	if guard {
		return l.guard(ctx)
	}
	if !l.node() {
		l.leaveOut("Everything for Node: `npm ci --ignore-scripts --prefix bench/peers` has not been run.")
	}
	begin := time.Now()
	var results []result
	ctx, stop := context.WithCancel(ctx)
	waiting := l.startWaiting(ctx, chosen)
	defer func() { stop(); _, _ = waiting() }() // whatever ends this, the servers of those that wait end, too
	for _, p := range chosen {
		if p.run != nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "[%s] %s\n", time.Since(begin).Round(time.Second), p.name)
		comparisons, err := p.prepare(l, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		for _, c := range comparisons {
			r, err := c.run(ctx, rounds)
			if err != nil {
				return err
			}
			r.contenders = nil
			results = append(results, r)
		}
		l.end()      // what a part has started takes no time from the next one
		runtime.GC() // nor does what it has made
	}
	fmt.Fprintf(os.Stderr, "[%s] what waits\n", time.Since(begin).Round(time.Second))
	waited, err := waiting()
	if err != nil {
		return err
	}
	results = append(results, waited...)
	page := report{results, rounds, time.Since(begin), l.missing.lines, l.nodeProgram()}
	if only != "" && !write {
		_, err := os.Stdout.WriteString(page.markdown())
		return err
	}
	return page.write(".")
}

// startWaiting begins the parts that wait most of their time, beside the others. The function that it returns waits for their results.
func (l *lab) startWaiting(ctx context.Context, chosen []part) func() ([]result, error) {
	var (
		results []result
		failed  []error
		done    = make(chan struct{})
	)
	go func() {
		defer close(done)
		for _, p := range chosen {
			if p.run == nil {
				continue
			}
			own := &lab{work: l.work, peers: l.peers, wavepass: l.wavepass, hydra: l.hydra, missing: l.missing}
			r, err := p.run(own, ctx)
			own.end()
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
			}
			results = append(results, r)
		}
	}()
	return func() ([]result, error) {
		<-done
		return results, errors.Join(failed...)
	}
}

func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			var names []string
			for _, p := range parts {
				names = append(names, p.name)
			}
			return nil, fmt.Errorf("--only %s: want one of %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

// lab is where everything runs: the folder for the programs that are built, the libraries of Node, and the processes to end.
type lab struct {
	work, peers string
	alone       bool                   // without what must be installed first
	wavepass    func() (string, error) // builds the command the first time, and returns its path
	hydra       func() (string, error) // the same for Ory Hydra
	ends        []func()
	missing     *missing
}

// missing is what could not take part, and why. The parts that wait beside the others add to it, too.
type missing struct {
	mu    sync.Mutex
	lines []string
}

func (l *lab) leaveOut(line string) {
	l.missing.mu.Lock()
	defer l.missing.mu.Unlock()
	if !slices.Contains(l.missing.lines, line) {
		l.missing.lines = append(l.missing.lines, line)
		fmt.Fprintln(os.Stderr, "left out:", line)
	}
}

func newLab(ctx context.Context) (*lab, error) {
	work, err := os.MkdirTemp("", "wavepass-bench")
	if err != nil {
		return nil, err
	}
	peers, err := filepath.Abs("peers")
	if err != nil {
		return nil, err
	}
	l := &lab{work: work, peers: peers, missing: &missing{}}
	l.wavepass = sync.OnceValues(func() (string, error) {
		program := filepath.Join(work, "wavepass")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/wavepass")
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build wavepass: %w\n%s", err, out)
		}
		return program, nil
	})
	l.hydra = sync.OnceValues(func() (string, error) { return l.buildHydra(ctx) })
	return l, nil
}

// node reports whether the libraries of Node are there.
func (l *lab) node() bool {
	_, err := exec.LookPath(l.nodeProgram())
	return !l.alone && err == nil && exists(filepath.Join(l.peers, "node_modules"))
}

// nodeProgram is the Node that is pinned with the libraries, or else that of the machine.
func (l *lab) nodeProgram() string {
	pinned := filepath.Join(l.peers, "node_modules", "node-"+nodePlatform(), "bin", "node")
	if exists(pinned) {
		return pinned
	}
	return "node"
}

// nodePlatform is what packages of programs for this machine are called.
func nodePlatform() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	return runtime.GOOS + "-" + cmp.Or(arch, runtime.GOARCH)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (l *lab) atEnd(do func()) { l.ends = append(l.ends, do) }

// end ends what was started, the last first.
func (l *lab) end() {
	for _, do := range slices.Backward(l.ends) {
		do()
	}
	l.ends = nil
}

func (l *lab) close() {
	l.end()
	_ = os.RemoveAll(l.work)
}

// machine says on what this runs.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name\t: "); ok {
				model = strings.TrimSpace(name)
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s/%s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
