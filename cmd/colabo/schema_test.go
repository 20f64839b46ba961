package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/colabo/colabo/internal/colabofile"
)

// schema is the schema of the real program, and what a validator makes of it.
func schema(t *testing.T) (map[string]any, *jsonschema.Schema) {
	t.Helper()
	data, err := colabofile.Schema(realEnv())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("colabofile.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("colabofile.schema.json") // holds it against the draft's own schema
	if err != nil {
		t.Fatal(err)
	}
	return document.(map[string]any), compiled
}

// bySchema says what the schema has against a Colabofile.
func bySchema(t *testing.T, compiled *jsonschema.Schema, text string) error {
	t.Helper()
	var values map[string]any
	if err := toml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(instance)
}

// TestSchemaTakesWhatLoadTakes: the examples, those of the documentation too, and a local file.
func TestSchemaTakesWhatLoadTakes(t *testing.T) {
	_, compiled := schema(t)
	var texts []string
	for _, path := range []string{"../../Colabofile.example", "../../examples/funtime/Colabofile"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
		texts = append(texts, block[1])
	}
	texts = append(texts,
		"[machine.dev]\ncpus = \"${var.cpus}\"\nmemory = \"${var.memory}\"\nprimary = \"${var.primary}\"\nports = [\"${var.port}:80\", 80]",
		"[variables]\nx = 1\n[provider.docker]\nhost = \"unix:///run/docker.sock\"",
	)
	for _, text := range texts {
		if err := bySchema(t, compiled, text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestSchemaRefuses: what an editor should underline.
func TestSchemaRefuses(t *testing.T) {
	_, compiled := schema(t)
	for _, text := range []string{
		"machines = {}",
		"[machine.dev]\nmemroy = \"1GiB\"",
		"[machine.dev]\ncpus = \"two\"",
		"[machine.dev]\nmemory = \"lots\"",
		"[machine.dev]\nmemory = 512",
		"[machine.dev]\nports = [\"x:80\"]",
		"[machine.dev]\nports = [{ host = 80 }]",
		"[machine.dev]\ndepends_on = [{ machine = \"db\", condition = \"up\" }]",
		"[machine.dev]\ndepends_on = \"db\"",
		"[machine.dev.libvirt]\naccelerator = \"xen\"",
		"[machine.dev.docker]\nprivileged = true",
		"[[machine.dev.provision]]\ninline = \"true\"",
		"[[machine.dev.provision]]\ntype = \"shel\"",
		"[[machine.dev.provision]]\ntype = \"shell\"\ndatabase = \"x\"",
		"[[machine.dev.provision]]\ntype = \"shell\"\ninline = \"true\"\nrun = \"sometimes\"",
		"[[machine.dev.provision]]\ntype = \"container\"\nbuild = { contxt = \".\" }",
		"[[machine.dev.check]]\ntimeout = \"60s\"",
		"[[machine.dev.check]]\ntcp = \"x:1\"\nhttp = \"http://x\"",
		"[[machine.dev.check]]\ntcp = \"x:1\"\ntimeout = \"60\"",
		"[secrets]\na = { file = \"x\", command = \"y\" }",
		"[secrets]\na = \"hunter2\"",
		"[defaults]\nhostname = \"x\"",
		"provider = \"vmware\"",
		"[provider.libvirt]\nurl = \"x\"",
	} {
		if err := bySchema(t, compiled, text); err == nil {
			t.Errorf("the schema takes\n%s", text)
		}
		if _, err := loadText(t, text); err == nil {
			t.Errorf("Load takes\n%s", text)
		}
	}
}

// TestSchemaIsWhole: at each place the schema has the keys of the documentation, and no others.
func TestSchemaIsWhole(t *testing.T) {
	document, _ := schema(t)
	want := map[string][]string{}
	for _, table := range colabofile.Tables(realEnv()) {
		for _, key := range table.Keys {
			want[table.Path] = append(want[table.Path], key.Name)
		}
	}
	for _, kind := range realEnv().Providers {
		want["machine.dev"] = append(want["machine.dev"], kind.Name)
	}
	for path, names := range want {
		places := []map[string]any{document}
		for _, part := range strings.FieldsFunc(strings.ReplaceAll(path, "[0]", ".0"), func(r rune) bool { return r == '.' }) {
			places = inside(document, places, part)
		}
		got := propertiesOf(document, places)
		slices.Sort(names)
		if names = slices.Compact(names); !slices.Equal(got, names) {
			t.Errorf("%s: the schema has\n%q, the documentation\n%q", path, got, names)
		}
	}
}

// alternatives are the schemas that a schema stands for.
func alternatives(root, place map[string]any) []map[string]any {
	if ref, ok := place["$ref"].(string); ok {
		return alternatives(root, root["definitions"].(map[string]any)[filepath.Base(ref)].(map[string]any))
	}
	all := []map[string]any{place}
	for _, key := range []string{"anyOf", "oneOf"} {
		list, _ := place[key].([]any)
		for _, one := range list {
			all = append(all, alternatives(root, one.(map[string]any))...)
		}
	}
	return all
}

// inside are the schemas of what is below a key, or of a list's elements.
func inside(root map[string]any, places []map[string]any, part string) []map[string]any {
	var found []map[string]any
	for _, place := range places {
		for _, one := range alternatives(root, place) {
			properties, _ := one["properties"].(map[string]any)
			next, ok := properties[part].(map[string]any)
			if !ok && part == "0" {
				next, ok = one["items"].(map[string]any)
			}
			if !ok && properties == nil {
				next, ok = one["additionalProperties"].(map[string]any)
			}
			if ok {
				found = append(found, next)
			}
		}
	}
	return found
}

// propertiesOf are the keys that any of the schemas knows, sorted.
func propertiesOf(root map[string]any, places []map[string]any) []string {
	var names []string
	for _, place := range places {
		for _, one := range alternatives(root, place) {
			properties, _ := one["properties"].(map[string]any)
			for name := range properties {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
