package ui

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// columnGap is between two columns of a table.
const columnGap = 2

// Table writes rows in aligned columns, two spaces apart; the first row is the heading. Widths are those on a terminal.
// A cell may have several lines. A row of one cell, below a heading of more, is written across the columns.
func Table(w io.Writer, rows [][]string) error {
	widths := columnWidths(rows)
	for _, row := range rows {
		if spans(row, rows) {
			if _, err := fmt.Fprintln(w, row[0]); err != nil {
				return err
			}
			continue
		}
		for _, line := range tableLines(row, widths) {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// TableWidth is how many cells of a terminal the columns of a table take.
func TableWidth(rows [][]string) int {
	total := -columnGap
	for _, width := range columnWidths(rows) {
		total += width + columnGap
	}
	return max(total, 0)
}

func spans(row []string, rows [][]string) bool { return len(row) == 1 && len(rows[0]) > 1 }

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		if spans(row, rows) {
			continue
		}
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			for line := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], ansi.StringWidth(line))
			}
		}
	}
	return widths
}

// tableLines are the lines of a row: as many as its highest cell has.
func tableLines(row []string, widths []int) []string {
	var lines []string
	for n := 0; ; n++ {
		var line strings.Builder
		more := false
		for i, cell := range row {
			var text string
			if parts := strings.Split(cell, "\n"); n < len(parts) {
				text, more = parts[n], true
			}
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", widths[i]-ansi.StringWidth(text)+columnGap))
		}
		if !more {
			return lines
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
}
