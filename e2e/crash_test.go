package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/event"
)

// crashSite is a place where `up` is killed.
type crashSite struct {
	provider string
	rounds   int // without COLABO_TEST_KILLS
	files    func(t *testing.T, port int) map[string]string
	// events is how many lines of --json a whole `up` prints, about; full is how long it takes, measured when 0.
	events int
	full   time.Duration
	// ups: every so manyth round goes on with another `up`; the others destroy at once.
	ups int
	// aside: rounds run at the same time as others.
	aside bool
}

// TestCrash kills `colabo up` with SIGKILL at random moments: half of them anywhere in its time, half of them just after one of its
// events. Whatever was under way then, every state file can be read, `status` answers, and then either another `up` brings all
// to what the Colabofile says, no step's effect there twice but that of one that was cut off, and a third finds nothing to do;
// or `destroy` leaves nothing.
//
// COLABO_TEST_KILLS is the number of kills, COLABO_TEST_SEED repeats the moments of a run that failed.
func TestCrash(t *testing.T) {
	idle := sync.OnceValue(func() []byte { return buildIdle(t) })
	sites := []crashSite{
		{provider: "fake", rounds: 200, files: fakeCrashFiles, events: 45, ups: 2, aside: true},
		{provider: "docker", rounds: 24, events: 60, ups: 2, aside: true, files: func(_ *testing.T, port int) map[string]string {
			return dockerCrashFiles(port, idle())
		}},
		{provider: "libvirt", rounds: 4, files: libvirtCrashFiles, events: 14, full: 20 * time.Second, ups: 5},
	}
	for _, site := range sites {
		t.Run(site.provider, func(t *testing.T) {
			if site.provider != "fake" {
				need(t, site.provider)
			}
			site.run(t)
		})
	}
}

// crashSteps are the provision steps of one machine. Each leaves a line more in root's file "steps" at each of its runs.
func crashSteps(machine string, names ...string) string {
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, `[[machine.%s.provision]]
type = "shell"
name = %q
inline = "echo %s >>~/steps; sleep 0.1; echo %s is done"
`, machine, name, name, name)
	}
	return text.String()
}

func fakeCrashFiles(_ *testing.T, port int) map[string]string {
	text := "[provider]\nuse = \"fake\"\n[provider.fake]\npublishes_ports = true\n[defaults]\nbox = \"docker://scratch\"\n" +
		fmt.Sprintf("[machine.db]\nports = [\"%d:5432\"]\n", port) + crashSteps("db", "schema", "seed") +
		"[[machine.db.check]]\ncommand = [\"true\"]\n" +
		"[machine.api]\ndepends_on = [\"db\"]\n" + crashSteps("api", "install", "configure") +
		"[machine.web]\ndepends_on = [\"api\"]\n" + crashSteps("web", "pages") +
		"[machine.jobs]\n" + crashSteps("jobs", "queue")
	return map[string]string{"Colabofile": text}
}

func dockerCrashFiles(port int, idle []byte) map[string]string {
	text := "provider = \"docker\"\n" +
		fmt.Sprintf("[machine.db]\nports = [\"%d:5432\"]\n", port) + crashSteps("db", "schema", "seed") +
		"[[machine.db.check]]\ncommand = [\"true\"]\n" +
		"[machine.api]\ndepends_on = [\"db\"]\n" + crashSteps("api", "install") +
		"[[machine.api.provision]]\ntype = \"container\"\nname = \"app\"\nbuild = \"app\"\n" + crashSteps("api", "configure") +
		"[machine.jobs]\n" + crashSteps("jobs", "queue")
	return map[string]string{
		"Colabofile": text, "app/Dockerfile": "FROM scratch\nCOPY idle /idle\nENTRYPOINT [\"/idle\"]\n", "app/idle": string(idle),
	}
}

func libvirtCrashFiles(_ *testing.T, port int) map[string]string {
	text := "provider = \"libvirt\"\n" +
		fmt.Sprintf("[machine.db]\nmemory = \"512MiB\"\nports = [\"%d:22\"]\n", port) + crashSteps("db", "schema", "seed")
	return map[string]string{"Colabofile": text}
}

// buildIdle builds the program of the app container.
func buildIdle(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "idle")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./testdata/idle")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the app container's program: %v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// crashCounts are what came of the rounds.
type crashCounts struct {
	mu                                          sync.Mutex
	killed, through, ups, destroys, again, fail int
	stages                                      map[string]int // kills by what was under way
}

func (c *crashCounts) String() string {
	var stages []string
	for _, name := range slices.Sorted(maps.Keys(c.stages)) {
		stages = append(stages, fmt.Sprintf("%s %d", name, c.stages[name]))
	}
	return fmt.Sprintf("%d kills while it ran (%s), %d came too late; then %d times up (%d steps cut off and run again), "+
		"%d times destroy; %d rounds failed", c.killed, strings.Join(stages, ", "), c.through, c.ups, c.again, c.destroys, c.fail)
}

// crashPorts gives each round a port of its own.
var crashPorts atomic.Int64

func (s crashSite) run(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("COLABO_TEST_SEED"); text != "" {
		seed = parseNumber(t, "COLABO_TEST_SEED", text)
	}
	if text := os.Getenv("COLABO_TEST_KILLS"); text != "" {
		s.rounds = int(parseNumber(t, "COLABO_TEST_KILLS", text))
	}
	if s.full == 0 {
		s.full = s.measure(t)
	}
	t.Logf("COLABO_TEST_SEED=%d; a whole up takes %s", seed, s.full.Round(time.Millisecond))
	counts := &crashCounts{stages: map[string]int{}}
	random := rand.New(rand.NewPCG(seed, 0))
	t.Run("kills", func(t *testing.T) {
		for i := range s.rounds {
			round := crashRound{site: s, counts: counts, wholeGroup: i/2%2 == 1, again: i%s.ups == 0}
			round.after = time.Duration(random.Int64N(int64(s.full)))
			if i/4%2 == 1 {
				round.events = 1 + random.IntN(s.events)
				round.after = time.Duration(random.Int64N(int64(30 * time.Millisecond)))
			}
			t.Run(fmt.Sprintf("%d %s", i, round.moment()), func(t *testing.T) {
				if s.aside {
					t.Parallel()
				}
				round.run(t)
			})
		}
	})
	t.Logf("%s: %s", s.provider, counts)
	if counts.killed < s.rounds*3/4 {
		t.Errorf("only %d of %d kills came while `up` ran: the test has lost its point", counts.killed, s.rounds)
	}
}

func parseNumber(t *testing.T, name, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// project is a new project of the site; fake is the Fake's folder, if it is there.
func (s crashSite) project(t *testing.T) (p *project, fake string) {
	t.Helper()
	p = newProject(t, s.files(t, 21000+int(crashPorts.Add(1))))
	if err := os.Chmod(filepath.Join(p.dir, "app", "idle"), 0o755); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if s.provider == "fake" {
		fake = p.onFake(t)
		p.env = append(p.env, "COLABO_FAKE_DELAY=create:*:60ms,start:*:60ms,guest:*:20ms")
	}
	return p, fake
}

// measure is how long a whole `up` takes. It also makes what all projects share, such as the provider's copy of the box.
func (s crashSite) measure(t *testing.T) time.Duration {
	t.Helper()
	p, _ := s.project(t)
	p.must("up")
	p.must("destroy", "-f")
	took := p.must("up").took
	p.must("destroy", "-f")
	return took
}

// crashRound is one kill and what comes after it.
type crashRound struct {
	site       crashSite
	counts     *crashCounts
	events     int // this many events are awaited first; 0 counts from the start
	after      time.Duration
	wholeGroup bool // what colabo started is killed too
	again      bool // `up` comes after it, else `destroy`
}

func (r crashRound) moment() string {
	after := r.after.Round(time.Millisecond).String()
	if r.events > 0 {
		return fmt.Sprintf("%s after event %d", after, r.events)
	}
	return "after " + after
}

func (r crashRound) run(t *testing.T) {
	before := inventory(t)
	p, fake := r.site.project(t)
	seen := r.kill(t, p)
	defer func() {
		r.count(t, seen)
		if t.Failed() {
			t.Logf("it was killed in %q, after:\n%s", seen.stages(), seen.text())
		}
	}()
	checkStateFiles(t, p.dir)
	p.must("status")
	if r.again {
		done := journals(t, p.dir)
		p.must("up")
		r.checkSteps(t, p, seen, done)
		if second := p.must("up"); !strings.Contains(second.stderr, "nothing to do") {
			t.Errorf("another up has something to do:\n%s", second.stderr)
		}
	}
	p.must("destroy", "-f")
	checkNothingLeft(t, before, p.dir)
	if fake != "" {
		checkFakeEmpty(t, fake)
	}
}

func (r crashRound) count(t *testing.T, seen *crashed) {
	c := r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen.killed {
		c.killed++
		for _, stage := range seen.stages() {
			c.stages[stage]++
		}
	} else {
		c.through++
	}
	if r.again {
		c.ups++
	} else {
		c.destroys++
	}
	if t.Failed() {
		c.fail++
	}
}

// crashed is how an `up` went until it was killed.
type crashed struct {
	killed  bool
	events  []event.Event
	trouble bytes.Buffer // its stderr
}

// kill starts an `up` and kills it at the round's moment.
func (r crashRound) kill(t *testing.T, p *project) *crashed {
	t.Helper()
	seen := &crashed{}
	cmd := p.command(context.Background(), "up", "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = &seen.trouble
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enough, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		seen.read(stdout, r.events, enough)
	}()
	if r.events > 0 {
		select {
		case <-enough:
		case <-ended:
		}
	}
	select {
	case <-ended:
	case <-time.After(r.after):
	}
	target := cmd.Process.Pid
	if r.wholeGroup {
		target = -target
	}
	_ = syscall.Kill(target, syscall.SIGKILL) // it may be through
	<-ended
	_ = cmd.Wait()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	seen.killed = status.Signaled()
	if !seen.killed && cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("before it was killed, up ended with %d\n%s", cmd.ProcessState.ExitCode(), seen.text())
	}
	return seen
}

// read keeps the events that an `up` prints; enough is closed after some of them.
func (c *crashed) read(from io.Reader, some int, enough chan bool) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil { // cut off in its middle
			continue
		}
		c.events = append(c.events, e)
		if len(c.events) == some {
			close(enough)
		}
	}
}

func (c *crashed) text() string {
	var text strings.Builder
	for _, e := range c.events {
		fmt.Fprintf(&text, "%s %s %s %s\n", e.Type, e.Machine, e.Stage, e.Text)
	}
	return text.String() + c.trouble.String()
}

// stages are the stages that were under way, without the names of steps.
func (c *crashed) stages() []string {
	open := map[string]string{}
	for _, e := range c.events {
		switch e.Type {
		case event.Begin:
			open[e.Machine], _, _ = strings.Cut(e.Stage, " ")
		case event.Done, event.Failed:
			delete(open, e.Machine)
		}
	}
	names := slices.Compact(slices.Sorted(maps.Values(open)))
	if len(names) == 0 {
		names = []string{cmp.Or(map[bool]string{true: "before the first stage"}[len(c.events) == 0], "between stages")}
	}
	return names
}

// began says whether a machine's step was begun.
func (c *crashed) began(machine, step string) bool {
	return slices.ContainsFunc(c.events, func(e event.Event) bool {
		return e.Type == event.Begin && e.Machine == machine && e.Stage == "step "+step
	})
}

// checkStateFiles reads every file of the state folder as a reader of its kind would.
func checkStateFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, ".colabo"), func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) { // nothing was written yet
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".gitignore":
			// the temporary file of a write that was cut off: nobody reads it
		case filepath.Ext(path) == ".json" && !json.Valid(content):
			t.Errorf("%s is no JSON: %q", path, content)
		case filepath.Base(filepath.Dir(path)) == "keys":
			checkKey(t, path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// checkKey has OpenSSH read a key.
func checkKey(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", "-l", "-f", path).CombinedOutput(); err != nil {
		t.Errorf("%s can't be read: %v %s", path, err, out)
	}
}

// journals are the steps that the records of all machines have as done, "MACHINE/STEP".
func journals(t *testing.T, dir string) map[string]bool {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(dir, ".colabo", "machines", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]bool{}
	for _, path := range records {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var record struct {
			Name    string
			Journal []struct{ Step string }
		}
		if err := json.Unmarshal(content, &record); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, entry := range record.Journal {
			done[record.Name+"/"+entry.Step] = true
		}
	}
	return done
}

// checkSteps counts the lines that the steps left. One that the journal had as done before, or that was never begun, has run
// once by now; one that was cut off may have run twice.
func (r crashRound) checkSteps(t *testing.T, p *project, seen *crashed, done map[string]bool) {
	t.Helper()
	for name := range journals(t, p.dir) {
		machine, step, _ := strings.Cut(name, "/")
		if step == "app" { // the container, which `up` looks for itself
			continue
		}
		ran := 0
		for line := range strings.Lines(p.must("exec", machine, "-u", "root", "--", "sh", "-c", "cat ~/steps").stdout) {
			if strings.TrimSpace(line) == step {
				ran++
			}
		}
		cutOff := seen.began(machine, step) && !done[name]
		if ran == 2 && cutOff {
			r.counts.mu.Lock()
			r.counts.again++
			r.counts.mu.Unlock()
			continue
		}
		if ran != 1 {
			t.Errorf("step %s of %s ran %d times (cut off: %v, done before: %v)", step, machine, ran, cutOff, done[name])
		}
	}
}
