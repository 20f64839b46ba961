package tail_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/colabo/colabo/provisioners/tail"
)

func TestWriterKeepsTheLastLinesAndPassesAllOn(t *testing.T) {
	var next bytes.Buffer
	w := tail.NewWriter(&next)
	for i := range 100 {
		fmt.Fprintf(w, "line %d\n\n", i)
	}
	fmt.Fprint(w, "unfin")
	fmt.Fprint(w, "ished")
	lines := strings.Split(w.String(), "\n")
	if len(lines) != 13 || lines[0] != "line 88" || lines[11] != "line 99" || lines[12] != "unfinished" {
		t.Errorf("kept %q", lines)
	}
	if got := strings.Count(next.String(), "\n"); got != 200 {
		t.Errorf("%d line ends were passed on, want 200", got)
	}
}

func TestWriterIsBounded(t *testing.T) {
	var next bytes.Buffer
	w := tail.NewWriter(&next)
	for range 1000 {
		fmt.Fprint(w, strings.Repeat("x", 1000))
	}
	if got := len(w.String()); got > 600 {
		t.Errorf("kept %d bytes of one endless line", got)
	}
	if !strings.HasSuffix(w.String(), "…") {
		t.Errorf("a cut line does not say so: %q", w.String())
	}
	if next.Len() != 1_000_000 {
		t.Errorf("passed on %d bytes", next.Len())
	}
}

func TestWriterShowsTheLastStateOfAProgressLine(t *testing.T) {
	var next bytes.Buffer
	w := tail.NewWriter(&next)
	fmt.Fprint(w, "10%\r50%\r100%\r\n")
	if got := w.String(); got != "100%" {
		t.Errorf("kept %q", got)
	}
}

func TestAnnotate(t *testing.T) {
	var next bytes.Buffer
	w := tail.NewWriter(&next)
	cause := errors.New("exit status 2")
	if got := w.Annotate(cause); got.Error() != "exit status 2" {
		t.Errorf("without output the error became %q", got)
	}
	fmt.Fprint(w, "one\ntwo\n")
	err := w.Annotate(cause)
	if !errors.Is(err, cause) || err.Error() != "exit status 2; its output ends with:\n  one\n  two" {
		t.Errorf("got %q", err)
	}
	if w.Annotate(nil) != nil {
		t.Error("no error became one")
	}
}
