package cli_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/event"
)

// TestJSONPageHasEveryField holds docs/json.md to the types that are printed.
func TestJSONPageHasEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]reflect.Type{}
	for _, value := range []any{
		event.Event{}, engine.MachineStatus{}, engine.PortStatus{}, engine.PlannedMachine{}, engine.PlannedAction{},
		engine.PlannedChange{}, engine.ProjectStatus{}, engine.ProjectCount{},
	} {
		types[reflect.TypeOf(value).String()] = reflect.TypeOf(value)
	}
	sections := regexp.MustCompile(`<!-- fields of (\S+) -->\n((?:\|.*\n)+)`).FindAllStringSubmatch(string(page), -1)
	for _, section := range sections {
		described, known := types[section[1]]
		if !known {
			t.Errorf("docs/json.md describes %s, which is not printed", section[1])
			continue
		}
		delete(types, section[1])
		var documented []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section[2], -1) {
			documented = append(documented, row[1])
		}
		if fields := jsonFields(described); !slices.Equal(documented, fields) {
			t.Errorf("%s: documented are %v, printed are %v", section[1], documented, fields)
		}
	}
	for name := range maps.Keys(types) {
		t.Errorf("docs/json.md does not describe %s", name)
	}
}

func jsonFields(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
