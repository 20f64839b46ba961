package colabofile

import (
	"reflect"
	"strings"
	"time"
)

// form is what a value looks like in the file.
type form int

const (
	anyForm form = iota
	stringForm
	integerForm
	numberForm
	booleanForm
	sizeForm
	timeForm
	scalarForm  // a string, a number or a boolean
	commandForm // a string for a shell, or a list of words
	listForm    // of elem
	mapForm     // a table of any keys, each an elem
	tableForm   // of keys
	eitherForm  // a string, or a table of keys
	portForm
	dependencyForm
	machineForm
	stepForm
	providerForm
)

// shape describes a value for those who write it: the documentation and the schema are made of shapes.
type shape struct {
	form form
	enum []string
	elem *shape  // of a list or map
	keys []field // of a table
}

// shapeOf describes the values of a field's type, by the rules that the decoder decodes by.
func (d *decoder) shapeOf(t reflect.Type, f field) shape {
	if t.Kind() == reflect.Pointer {
		return d.shapeOf(t.Elem(), f)
	}
	if own, ok := ownShape(t); ok {
		if own == tableForm || own == portForm || own == dependencyForm {
			return shape{form: own, keys: d.fields(tableOf(t))}
		}
		return shape{form: own}
	}
	reads := reflect.PointerTo(t).Implements(reflect.TypeFor[tomlValue]())
	switch {
	case reads && t.Kind() == reflect.Struct:
		return shape{form: eitherForm, keys: d.fields(t)}
	case reads && t.Kind() == reflect.Slice:
		return shape{form: commandForm}
	case reads:
		return shape{form: stringForm}
	}
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return shape{form: stringForm, enum: f.enum}
	case kind == reflect.Bool:
		return shape{form: booleanForm}
	case kind == reflect.Float32 || kind == reflect.Float64:
		return shape{form: numberForm}
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return shape{form: integerForm}
	case kind == reflect.Slice:
		elem := d.shapeOf(t.Elem(), f)
		return shape{form: listForm, elem: &elem}
	case kind == reflect.Map:
		elem := d.shapeOf(t.Elem(), f)
		return shape{form: mapForm, elem: &elem}
	case kind == reflect.Struct:
		return shape{form: tableForm, keys: d.fields(t)}
	}
	return shape{form: anyForm}
}

// ownShape is that of the types that the decoder knows by name.
func ownShape(t reflect.Type) (form, bool) {
	switch t {
	case reflect.TypeFor[Size]():
		return sizeForm, true
	case reflect.TypeFor[time.Duration]():
		return timeForm, true
	case reflect.TypeFor[scalar]():
		return scalarForm, true
	case reflect.TypeFor[providerChoice]():
		return providerForm, true
	case reflect.TypeFor[Port]():
		return portForm, true
	case reflect.TypeFor[Dependency]():
		return dependencyForm, true
	case reflect.TypeFor[Machine]():
		return machineForm, true
	case reflect.TypeFor[Step]():
		return stepForm, true
	}
	return anyForm, false
}

// tableOf is the type of the table that a value of a type is written as.
func tableOf(t reflect.Type) reflect.Type {
	if t == reflect.TypeFor[Port]() {
		return reflect.TypeFor[portTable]()
	}
	return t
}

// String is the shape in the words of the documentation.
func (s shape) String() string {
	if len(s.enum) > 0 {
		return "one of " + strings.Join(s.enum, ", ")
	}
	switch s.form {
	case stringForm:
		return "string"
	case integerForm:
		return "whole number"
	case numberForm:
		return "number"
	case booleanForm:
		return "true or false"
	case sizeForm:
		return "size"
	case timeForm:
		return "time"
	case scalarForm:
		return "string, number, true or false"
	case commandForm:
		return "string or list of strings"
	case eitherForm:
		return "string or table"
	case providerForm:
		return "string or table"
	case portForm:
		return "port"
	case dependencyForm:
		return "machine's name or table"
	case tableForm, machineForm, stepForm:
		return "table"
	case listForm:
		return "list of " + plural(s.elem.String())
	case mapForm:
		return "table of " + plural(s.elem.String())
	case anyForm:
	}
	return "anything"
}

// plural is the word for several.
func plural(words string) string {
	switch {
	case strings.HasPrefix(words, "list of"), strings.HasPrefix(words, "table of"):
		kind, rest, _ := strings.Cut(words, " ")
		return kind + "s " + rest
	case words == "string, number, true or false":
		return "strings, numbers, true or false"
	case words == "machine's name or table":
		return "machines' names or tables"
	case words == "string or table":
		return "strings or tables"
	}
	return words + "s"
}

// meaning is the text of a doc tag without its default, and that default: "default: the provider's" at its end.
func meaning(doc string) (text, def string) {
	before, after, found := strings.Cut(doc, "default: ")
	if !found {
		return doc, ""
	}
	return strings.TrimSuffix(before, "; "), after
}
