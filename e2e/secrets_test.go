package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// funtimeSecret is the database's password in the tests: it comes from a file, and is to be seen nowhere.
const funtimeSecret = "pw-7Qz/seen'nowhere"

// funtimeLocal gives FunTime a password that is a secret, as a developer would.
const funtimeLocal = `[secrets]
db = { file = "password.txt" }

[[machine.dev.provision]]
name = "db"
password = "${secret.db}"

[[machine.dev.provision]]
name = "api"
env = { PGPASSWORD = "${secret.db}", DATABASE_URL = "postgres://funtime@127.0.0.1:5432/funtime" }
`

// keepSecret puts the secret into a copy of FunTime.
func (p *project) keepSecret() {
	p.write("password.txt", funtimeSecret+"\n")
	p.write("Colabofile.local", funtimeLocal)
}

// checkSecret looks for the secret in what colabo printed and in all that it keeps on this host.
func checkSecret(t *testing.T, p *project, printed ...result) {
	t.Helper()
	for _, r := range printed {
		if strings.Contains(r.stdout+r.stderr, funtimeSecret) {
			t.Error("the secret was printed")
		}
	}
	folders := []string{filepath.Join(p.dir, ".colabo")}
	seeds, err := filepath.Glob("/var/lib/libvirt/images/colabo/*seed*")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, root := range append(folders, seeds...) {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			files++
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(funtimeSecret)) {
				t.Errorf("the secret is in %s", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 5 { // project, machine, keys, known hosts, log
		t.Errorf("only %d files were looked through", files)
	}
}
