package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/providers"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew")

const referenceFile = "../../docs/colabofile.md"

// realEnv is what the real program reads a Colabofile against.
func realEnv() colabofile.Env {
	p := program()
	return colabofile.Env{Providers: p.Providers, Steps: p.Steps, Getenv: func(name string) (string, bool) { return "/home/me", name == "HOME" }}
}

// TestReferenceIsWhole: the tables of docs/colabofile.md, between markers, are those of the decoder's own types.
func TestReferenceIsWhole(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	for _, table := range documented() {
		begin, end := "<!-- begin "+table.name+" -->\n", "<!-- end -->"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Errorf("%s has no place for the table %q: %s...%s", referenceFile, table.name, begin, end)
			continue
		}
		want = before + begin + table.markdown + end + after
	}
	if places := strings.Count(want, "<!-- begin "); places != len(documented()) {
		t.Errorf("%s has %d places for %d tables", referenceFile, places, len(documented()))
	}
	if *update {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is not what the decoder knows; go test ./cmd/colabo -update", referenceFile)
	}
}

// documentedTable is a table of the documentation.
type documentedTable struct{ name, markdown string }

// documented are the tables that the documentation has.
func documented() []documentedTable {
	env := realEnv()
	var all []documentedTable
	for _, table := range colabofile.Tables(env) {
		name := table.Name
		if name == "" {
			name = "Colabofile"
		}
		all = append(all, documentedTable{name, markdown(env, table)})
	}
	var b strings.Builder
	topLevel, machine, steps, kinds := colabofile.NotYet()
	for _, row := range []struct {
		where string
		names []string
	}{{"beside `[machine.NAME]`", topLevel}, {"in `[machine.NAME]`", machine}, {"types of steps", steps}, {"providers", kinds}} {
		fmt.Fprintf(&b, "- %s: `%s`\n", row.where, strings.Join(row.names, "`, `"))
	}
	return append(all, documentedTable{"not yet", b.String()})
}

// markdown is a table's keys, with what a change of them takes where a machine is made with them.
func markdown(env colabofile.Env, table colabofile.Table) string {
	titles := []string{"key", "type", "default", "meaning"}
	classes := changeColumns(env, table)
	for _, column := range classes {
		titles = append(titles, column.title)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(titles, " | "), strings.Repeat("---|", len(titles)))
	for _, key := range table.Keys {
		def := key.Default
		switch {
		case key.Tagged:
			def = "`" + def + "`"
		case def == "" && key.Type == "true or false":
			def = "`false`"
		}
		cells := []string{"`" + key.Name + "`", key.Type, def, key.Doc}
		for _, column := range classes {
			cells = append(cells, column.class(key))
		}
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	if len(table.Keys) == 0 {
		return "It has no keys.\n"
	}
	return b.String()
}

// changeColumn is a column with a provider's classes of changes.
type changeColumn struct {
	title string
	class func(colabofile.Key) string
}

// changeColumns are those of a table: a machine's has one for each provider, a provider's block its own.
func changeColumns(env colabofile.Env, table colabofile.Table) []changeColumn {
	var columns []changeColumn
	for _, kind := range env.Providers {
		switch table.Name {
		case "[machine.NAME]":
			columns = append(columns, changeColumn{kind.Name, func(key colabofile.Key) string {
				if !slices.Contains(providers.MachineKeys(), key.Name) {
					return "none"
				}
				return classOf(kind, key.Name)
			}})
		case "[machine.NAME." + kind.Name + "]":
			columns = append(columns, changeColumn{"change", func(key colabofile.Key) string {
				return classOf(kind, kind.Name+"."+key.Name)
			}})
		}
	}
	return columns
}

// classOf is the class of a key's change, or - where the provider does not say.
func classOf(kind providers.Kind, key string) string {
	if class, ok := kind.Changes[key]; ok {
		return string(class)
	}
	return "-"
}

// TestChangesAreWhole: a provider that classes changes classes each key that its machines are made with, and no other.
func TestChangesAreWhole(t *testing.T) {
	env := realEnv()
	for _, kind := range env.Providers {
		if kind.Changes == nil {
			continue
		}
		want := slices.Clone(providers.MachineKeys())
		for _, table := range colabofile.Tables(env) {
			if table.Name == "[machine.NAME."+kind.Name+"]" {
				for _, key := range table.Keys {
					want = append(want, kind.Name+"."+key.Name)
				}
			}
		}
		got := slices.DeleteFunc(slices.Collect(maps.Keys(kind.Changes)), func(key string) bool { return key == "network" })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s classes %q, want %q", kind.Name, got, want)
		}
	}
}

// TestReferenceIsTrue: the decoder takes each documented key, of its type and of no other, and what is documented as its
// default is what it puts where the key is missing.
func TestReferenceIsTrue(t *testing.T) {
	keys := 0
	for _, table := range colabofile.Tables(realEnv()) {
		if problems := problemsOf(t, table, "zzzz", "1", false); !mentions(problems, "unknown key") {
			t.Errorf("%s: an unknown key is taken: %v", table.Name, problems)
		}
		for _, key := range table.Keys {
			keys++
			good, bad := samples(key)
			name := table.Name + " " + key.Name
			if problems := problemsOf(t, table, key.Name, good, true); mentions(problems, "unknown key") || mentions(problems, "want ") {
				t.Errorf("%s: %s is not taken: %v", name, good, problems)
			}
			if problems := problemsOf(t, table, key.Name, bad, true); len(problems) == 0 {
				t.Errorf("%s: %s is taken for %s", name, bad, key.Type)
			}
			for _, value := range key.Values {
				if problems := problemsOf(t, table, key.Name, fmt.Sprintf("%q", value), true); len(problems) > 0 {
					t.Errorf("%s: %q is not taken: %v", name, value, problems)
				}
			}
			if key.Tagged {
				checkDefault(t, table, key)
			}
		}
	}
	if keys < 60 {
		t.Errorf("only %d keys are documented", keys)
	}
}

// samples are a value of a key's type, and one that is of no such type, as a Colabofile has them.
func samples(key colabofile.Key) (good, bad string) {
	if len(key.Values) > 0 {
		return fmt.Sprintf("%q", key.Values[0]), `"zzzz"`
	}
	special := map[string]string{
		"http": `"http://127.0.0.1/"`, "tcp": `"127.0.0.1:80"`, "host": `"unix:///run/docker.sock"`, "volumes": `["data:/data"]`,
	}
	if special[key.Name] != "" && key.Type != "whole number" {
		return special[key.Name], "3"
	}
	switch key.Type {
	case "string", "string or table", "string or list of strings":
		return `"auto"`, "3"
	case "whole number":
		return "7", `"x"`
	case "true or false":
		return "true", "7"
	case "size":
		return `"2GiB"`, "7"
	case "time":
		return `"5s"`, "7"
	case "list of strings":
		return `["A"]`, `"A"`
	case "table of strings":
		return `{ A = "x" }`, `["x"]`
	case "table of strings, numbers, true or false":
		return `{ A = "x", B = 1, C = true }`, "3"
	case "list of ports":
		return `["80", 81, { guest = 82 }]`, `"80"`
	case "list of machines' names or tables":
		return `["other", { machine = "third" }]`, `"other"`
	case "list of tables":
		return "[]", `["x"]`
	case "table", "table of tables":
		return "{}", "3"
	}
	return "a value of a type that the test does not know: " + key.Type, ""
}

// problemsOf loads a Colabofile with a value for one key, and returns what is wrong with that key; with whatever it is about
// unless only is set.
func problemsOf(t *testing.T, table colabofile.Table, key, value string, only bool) []string {
	t.Helper()
	_, err := loadText(t, assign(table, key, value))
	var problems colabofile.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("%s %s: %v", table.Name, key, err)
	}
	path := strings.TrimPrefix(table.Path+"."+key, ".")
	if before, _, nested := strings.Cut(table.Name, ", "); nested && before != "" {
		path = table.Path // a table that reads itself says what is wrong with its keys at its own place
	}
	var texts []string
	for _, p := range problems {
		if !only || p.Key == path || strings.HasPrefix(p.Key, path+".") || strings.HasPrefix(p.Key, path+"[") {
			texts = append(texts, p.String())
		}
	}
	return texts
}

func mentions(problems []string, word string) bool {
	return slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, word) })
}

// checkDefault: a Colabofile without the key is the same as one with its default.
func checkDefault(t *testing.T, table colabofile.Table, key colabofile.Key) {
	t.Helper()
	var texts [2]string
	value := fmt.Sprintf("%q", key.Default)
	if key.Type == "whole number" || key.Type == "true or false" {
		value = key.Default
	}
	for i, text := range []string{assign(table, "", ""), assign(table, key.Name, value)} {
		p, err := loadText(t, text)
		if err != nil {
			t.Errorf("%s: %v\n%s", table.Name, err, text)
			return
		}
		dir := p.Dir
		p.Name = ""
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = strings.ReplaceAll(string(data), dir, "")
	}
	if texts[0] != texts[1] {
		t.Errorf("%s %s: the default is not %s:\n%s\n%s", table.Name, key.Name, value, texts[0], texts[1])
	}
}

// needed are the keys without which a table can't be.
var needed = map[string]string{
	"depends_on": `machine = "other"`, "ports": "guest = 80", "[[machine.NAME.check]]": `tcp = "127.0.0.1:80"`,
	"[[machine.NAME.provision]]": `type = "shell", inline = "true"`,
	`type = "shell"`:             `type = "shell", inline = "true"`,
	`type = "file"`:              `type = "file", content = "x", destination = "/x"`,
	`type = "postgres"`:          `type = "postgres", database = "x"`,
	`type = "container"`:         `type = "container", image = "x"`,
	`type = "container", build`:  `type = "container", build.context = "."`,
}

// assign is a Colabofile with a value for one key of a table, beside what the table needs.
func assign(table colabofile.Table, key, value string) string {
	const others = "machine.other = {}\nmachine.third = {}\n"
	path, inner, inList := strings.Cut(table.Path, "[0]")
	own := key
	if inner != "" {
		own = strings.TrimPrefix(inner, ".") + "." + key
	}
	var pairs []string
	for _, pair := range strings.Split(needed[table.Name], ", ") {
		name, _, _ := strings.Cut(pair, " =")
		if pair != "" && name != own {
			pairs = append(pairs, pair)
		}
	}
	if key != "" {
		pairs = append(pairs, own+" = "+value)
	}
	all := strings.Join(pairs, ", ")
	switch {
	case inList:
		return others + path + " = [{ " + all + " }]\n"
	case path == "" && key == "machine":
		return all + "\n"
	case path == "":
		return all + "\n" + others
	}
	return others + path + " = { " + all + " }\n"
}

// loadText loads a Colabofile from a folder of its own, which has a Dockerfile.
func loadText(t *testing.T, text string) (*colabofile.Project, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, colabofile.FileName)
	for name, content := range map[string]string{path: text, filepath.Join(dir, "Dockerfile"): "FROM scratch\n"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return colabofile.Load(path, realEnv())
}

// TestReferenceExamples: each TOML example of the documentation is a Colabofile.
func TestReferenceExamples(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) < 8 {
		t.Errorf("only %d examples", len(blocks))
	}
	for _, block := range blocks {
		if _, err := loadText(t, block[1]); err != nil {
			t.Errorf("%v\n%s", err, block[1])
		}
	}
}

// TestExampleHasEveryKey: Colabofile.example names each key, in a comment at least.
func TestExampleHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("../../Colabofile.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range colabofile.Tables(realEnv()) {
		for _, key := range table.Keys {
			if !regexp.MustCompile(`(?m)(^|[\[{,.# ])` + key.Name + `( =|[].])`).Match(data) {
				t.Errorf("%s %s is not there", table.Name, key.Name)
			}
		}
	}
}
