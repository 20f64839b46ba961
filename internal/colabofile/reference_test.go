package colabofile

import (
	"errors"
	"testing"
)

const withReferences = `
[secrets]
db = { file = "secrets/db" }
token = { command = "pass show token" }
[defaults]
env = { TOKEN = "${ secret.token }" }
[machine.web]
depends_on = [{ machine = "db", condition = "provisioned" }]
env = { DB = "${machine.db.ip}", ESCAPED = "$${secret.db}" }
message = "the database is at ${machine.db.ip}, the cache at ${machine.cache.ip}"
[[machine.web.provision]]
type = "shell"
inline = "login ${secret.db} at ${machine.db.ip} or ${machine.cache.ip} with ${secret.db}"
[[machine.web.check]]
http = "http://${machine.web.ip}:80/"
[machine.db]
[machine.cache]
`

func TestReferencesStayAsTheyAreWritten(t *testing.T) {
	p := mustLoad(t, withReferences)
	web := p.Machines[0]
	wantEqual(t, "env", web.Env, map[string]string{
		"TOKEN": "${secret.token}", "DB": "${machine.db.ip}", "ESCAPED": "${secret.db}",
	})
	token, password := Ref{SecretSpace, "token"}, Ref{SecretSpace, "db"}
	db, cache, self := Ref{MachineSpace, "db"}, Ref{MachineSpace, "cache"}, Ref{MachineSpace, "web"}
	wantEqual(t, "references of the machine", web.Refs, []Ref{token, db, cache})
	wantEqual(t, "references of the step", web.Steps[0].Refs, []Ref{password, db, cache})
	wantEqual(t, "references of the check", web.Checks[0].Refs, []Ref{self})
	wantEqual(t, "check", web.Checks[0].HTTP, "http://${machine.web.ip}:80/")
	var needs []string
	for _, need := range web.Needs {
		needs = append(needs, need.Machine+" "+string(need.Condition))
	}
	wantEqual(t, "needs", needs, []string{"db provisioned", "cache started"})
	if p.Machines[1].Refs == nil || len(p.Machines[1].Needs) != 0 {
		t.Errorf("db has the references %v and the needs %v", p.Machines[1].Refs, p.Machines[1].Needs)
	}
	wantEqual(t, "secrets", p.Secrets, map[string]Secret{
		"db":    {File: "secrets/db", Pos: Position{"Colabofile", 3, 1}},
		"token": {Command: Argv{"sh", "-c", "pass show token"}, Pos: Position{"Colabofile", 4, 1}},
	})
}

// TestResolve: values are put into strings, whatever they hold; what has no value stays, and the project it came from too.
func TestResolve(t *testing.T) {
	p := mustLoad(t, withReferences)
	hostile := "a\"b'c\\n${machine.cache.ip} ${var.x}\n[machine.evil]\x7f"
	resolved, err := p.Resolve(map[Ref]string{{SecretSpace, "db"}: hostile, {MachineSpace, "db"}: "10.0.0.2", {MachineSpace, "web"}: "10.0.0.3"})
	if err != nil {
		t.Fatal(err)
	}
	web := resolved.Machines[0]
	wantEqual(t, "step", web.Steps[0].Spec.(*shellStep).Inline,
		"login "+hostile+" at 10.0.0.2 or ${machine.cache.ip} with "+hostile)
	wantEqual(t, "check", web.Checks[0].HTTP, "http://10.0.0.3:80/")
	wantEqual(t, "env", web.Env, map[string]string{"TOKEN": "${secret.token}", "DB": "10.0.0.2", "ESCAPED": "${secret.db}"})
	wantEqual(t, "machines", len(resolved.Machines), 3)
	wantEqual(t, "the first project", p.Machines[0].Checks[0].HTTP, "http://${machine.web.ip}:80/")
	again, err := p.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "resolved with nothing", again.Machines[0].Checks[0].HTTP, "http://${machine.web.ip}:80/")
}

// TestResolveHoldsValuesToTheRules: a value that can't stand where it is put is a problem with a place.
func TestResolveHoldsValuesToTheRules(t *testing.T) {
	p := mustLoad(t, withReferences)
	_, err := p.Resolve(map[Ref]string{{MachineSpace, "web"}: "not an address"})
	problems, ok := errors.AsType[Problems](err)
	if !ok || problems[0].Key != "machine.web.check[0].http" || problems[0].Pos.Line == 0 {
		t.Errorf("Resolve = %v", err)
	}
}
