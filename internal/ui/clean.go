package ui

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// OneLine is text made fit for a line on a terminal: no escape sequences, and a space for each control character, of
// which a tab or a line break would leave the line's place and a carriage return would overwrite it.
func OneLine(text string) string { return cleaned(text, "") }

// Printable is text made fit for a terminal: as OneLine, but with its lines and tabs.
func Printable(text string) string { return cleaned(text, "\n\t") }

func cleaned(text, kept string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(kept, r) {
			return ' '
		}
		return r
	}, ansi.Strip(text))
}
