// Package ui is how colabo looks: streams, progress renderers (terminal, plain, JSON, quiet) and tables.
// It knows events, and nothing of what they are about.
package ui

import (
	"io"
	"os"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// Streams are where a command reads and writes. Results go to Out, everything else to Err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// System returns the process's own streams.
func System() Streams { return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// IsTerminal says whether a stream is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// TerminalSize returns a terminal's columns and rows; 80 by 24 where the stream is none.
func TerminalSize(stream any) (columns, rows int) {
	if file, ok := stream.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns, rows
		}
	}
	return 80, 24
}

// palette colours text, or leaves it as it is.
type palette struct{ on bool }

func (p palette) paint(style ansi.Style, text string) string {
	if !p.on || text == "" {
		return text
	}
	return style.Styled(text)
}

func (p palette) good(text string) string {
	return p.paint(ansi.NewStyle().ForegroundColor(ansi.Green), text)
}

func (p palette) bad(text string) string {
	return p.paint(ansi.NewStyle().ForegroundColor(ansi.Red), text)
}

func (p palette) caution(text string) string {
	return p.paint(ansi.NewStyle().ForegroundColor(ansi.Yellow), text)
}

func (p palette) faint(text string) string { return p.paint(ansi.NewStyle().Faint(), text) }
