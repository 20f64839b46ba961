package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// interruptedColabofile is quick on Docker and has something to cut off at every stage.
const interruptedColabofile = `name = "interrupted"
[machine.one]
ports = ["127.0.0.1:28180:80"]
[[machine.one.provision]]
type = "shell"
inline = "sleep 0.3; echo done"
[machine.two]
depends_on = ["one"]
`

// TestInterrupt sends SIGINT to `up` at random moments: it exits with 130 (or was through already), and `destroy` leaves
// nothing. With SIGKILL in its place there is no exit code to look at, and `destroy` leaves nothing all the same. Every second
// pair of rounds has another `up` come to its end first. COLABO_TEST_SEED repeats the moments of a run that failed.
func TestInterrupt(t *testing.T) {
	onEach(t, func(t *testing.T, provider string) {
		rounds, span := 12, 3*time.Second
		if provider == "libvirt" {
			rounds, span = 4, 30*time.Second
		}
		seed := uint64(time.Now().UnixNano())
		if text := os.Getenv("COLABO_TEST_SEED"); text != "" {
			var err error
			if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
				t.Fatalf("COLABO_TEST_SEED: %v", err)
			}
		}
		t.Logf("COLABO_TEST_SEED=%d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		for i := range rounds {
			signal := []os.Signal{os.Interrupt, syscall.SIGKILL}[i%2]
			again := i/2%2 == 1
			after := time.Duration(random.Int64N(int64(span)))
			t.Run(fmt.Sprintf("%s after %s", signal, after.Round(time.Millisecond)), func(t *testing.T) {
				cutOff(t, provider, signal, after, again)
			})
		}
	})
}

// cutOff starts an `up`, sends it the signal after a while, and destroys what there is; with again it runs `up` once more
// before that, which must bring up all that the first one did not.
func cutOff(t *testing.T, provider string, signal os.Signal, after time.Duration, again bool) {
	t.Helper()
	before := inventory(t)
	p := newProject(t, map[string]string{"Colabofile": interruptedColabofile})
	p.env = []string{"COLABO_PROVIDER=" + provider}
	var stderr bytes.Buffer
	cmd := p.command(context.Background(), "up")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		ended <- err
	case <-time.After(after):
		if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	err := <-ended
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && signal == os.Interrupt && exit.ExitCode() != 130 {
		t.Errorf("%s after %s: exit %d, want 130\n%s", signal, after, exit.ExitCode(), stderr.String())
	}
	if t.Failed() || again {
		t.Logf("it was %s after %s:\n%s", signal, after, stderr.String())
	}
	if again {
		p.must("up")
		kinds := map[string][]string{"docker": {"container", "docker network", "socket"}, "libvirt": {"domain", "libvirt network", "libvirt volume", "interface"}}
		checkSeen(t, before, p.dir, kinds[provider]...)
	}
	p.must("destroy", "-f")
	checkNothingLeft(t, before, p.dir)
}
