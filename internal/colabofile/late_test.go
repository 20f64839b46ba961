package colabofile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// late uses references everywhere that they can be.
const late = `
[variables]
user = "app"

[secrets]
db = { file = "secrets/db" }
token = { command = "pass show token" }
argv = { command = ["pass", "show", "argv"] }
free = {}

[defaults.env]
TOKEN = "${secret.token}"

[machine.db]

[machine.web]
depends_on = [{ machine = "cache", condition = "provisioned" }]
env = { URL = "postgres://${var.user}:${ secret.db }@${machine.db.ip}/x", PLAIN = "$${secret.db} ${secret}" }
message = "web is at ${machine.web.ip}, the cache at ${machine.cache.ip}"

[[machine.web.provision]]
type = "postgres"
database = "funtime"
password = "${secret.undeclared}"

[[machine.web.provision]]
type = "shell"
inline = "echo ${secret.db} ${machine.db.ip} ${secret.db}"
args = ["${secret.token}"]
env = { A = "$${secret.token}" }

[[machine.web.provision]]
type = "container"
ports = ["${machine.web.ip}:8080:80"]

[[machine.web.check]]
http = "http://${machine.db.ip}:80/"

[[machine.web.check]]
command = ["check", "${secret.db}"]

[machine.cache]
depends_on = ["db"]
`

var (
	secretDB         = Ref{"secret", "db"}
	secretToken      = Ref{"secret", "token"}
	secretUndeclared = Ref{"secret", "undeclared"}
	addressOfDB      = Ref{"machine", "db"}
	addressOfWeb     = Ref{"machine", "web"}
	addressOfCache   = Ref{"machine", "cache"}
)

// TestReferencesStay: without values, strings keep references as they are written, and each machine, step and check knows its own.
func TestReferencesStay(t *testing.T) {
	p := mustLoad(t, late)
	db, web := p.Machines[0], p.Machines[1]
	wantEqual(t, "env", web.Env, map[string]string{
		"TOKEN": "${secret.token}", "URL": "postgres://app:${secret.db}@${machine.db.ip}/x", "PLAIN": "${secret.db} ${secret}",
	})
	wantEqual(t, "message", web.Message, "web is at ${machine.web.ip}, the cache at ${machine.cache.ip}")
	wantEqual(t, "db's refs", db.Refs, []Ref{secretToken})
	wantEqual(t, "web's refs", web.Refs, []Ref{secretToken, secretDB, addressOfDB, addressOfWeb, addressOfCache})
	wantEqual(t, "steps", []any{web.Steps[0].Spec, web.Steps[0].Refs, web.Steps[1].Spec, web.Steps[1].Refs, web.Steps[2].Refs}, []any{
		&seedStep{Database: "funtime", Password: "${secret.undeclared}"}, []Ref{secretUndeclared},
		&shellStep{
			Inline: "echo ${secret.db} ${machine.db.ip} ${secret.db}", Args: []string{"${secret.token}"},
			Env: map[string]string{"A": "${secret.token}"}, Strict: true,
		}, []Ref{secretDB, addressOfDB, secretToken},
		[]Ref{addressOfWeb},
	})
	wantEqual(t, "checks", web.Checks, []Check{
		{HTTP: "http://${machine.db.ip}:80/", Timeout: time.Minute, Interval: time.Second, Refs: []Ref{addressOfDB}, Pos: web.Checks[0].Pos},
		{Command: Argv{"check", "${secret.db}"}, Timeout: time.Minute, Interval: time.Second, Refs: []Ref{secretDB}, Pos: web.Checks[1].Pos},
	})
	wantEqual(t, "secrets", p.Secrets, map[string]Secret{
		"db":    {File: "secrets/db", Pos: Position{"Colabofile", 6, 1}},
		"token": {Command: Argv{"sh", "-c", "pass show token"}, Pos: Position{"Colabofile", 7, 1}},
		"argv":  {Command: Argv{"pass", "show", "argv"}, Pos: Position{"Colabofile", 8, 1}},
		"free":  {Pos: Position{"Colabofile", 9, 1}},
	})
}

// TestNeeds: references imply that the machine is started; what depends_on says wins, and a machine doesn't need itself.
func TestNeeds(t *testing.T) {
	p := mustLoad(t, late)
	for i, want := range []string{"", "cache provisioned 17:15, db started 18:15", "db healthy 43:15"} {
		var got []string
		for _, need := range p.Machines[i].Needs {
			got = append(got, fmt.Sprintf("%s %s %d:%d", need.Machine, need.Condition, need.Pos.Line, need.Pos.Column))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s needs %q, want %q", p.Machines[i].Name, text, want)
		}
	}
}

// TestResolve: values are put into decoded strings, whatever TOML would make of them, in one go or one after the other;
// the project that was loaded stays as it is.
func TestResolve(t *testing.T) {
	p := mustLoad(t, late)
	const hostile = "\"'\\ \n]]\n[x]\n${secret.token} ${var.user} $${"
	first := map[Ref]string{secretDB: hostile, secretToken: "", secretUndeclared: "x"}
	partly, err := p.Resolve(first)
	must(t, err)
	if got := partly.Machines[1].Env["URL"]; got != "postgres://app:"+hostile+"@${machine.db.ip}/x" {
		t.Errorf("the URL is %q", got)
	}
	whole, err := partly.Resolve(map[Ref]string{addressOfDB: "10.77.0.2", addressOfWeb: "10.77.0.3", addressOfCache: "10.77.0.4"})
	must(t, err)
	web := whole.Machines[1]
	wantEqual(t, "env", web.Env, map[string]string{
		"TOKEN": "", "URL": "postgres://app:" + hostile + "@10.77.0.2/x", "PLAIN": "${secret.db} ${secret}",
	})
	wantEqual(t, "message", web.Message, "web is at 10.77.0.3, the cache at 10.77.0.4")
	wantEqual(t, "password", web.Steps[0].Spec.(*seedStep).Password, "x")
	wantEqual(t, "script", web.Steps[1].Spec.(*shellStep).Inline, "echo "+hostile+" 10.77.0.2 "+hostile)
	wantEqual(t, "ports", web.Steps[2].Spec.(*publishStep).Ports, []string{"10.77.0.3:8080:80"})
	wantEqual(t, "check", web.Checks[1].Command, Argv{"check", hostile})
	for i, m := range whole.Machines {
		wantEqual(t, m.Name+"'s needs", m.Needs, p.Machines[i].Needs)
		wantEqual(t, m.Name+"'s refs", m.Refs, p.Machines[i].Refs)
		for k, step := range m.Steps {
			wantEqual(t, step.Name+"'s refs", step.Refs, p.Machines[i].Steps[k].Refs)
		}
	}
	if got := p.Machines[1].Env["URL"]; !strings.Contains(got, "${secret.db}") {
		t.Errorf("the loaded project has the URL %q", got)
	}
}

// TestResolveHidesSecrets: a value that can't be is a problem at its place, and is not told.
func TestResolveHidesSecrets(t *testing.T) {
	const text = `
[machine.web]
env = { NUL = "a${secret.nul}b" }
[[machine.web.check]]
tcp = "${secret.address}:80"
[[machine.web.provision]]
type = "container"
ports = ["${secret.port}:80"]
[[machine.web.provision]]
type = "container"
ports = ["8000:81"]
`
	p := mustLoad(t, text)
	_, err := p.Resolve(map[Ref]string{
		{"secret", "nul"}: "x\x00y", {"secret", "address"}: "my host", {"secret", "port"}: "8000",
	})
	const want = `Colabofile:3:15: machine.web.env.NUL: this can't be with the value that ${secret.nul} has
Colabofile:5:7: machine.web.check[0].tcp: this can't be with the value that ${secret.address} has
Colabofile:11:10: machine.web.provision[1].ports[0]: this can't be with the value that ${secret.port} has`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// TestResolveOfNothing: there is nothing to do for a project without references, nor for one that Load did not make.
func TestResolveOfNothing(t *testing.T) {
	p := mustLoad(t, whole)
	again, err := p.Resolve(map[Ref]string{secretDB: "x"})
	must(t, err)
	wantEqual(t, "the project", again.Machines, p.Machines)
	if _, err := new(Project).Resolve(nil); err == nil {
		t.Error("a project without a document was resolved")
	}
}
