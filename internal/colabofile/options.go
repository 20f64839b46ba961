package colabofile

import (
	"reflect"

	"github.com/colabo/colabo/providers"
)

// NewOptions is the [machine.X.NAME] block of a machine that has none: every key has its default.
func NewOptions(kind providers.Kind) any {
	options := kind.Options()
	new(decoder).applyDefaults(reflect.ValueOf(options).Elem())
	return options
}
