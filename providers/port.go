package providers

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultAddress is where a port is published unless the user says otherwise.
const DefaultAddress = "127.0.0.1"

// maxPortRange is how many ports one text may stand for.
const maxPortRange = 1024

// ParsePorts reads ports as people write them, [ADDRESS:][HOST:]GUEST[/PROTOCOL]:
//
//	8080  8080:80  127.0.0.1:8080:80  [::1]:8080:80  53:53/udp  8000-8005:80-85
//
// A range is as many ports as it names, host and guest of the same length. The error is about the text as a whole.
func ParsePorts(text string) ([]Port, error) {
	body, protocol, found := strings.Cut(text, "/")
	if !found {
		protocol = "tcp"
	}
	if protocol != "tcp" && protocol != "udp" {
		return nil, fmt.Errorf("%q: the protocol is tcp or udp, not %q", text, protocol)
	}
	address, rest, err := cutAddress(body)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	host, guest, found := strings.Cut(rest, ":")
	if !found {
		guest = host
	}
	hostFirst, hostLast, err := parsePortRange(host)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	guestFirst, guestLast, err := parsePortRange(guest)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	if hostLast-hostFirst != guestLast-guestFirst {
		return nil, fmt.Errorf("%q: %d ports of the host for %d of the guest",
			text, hostLast-hostFirst+1, guestLast-guestFirst+1)
	}
	ports := make([]Port, 0, hostLast-hostFirst+1)
	for i := range hostLast - hostFirst + 1 {
		ports = append(ports, Port{Host: hostFirst + i, Guest: guestFirst + i, Address: address, Protocol: protocol})
	}
	return ports, nil
}

// ParseAddress reads an address of the host to publish on: an IP address, without brackets.
func ParseAddress(text string) (string, error) {
	if text == "localhost" {
		return DefaultAddress, nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("%q is not an IP address", text)
	}
	return address.String(), nil
}

// cutAddress takes the address off the front, where there is one.
func cutAddress(body string) (address, rest string, err error) {
	if strings.HasPrefix(body, "[") {
		text, rest, found := strings.Cut(body[1:], "]:")
		if !found {
			return "", "", errors.New("an IPv6 address is written [ADDRESS]:HOST:GUEST")
		}
		address, err := ParseAddress(text)
		return address, rest, err
	}
	switch strings.Count(body, ":") {
	case 0, 1:
		return DefaultAddress, body, nil
	case 2:
		text, rest, _ := strings.Cut(body, ":")
		address, err := ParseAddress(text)
		return address, rest, err
	}
	return "", "", errors.New("want [ADDRESS:]HOST:GUEST[/PROTOCOL], an IPv6 address in [brackets]")
}

// parsePortRange reads "80" or "80-85".
func parsePortRange(text string) (first, last int, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if first, err = parsePort(from); err != nil {
		return 0, 0, err
	}
	if !ranged {
		return first, first, nil
	}
	if last, err = parsePort(to); err != nil {
		return 0, 0, err
	}
	switch {
	case last < first:
		return 0, 0, fmt.Errorf("the range %s ends before it begins", text)
	case last-first >= maxPortRange:
		return 0, 0, fmt.Errorf("the range %s is longer than %d ports", text, maxPortRange)
	}
	return first, last, nil
}

// parsePort reads one port.
func parsePort(text string) (int, error) {
	if text == "" {
		return 0, errors.New("a port is missing")
	}
	for _, r := range text {
		if r < '0' || r > '9' {
			return 0, fmt.Errorf("%q is not a port", text)
		}
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("port %s is not between 1 and 65535", text)
	}
	return port, nil
}
