package colabofile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a Colabofile.
type Problem struct {
	Pos        Position
	Key        string // as in machine.dev.ports[1]; "" when it is about no key
	Text       string // one line, no full stop
	Suggestion string // what the user may have meant, or ""
}

// String is the problem on one line: FILE:LINE:COL: key: what is wrong; did you mean "memory"?
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Pos.String())
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	if p.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Suggestion)
	}
	return b.String()
}

// String is FILE:LINE:COL.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// from is the position as one says it at another one.
func (p Position) from(here Position) string {
	if p.File == here.File {
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Problems is all that is wrong with a Colabofile, in the order of the file, and that of its local file after it; never empty where it is an error.
type Problems []Problem

// Error has a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// sorted is p in the order of the file, each problem once.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.Pos.File, b.Pos.File), // a local file's name is longer than that of what it is merged over
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column),
			strings.Compare(a.Key, b.Key), strings.Compare(a.Text, b.Text),
		)
	})
	return slices.Compact(p)
}
