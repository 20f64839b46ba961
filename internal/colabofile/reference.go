package colabofile

import (
	"reflect"
	"slices"
)

// Table is one kind of table of a Colabofile, for those who read about it.
type Table struct {
	Name string // as it is headed: "[machine.NAME]"
	Path string // of its keys, in a Colabofile whose machine is "dev" and whose lists have one element: "machine.dev"
	Keys []Key
}

// Key is one key of a table.
type Key struct {
	Name    string
	Type    string   // in words: "list of strings"
	Values  []string // all that it may be, where these are few
	Default string   // in words, or ""
	Tagged  bool     // Default is a value, as the decoder puts it where the key is missing
	Doc     string
	Common  bool // [defaults] may have it; of the keys of a machine
}

// Tables describes all that a Colabofile may have, by the types that the decoder fills, in the order of the documentation.
func Tables(env Env) []Table {
	r := &referrer{decoder: &decoder{}}
	r.add("", "", reflect.TypeFor[file]())
	r.add("[secrets]", "secrets.NAME", reflect.TypeFor[Secret]())
	r.add("[machine.NAME]", "machine.dev", reflect.TypeFor[Machine]())
	machine := &r.tables[len(r.tables)-1]
	for i := range machine.Keys {
		machine.Keys[i].Common = !slices.Contains(ownKeys(), machine.Keys[i].Name)
	}
	r.add("depends_on", "machine.dev.depends_on[0]", reflect.TypeFor[Dependency]())
	r.add("ports", "machine.dev.ports[0]", reflect.TypeFor[portTable]())
	r.add("[[machine.NAME.provision]]", "machine.dev.provision[0]", reflect.TypeFor[Step]())
	for _, kind := range env.Steps {
		r.add(`type = "`+kind.Type+`"`, "machine.dev.provision[0]", reflect.TypeOf(kind.New()).Elem())
	}
	r.add("[[machine.NAME.check]]", "machine.dev.check[0]", reflect.TypeFor[Check]())
	for _, kind := range env.Providers {
		if kind.Options != nil {
			r.add("[machine.NAME."+kind.Name+"]", "machine.dev."+kind.Name, reflect.TypeOf(kind.Options()).Elem())
		}
	}
	for _, kind := range env.Providers {
		if kind.Settings != nil {
			r.add("[provider."+kind.Name+"]", "provider."+kind.Name, reflect.TypeOf(kind.Settings()).Elem())
		}
	}
	return r.tables
}

// NotYet are the keys, step types and providers that later versions will have, and that this one refuses by name.
func NotYet() (topLevel, machine, steps, providers []string) {
	return topLevelUnbuilt(), machineUnbuilt(), stepsUnbuilt(), providersUnbuilt()
}

// referrer collects tables.
type referrer struct {
	*decoder
	tables []Table
}

// add adds the table of a struct, and those of the tables that its keys may be written as.
func (r *referrer) add(name, path string, t reflect.Type) {
	table := Table{Name: name, Path: path}
	var inner []field
	for _, f := range r.fields(t) {
		of := r.shapeOf(f.typ, f)
		doc, def := meaning(f.doc)
		key := Key{Name: f.key, Type: of.String(), Values: of.enum, Default: def, Doc: doc}
		if f.hasDefault {
			key.Default, key.Tagged = f.def, true
		}
		table.Keys = append(table.Keys, key)
		if of.form == eitherForm {
			inner = append(inner, f)
		}
	}
	r.tables = append(r.tables, table)
	for _, f := range inner {
		r.add(name+", "+f.key, join(path, f.key), f.typ)
	}
}
