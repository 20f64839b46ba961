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
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	fields, isObject := bytes.CutPrefix(line.Bytes(), []byte("{"))
	if !isObject || len(fields) < len("\"\":0}\n") {
		return fmt.Errorf("write JSON: %T is no object with fields", value)
	}
	_, err := fmt.Fprintf(w, "{\"v\":%d,%s", JSONVersion, fields)
	return err
}
