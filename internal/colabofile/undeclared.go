package colabofile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// UndeclaredError is a variable of Env.Vars that the Colabofile neither declares nor uses: nothing is wrong with the file.
type UndeclaredError struct {
	Name       string
	Suggestion string // a variable that may have been meant, or ""
}

func (e *UndeclaredError) Error() string {
	text := fmt.Sprintf("--var %s: the Colabofile has no variable of that name", e.Name)
	if e.Suggestion != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Suggestion)
	}
	return text
}

// undeclaredVars are variables of the command line that the document does not declare: right as long as it uses them.
type undeclaredVars struct {
	values map[string]string
	used   map[string]bool
}

// splitVars leaves the declared ones in env.Vars. The others are found where an undeclared variable is looked for: in the environment.
func splitVars(root *node, env *Env) *undeclaredVars {
	u := &undeclaredVars{values: map[string]string{}, used: map[string]bool{}}
	declared, vars, getenv := root.field("variables"), map[string]string{}, env.Getenv
	for name, value := range env.Vars {
		if declared.field(name) != nil {
			vars[name] = value
		} else {
			u.values[name] = value
		}
	}
	env.Vars = vars
	env.Getenv = func(key string) (string, bool) {
		if name, ok := strings.CutPrefix(key, "COLABO_VAR_"); ok {
			if value, ok := u.values[name]; ok {
				u.used[name] = true
				return value, true
			}
		}
		return getenv(key)
	}
	return u
}

// unused returns an UndeclaredError for each that the document did not ask for.
func (u *undeclaredVars) unused(root *node) error {
	var known []string
	if declared := root.field("variables"); declared != nil {
		known = declared.names
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(u.values)) {
		if !u.used[name] {
			errs = append(errs, &UndeclaredError{Name: name, Suggestion: Nearest(name, known)})
		}
	}
	return errors.Join(errs...)
}
