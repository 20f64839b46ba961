package docker_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/docker"
)

// modified is a machine whose container is made anew in a test.
type modified struct {
	t    *testing.T
	p    *docker.Provider
	spec providers.Spec
}

func newModified(t *testing.T) *modified {
	t.Helper()
	dockertest.Engine(t)
	h := harness(t, toolsBox(t))
	m := &modified{t: t, p: open(t), spec: providers.Spec{
		ID:          providers.ID{Project: dockertest.Unique("modify"), Machine: "web"},
		ProjectName: "modify", ProjectDir: t.TempDir(), Hostname: "web", User: "colabo", Image: h.Image,
	}}
	t.Cleanup(func() { m.do("purge", m.p.Purge(context.Background(), m.spec.Project)) })
	m.do("create", m.p.Create(t.Context(), m.spec, func(string) {}))
	return m
}

// end removes the machine: nothing of it stays, no image that was kept either.
func (m *modified) end() {
	m.t.Helper()
	m.do("destroy", m.p.Destroy(m.t.Context(), m.spec.ID))
	m.do("purge", m.p.Purge(m.t.Context(), m.spec.Project))
	if left := leftovers(m.t, m.spec.Project); len(left) > 0 {
		m.t.Errorf("left behind: %v", left)
	}
}

func (m *modified) do(operation string, err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", operation, err)
	}
}

// run runs a script in the machine, which is started for it, and stops it again.
func (m *modified) run(script string) string {
	m.t.Helper()
	m.do("start", m.p.Start(m.t.Context(), m.spec.ID))
	g, err := m.p.OpenGuest(m.t.Context(), m.spec.ID, "colabo")
	m.do("open guest", err)
	defer g.Close()
	var out strings.Builder
	m.do(script, g.Run(m.t.Context(), guest.Command{Argv: []string{"sh", "-c", script}, User: "root", Stdout: &out, Stderr: &out}))
	m.do("stop", m.p.Stop(m.t.Context(), m.spec.ID, 0))
	return strings.TrimSpace(out.String())
}

// docker runs the engine's own tool.
func (m *modified) docker(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (m *modified) containers() []string {
	return strings.Fields(m.docker("ps", "--all", "--format", "{{.Names}}", "--filter", "label=colabo.project="+m.spec.Project))
}

// TestRebuildKeepsTheFileSystem changes again and again what the engine fixes when it makes a container.
func TestRebuildKeepsTheFileSystem(t *testing.T) {
	m := newModified(t)
	m.run("echo kept > /root/file")
	for i, hostname := range []string{"one", "two", "three"} {
		m.spec.Hostname, m.spec.Digest = hostname, "sha256:"+hostname
		m.spec.Env = map[string]string{"NAME": hostname}
		m.spec.Ports = []providers.Port{{Host: 28080 + i, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"}}
		m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
		if got := m.run("cat /root/file /etc/hostname; echo $NAME"); got != "kept\n"+hostname+"\n"+hostname {
			t.Errorf("after change %d the machine says %q", i, got)
		}
		status, err := m.p.Inspect(t.Context(), m.spec.ID)
		m.do("inspect", err)
		if status.Digest != m.spec.Digest || len(status.Ports) != 1 || status.Ports[0].Host != 28080+i {
			t.Errorf("after change %d the status is %+v", i, status)
		}
	}
	if all := m.containers(); len(all) != 1 {
		t.Errorf("there are the containers %v", all)
	}
	m.end()
}

// TestRebuildCutOff leaves what a kill leaves at each step of it: the machine is there, with its data, and the next call brings
// it to its end.
func TestRebuildCutOff(t *testing.T) {
	for name, cut := range map[string]func(m *modified, container string){
		"after the commit": func(m *modified, container string) {
			m.docker("commit", "--change", "LABEL colabo.role=kept", "--change", "LABEL colabo.prepared=", container)
		},
		"after the rename": func(m *modified, container string) {
			m.docker("rename", container, container+"-replaced")
		},
		"after the new container": func(m *modified, container string) {
			m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
			m.docker("commit", container, "cut-off-"+m.spec.Project)
			m.docker("create", "--name", container+"-replaced", "--label", "colabo.project="+m.spec.Project, "--label", "colabo.machine=web",
				"--label", "colabo.role=machine", "cut-off-"+m.spec.Project)
			m.docker("rmi", "--force", "--no-prune", "cut-off-"+m.spec.Project)
			m.spec.Hostname = "third"
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModified(t)
			m.run("echo kept > /root/file")
			m.spec.Hostname = "changed"
			cut(m, m.containers()[0])
			if list, err := m.p.List(t.Context(), m.spec.Project); err != nil || len(list) != 1 {
				t.Errorf("the list is %v (%v)", list, err)
			}
			if got := m.run("cat /root/file"); got != "kept" {
				t.Errorf("before it goes on, the file is %q", got)
			}
			m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
			if got := m.run("cat /root/file /etc/hostname"); got != "kept\n"+m.spec.Hostname {
				t.Errorf("after it went on, the machine says %q", got)
			}
			if all := m.containers(); len(all) != 1 {
				t.Errorf("there are the containers %v", all)
			}
			m.end()
		})
	}
}

// TestLiveChangesOfARunningMachine: memory and processors, also by somebody else's hand, and a network that it was taken off.
func TestLiveChangesOfARunningMachine(t *testing.T) {
	m := newModified(t)
	m.do("start", m.p.Start(t.Context(), m.spec.ID))
	pid := func() string { return m.docker("inspect", "--format", "{{.State.Pid}}", m.containers()[0]) }
	differs := func() map[string]string {
		found, err := m.p.Differs(t.Context(), m.spec)
		m.do("differs", err)
		return found
	}
	before := pid()
	m.spec.Memory, m.spec.CPUs = 256<<20, 1
	m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
	if got := m.docker("inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", m.containers()[0]); got != "268435456 1000000000" {
		t.Errorf("the engine has %s", got)
	}
	m.docker("update", "--memory", "300m", "--memory-swap", "600m", m.containers()[0])
	m.docker("network", "disconnect", "--force", m.docker("network", "ls", "--quiet", "--filter", "label=colabo.project="+m.spec.Project), m.containers()[0])
	if found := differs(); found["memory"] != "is 300MiB, not 256MiB" || found["network"] == "" || len(found) != 2 {
		t.Errorf("what somebody else changed: %v", found)
	}
	m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
	if found := differs(); len(found) > 0 {
		t.Errorf("after it was mended: %v", found)
	}
	m.spec.Memory, m.spec.CPUs = 0, 0
	m.do("modify", m.p.Modify(t.Context(), m.spec, func(string) {}))
	if found := differs(); len(found) > 0 {
		t.Errorf("without limits: %v", found)
	}
	if after := pid(); after != before {
		t.Errorf("the machine was started again: pid %s, then %s", before, after)
	}
	m.end()
}
