package colabofile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/colabo/colabo/providers"
)

// Auto is the provider's name that leaves the choice to the program.
const Auto = "auto"

// loadProvider reads `provider = "NAME"`, or [provider] with `use = "NAME"` and the blocks of settings.
func (l *loader) loadProvider(n *node) {
	if n.kind == text {
		l.project.Provider = l.providerName(n, "provider")
		return
	}
	if n.kind != table {
		l.want(n, "provider", "a provider's name or a table")
		return
	}
	for _, name := range n.names {
		child, path := n.fields[name], join("provider", name)
		kind, ok := l.providerKind(name)
		switch {
		case name == "use" && child.kind == text:
			l.project.Provider = l.providerName(child, path)
		case name == "use":
			l.want(child, path, text.String())
		case ok && kind.Settings != nil:
			settings := kind.Settings()
			l.block(settings, layer{child, path})
			l.project.Settings[name] = settings
		case ok:
			l.add(child.key, path, "this provider has no settings", "")
		default:
			if !l.unbuilt(providersUnbuilt(), name, child, path) {
				l.unknown(child, path, name, append(l.providerNames(), "use"))
			}
		}
	}
}

// providerName reads the name of a provider, or auto.
func (l *loader) providerName(n *node, path string) string {
	known := append([]string{Auto}, l.providerNames()...)
	switch {
	case n.kind != text:
		return "" // noted where it was decoded
	case slices.Contains(known, n.text):
	case slices.Contains(providersUnbuilt(), n.text):
		l.add(n.at, path, fmt.Sprintf("%q is not supported yet by this version", n.text), "")
	default:
		l.add(n.at, path, fmt.Sprintf("there is no provider %q", n.text), nearest(n.text, known))
	}
	return n.text
}

// providerKind is the implementation of that name.
func (l *loader) providerKind(name string) (providers.Kind, bool) {
	i := slices.IndexFunc(l.env.Providers, func(k providers.Kind) bool { return k.Name == name })
	if i < 0 {
		return providers.Kind{}, false
	}
	return l.env.Providers[i], true
}

// providerNames are the names of the implementations.
func (l *loader) providerNames() []string {
	names := make([]string, 0, len(l.env.Providers)+1)
	for _, kind := range l.env.Providers {
		names = append(names, kind.Name)
	}
	return names
}

// layer is a table with its path; several of them, one over the other, make one block.
type layer struct {
	node *node
	path string
}

// block decodes layers into a provider's block, and lets it validate itself. What is wrong with a layer that several
// machines have is noted for each of them, in the same words, and so counts once.
func (l *loader) block(into any, layers ...layer) {
	before := len(l.problems)
	l.applyDefaults(reflect.ValueOf(into).Elem())
	for _, layer := range layers {
		l.decodeStruct(layer.node, layer.path, reflect.ValueOf(into).Elem(), extras{})
	}
	validator, ok := into.(providers.Validator)
	if !ok {
		return
	}
	for _, problem := range validator.Validate() {
		l.addFound(before, problem.Key, problem.Text, layers...)
	}
}

// addFound notes what a block or a step found wrong with itself, at its key in the uppermost layer that has it. Where decoding
// noted something about that key already, since problem number before, or took another one for it, that will do.
func (l *loader) addFound(before int, key, text string, layers ...layer) {
	place := layers[len(layers)-1]
	nearby, _ := place.node.lookup(key)
	for _, layer := range slices.Backward(layers) {
		if n, found := layer.node.lookup(key); found && key != "" {
			place, nearby = layer, n
			break
		}
	}
	if key != "" {
		place.path += "." + key
	}
	if !l.noted(before, place.path, key) {
		l.add(nearby.at, place.path, oneLine(unsampled(text, nearby.allRefs())), "")
	}
}

// noted says whether, since problem number before, there is one of the path or of what it is in, or one that took
// another key for this one.
func (l *loader) noted(before int, path, key string) bool {
	top, _, _ := strings.Cut(key, "[")
	return slices.ContainsFunc(l.problems[before:], func(p Problem) bool {
		return p.Key == path || strings.HasPrefix(path, p.Key+".") || strings.HasPrefix(path, p.Key+"[") ||
			top != "" && p.Suggestion == top
	})
}
