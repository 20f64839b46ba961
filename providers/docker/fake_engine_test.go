package docker

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/providers"
)

// answer is what the fake engine says to a request, by method and path without the version.
type answer struct {
	status int
	body   string
	until  *atomic.Int32 // given this many times, and 204 from then on; nil: always
}

// fakeEngine opens a provider on an engine that gives those answers, and 200 with an empty list otherwise.
func fakeEngine(t *testing.T, answers map[string]answer) (*Provider, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		path := r.URL.Path
		if rest, found := strings.CutPrefix(path, "/v1.41"); found {
			path = rest
		}
		said, known := answers[r.Method+" "+path]
		if !known {
			said = answer{status: http.StatusOK, body: "[]"}
		}
		if said.until != nil && said.until.Add(-1) < 0 {
			said = answer{status: http.StatusNoContent}
		}
		if said.status == 0 {
			<-r.Context().Done()
			return
		}
		if said.body == "windows" {
			w.Header().Set("Ostype", "windows")
		}
		w.WriteHeader(said.status)
		_, _ = w.Write([]byte(said.body))
	}))
	t.Cleanup(server.Close)
	return Open(t.Context(), providers.Config{Settings: &Settings{Host: "tcp://" + server.Listener.Addr().String()}})
}

// message is an error of the engine.
func message(status int, text string) answer {
	return answer{status: status, body: `{"message":"` + text + `"}`}
}

// TestUnavailable: each way in which an engine can't be used wraps ErrUnavailable and says what to do.
func TestUnavailable(t *testing.T) {
	for name, test := range map[string]struct {
		reason     error
		text, hint string
	}{
		"permission": {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}, "no permission", "docker"},
		"no socket":  {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOENT)}, "not running", "docker"},
		"refused":    {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "not running", "docker"},
		"other":      {fs.ErrInvalid, "invalid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := unusable("unix:///run/docker.sock", test.reason)
			wantUnavailable(t, err, test.text)
			if !strings.Contains(hint.Of(err), test.hint) {
				t.Errorf("the hint is %q", hint.Of(err))
			}
		})
	}
}

func wantUnavailable(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, providers.ErrUnavailable) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want ErrUnavailable with %q", err, text)
	}
}

// TestOpen: an engine that is not there, is not one, hangs, or runs other containers can't be used.
func TestOpen(t *testing.T) {
	t.Run("no socket", func(t *testing.T) {
		_, err := Open(t.Context(), providers.Config{Settings: &Settings{Host: "unix://" + filepath.Join(t.TempDir(), "none")}})
		wantUnavailable(t, err, "not running")
	})
	t.Run("no address", func(t *testing.T) {
		_, err := Open(t.Context(), providers.Config{Settings: &Settings{Host: "nonsense"}})
		wantUnavailable(t, err, "nonsense")
	})
	t.Run("broken", func(t *testing.T) {
		broken := message(http.StatusInternalServerError, "out of order")
		_, err := fakeEngine(t, map[string]answer{"HEAD /_ping": broken, "GET /_ping": broken})
		wantUnavailable(t, err, "out of order")
	})
	t.Run("windows", func(t *testing.T) {
		_, err := fakeEngine(t, map[string]answer{"HEAD /_ping": {status: http.StatusOK, body: "windows"}})
		wantUnavailable(t, err, "windows")
	})
	t.Run("hangs", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = Open(ctx, providers.Config{Settings: &Settings{Host: "tcp://" + listener.Addr().String()}})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline's error", err)
		}
	})
}

// TestCheck: the line about what was found.
func TestCheck(t *testing.T) {
	p, err := fakeEngine(t, map[string]answer{"GET /version": {status: http.StatusOK, body: `{"Version":"20.10.24+dfsg1"}`}})
	if err != nil {
		t.Fatal(err)
	}
	line, err := p.Check(t.Context())
	if err != nil || !strings.HasPrefix(line, "docker 20.10.24, tcp://127.0.0.1:") {
		t.Errorf("Check: %q %v", line, err)
	}
}

// machineList lists one stopped machine.
const machineList = `[{"Id":"c1","Names":["/colabo-x"],"State":"exited","Labels":{"colabo.project":"p","colabo.machine":"web","colabo.role":"machine"}}]`

// TestEngineErrors: what the engine says becomes the sentinel that callers branch on.
func TestEngineErrors(t *testing.T) {
	id := providers.ID{Project: "p", Machine: "web"}
	spec := providers.Spec{ID: id, Image: providers.Image{Reference: "img"}}
	ready := map[string]answer{
		"GET /info":            {status: http.StatusOK, body: `{"NCPU":2,"MemTotal":1000}`},
		"GET /images/img/json": {status: http.StatusOK, body: `{"Id":"sha256:1"}`},
		"GET /images/json":     {status: http.StatusOK, body: `[{"Id":"sha256:2","Labels":{"colabo.init":"stay"}}]`},
		"GET /networks":        {status: http.StatusOK, body: `[{"Id":"n1","Name":"net"}]`},
	}
	create := func(ctx context.Context, p *Provider) error { return p.Create(ctx, spec, func(string) {}) }
	for name, test := range map[string]struct {
		path string
		said answer
		do   func(context.Context, *Provider) error
		want func(error) bool
	}{
		"disk full": {"POST /containers/create", message(500, "mkdir /x: no space left on device"), create,
			func(err error) bool { return errors.Is(err, providers.ErrNoSpace) && hint.Of(err) != "" }},
		"name taken": {"POST /containers/create", message(409, "Conflict. The container name is in use"), create,
			func(err error) bool { return strings.Contains(hint.Of(err), "docker rm -f colabo-project-web-p") }},
		"unknown image": {"GET /images/img/json", message(404, "No such image"), create,
			func(err error) bool { return err != nil && strings.Contains(hint.Of(err), "docker load") }},
		"list fails": {"GET /containers/json", message(500, "boom"),
			func(ctx context.Context, p *Provider) error { _, err := p.List(ctx, ""); return err },
			func(err error) bool { return err != nil && !errors.Is(err, providers.ErrNotFound) }},
		"start of a container that just went": {"POST /containers/c1/start", message(404, "No such container"),
			func(ctx context.Context, p *Provider) error { return p.Start(ctx, id) },
			func(err error) bool { return errors.Is(err, providers.ErrNotFound) }},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string]answer{"POST /images/create": message(404, "pull access denied")}
			for path, said := range ready {
				answers[path] = said
			}
			if strings.HasPrefix(name, "start") {
				answers["GET /containers/json"] = answer{status: http.StatusOK, body: machineList}
				answers["GET /containers/c1/json"] = message(404, "No such container")
			}
			answers[test.path] = test.said
			p, err := fakeEngine(t, answers)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.do(t.Context(), p); !test.want(err) {
				t.Errorf("got %v, hint %q", err, hint.Of(err))
			}
		})
	}
}

// TestPortTaken: the two ways in which an engine says that a port is taken name the port.
func TestPortTaken(t *testing.T) {
	for name, text := range map[string]string{
		"another container": "driver failed: Bind for 127.0.0.1:1 failed: port is already allocated",
		"a process":         "driver failed: listen tcp4 127.0.0.1:1: bind: address already in use",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := fakeEngine(t, map[string]answer{
				"GET /containers/json":      {status: http.StatusOK, body: machineList},
				"POST /containers/c1/start": message(500, text),
				"GET /containers/c1/json": {status: http.StatusOK, body: `{"Id":"c1","State":{"Status":"created"},"NetworkSettings":{},"HostConfig":{"PortBindings":{
					"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"10"}],"81/tcp":[{"HostIp":"127.0.0.1","HostPort":"1"}]}}}`},
			})
			if err != nil {
				t.Fatal(err)
			}
			p.portPatience = 0
			err = p.Start(t.Context(), providers.ID{Project: "p", Machine: "web"})
			busy, ok := errors.AsType[*hostport.BusyError](err)
			if !ok || busy.Address != "127.0.0.1:1" || !strings.Contains(hint.Of(err), "81") {
				t.Errorf("got %v, hint %q", err, hint.Of(err))
			}
		})
	}
}

// TestStates: how containers are machines.
func TestStates(t *testing.T) {
	for state, want := range map[string]providers.State{
		"created": providers.Stopped, "exited": providers.Stopped, "running": providers.Running, "restarting": providers.Running,
		"paused": providers.Paused, "dead": providers.Broken, "removing": providers.Broken,
	} {
		p, err := fakeEngine(t, map[string]answer{
			"GET /containers/json":    {status: http.StatusOK, body: strings.Replace(machineList, "exited", state, 1)},
			"GET /containers/c1/json": {status: http.StatusOK, body: `{"State":{"Status":"` + state + `","OOMKilled":true,"ExitCode":137}}`},
		})
		if err != nil {
			t.Fatal(err)
		}
		status, err := p.Inspect(t.Context(), providers.ID{Project: "p", Machine: "web"})
		if err != nil || status.State != want {
			t.Errorf("%s: %+v %v, want %s", state, status, err, want)
		}
		if state == "exited" && !strings.Contains(status.Detail, "memory") {
			t.Errorf("%s: detail %q", state, status.Detail)
		}
	}
}
