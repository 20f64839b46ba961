package docker

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/providers"
)

// TestStartWaitsForTheEnginesPort: a port that no container and no process has is the engine's own, and waited for.
func TestStartWaitsForTheEnginesPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	refused := message(http.StatusInternalServerError, "Bind for 127.0.0.1:"+strconv.Itoa(port)+" failed: port is already allocated")
	refused.until = new(atomic.Int32)
	refused.until.Store(3)
	p, err := fakeEngine(t, map[string]answer{
		"GET /containers/json":      {status: http.StatusOK, body: machineList},
		"POST /containers/c1/start": refused,
		"GET /containers/c1/json": {status: http.StatusOK, body: `{"Id":"c1","State":{"Status":"created"},"NetworkSettings":{},
			"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"` + strconv.Itoa(port) + `"}]}}}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.portPatience = time.Minute
	if err := p.startPatiently(t.Context(), found{container: "c1"}, "start machine web"); err != nil {
		t.Error(err)
	}
	if left := refused.until.Load(); left >= 0 {
		t.Errorf("%d more tries would have been refused", left)
	}
}

// TestEnginesOwn: only what may be the engine's own is waited for.
func TestEnginesOwn(t *testing.T) {
	for owner, want := range map[string]bool{
		"": true, "docker-proxy (pid 7)": true, "nginx (pid 7)": false, "container colabo-x": false, "docker-proxy-not (pid 7)": false,
	} {
		if got := enginesOwn(&hostport.BusyError{Owner: owner}); got != want {
			t.Errorf("%q: %v", owner, got)
		}
	}
}

// TestPortsOfStopped: a machine that does not run has the ports that it will publish, also while it is being started.
func TestPortsOfStopped(t *testing.T) {
	for _, state := range []string{"created", "exited"} {
		p, err := fakeEngine(t, map[string]answer{
			"GET /containers/json": {status: http.StatusOK, body: strings.Replace(machineList, "exited", state, 1)},
			"GET /containers/c1/json": {status: http.StatusOK, body: `{"State":{"Status":"` + state + `"},"HostConfig":{"PortBindings":{
				"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"},{"HostIp":"127.0.0.1","HostPort":"0"}],"53/udp":[{"HostIp":"","HostPort":"5353"}]}}}`},
		})
		if err != nil {
			t.Fatal(err)
		}
		status, err := p.Inspect(t.Context(), providers.ID{Project: "p", Machine: "web"})
		want := []providers.Port{
			{Host: 5353, Guest: 53, Address: "0.0.0.0", Protocol: "udp"}, {Host: 8080, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"},
		}
		if err != nil || !slices.Equal(status.Ports, want) {
			t.Errorf("%s: ports %v, %v", state, status.Ports, err)
		}
	}
}

// TestAddressAdvice: an address that can't be read comes with what to do where it is from.
func TestAddressAdvice(t *testing.T) {
	t.Setenv("DOCKER_HOST", "garbage")
	for configured, want := range map[string]string{"": "DOCKER_HOST", "nonsense": "[provider.docker]"} {
		_, err := Open(t.Context(), providers.Config{Settings: &Settings{Host: configured}})
		wantUnavailable(t, err, "")
		if !strings.Contains(hint.Of(err), want) {
			t.Errorf("host %q: hint %q", configured, hint.Of(err))
		}
	}
}
