package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/providers"
)

// autoCorrectSpan is how far auto_correct looks for a free port above the one that was asked for.
const autoCorrectSpan = 100

// takePorts settles the host's port of each wanted one, before anything is made: a port that is taken is an error for
// each of them, or the next free one with auto_correct. Ports that the machine holds already are not looked at.
func takePorts(want *desired, have *observed, todo plan) (map[string][]providers.Port, error) {
	taken := map[string][]providers.Port{}
	var used []providers.Port
	var problems []error
	for i, machine := range want.machines {
		held := heldPorts(machine, have)
		fixed := machine.features.PublishesPorts && have.machines[machine.name].status != nil && !todo[i].modifies()
		for _, port := range machine.ports {
			if _, same := heldFor(port, held); fixed && !same {
				continue // the machine was made with other ports, and keeps them for now
			}
			chosen, err := takePort(port, held, used)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s:%d:%d: machine %s: %w",
					port.pos.File, port.pos.Line, port.pos.Column, machine.name, err))
				continue
			}
			taken[machine.name] = append(taken[machine.name], chosen)
			used = append(used, chosen)
		}
	}
	return taken, errors.Join(problems...)
}

// heldPorts are the host's ports that are the machine's own: those its provider made it with, or those that are forwarded
// to it now.
func heldPorts(machine *desiredMachine, have *observed) []providers.Port {
	seen := have.machines[machine.name]
	if machine.features.PublishesPorts && seen.status != nil {
		return seen.status.Ports
	}
	if !seen.running() || seen.record == nil {
		return nil
	}
	open := listening(have.forwards, machine.name)
	return slices.DeleteFunc(slices.Clone(seen.record.Ports), func(p providers.Port) bool {
		return !slices.Contains(open, hostAddress(p))
	})
}

// heldFor finds the port that the machine already has for a wanted one.
func heldFor(want wantedPort, held []providers.Port) (providers.Port, bool) {
	for _, port := range held {
		same := port.Guest == want.Guest && port.Protocol == want.Protocol && port.Address == want.Address
		if same && (port.Host == want.Host || want.autoCorrect) {
			return port, true
		}
	}
	return providers.Port{}, false
}

func takePort(want wantedPort, held, used []providers.Port) (providers.Port, error) {
	if port, ok := heldFor(want, held); ok {
		return port, nil
	}
	port := want.Port
	first := portFree(port, used)
	for err := first; err != nil; err = portFree(port, used) {
		port.Host++
		if !want.autoCorrect || port.Host > want.Host+autoCorrectSpan || port.Host > 65535 {
			return port, hint.New(first, "end what listens there, take another port, or set auto_correct = true")
		}
	}
	return port, nil
}

func portFree(port providers.Port, used []providers.Port) error {
	for _, other := range used {
		if other.Host == port.Host && other.Protocol == port.Protocol && other.Address == port.Address {
			return fmt.Errorf("port %s is wanted twice", hostAddress(port))
		}
	}
	return hostport.Free(port.Protocol, hostAddress(port))
}

func hostAddress(port providers.Port) string {
	return net.JoinHostPort(port.Address, strconv.Itoa(port.Host))
}

// guestAddress is where a forward dials inside the guest.
func guestAddress(port providers.Port) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port.Guest))
}
