package colabofile

import "reflect"

// loadSecrets reads [secrets]: where each one's value comes from.
func (l *loader) loadSecrets(n *node) {
	if n.kind != table {
		l.want(n, "secrets", table.String())
		return
	}
	l.project.Secrets = map[string]Secret{}
	for _, name := range n.names {
		child, path := n.fields[name], join("secrets", name)
		if !identifier(name) {
			l.add(child.key, path, "a secret's name is letters, digits and _, and begins with no digit", "")
			continue
		}
		if child.kind == text {
			l.add(child.at, path, `a value does not belong here: say where it comes from, like { file = "secrets/`+name+`" }`, "")
			continue
		}
		secret := Secret{Pos: l.doc.position(child.key)}
		l.decodeStruct(child, path, reflect.ValueOf(&secret).Elem(), extras{})
		file, command := child.field("file"), child.field("command")
		switch {
		case file != nil && command != nil:
			l.add(command.key, join(path, "command"), "this secret has a file already", "")
		case file != nil && file.kind == text && secret.File == "":
			l.add(file.at, join(path, "file"), "a path is not empty", "")
		}
		l.project.Secrets[name] = secret
	}
}
