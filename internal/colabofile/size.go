package colabofile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// valueError is what is wrong with a value, with what was probably meant.
type valueError struct{ text, suggestion string }

// Error is what is wrong.
func (e *valueError) Error() string { return e.text }

// suggestionOf is what the error says was meant, or "".
func suggestionOf(err error) string {
	if e, ok := errors.AsType[*valueError](err); ok {
		return e.suggestion
	}
	return ""
}

// unit is a unit of sizes.
type unit struct {
	name  string
	bytes int64
}

// units are those that a size is written in.
func units() []unit {
	return []unit{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	}
}

// String is the size in the largest unit that it is a whole number of, as a Colabofile has it.
func (s Size) String() string {
	if s == 0 {
		return "default"
	}
	text := fmt.Sprintf("%dB", int64(s))
	largest := int64(1)
	for _, u := range units() {
		if int64(s)%u.bytes == 0 && u.bytes > largest {
			text, largest = fmt.Sprintf("%d%s", int64(s)/u.bytes, u.name), u.bytes
		}
	}
	return text
}

// UnmarshalTOML reads "2GiB", "1.5GiB" or "512MB". A number without a unit is an error.
func (s *Size) UnmarshalTOML(value any) error {
	number, ok := value.(string)
	if !ok {
		err := &valueError{text: `want a size with its unit, like "512MiB" or "2GiB"`}
		if n, ok := value.(int64); ok && n > 0 {
			err.suggestion = fmt.Sprintf("%dMiB", n)
			if n < 64 {
				err.suggestion = fmt.Sprintf("%dGiB", n)
			}
		}
		return err
	}
	size, err := parseSize(number)
	if err == nil {
		*s = size
	}
	return err
}

// parseSize reads a size.
func parseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	name := text[len(digits):]
	digits = strings.TrimSpace(digits)
	if strings.Trim(digits, "0123456789.") != "" || digits == "" {
		return 0, &valueError{text: fmt.Sprintf(`%q is not a size like "512MiB" or "2GiB"`, text)}
	}
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, &valueError{text: fmt.Sprintf(`%q is not a size like "512MiB" or "2GiB"`, text)}
	}
	for _, unit := range units() {
		if unit.name != name {
			continue
		}
		bytes := number * float64(unit.bytes)
		switch {
		case bytes >= math.MaxInt64:
			return 0, &valueError{text: fmt.Sprintf("%q is too large", text)}
		case bytes < 1:
			return 0, &valueError{text: fmt.Sprintf("%q is not more than nothing", text)}
		}
		return Size(bytes), nil
	}
	if name == "" {
		return 0, &valueError{text: fmt.Sprintf("%q has no unit: KiB, MiB, GiB, TiB, KB, MB, GB or TB", text)}
	}
	return 0, &valueError{
		text:       fmt.Sprintf("%q is no unit of a size: KiB, MiB, GiB, TiB, KB, MB, GB or TB", name),
		suggestion: likelySize(digits, name),
	}
}

// likelySize is the size that was meant by another way to write the unit: "2G", "2gb".
func likelySize(digits, name string) string {
	for _, unit := range units() {
		if strings.EqualFold(unit.name, name) || strings.EqualFold(unit.name[:1], name) {
			return digits + unit.name
		}
	}
	return ""
}

// UnmarshalTOML reads a list, or a string for sh -c.
func (a *Argv) UnmarshalTOML(value any) error {
	switch value := value.(type) {
	case string:
		if strings.TrimSpace(value) == "" {
			return errors.New("the command is empty")
		}
		*a = Argv{"sh", "-c", value}
		return nil
	case []any:
		argv := make(Argv, 0, len(value))
		for _, element := range value {
			argument, ok := element.(string)
			if !ok {
				return fmt.Errorf("want strings, not %v", element)
			}
			argv = append(argv, argument)
		}
		if len(argv) == 0 || argv[0] == "" {
			return errors.New("the command is empty")
		}
		*a = argv
		return nil
	}
	return errors.New("want a string or a list of strings")
}
