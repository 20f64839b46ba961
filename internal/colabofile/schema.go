package colabofile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Schema is the JSON Schema of a Colabofile, and of what is merged over it, made of the types that the decoder fills: an
// editor completes keys by it. It is draft 7 without what draft 4 doesn't have, which editors for TOML understand.
// It takes every Colabofile that Load takes, and some more: that names fit together is Load's to see.
func Schema(env Env) ([]byte, error) {
	s := &schemer{decoder: &decoder{}, env: env, definitions: object{}}
	s.definitions["reference"] = object{
		"type": "string", "pattern": `\$\{`, "description": "a string with ${var.NAME} or ${env.NAME} in it",
	}
	s.definitions["machine"] = s.machine(nil)
	s.definitions["defaults"] = s.machine(ownKeys())
	s.definitions["step"] = s.step()
	root := s.table(s.fields(reflect.TypeFor[file]()))
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Colabofile"
	root["description"] = "the development environment of a project, for colabo"
	root["definitions"] = s.definitions
	properties := root["properties"].(object)
	s.definitions["defaults"].(object)["description"] = properties["defaults"].(object)["description"]
	properties["defaults"] = object{"$ref": "#/definitions/defaults"}
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(data, '\n'), nil
}

// object is a JSON object.
type object map[string]any

// schemer makes a schema.
type schemer struct {
	*decoder
	env         Env
	definitions object
}

// The patterns of what is written as a string.
const (
	sizePattern = `^[0-9.]+ *([KMGT]i?B)$|\$\{`
	timePattern = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$|\$\{`
	portPattern = `^((\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):)?([0-9]+(-[0-9]+)?:)?[0-9]+(-[0-9]+)?(/(tcp|udp))?$|\$\{`
)

// machine is a machine's table, without the keys that are refused.
func (s *schemer) machine(refused []string) object {
	var fields []field
	for _, f := range s.fields(reflect.TypeFor[Machine]()) {
		if !slices.Contains(refused, f.key) {
			fields = append(fields, f)
		}
	}
	machine := s.table(fields)
	properties := machine["properties"].(object)
	provider := s.providerName()
	provider["description"] = properties["provider"].(object)["description"]
	properties["provider"] = provider
	for _, kind := range s.env.Providers {
		if kind.Options != nil {
			properties[kind.Name] = s.block(kind.Options(), "read when "+kind.Name+" runs the machine")
		}
	}
	return machine
}

// block is the table of a struct that a pointer leads to.
func (s *schemer) block(pointer any, doc string) object {
	table := s.table(s.fields(reflect.TypeOf(pointer).Elem()))
	table["description"] = doc
	return table
}

// step is a table that is one of the step types.
func (s *schemer) step() object {
	var types []object
	for _, kind := range s.env.Steps {
		fields := slices.Clone(s.fields(reflect.TypeFor[Step]()))
		fields = append(fields, s.fields(reflect.TypeOf(kind.New()).Elem())...)
		step := s.table(fields)
		step["title"] = kind.Type
		step["required"] = []string{"type"}
		step["properties"].(object)["type"].(object)["enum"] = []string{kind.Type}
		types = append(types, step)
	}
	return object{"oneOf": types}
}

// table is a table of these keys and no others. The first of two fields of one key counts, as in the decoder.
func (s *schemer) table(fields []field) object {
	properties := object{}
	for _, f := range fields {
		if properties[f.key] == nil {
			properties[f.key] = s.key(f)
		}
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// key is the value of a key, with what its tags say.
func (s *schemer) key(f field) object {
	value := s.value(s.shapeOf(f.typ, f))
	if f.doc != "" {
		value["description"] = f.doc
	}
	if f.hasDefault {
		value["default"] = typedDefault(f)
	}
	if f.typ == reflect.TypeFor[[]Check]() {
		var kinds []object
		for _, kind := range checkKinds() {
			kinds = append(kinds, object{"required": []string{kind}})
		}
		value["items"].(object)["oneOf"] = kinds
	}
	if f.typ == reflect.TypeFor[map[string]Secret]() {
		value["additionalProperties"].(object)["not"] = object{"required": []string{"file", "command"}}
	}
	return value
}

// typedDefault is the default as a value of the key's type.
func typedDefault(f field) any {
	switch f.typ.Kind() {
	case reflect.Bool:
		return f.def == "true"
	case reflect.Int:
		if n, err := strconv.Atoi(f.def); err == nil {
			return n
		}
	}
	return f.def
}

// value is a value of a shape.
func (s *schemer) value(of shape) object {
	switch of.form {
	case stringForm:
		if len(of.enum) > 0 {
			return orReference(object{"type": "string", "enum": of.enum})
		}
		return object{"type": "string"}
	case integerForm:
		return orReference(object{"type": "integer"})
	case numberForm:
		return orReference(object{"type": "number"})
	case booleanForm:
		return orReference(object{"type": "boolean"})
	case sizeForm:
		return object{"type": "string", "pattern": sizePattern}
	case timeForm:
		return object{"type": "string", "pattern": timePattern}
	case scalarForm:
		return object{"type": []string{"string", "number", "boolean"}}
	case commandForm:
		return object{"anyOf": []object{{"type": "string"}, {"type": "array", "items": object{"type": "string"}, "minItems": 1}}}
	case listForm:
		return object{"type": "array", "items": s.value(*of.elem)}
	case mapForm:
		return object{"type": "object", "additionalProperties": s.value(*of.elem)}
	case tableForm:
		return s.table(of.keys)
	case eitherForm:
		return object{"anyOf": []object{{"type": "string"}, s.table(of.keys)}}
	}
	return s.named(of)
}

// named is a value of a shape that only Colabofiles have.
func (s *schemer) named(of shape) object {
	switch of.form {
	case portForm:
		table := s.table(of.keys)
		table["required"] = []string{"guest"}
		port := object{"type": "integer", "minimum": 1, "maximum": 65535}
		return object{"anyOf": []object{{"type": "string", "pattern": portPattern}, port, table}}
	case dependencyForm:
		table := s.table(of.keys)
		table["required"] = []string{"machine"}
		return object{"anyOf": []object{{"type": "string"}, table}}
	case machineForm:
		return object{"$ref": "#/definitions/machine"}
	case stepForm:
		return object{"$ref": "#/definitions/step"}
	case providerForm:
		return s.provider()
	}
	return object{}
}

// providerName is the name of a provider, or auto.
func (s *schemer) providerName() object {
	names := []string{Auto}
	for _, kind := range s.env.Providers {
		names = append(names, kind.Name)
	}
	return orReference(object{"type": "string", "enum": names})
}

// provider is a provider's name, or the table that has it with the settings.
func (s *schemer) provider() object {
	name := s.providerName()
	properties := object{"use": name}
	for _, kind := range s.env.Providers {
		if kind.Settings != nil {
			properties[kind.Name] = s.block(kind.Settings(), "settings of "+kind.Name+" as a whole")
		}
	}
	return object{"anyOf": []object{name, {"type": "object", "properties": properties, "additionalProperties": false}}}
}

// orReference is a value, or a string that a variable makes it of.
func orReference(value object) object {
	return object{"anyOf": []object{value, {"$ref": "#/definitions/reference"}}}
}
