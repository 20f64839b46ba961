package boxes

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/colabo/colabo/internal/hint"
)

func TestCheckTools(t *testing.T) {
	err := checkTools([]tool{
		{"sh", "dash"},
		{"colabo-no-such-b", "pkg-b"}, {"/no/such/file", "pkg-a"}, {"colabo-no-such-c", "pkg-b"},
	})
	if got, want := err.Error(), "not installed: colabo-no-such-b, /no/such/file, colabo-no-such-c"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := hint.Of(err), "run `apt-get install --no-install-recommends pkg-a pkg-b` as root"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	if err := checkTools([]tool{{"sh", "dash"}, {"/", "none"}}); err != nil {
		t.Errorf("nothing is missing, but %v", err)
	}
}

func TestLineWriter(t *testing.T) {
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"line in two writes", []string{"a", "b\n"}, []string{"ab"}},
		{"progress", []string{"1%\r2%\r", "\n"}, []string{"1%", "2%"}},
		{"blank lines", []string{"\n \na\n"}, []string{"a"}},
		{"no end", []string{"a\nb"}, []string{"a", "b"}},
		{"not UTF-8", []string{"a\xff\n"}, []string{"a?"}},
	}
	for _, tt := range tests {
		var got []string
		w := &lineWriter{line: func(l string) { got = append(got, l) }}
		for _, p := range tt.writes {
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%s: Write = %d, %v", tt.name, n, err)
			}
		}
		if tail := w.tail(); tail != strings.Join(tt.want, "\n") || !slices.Equal(got, tt.want) {
			t.Errorf("%s: lines %q, tail %q", tt.name, got, tail)
		}
	}
}

func TestTailIsTheEnd(t *testing.T) {
	w := &lineWriter{line: func(string) {}}
	for i := range 100 {
		if _, err := w.Write([]byte(strconv.Itoa(i) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(w.tail(), "\n")
	if len(lines) != tailLines || lines[len(lines)-1] != "99" {
		t.Errorf("tail %q", lines)
	}
}

func TestToolError(t *testing.T) {
	err := error(&ToolError{Argv: []string{"tar", "-c"}, Output: "tar: No space left on device", Err: fs.ErrClosed})
	if got, want := err.Error(), "tar -c: file already closed\ntar: No space left on device"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrClosed) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v is not what it wraps", err)
	}
	if errors.Is(&ToolError{Output: "x", Err: fs.ErrClosed}, syscall.ENOSPC) {
		t.Error("the disk is not full")
	}
}
