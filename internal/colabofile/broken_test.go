package colabofile

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the problems that are found as those that are expected")

// TestBroken loads the Colabofiles of testdata/broken. Each archive has files in pairs: NAME, and NAME.problems with the
// exact output; between them may be NAME.local, which is merged over it.
func TestBroken(t *testing.T) {
	archives, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	count := 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(archive.Files); i += 2 {
			file, want, local := archive.Files[i], &archive.Files[i+1], ""
			if want.Name == file.Name+".local" && i+2 < len(archive.Files) {
				i++
				local, want = string(want.Data), &archive.Files[i+1]
			}
			if want.Name != file.Name+".problems" {
				t.Fatalf("%s: %s is followed by %s", path, file.Name, want.Name)
			}
			count++
			t.Run(file.Name, func(t *testing.T) {
				_, err := loadBoth(string(file.Data), local, testEnv())
				if err == nil {
					t.Fatal("nothing wrong was found")
				}
				got := err.Error() + "\n"
				if *update {
					want.Data = []byte(got)
				}
				if got != string(want.Data) {
					t.Errorf("got:\n%swant:\n%s", got, want.Data)
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if count < 110 {
		t.Errorf("only %d broken Colabofiles", count)
	}
}

// TestDeepNesting: what nests without end is refused, and soon.
func TestDeepNesting(t *testing.T) {
	const depth = 100_000
	for name, text := range map[string]string{
		"key":    strings.Repeat("a.", depth) + "a = 1",
		"header": "[" + strings.Repeat("a.", depth) + "a]",
		"list":   "a = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"table":  strings.Repeat("a = {", 5000) + strings.Repeat("}", 5000),
		"lists":  "a = " + strings.Repeat("[", depth),
	} {
		begin := time.Now()
		_, err := load(text, testEnv())
		if err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("%s: got %v", name, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestPositions: a problem is where the reader sees it, in characters, however the file is written.
func TestPositions(t *testing.T) {
	const machine = "[machine.dev]\n"
	for name, test := range map[string]struct{ text, want string }{
		"inline table":    {machine + `ports = [{ guest = 80, hots = 8080 }]`, "2:24"},
		"inline in line":  {machine + `env = { A = "a", B = 1 }`, "2:22"},
		"multi-line list": {machine + "ports = [\n  \"8080:80\", # front\n\t\"x:1\",\n]", "4:2"},
		"dotted keys":     {"machine.dev.cpus = 2\nmachine.dev.env.A = 1", "2:21"},
		"quoted key":      {machine + `"memroy" = "2GiB"`, "2:1"},
		"dotted quoted":   {`machine."dev"."memroy" = "2GiB"`, "1:15"},
		"list of tables":  {machine + "[[machine.dev.provision]]\ntype = 'shell'\ninline = 'x'\n[[machine.dev.provision]]\ntype = 'shel'", "6:8"},
		"CRLF":            {"[machine.dev]\r\ncpus = 1\r\nmemory = 512\r\n", "3:10"},
		"CRLF syntax":     {"[machine.dev]\r\ncpus = 1\r\nmemory = 512MB\r\n", "3:13"},
		"UTF-8":           {machine + `env = { A = "Grüße", B = 1 }`, "2:26"},
		"UTF-8 syntax":    {machine + `message = "Grüße" x`, "2:19"},
		"BOM":             {"\ufeffnme = 'x'\n" + machine, "1:1"},
		"end of file":     {machine + `message = "unfinished`, "2:21"},
		"header":          {machine + "[machine.dev.libvrt]\nx = 1", "2:14"},
		"list in list":    {machine + `ports = [ [ 80 ] ]`, "2:13"},
		"interpolation":   {machine + `message = "über ${var.nothing}"`, "2:17"},
		"in a long text":  {machine + "message = \"\"\"\nüber\n ${var.nothing}\"\"\"", "4:2"},
		"behind escapes":  {machine + `message = "\t${var.nothing}"`, "2:11"},
		"empty":           {"", "1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(test.text, testEnv())
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			if got := strings.TrimPrefix(problems[0].Pos.String(), "Colabofile:"); got != test.want {
				t.Errorf("the problem is at %s, want %s: %v", got, test.want, err)
			}
		})
	}
}
