package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// JSONVersion is that of everything `--json` prints, in the field "v" of every object. Fields and types of objects are
// added without a new version; it changes when one is removed or comes to mean something else.
const JSONVersion = 1

// WriteJSON writes a value, which has to be encoded as an object, on a line of its own, with the version as its first field.
func WriteJSON(w io.Writer, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	fields, isObject := bytes.CutPrefix(data, []byte("{"))
	if !isObject || len(fields) < len(`"":0}`) {
		return fmt.Errorf("write JSON: %T is no object with fields", value)
	}
	_, err = fmt.Fprintf(w, "{\"v\":%d,%s\n", JSONVersion, fields)
	return err
}
