package machinetest

import (
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/container"
	"github.com/colabo/colabo/provisioners/postgres"
)

// testFuntime runs the steps of examples/funtime as its Colabofile has them.
func (m *machine) testFuntime(t *testing.T) {
	t.Cleanup(func() { m.removeApps(t) })
	project, err := colabofile.Load("../../examples/funtime/Colabofile", colabofile.Env{
		Steps: []provisioners.Kind{postgres.Kind(), container.Kind()},
	})
	if err != nil {
		t.Fatal(err)
	}
	steps := project.Machines[0].Steps
	run := func(step colabofile.Step) string {
		t.Helper()
		out, err := m.run(t, step.Spec, step.Name, project.Dir)
		if err != nil {
			t.Fatalf("step %s: %v\n%s", step.Name, err, out)
		}
		return out
	}
	for _, step := range steps {
		run(step)
	}
	if got := m.fetch(t, "127.0.0.1:8081/healthz"); got != `{"status":"ok"}` {
		t.Errorf("/healthz: %s", got)
	}
	for _, want := range []string{"1–20 of 48", "41–48 of 48"} {
		path := map[string]string{"1–20 of 48": "/", "41–48 of 48": "/?page=3"}[want]
		if page := m.fetch(t, "127.0.0.1"+path); !strings.Contains(page, want) || strings.Count(page, "<tr><td>") < 8 {
			t.Errorf("the page without %q or rows:\n%s", want, page)
		}
	}
	rows := m.must(t, "env", "PGPASSWORD=funtime", "psql", "-XAt", "-h", "127.0.0.1", "-U", "funtime", "-c", "SELECT count(*) FROM ride JOIN visitor v ON v.id = visitor_id")
	if rows != "3000" {
		t.Errorf("%s rides, want 3000", rows)
	}
	before := m.ids(t)
	for _, step := range steps {
		if out := run(step); !strings.Contains(out, "unchanged") && !strings.Contains(out, "has its seed already") {
			t.Errorf("step %s ran again and said %s", step.Name, out)
		}
	}
	if after := m.ids(t); after["api"] != before["api"] || after["front"] != before["front"] {
		t.Errorf("a second run changed %v to %v", before, after)
	}
}
