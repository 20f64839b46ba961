package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	funtimeFront = "http://127.0.0.1:8080/"
	funtimeAPI   = "http://127.0.0.1:8081/api/attractions"
)

// TestFunTime takes the reference stack through its life on each provider; one boot serves all of it.
func TestFunTime(t *testing.T) {
	onEach(t, func(t *testing.T, provider string) {
		before := inventory(t)
		p := copyProject(t, "../examples/funtime")
		p.env = []string{"COLABO_PROVIDER=" + provider}
		p.keepSecret()
		first := p.must("up", "--debug")
		t.Run("the password is seen nowhere", func(t *testing.T) {
			checkSecret(t, p, first, p.in(t).must("status", "--json"), p.in(t).must("plan", "--json"))
		})
		t.Run("front page shows rows from the database", func(t *testing.T) { checkFront(p.in(t)) })
		t.Run("second up runs nothing", func(t *testing.T) { checkSecondUp(p.in(t)) })
		t.Run("status", func(t *testing.T) { checkStatus(p.in(t), provider) })
		t.Run("exec", func(t *testing.T) { checkExec(p.in(t)) })
		t.Run("ssh", func(t *testing.T) { checkSSH(p.in(t)) })
		t.Run("bad seed", func(t *testing.T) { checkBadSeed(p.in(t)) })
		t.Run("edited seed runs its step alone", func(t *testing.T) { checkEditedSeed(p.in(t)) })
		if provider == "docker" {
			t.Run("a container that somebody removed comes back", func(t *testing.T) { checkRemovedContainer(p.in(t)) })
		}
		if provider == "libvirt" {
			t.Run("cloud-init finds nothing wrong with its data", func(t *testing.T) {
				p.in(t).must("exec", "dev", "-u", "root", "--", "cloud-init", "schema", "--system")
			})
			t.Run("forwards survive their agent's death", func(t *testing.T) { checkAgentKilled(p.in(t)) })
			t.Run("forwards survive a reboot of the guest", func(t *testing.T) { checkGuestReboot(p.in(t)) })
		}
		t.Run("halt and up", func(t *testing.T) { checkHalt(p.in(t)) })
		t.Run("a changed Colabofile is applied", func(t *testing.T) { checkChanges(p.in(t), provider) })
		t.Run("a machine whose .colabo was deleted is taken over", func(t *testing.T) { checkLostState(p.in(t)) })
		p.must("destroy", "-f")
		checkNothingLeft(t, before, p.dir)
	})
}

// get returns a page; an error where it does not answer 200.
func get(url string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// eventually repeats a check until it passes, for what comes back by itself.
func eventually(t *testing.T, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// sql runs a query in FunTime's database, inside the guest.
func (p *project) sql(query string) string {
	p.t.Helper()
	return strings.TrimSpace(p.must("exec", "dev", "-u", "postgres", "--", "psql", "-XAtd", "funtime", "-c", query).stdout)
}

func checkFront(p *project) {
	name := p.sql("SELECT name FROM attraction a JOIN ride r ON r.attraction_id = a.id GROUP BY a.id ORDER BY avg(stars) DESC, a.id LIMIT 1")
	for _, url := range []string{funtimeFront, funtimeAPI} {
		page, err := get(url)
		if err != nil {
			p.t.Fatal(err)
		}
		if name == "" || !strings.Contains(page, name) {
			p.t.Errorf("%s does not show %q, which is in the database:\n%s", url, name, page)
		}
	}
	total := 0
	for _, table := range strings.Fields(p.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")) {
		n, err := strconv.Atoi(p.sql("SELECT count(*) FROM " + table))
		if err != nil {
			p.t.Fatal(err)
		}
		total += n
	}
	if total < 1000 {
		p.t.Errorf("the database has %d rows, want at least 1000", total)
	}
}

func checkSecondUp(p *project) {
	r := p.must("up")
	if strings.Contains(r.stderr, "  step ") {
		p.t.Errorf("a second up runs steps:\n%s", r.stderr)
	}
	if !strings.Contains(r.stderr, "nothing to do") {
		p.t.Errorf("a second up does not say that there was nothing to do:\n%s", r.stderr)
	}
}

// checkLostState deletes the state folder by hand: the machine, and what is on its disk, stay.
func checkLostState(p *project) {
	p.must("exec", "dev", "-u", "root", "--", "touch", "/root/still-here")
	if err := os.RemoveAll(filepath.Join(p.dir, ".colabo")); err != nil {
		p.t.Fatal(err)
	}
	p.must("up")
	p.must("exec", "dev", "-u", "root", "--", "test", "-e", "/root/still-here")
	checkFront(p)
	checkSecondUp(p)
}

func checkStatus(p *project, provider string) {
	var status struct {
		Name, State, Provider, Address string
		Ports                          []struct {
			Host string
			Open bool
		}
	}
	if err := json.Unmarshal([]byte(p.must("status", "--json").stdout), &status); err != nil {
		p.t.Fatal(err)
	}
	if status.Name != "dev" || status.State != "running" || status.Provider != provider || status.Address == "" {
		p.t.Errorf("status = %+v", status)
	}
	for _, port := range status.Ports {
		if !port.Open || !strings.HasPrefix(port.Host, "127.0.0.1:") {
			p.t.Errorf("port %+v, want it open on loopback", port)
		}
	}
}

func checkExec(p *project) {
	p.exits(42, "exec", "dev", "--", "sh", "-c", "exit 42")
	hostile := "a b'c\"d$HOME*\\\n`id`"
	if got := p.must("exec", "dev", "--", "printf", "%s", hostile).stdout; got != hostile {
		p.t.Errorf("an argument arrived as %q, want %q", got, hostile)
	}
	if got := p.must("exec", "dev", "-u", "root", "--", "id", "-u").stdout; got != "0\n" {
		p.t.Errorf("id -u as root = %q", got)
	}
	p.exits(5, "exec", "nosuch", "--", "true")
}

func checkSSH(p *project) {
	if got := p.must("ssh", "--", "id -un; echo $0").stdout; got != "colabo\n/bin/bash\n" {
		p.t.Errorf("ssh -- printed %q", got)
	}
	p.exits(7, "ssh", "dev", "--", "exit 7")
	// A terminal is made by script(1): the shell in the guest then sees one, with the size that was set.
	cmd := exec.Command("script", "-qec", "stty cols 91 rows 33; "+colabo+" ssh", "/dev/null")
	cmd.Dir = p.dir
	cmd.Stdin = strings.NewReader("stty size; tty; exit 3\n")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		p.t.Errorf("an interactive login that ended with 3 exits with %d (%v)\n%s", code, err, out)
	}
	if !strings.Contains(string(out), "33 91") || !strings.Contains(string(out), "/dev/pts/") {
		p.t.Errorf("the login has no terminal of 91x33:\n%s", out)
	}
}

// checkBadSeed edits the seed so that it fails: psql's message with file and line is shown, the machine stays up with
// its old data, and exit code 6 says what it was.
func checkBadSeed(p *project) {
	schema := p.read("db/schema.sql")
	rows := p.sql("SELECT count(*) FROM attraction")
	line := strings.Count(schema, "\n") + 1
	p.write("db/schema.sql", schema+"INSERT INTO nosuch VALUES (1);\n")
	r := p.exits(6, "up")
	if want := fmt.Sprintf("db/schema.sql:%d:", line); !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, `"nosuch" does not exist`) {
		p.t.Errorf("the error does not name %s and psql's message:\n%s", want, r.stderr)
	}
	if got := p.sql("SELECT count(*) FROM attraction"); got != rows {
		p.t.Errorf("after the failed load there are %s attractions, want the %s from before", got, rows)
	}
	p.write("db/schema.sql", schema)
	p.must("up")
}

func checkEditedSeed(p *project) {
	schema := p.read("db/schema.sql")
	p.write("db/schema.sql", schema+"CREATE TABLE added (id int);\n")
	r := p.must("up")
	if strings.Count(r.stderr, "step db ...") != 1 || strings.Contains(r.stderr, "step api") || strings.Contains(r.stderr, "step front") {
		p.t.Errorf("an edited seed ran other steps than db:\n%s", r.stderr)
	}
	if got := p.sql("SELECT count(*) FROM added"); got != "0" {
		p.t.Errorf("the new table is not there: %q", got)
	}
	eventually(p.t, time.Minute, func() error { _, err := get(funtimeFront); return err })
}

// checkRemovedContainer removes the API's container behind colabo's back: `up` starts that again, and nothing else.
func checkRemovedContainer(p *project) {
	var identity struct{ ID string }
	if err := json.Unmarshal([]byte(p.read(".colabo/project.json")), &identity); err != nil {
		p.t.Fatal(err)
	}
	out, err := exec.Command("docker", "ps", "--quiet", "--filter", "label=colabo.step=api", "--filter", "label=colabo.project="+identity.ID).Output()
	id := strings.TrimSpace(string(out))
	if err != nil || id == "" {
		p.t.Fatalf("find the API's container: %q, %v", out, err)
	}
	if out, err := exec.Command("docker", "rm", "--force", id).CombinedOutput(); err != nil {
		p.t.Fatalf("docker rm: %v %s", err, out)
	}
	r := p.must("up")
	if strings.Count(r.stderr, "step api ...") != 1 || strings.Contains(r.stderr, "step front") || strings.Contains(r.stderr, "step db") {
		p.t.Errorf("up did not run the step api alone:\n%s", r.stderr)
	}
	if _, err := get(funtimeAPI); err != nil {
		p.t.Error(err)
	}
}

func checkAgentKilled(p *project) {
	if out, err := exec.Command("pkill", "-KILL", "-f", "forward-agent "+p.dir).CombinedOutput(); err != nil {
		p.t.Fatalf("kill the forward agent: %v %s", err, out)
	}
	eventually(p.t, 10*time.Second, func() error {
		if _, err := get(funtimeFront); err == nil {
			return fmt.Errorf("the front page still answers")
		}
		return nil
	})
	if r := p.must("status"); !strings.Contains(r.stdout, "(closed)") {
		p.t.Errorf("status does not say that the ports are closed:\n%s", r.stdout)
	}
	p.must("up")
	if _, err := get(funtimeFront); err != nil {
		p.t.Error(err)
	}
}

func checkGuestReboot(p *project) {
	boot := p.must("exec", "dev", "--", "cat", "/proc/sys/kernel/random/boot_id").stdout
	p.run("exec", "dev", "-u", "root", "--", "systemctl", "reboot") // the connection may be cut before the answer
	eventually(p.t, 5*time.Minute, func() error {
		if r := p.run("exec", "dev", "--", "cat", "/proc/sys/kernel/random/boot_id"); r.code != 0 || r.stdout == boot {
			return fmt.Errorf("the guest has not come back")
		}
		return nil
	})
	eventually(p.t, 5*time.Minute, func() error { _, err := get(funtimeFront); return err })
}

func checkHalt(p *project) {
	rows := p.sql("SELECT count(*) FROM attraction")
	p.must("halt")
	if r := p.must("status", "--json"); !strings.Contains(r.stdout, `"state":"stopped"`) {
		p.t.Errorf("after halt: %s", r.stdout)
	}
	if _, err := get(funtimeFront); err == nil {
		p.t.Error("after halt the front page still answers")
	}
	p.exits(1, "exec", "dev", "--", "true")
	if r := p.must("up"); strings.Contains(r.stderr, "step ") {
		p.t.Errorf("up after halt runs steps:\n%s", r.stderr)
	}
	if got := p.sql("SELECT count(*) FROM attraction"); got != rows {
		p.t.Errorf("after halt and up there are %s attractions, want %s", got, rows)
	}
	eventually(p.t, time.Minute, func() error { _, err := get(funtimeFront); return err })
}

// checkChanges gives the machine that is there more memory, a larger disk and another host name; what is on its disk stays.
func checkChanges(p *project, provider string) {
	rows := p.sql("SELECT count(*) FROM attraction")
	text := strings.Replace(p.read("Colabofile"), `hostname = "funtime"`, "hostname = \"renamed\"\ndisk = \"12GiB\"", 1)
	p.write("Colabofile", strings.Replace(text, `memory = "1GiB"`, `memory = "1280MiB"`, 1))
	p.exits(2, "plan", "--detailed-exitcode")
	r := p.must("up")
	if !strings.Contains(r.stderr, "hostname funtime -> renamed, memory 1GiB -> 1280MiB") || strings.Contains(r.stderr, "step db") {
		p.t.Errorf("the change was applied by:\n%s", r.stderr)
	}
	if got := strings.TrimSpace(p.must("exec", "dev", "--", "cat", "/proc/sys/kernel/hostname").stdout); got != "renamed" {
		p.t.Errorf("the host name is %q", got)
	}
	if provider == "libvirt" {
		size := strings.TrimSpace(p.must("exec", "dev", "--", "sh", "-c",
			"awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo; df --output=size -BG / | tail -n 1 | tr -dc 0-9").stdout)
		memory, disk, _ := strings.Cut(size, "\n")
		if mebibytes, err := strconv.Atoi(memory); err != nil || mebibytes < 1100 {
			p.t.Errorf("the guest has %s MiB of memory", memory)
		}
		if gibibytes, err := strconv.Atoi(disk); err != nil || gibibytes < 11 {
			p.t.Errorf("the guest's root file system has %s GiB", disk)
		}
	}
	if got := p.sql("SELECT count(*) FROM attraction"); got != rows {
		p.t.Errorf("after the change there are %s attractions, want %s", got, rows)
	}
	eventually(p.t, time.Minute, func() error { _, err := get(funtimeFront); return err })
	p.must("plan", "--detailed-exitcode")
}
