package colabofile

import (
	"reflect"
	"strings"
)

// field is a struct's field as its tags describe it.
type field struct {
	key        string
	index      []int // for reflect.Value.FieldByIndex
	enum       []string
	def        string
	hasDefault bool
	doc        string
	typ        reflect.Type
}

// fields are those of a struct type that have a key, the type's embedded structs included.
func (d *decoder) fields(t reflect.Type) []field {
	if known, ok := d.structs[t]; ok {
		return known
	}
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if !f.IsExported() || key == "" || key == "-" {
			continue
		}
		def, hasDefault := f.Tag.Lookup("default")
		entry := field{key: key, index: f.Index, def: def, hasDefault: hasDefault, doc: f.Tag.Get("doc"), typ: f.Type}
		if enum := f.Tag.Get("enum"); enum != "" {
			entry.enum = strings.Split(enum, ",")
		}
		fields = append(fields, entry)
	}
	if d.structs == nil {
		d.structs = map[reflect.Type][]field{}
	}
	d.structs[t] = fields
	return fields
}

// find is the field of that key.
func find(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// keys are the fields' keys.
func keys(fields []field) []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.key)
	}
	return names
}
