package colabofile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// testDir is the folder of the Colabofiles of the tests, which are not on disk.
const testDir = "/srv/funtime"

// testEnv knows two providers and three step types.
func testEnv() Env {
	environment := map[string]string{"HOME": "/home/me", "COLABO_VAR_from_env": "by environment"}
	return Env{
		Providers: []providers.Kind{
			{Name: "libvirt", Options: func() any { return &vmOptions{} }, Settings: func() any { return &vmSettings{} }},
			{Name: "docker", Options: func() any { return &containerOptions{} }},
		},
		Steps: []provisioners.Kind{
			{Type: "shell", New: func() provisioners.Step { return &shellStep{} }},
			{Type: "postgres", New: func() provisioners.Step { return &seedStep{} }},
			{Type: "container", New: func() provisioners.Step { return &publishStep{} }},
		},
		Getenv: func(name string) (string, bool) {
			value, ok := environment[name]
			return value, ok
		},
	}
}

// vmOptions has a field of every kind that options may have.
type vmOptions struct {
	Accelerator string        `toml:"accelerator" enum:"auto,kvm,tcg" default:"auto"`
	Wait        time.Duration `toml:"wait" default:"5s"`
	Weight      float64       `toml:"weight"`
	Channel     uint8         `toml:"channel"`
	Video       *bool         `toml:"video"`
	Disks       []vmDisk      `toml:"disks"`
	Labels      map[string]string
	Anything    any `toml:"anything"`
	hardware
}

// hardware is embedded: its keys are the options' own.
type hardware struct {
	Machine string `toml:"machine" default:"q35"`
}

type vmDisk struct {
	Name string `toml:"name"`
	Bus  string `toml:"bus" enum:"virtio,scsi" default:"virtio"`
	Size Size   `toml:"size"`
}

// Validate refuses weights above 10, and disks without a name.
func (o *vmOptions) Validate() []providers.Problem {
	var problems []providers.Problem
	if o.Weight > 10 {
		problems = append(problems, providers.Problem{Key: "weight", Text: "must be at most 10"})
	}
	for i, disk := range o.Disks {
		if disk.Name == "" {
			problems = append(problems, providers.Problem{Key: fmt.Sprintf("disks[%d].name", i), Text: "is missing"})
		}
	}
	return problems
}

type vmSettings struct {
	URI string `toml:"uri" default:"auto"`
}

// containerOptions has nothing to choose.
type containerOptions struct{}

// shellStep is a step like the real one.
type shellStep struct {
	Inline string            `toml:"inline"`
	Args   []string          `toml:"args"`
	Env    map[string]string `toml:"env"`
	Strict bool              `toml:"strict" default:"true"`
}

func (s *shellStep) Validate(string) []provisioners.Problem {
	if s.Inline == "" {
		return []provisioners.Problem{{Key: "inline", Text: "a script is missing"}}
	}
	return nil
}

func (s *shellStep) Files(string) ([]string, error)                 { return nil, nil }
func (s *shellStep) Run(context.Context, provisioners.Target) error { return nil }

// seedStep looks for files on the host.
type seedStep struct {
	shellless
	Database string   `toml:"database"`
	Password string   `toml:"password"`
	Seed     []string `toml:"seed"`
}

func (s *seedStep) Validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	if s.Database == "" {
		problems = append(problems, provisioners.Problem{Key: "database", Text: "is missing"})
	}
	for i, seed := range s.Seed {
		if _, err := os.Stat(filepath.Join(dir, seed)); err != nil {
			problems = append(problems, provisioners.Problem{Key: fmt.Sprintf("seed[%d]", i), Text: "no file " + seed})
		}
	}
	return problems
}

// shellless is what steps have that read and run nothing.
type shellless struct{}

func (shellless) Validate(string) []provisioners.Problem         { return nil }
func (shellless) Files(string) ([]string, error)                 { return nil, nil }
func (shellless) Run(context.Context, provisioners.Target) error { return nil }

// publishStep publishes ports.
type publishStep struct {
	shellless
	Image string   `toml:"image"`
	Ports []string `toml:"ports"`
}

func (s *publishStep) PublishedPorts() []providers.Port {
	var all []providers.Port
	for _, text := range s.Ports {
		ports, _ := providers.ParsePorts(text)
		all = append(all, ports...)
	}
	return all
}

// load reads a Colabofile that is not on disk.
func load(text string, env Env) (*Project, error) {
	return loadBoth(text, "", env)
}

// loadBoth reads a Colabofile and a local file, which are not on disk; "" is no local file.
func loadBoth(text, local string, env Env) (*Project, error) {
	docs := []*document{newDocument("Colabofile", []byte(text))}
	if local != "" {
		docs = append(docs, newDocument("Colabofile.local", []byte(local)))
	}
	return decode(testDir+"/Colabofile", newSources(docs...), env)
}

// mustLoad reads a good Colabofile.
func mustLoad(t *testing.T, text string) *Project {
	t.Helper()
	p, err := load(text, testEnv())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return p
}

var _ providers.Validator = (*vmOptions)(nil)
