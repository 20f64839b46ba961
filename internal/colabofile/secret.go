package colabofile

import (
	"reflect"
	"strings"
)

// loadSecrets reads [secrets]: where values come from. It reads none of them.
func (l *loader) loadSecrets(n *node) {
	if n.kind != table {
		l.want(n, "secrets", table.String())
		return
	}
	for _, name := range n.names {
		child, path := n.fields[name], join("secrets", name)
		if !identifier(name) {
			l.add(child.key, path, "a secret's name is letters, digits and _, and begins with no digit", "")
		}
		if child.kind != table {
			l.want(child, path, `a table: { file = "PATH" }, { command = "pass show db" }, or {} for the environment alone`)
			continue
		}
		secret := Secret{Pos: l.doc.position(child.key)}
		before := len(l.problems)
		l.decodeStruct(child, path, reflect.ValueOf(&secret).Elem(), extras{})
		file, command := child.field("file"), child.field("command")
		if file != nil && file.kind == text && strings.TrimSpace(file.text) == "" {
			l.addFound(before, "file", "the path is empty", layer{child, path})
		}
		if file != nil && command != nil {
			second := "command"
			if command.key < file.key {
				second = "file"
			}
			l.add(child.field(second).key, join(path, second), "a secret comes from a file or from a command, not from both", "")
		}
		l.project.Secrets[name] = secret
	}
}
