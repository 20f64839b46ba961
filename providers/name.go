package providers

import (
	"fmt"
	"strings"
)

// readableLength is the longest that Readable returns.
const readableLength = 24

// Readable is text as the part of a resource's name that only people read: short, of lower case letters, digits and
// single dashes, which every provider takes; fallback where nothing of text is left. It is not unique.
func Readable(text, fallback string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == readableLength {
			break
		}
	}
	if trimmed := strings.Trim(b.String(), "-"); trimmed != "" {
		return trimmed
	}
	return fallback
}

// EscapeName is text as the unique part of a resource's name: letters, digits and "-" stay, every other byte becomes _ and
// two hexadecimal digits. Equal results mean equal texts.
func EscapeName(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}
