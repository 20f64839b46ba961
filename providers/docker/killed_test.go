package docker_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/providers"
)

// killedSpec is the variable that makes the test binary create and start a machine, for TestKilled to kill.
const killedSpec = "COLABO_TEST_KILLED_SPEC"

// TestKilledHelper is no test of its own: it is the process that TestKilled kills.
func TestKilledHelper(t *testing.T) {
	text := os.Getenv(killedSpec)
	if text == "" {
		t.Skip("it is run by TestKilled")
	}
	var spec providers.Spec
	must(t, json.Unmarshal([]byte(text), &spec))
	p := open(t)
	must(t, p.Create(t.Context(), spec, func(string) {}))
	must(t, p.Start(t.Context(), spec.ID))
}

// TestKilled kills a process at moments spread over box import, preparation, creation and start. After each one the next
// process brings the machine up, or removes all there is: every second time nothing else is done in between.
func TestKilled(t *testing.T) {
	dockertest.Engine(t)
	const kills = 12
	whole := time.Duration(0)
	for i := range kills + 1 {
		l := newLive(t)
		spec := l.spec("web")
		text, err := json.Marshal(spec)
		must(t, err)
		helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledHelper$")
		// What it leaves of temporary folders goes with this test.
		helper.Env = append(os.Environ(), killedSpec+"="+string(text), "TMPDIR="+t.TempDir())
		begin := time.Now()
		must(t, helper.Start())
		if i == 0 { // how long it takes when nobody interferes
			must(t, helper.Wait())
			whole = time.Since(begin)
			continue
		}
		time.AfterFunc(whole*time.Duration(i)/kills, func() { _ = helper.Process.Kill() })
		_ = helper.Wait()
		if i%2 == 0 {
			if got := output(t, l.up(t, spec), "id", "-un"); got != "colabo" {
				t.Errorf("kill %d: the machine's user is %s", i, got)
			}
		}
		purgeAll(t, l, i)
	}
	t.Logf("%d kills over %v", kills, whole.Round(time.Millisecond))
}

// settleLimit is more than the engine takes to finish what a client asked for that is dead by now. It does that whatever
// became of the client, so that what it makes can appear after a Purge has looked.
const settleLimit = 10 * time.Second

// purgeAll purges until nothing is left, which must be so soon.
func purgeAll(t *testing.T, l *live, kill int) {
	t.Helper()
	var left []string
	for begin := time.Now(); time.Since(begin) < settleLimit; {
		must(t, l.Purge(t.Context(), l.project))
		if left = leftovers(t, l.project); len(left) == 0 {
			return
		}
	}
	t.Errorf("kill %d: after Purge there is %v", kill, left)
}
