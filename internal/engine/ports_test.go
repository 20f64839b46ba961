package engine

import (
	"errors"
	"net"
	"reflect"
	"testing"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// busyPort listens on a port of loopback for the test's time.
func busyPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

func port(host int) providers.Port {
	return providers.Port{Host: host, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"}
}

// portMachine is a machine that wants one port, and what there is of it.
func portMachine(want wantedPort, publishes bool, have observedMachine, agent forward.Status) (*desired, *observed) {
	machine := &desiredMachine{
		name: "dev", config: &colabofile.Machine{Name: "dev"}, ports: []wantedPort{want},
		features: providers.Features{PublishesPorts: publishes},
	}
	return &desired{machines: []*desiredMachine{machine}},
		&observed{machines: map[string]observedMachine{"dev": have}, forwards: agent}
}

func TestBusyPortIsAnErrorBeforeAnythingIsMade(t *testing.T) {
	want, have := portMachine(wantedPort{Port: port(busyPort(t))}, true, observedMachine{}, forward.Status{})
	_, err := takePorts(want, have, plan{{}})
	if _, busy := errors.AsType[*hostport.BusyError](err); !busy {
		t.Errorf("takePorts = %v, want a BusyError", err)
	}
}

func TestAutoCorrectTakesTheNextFreePort(t *testing.T) {
	busy := busyPort(t)
	want, have := portMachine(wantedPort{Port: port(busy), autoCorrect: true}, true, observedMachine{}, forward.Status{})
	taken, err := takePorts(want, have, plan{{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := taken["dev"][0].Host; got <= busy || got > busy+autoCorrectSpan {
		t.Errorf("instead of %d it took %d", busy, got)
	}
}

func TestPortsThatTheProviderMadeAreKept(t *testing.T) {
	made := port(busyPort(t)) // taken by the machine itself, for all we know
	for _, state := range []providers.State{providers.Running, providers.Stopped} {
		have := observedMachine{status: &providers.Status{State: state, Ports: []providers.Port{made}}}
		asked := wantedPort{Port: port(made.Host - 1), autoCorrect: true}
		want, seen := portMachine(asked, true, have, forward.Status{})
		taken, err := takePorts(want, seen, plan{{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := taken["dev"]; !reflect.DeepEqual(got, []providers.Port{made}) {
			t.Errorf("%s: it took %v, want what it was made with, %v", state, got, made)
		}
	}
}

func TestForwardedPortsAreTheMachinesOwnWhileTheAgentListens(t *testing.T) {
	own := port(busyPort(t))
	have := observedMachine{
		record: &state.Machine{Name: "dev", Ports: []providers.Port{own}},
		status: &providers.Status{State: providers.Running},
	}
	agent := forward.Status{Forwards: []forward.Forward{{Machine: "dev", Listen: hostAddress(own)}}}
	want, seen := portMachine(wantedPort{Port: own}, false, have, agent)
	if _, err := takePorts(want, seen, plan{{}}); err != nil {
		t.Errorf("the machine's own forward is in its way: %v", err)
	}
	// The agent is gone, and somebody else has the port.
	want, seen = portMachine(wantedPort{Port: own}, false, have, forward.Status{})
	if _, err := takePorts(want, seen, plan{{}}); err == nil {
		t.Error("a port that somebody else has was taken")
	}
}

func TestTwoMachinesDoNotGetOnePort(t *testing.T) {
	want, have := portMachine(wantedPort{Port: port(1), autoCorrect: true}, true, observedMachine{}, forward.Status{})
	free := busyPort(t) + 1
	want.machines[0].ports = []wantedPort{
		{Port: port(free), autoCorrect: true},
		{Port: providers.Port{Host: free, Guest: 81, Address: "127.0.0.1", Protocol: "tcp"}, autoCorrect: true},
	}
	taken, err := takePorts(want, have, plan{{}})
	if err != nil {
		t.Fatal(err)
	}
	if taken["dev"][0].Host == taken["dev"][1].Host {
		t.Errorf("both got %d", taken["dev"][0].Host)
	}
}
