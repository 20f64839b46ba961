package redact_test

import (
	"io"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/redact"
)

func TestText(t *testing.T) {
	var secrets redact.Set
	if got := secrets.Text("nothing is secret"); got != "nothing is secret" {
		t.Errorf("an empty set changes the text: %q", got)
	}
	for _, value := range []string{"hunter2", "hunter2 and more", "a\"b&c", "first line\nsecond line\n", "x"} {
		secrets.Add(value)
	}
	tests := map[string]string{
		"password=hunter2;":           "password=***;",
		"hunter2 and more of it":      "*** of it",
		`{"p":"a\"b\u0026c"}`:         `{"p":"***"}`,
		"postgres://u:a%22b&c@h":      "postgres://u:***@h",
		"q=a%22b%26c":                 "q=***",
		"key:\n  second line\n":       "key:\n  ***\n",
		"first line\nsecond line\n.":  "***.",
		"aHVudGVyMg==":                "***",
		"x marks what is not masked":  "x marks what is not masked",
		"hunter hunter2hunter2 other": "hunter ****** other",
	}
	for text, want := range tests {
		if got := secrets.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestWriterMasksAcrossWrites cuts the text at every place.
func TestWriterMasksAcrossWrites(t *testing.T) {
	var secrets redact.Set
	secrets.Add("hunter2")
	const text, want = "a hunter2 b\nlast hunter2", "a *** b\nlast ***"
	for cut := range len(text) {
		var out strings.Builder
		w := secrets.Writer(&out)
		for _, part := range []string{text[:cut], text[cut:]} {
			if _, err := io.WriteString(w, part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("cut at %d: %q", cut, out.String())
		}
	}
}
