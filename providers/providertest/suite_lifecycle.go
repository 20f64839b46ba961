package providertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/colabo/colabo/providers"
)

// testPower: Start, Stop and Destroy may be called again at any time.
func (s *suite) testPower(t *testing.T) {
	spec := s.spec(t, s.project(t, "power"), "web")
	s.create(t, spec)
	t.Run("start twice", func(t *testing.T) {
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
		s.wantState(t, spec.ID, providers.Running)
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start again")
		s.wantState(t, spec.ID, providers.Running)
	})
	t.Run("another connection sees it", func(t *testing.T) {
		other := s.Open(t)
		status, err := other.Inspect(s.ctx(t), spec.ID)
		must(t, err, "Inspect")
		if status.State != providers.Running {
			t.Errorf("the machine is %s, want running", status.State)
		}
		must(t, other.Close(), "Close")
	})
	t.Run("stop without grace, twice", func(t *testing.T) {
		must(t, s.p.Stop(s.ctx(t), spec.ID, 0), "Stop")
		s.wantState(t, spec.ID, providers.Stopped)
		must(t, s.p.Stop(s.ctx(t), spec.ID, 0), "Stop again")
		s.wantState(t, spec.ID, providers.Stopped)
	})
	t.Run("start after stop", func(t *testing.T) {
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
		s.wantState(t, spec.ID, providers.Running)
	})
	t.Run("destroy a running machine, twice", func(t *testing.T) {
		must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
		s.wantMachines(t, spec.Project)
		must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy again")
	})
}

// testMissing: what is done with a machine that isn't there.
func (s *suite) testMissing(t *testing.T) {
	id := providers.ID{Project: s.Project + "none", Machine: "web"}
	t.Run("inspect", func(t *testing.T) {
		_, err := s.p.Inspect(s.ctx(t), id)
		wantNotFound(t, err)
	})
	t.Run("start", func(t *testing.T) { wantNotFound(t, s.p.Start(s.ctx(t), id)) })
	t.Run("stop", func(t *testing.T) { wantNotFound(t, s.p.Stop(s.ctx(t), id, 0)) })
	t.Run("destroy", func(t *testing.T) { must(t, s.p.Destroy(s.ctx(t), id), "Destroy") })
	t.Run("purge", func(t *testing.T) { must(t, s.p.Purge(s.ctx(t), id.Project), "Purge") })
	t.Run("list", func(t *testing.T) { s.wantMachines(t, id.Project) })
}

// wantNotFound: err wraps providers.ErrNotFound.
func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, providers.ErrNotFound) {
		t.Errorf("got %v, want an error that wraps providers.ErrNotFound", err)
	}
}

// testTags: what a machine is tagged with comes back as it was, whatever is in it.
func (s *suite) testTags(t *testing.T) {
	names := map[string]struct{ name, dir string }{
		"plain":   {"funtime", "/srv/funtime"},
		"spaces":  {"fun time", "/srv/fun time/a  b"},
		"quotes":  {`"fun" 'time' ` + "`x`", `/srv/"fun"/'time'`},
		"markup":  {"<fun & time/>", "/srv/<a>&amp;/]]>"},
		"utf-8":   {"Spaß 楽しい 🎉", "/srv/Spaß/楽しい"},
		"special": {`$HOME %s \n {{.}} a=b,c;d:e`, `/srv/$HOME/%d/\n/{{.}}/a=b,c;d:e`},
	}
	project := s.project(t, "tags")
	for label, names := range names {
		t.Run(label, func(t *testing.T) {
			spec := s.spec(t, project, "web-"+label)
			spec.ProjectName, spec.ProjectDir = names.name, names.dir
			spec.Digest = "sha256:" + label
			s.create(t, spec)
			defer func() { must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy") }()
			s.wantTags(t, spec, s.wantState(t, spec.ID, providers.Stopped))
			list, err := s.p.List(s.ctx(t), project)
			must(t, err, "List")
			i := slices.IndexFunc(list, func(status providers.Status) bool { return status.ID == spec.ID })
			if i < 0 {
				t.Fatalf("List does not have %v", spec.ID)
			}
			s.wantTags(t, spec, list[i])
		})
	}
}

// wantTags compares a status with the spec that the machine was made from.
func (s *suite) wantTags(t *testing.T, spec providers.Spec, status providers.Status) {
	t.Helper()
	for _, field := range []struct{ name, got, want string }{
		{"Digest", status.Digest, spec.Digest},
		{"ImageDigest", status.ImageDigest, spec.Image.Digest},
		{"ProjectDir", status.ProjectDir, spec.ProjectDir},
	} {
		if field.got != field.want {
			t.Errorf("%s is %q, want %q", field.name, field.got, field.want)
		}
	}
	if status.ID != spec.ID {
		t.Errorf("ID is %v, want %v", status.ID, spec.ID)
	}
	if status.Ref == "" {
		t.Error("Ref is empty")
	}
}

// testPurge: Purge and Destroy remove what is the project's, and only that.
func (s *suite) testPurge(t *testing.T) {
	mine, longer, other := s.project(t, "p"), s.project(t, "p-more"), s.project(t, "q")
	for _, id := range []providers.ID{
		{Project: mine, Machine: "db"}, {Project: mine, Machine: "web"},
		{Project: longer, Machine: "web"}, {Project: other, Machine: "web"},
	} {
		s.create(t, s.spec(t, id.Project, id.Machine))
	}
	t.Run("list by project", func(t *testing.T) {
		s.wantMachines(t, mine, "db", "web")
		s.wantMachines(t, longer, "web")
		s.wantMachines(t, other, "web")
	})
	t.Run("projects", func(t *testing.T) {
		lister, ok := providers.As[providers.ProjectLister](s.p)
		if !ok {
			t.Skip(s.p.Name() + " does not list projects")
		}
		s.wantProjects(t, lister, true, mine, longer, other)
	})
	t.Run("list of every project", func(t *testing.T) {
		list, err := s.p.List(s.ctx(t), "")
		must(t, err, "List")
		count := 0
		for _, status := range list {
			if slices.Contains([]string{mine, longer, other}, status.Project) {
				count++
			}
		}
		if count != 4 {
			t.Errorf("List has %d machines of this test, want 4", count)
		}
	})
	t.Run("destroy leaves the others", func(t *testing.T) {
		must(t, s.p.Destroy(s.ctx(t), providers.ID{Project: mine, Machine: "web"}), "Destroy")
		s.wantMachines(t, mine, "db")
		s.wantMachines(t, longer, "web")
		s.wantMachines(t, other, "web")
	})
	t.Run("purge removes all of the project, twice", func(t *testing.T) {
		must(t, s.p.Start(s.ctx(t), providers.ID{Project: mine, Machine: "db"}), "Start")
		must(t, s.p.Purge(s.ctx(t), mine), "Purge")
		s.wantNothing(t, mine)
		must(t, s.p.Purge(s.ctx(t), mine), "Purge again")
		if lister, ok := providers.As[providers.ProjectLister](s.p); ok {
			s.wantProjects(t, lister, false, mine)
			s.wantProjects(t, lister, true, longer, other)
		}
	})
	t.Run("purge leaves other projects", func(t *testing.T) {
		s.wantState(t, providers.ID{Project: longer, Machine: "web"}, providers.Stopped)
		s.wantState(t, providers.ID{Project: other, Machine: "web"}, providers.Stopped)
	})
	for _, project := range []string{longer, other} {
		must(t, s.p.Purge(s.ctx(t), project), "Purge")
		s.wantNothing(t, project)
	}
}

// wantProjects fails the test unless these projects have something, with their folder, or have nothing.
func (s *suite) wantProjects(t *testing.T, lister providers.ProjectLister, there bool, projects ...string) {
	t.Helper()
	tags, err := lister.Projects(s.ctx(t))
	must(t, err, "Projects")
	for _, project := range projects {
		want := providers.ProjectTag{ID: project, Dir: s.spec(t, project, "web").ProjectDir}
		if slices.Contains(tags, want) != there {
			t.Errorf("the projects are %v; that %v is among them should be %v", tags, want, there)
		}
	}
}
