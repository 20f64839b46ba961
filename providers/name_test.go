package providers_test

import (
	"testing"

	"github.com/colabo/colabo/providers"
)

func TestReadable(t *testing.T) {
	for text, want := range map[string]string{
		"funtime":                     "funtime",
		"Fun  Time & Söhne":           "fun-time-s-hne",
		"--":                          "x",
		"":                            "x",
		"数据库":                         "x",
		"abcdefghijklmnopqrstuvwxyz":  "abcdefghijklmnopqrstuvwx",
		"abcdefghijklmnopqrstuvw-xyz": "abcdefghijklmnopqrstuvw",
	} {
		if got := providers.Readable(text, "x"); got != want {
			t.Errorf("Readable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestEscapeNameIsUnique(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"a", "a_", "a_5f", "a.b", "a/b", "a b", "ä", "A", "-"} {
		name := providers.EscapeName(text)
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q both become %q", text, other, name)
		}
		seen[name] = text
	}
}
