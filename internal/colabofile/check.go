package colabofile

import (
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// loadChecks reads the [[check]] tables of a machine.
func (l *loader) loadChecks(n *node, path string) []Check {
	tables := l.elements(n, path, "[["+path+"]]")
	checks := make([]Check, 0, len(tables))
	for _, from := range tables {
		before := len(l.problems)
		check := l.decodeCheck(l.decoder, from)
		l.oneKind(before, from)
		check.Refs = from.node.allRefs()
		valid := check
		if len(check.Refs) > 0 {
			valid = l.decodeCheck(l.apart(), layer{from.node.with(sample), from.path})
		}
		for _, problem := range valid.validate() {
			if n := from.node.field(problem[0]); n != nil {
				l.addFound(before, problem[0], problem[1], from)
			}
		}
		checks = append(checks, check)
	}
	return checks
}

// decodeCheck reads one check.
func (l *loader) decodeCheck(d *decoder, from layer) Check {
	check := Check{Pos: l.doc.position(from.node.at)}
	into := reflect.ValueOf(&check).Elem()
	d.applyDefaults(into)
	d.decodeStruct(from.node, from.path, into, extras{})
	return check
}

// apart is a decoder whose problems nobody reads: what it decodes was decoded before.
func (l *loader) apart() *decoder { return &decoder{doc: l.doc, structs: l.structs} }

// checkKinds are the keys that say what a check looks at.
func checkKinds() []string { return []string{"http", "tcp", "command"} }

// oneKind: a check is of one kind. A misspelled one, noted since problem number before, counts as one.
func (l *loader) oneKind(before int, from layer) {
	kinds := checkKinds()
	var first string
	for _, name := range from.node.names {
		switch {
		case !slices.Contains(kinds, name):
		case first == "":
			first = name
		default:
			l.add(from.node.field(name).key, join(from.path, name), "this check has "+first+" already; write another [[check]]", "")
		}
	}
	misspelled := slices.ContainsFunc(kinds, func(kind string) bool { return l.noted(before, "", kind) })
	if first == "" && !misspelled {
		l.add(from.node.at, from.path, "a check needs one of http, tcp, command", "")
	}
}

// validate returns key and text of what is wrong with the values.
func (c *Check) validate() [][2]string {
	var problems [][2]string
	if address, err := url.Parse(c.HTTP); err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		problems = append(problems, [2]string{"http", `want a URL, like "http://127.0.0.1:8080/healthz"`})
	}
	if host, port, err := net.SplitHostPort(c.TCP); err != nil || host == "" || !portNumber(port) || strings.ContainsAny(host, " \t") {
		problems = append(problems, [2]string{"tcp", `want host and port, like "127.0.0.1:5432"`})
	}
	if c.Timeout <= 0 {
		problems = append(problems, [2]string{"timeout", "a check needs time"})
	}
	if c.Interval < 10*time.Millisecond {
		problems = append(problems, [2]string{"interval", "want 10ms at least"})
	}
	return problems
}
