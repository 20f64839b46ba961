package engine

import (
	"testing"
	"time"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// webPort is published by colabo, since the machine's provider does not.
var webPort = providers.Port{Host: 8080, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"}

// wantDev is a machine with a port, three steps and a check.
func wantDev() *desiredMachine {
	return &desiredMachine{
		name: "dev", provider: "fake",
		config: &colabofile.Machine{
			Name:   "dev",
			Box:    "debian-12",
			Checks: []colabofile.Check{{HTTP: "http://127.0.0.1/", Timeout: time.Second}},
		},
		fields:    map[string]string{"box": "debian-12", "memory": "1GiB"},
		ports:     []wantedPort{{Port: webPort}},
		removable: map[string]bool{"container": true},
		steps: []desiredStep{
			{config: colabofile.Step{Type: "postgres", Name: "db", Run: colabofile.RunChanged}, hash: "db1"},
			{config: colabofile.Step{Type: "shell", Name: "motd", Run: colabofile.RunOnce}, hash: "motd1"},
			{config: colabofile.Step{Type: "shell", Name: "reset", Run: colabofile.RunNever}, hash: "reset1"},
		},
	}
}

// haveDev is that machine, up and provisioned; change makes it different.
func haveDev(change func(*observedMachine, *forward.Status)) *observed {
	machine := observedMachine{
		record: &state.Machine{
			Name: "dev", Provider: "fake", Made: true, Booted: true,
			Fields: map[string]string{"box": "debian-12", "memory": "1GiB"},
			Ports:  []providers.Port{webPort},
			Journal: []state.Entry{
				{Step: "db", Type: "postgres", Hash: "db1"}, {Step: "motd", Type: "shell", Hash: "motd1"},
			},
		},
		status: &providers.Status{State: providers.Running},
	}
	agent := forward.Status{
		Forwards: []forward.Forward{{Machine: "dev", Protocol: "tcp", Listen: "127.0.0.1:8080", Target: "127.0.0.1:80"}},
	}
	change(&machine, &agent)
	return &observed{machines: map[string]observedMachine{"dev": machine}, forwards: agent}
}

func TestPlan(t *testing.T) {
	tests := map[string]struct {
		have    func(*observedMachine, *forward.Status)
		want    func(*desiredMachine)
		options planOptions
		text    string
	}{
		"nothing there": {
			have: func(m *observedMachine, f *forward.Status) { *m, *f = observedMachine{}, forward.Status{} },
			text: `dev on fake
  create: it is new, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
  check    http http://127.0.0.1/
`,
		},
		"all as it should be": {
			text: "dev on fake\n  check    http http://127.0.0.1/\n",
		},
		"stopped": {
			have: func(m *observedMachine, f *forward.Status) { m.status.State, *f = providers.Stopped, forward.Status{} },
			text: "dev on fake\n  start: stopped\n  forward  127.0.0.1:8080->80\n  check    http http://127.0.0.1/\n",
		},
		"forward agent killed": {
			have: func(_ *observedMachine, f *forward.Status) { *f = forward.Status{} },
			text: "dev on fake\n  forward  127.0.0.1:8080->80\n  check    http http://127.0.0.1/\n",
		},
		"removed behind our back: the journal starts anew": {
			have: func(m *observedMachine, f *forward.Status) { m.status, *f = nil, forward.Status{} },
			text: `dev on fake
  create: it is gone, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
  check    http http://127.0.0.1/
`,
		},
		"cut off in the middle of create": {
			have: func(m *observedMachine, f *forward.Status) {
				m.record.Made, m.status, *f = false, nil, forward.Status{}
			},
			text: `dev on fake
  create: it is new, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
  check    http http://127.0.0.1/
`,
		},
		"an edited seed runs its step; once is once": {
			want: func(d *desiredMachine) { d.steps[0].hash, d.steps[1].hash = "db2", "motd2" },
			text: "dev on fake\n  step     db: its inputs changed\n  check    http http://127.0.0.1/\n",
		},
		"a step whose result somebody undid": {
			have: func(m *observedMachine, _ *forward.Status) {
				m.drift = map[string]string{"db": "its container is gone"}
			},
			text: "dev on fake\n  step     db: its container is gone\n  check    http http://127.0.0.1/\n",
		},
		"a step that left the Colabofile": {
			have: func(m *observedMachine, _ *forward.Status) {
				m.record.Record(state.Entry{Step: "old", Type: "container", Hash: "old1"})
				m.record.Record(state.Entry{Step: "note", Type: "shell", Hash: "note1"}) // leaves nothing that could be removed
			},
			text: "dev on fake\n  remove   old: it is no longer in the Colabofile\n  check    http http://127.0.0.1/\n",
		},
		"forced": {
			options: planOptions{Steps: StepsForced},
			text:    "dev on fake\n  step     db: asked for\n  step     motd: asked for\n  check    http http://127.0.0.1/\n",
		},
		"named by type, also one that never runs by itself": {
			options: planOptions{Steps: StepsForced, Only: []string{"shell"}},
			text:    "dev on fake\n  step     motd: asked for\n  step     reset: asked for\n  check    http http://127.0.0.1/\n",
		},
		"no steps": {
			have:    func(m *observedMachine, _ *forward.Status) { m.record.Journal = nil },
			options: planOptions{Steps: StepsSkipped},
			text:    "dev on fake\n  check    http http://127.0.0.1/\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := wantDev()
			if test.want != nil {
				test.want(want)
			}
			if test.have == nil {
				test.have = func(*observedMachine, *forward.Status) {}
			}
			got := makePlan(&desired{machines: []*desiredMachine{want}}, haveDev(test.have), test.options)
			if got.String() != test.text {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.text)
			}
		})
	}
}
