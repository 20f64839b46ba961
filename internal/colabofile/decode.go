package colabofile

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// decoder puts nodes into Go values and notes everything that does not fit. Structs name their keys with tags:
//
//	toml     the key; a field without it is not decoded, fields of an embedded struct count as the struct's own
//	enum     the values that a string may have, with commas
//	default  what the key is where the file does not have it
//	doc      what it is for
//
// A key that the file does not have leaves its field alone, so that one table can be decoded over another.
type decoder struct {
	doc      sources
	problems Problems
	structs  map[reflect.Type][]field
}

// tomlValue is implemented by types that read their own values: string, int64, float64, bool, []any, map[string]any.
type tomlValue interface{ UnmarshalTOML(value any) error }

// extras are the keys of a table that are not simply fields of the struct it goes to.
type extras struct {
	names []string // beside the fields' own
	// decode takes a key and says whether it did; what it leaves is the fields'.
	decode func(name string, child *node, path string) bool
}

// add notes a problem at a byte of the document.
func (d *decoder) add(at int, path, text, suggestion string) {
	d.problems = append(d.problems, Problem{Pos: d.doc.position(at), Key: path, Text: text, Suggestion: suggestion})
}

// want notes that a node is of the wrong kind.
func (d *decoder) want(n *node, path, what string) {
	suggestion := ""
	if what == text.String() && (n.kind == integer || n.kind == float || n.kind == boolean) {
		suggestion = n.text
	}
	got := n.kind.String()
	if n.kind == float {
		got = "a fraction"
	}
	d.add(n.at, path, fmt.Sprintf("want %s, not %s", what, got), suggestion)
}

// decodeStruct decodes a table into a struct that into points to. Defaults are the caller's to apply.
func (d *decoder) decodeStruct(n *node, path string, into reflect.Value, extra extras) {
	if n.kind != table {
		d.want(n, path, table.String())
		return
	}
	fields := d.fields(into.Type())
	for _, name := range n.names {
		child, childPath := n.fields[name], join(path, name)
		if extra.decode != nil && extra.decode(name, child, childPath) {
			continue
		}
		if f, ok := find(fields, name); ok {
			d.decode(child, childPath, into.FieldByIndex(f.index), f)
			continue
		}
		d.unknown(child, childPath, name, append(keys(fields), extra.names...))
	}
}

// unknown notes a key that nobody knows.
func (d *decoder) unknown(n *node, path, name string, known []string) {
	d.add(n.key, path, "unknown key", nearest(name, known))
}

// decode puts a node into a settable value. f is the struct's field that it is for, or a part of.
func (d *decoder) decode(n *node, path string, v reflect.Value, f field) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			d.applyDefaults(v.Elem())
		}
		d.decode(n, path, v.Elem(), f)
		return
	}
	if custom, ok := v.Addr().Interface().(tomlValue); ok {
		if err := custom.UnmarshalTOML(n.plain()); err != nil {
			d.add(n.at, path, oneLine(err.Error()), suggestionOf(err))
		}
		return
	}
	if n.parts != nil && needsValue(v, f) {
		d.add(n.at, path, n.openRefs()[0].String()+" is known only while up runs, and can't be used here", "")
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.decodeDuration(n, path, v)
		return
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		d.decodeScalar(n, path, v, f)
	case reflect.Slice:
		d.decodeSlice(n, path, v, f)
	case reflect.Map:
		d.decodeMap(n, path, v, f)
	case reflect.Struct:
		d.decodeStruct(n, path, v, extras{})
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.plain()))
	default:
		d.add(n.at, path, "this version can't read values of type "+v.Type().String(), "")
	}
}

// needsValue says whether only a text that is known can be read into v.
func needsValue(v reflect.Value, f field) bool {
	switch v.Kind() {
	case reflect.String:
		return len(f.enum) > 0
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Interface:
		return false
	}
	return true
}

// decodeDuration reads "60s".
func (d *decoder) decodeDuration(n *node, path string, v reflect.Value) {
	if n.kind != text {
		suggestion := ""
		if n.kind == integer {
			suggestion = n.text + "s"
		}
		d.add(n.at, path, fmt.Sprintf(`want a time with its unit, like "60s" or "5m", not %s`, n.kind), suggestion)
		return
	}
	duration, err := time.ParseDuration(n.text)
	switch {
	case err != nil:
		d.add(n.at, path, fmt.Sprintf(`%q is not a time like "500ms", "60s" or "5m"`, n.text), "")
	case duration < 0:
		d.add(n.at, path, fmt.Sprintf("%q is negative", n.text), "")
	default:
		v.SetInt(int64(duration))
	}
}

// decodeSlice reads a list; it replaces what v held.
func (d *decoder) decodeSlice(n *node, path string, v reflect.Value, f field) {
	if n.kind != list {
		what := list.String()
		if n.kind == text && v.Type().Elem().Kind() == reflect.String {
			what = fmt.Sprintf("a list, like [%q]", n.text)
		}
		d.add(n.at, path, fmt.Sprintf("want %s, not %s", what, n.kind), "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		d.applyDefaults(v.Index(i))
		d.decode(item, index(path, i), v.Index(i), f)
	}
}

// decodeMap reads a table of like values; it adds to what v held.
func (d *decoder) decodeMap(n *node, path string, v reflect.Value, f field) {
	if n.kind != table {
		d.want(n, path, table.String())
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.fields)))
	}
	for _, name := range n.names {
		value := reflect.New(v.Type().Elem()).Elem()
		d.applyDefaults(value)
		d.decode(n.fields[name], join(path, name), value, f)
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
}

// applyDefaults sets what has a default in a new value: the keys of a struct, and of the structs in it.
func (d *decoder) applyDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range d.fields(v.Type()) {
		value := v.FieldByIndex(f.index)
		if !f.hasDefault {
			d.applyDefaults(value)
			continue
		}
		// A text that came from a variable may stand for any scalar, and so may a tag.
		d.decode(&node{kind: text, text: f.def, expanded: true}, f.key, value, f)
	}
}

// oneLine is the text without its line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
