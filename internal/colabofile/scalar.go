package colabofile

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decodeScalar reads a string, a number or a boolean.
func (d *decoder) decodeScalar(n *node, path string, v reflect.Value, f field) {
	switch {
	case v.Kind() == reflect.String:
		d.decodeString(n, path, v, f)
	case v.Kind() == reflect.Bool:
		d.decodeBool(n, path, v)
	case v.CanFloat():
		d.decodeFloat(n, path, v)
	default:
		d.decodeInteger(n, path, v)
	}
}

// decodeString reads a string, one of the field's enumeration where it has one.
func (d *decoder) decodeString(n *node, path string, v reflect.Value, f field) {
	if n.kind != text {
		d.want(n, path, text.String())
		return
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, n.text) {
		d.add(n.at, path, fmt.Sprintf("%q is none of %s", n.text, strings.Join(f.enum, ", ")), nearest(n.text, f.enum))
		return
	}
	v.SetString(n.text)
}

// decodeBool reads true or false.
func (d *decoder) decodeBool(n *node, path string, v reflect.Value) {
	value, ok := n.value.(bool)
	if n.kind == text && n.expanded {
		value, ok = n.text == "true", n.text == "true" || n.text == "false"
	}
	if !ok {
		d.want(n, path, boolean.String())
		return
	}
	v.SetBool(value)
}

// decodeInteger reads a whole number that fits.
func (d *decoder) decodeInteger(n *node, path string, v reflect.Value) {
	value, ok := n.value.(int64)
	if n.kind == text && n.expanded {
		parsed, err := strconv.ParseInt(n.text, 10, 64)
		value, ok = parsed, err == nil
	}
	switch {
	case !ok:
		d.want(n, path, integer.String())
	case v.CanInt() && v.OverflowInt(value):
		d.add(n.at, path, fmt.Sprintf("%d is too large", value), "")
	case v.CanInt():
		v.SetInt(value)
	case value < 0:
		d.add(n.at, path, fmt.Sprintf("%d is negative", value), "")
	case v.OverflowUint(uint64(value)):
		d.add(n.at, path, fmt.Sprintf("%d is too large", value), "")
	default:
		v.SetUint(uint64(value))
	}
}

// decodeFloat reads a number.
func (d *decoder) decodeFloat(n *node, path string, v reflect.Value) {
	var value float64
	ok := true
	switch number := n.value.(type) {
	case float64:
		value = number
	case int64:
		value = float64(number)
	default:
		parsed, err := strconv.ParseFloat(n.text, 64)
		value, ok = parsed, err == nil && n.kind == text && n.expanded
	}
	if !ok || math.IsNaN(value) || math.IsInf(value, 0) {
		d.want(n, path, float.String())
		return
	}
	v.SetFloat(value)
}
