package providers

import (
	"fmt"
	"testing"
)

func TestParsePorts(t *testing.T) {
	for text, want := range map[string]string{
		"8080":                "127.0.0.1:8080:8080/tcp",
		"8080:80":             "127.0.0.1:8080:80/tcp",
		"8080:80/udp":         "127.0.0.1:8080:80/udp",
		"127.0.0.1:8080:80":   "127.0.0.1:8080:80/tcp",
		"0.0.0.0:8080:80/tcp": "0.0.0.0:8080:80/tcp",
		"localhost:8080:80":   "127.0.0.1:8080:80/tcp",
		"[::1]:8080:80":       "::1:8080:80/tcp",
		"[::1]:8080":          "::1:8080:8080/tcp",
		"8000-8002:80-82":     "127.0.0.1:8000:80/tcp 127.0.0.1:8001:81/tcp 127.0.0.1:8002:82/tcp",
		"8000-8001":           "127.0.0.1:8000:8000/tcp 127.0.0.1:8001:8001/tcp",

		"":                  `"": a port is missing`,
		":80":               `":80": a port is missing`,
		"8080:":             `"8080:": a port is missing`,
		"web:80":            `"web:80": "web" is not a port`,
		"+80":               `"+80": "+80" is not a port`,
		"0:80":              `"0:80": port 0 is not between 1 and 65535`,
		"8080:65536":        `"8080:65536": port 65536 is not between 1 and 65535`,
		"99999999999999999": `"99999999999999999": port 99999999999999999 is not between 1 and 65535`,
		"8080:80/sctp":      `"8080:80/sctp": the protocol is tcp or udp, not "sctp"`,
		"8080:80/":          `"8080:80/": the protocol is tcp or udp, not ""`,
		"example.org:80:80": `"example.org:80:80": "example.org" is not an IP address`,
		"::1:8080:80":       `"::1:8080:80": want [ADDRESS:]HOST:GUEST[/PROTOCOL], an IPv6 address in [brackets]`,
		"[::1:8080:80":      `"[::1:8080:80": an IPv6 address is written [ADDRESS]:HOST:GUEST`,
		"8000-8002:80":      `"8000-8002:80": 3 ports of the host for 1 of the guest`,
		"8002-8000":         `"8002-8000": the range 8002-8000 ends before it begins`,
		"1-65535":           `"1-65535": the range 1-65535 is longer than 1024 ports`,
	} {
		ports, err := ParsePorts(text)
		got := ""
		for i, p := range ports {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprintf("%s:%d:%d/%s", p.Address, p.Host, p.Guest, p.Protocol)
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("ParsePorts(%q) is %s, want %s", text, got, want)
		}
	}
}
