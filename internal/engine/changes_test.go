package engine

import (
	"errors"
	"testing"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// fakeClasses has a key of every class.
var fakeClasses = map[string]providers.Change{
	"box": providers.Recreate, "memory": providers.Live, "cpus": providers.Live, "hostname": providers.Restart,
	"disk": providers.Restart, "env": providers.Ignored, "network": providers.Live,
}

// TestPlanOfChanges compares what is planned for a machine whose configuration differs from what it was made with.
func TestPlanOfChanges(t *testing.T) {
	const check = "  check    http http://127.0.0.1/\n"
	tests := map[string]struct {
		fields  map[string]string // of the Colabofile now
		have    func(*observedMachine, *forward.Status)
		options planOptions
		text    string
		refused bool
	}{
		"live": {
			fields: map[string]string{"memory": "2GiB"},
			text:   "  change   memory 1GiB -> 2GiB\n" + check,
		},
		"live, of a stopped machine": {
			fields: map[string]string{"memory": "2GiB"},
			have:   stopped,
			text:   "  change   memory 1GiB -> 2GiB\n  start: stopped\n  forward  127.0.0.1:8080->80\n" + check,
		},
		"restart, and what is live with it": {
			fields: map[string]string{"memory": "2GiB", "hostname": "new"},
			text:   "  restart  hostname old -> new, memory 1GiB -> 2GiB\n" + check,
		},
		"restart of a stopped machine": {
			fields: map[string]string{"hostname": "new"},
			have:   stopped,
			text:   "  change   hostname old -> new\n  start: stopped\n  forward  127.0.0.1:8080->80\n" + check,
		},
		"recreate without the user's word": {
			fields:  map[string]string{"box": "debian-13", "memory": "2GiB"},
			text:    "  recreate box debian-12 -> debian-13, memory 1GiB -> 2GiB: needs --recreate: what is on its disk is lost\n",
			refused: true,
		},
		"recreate": {
			fields:  map[string]string{"box": "debian-13"},
			options: planOptions{Recreate: true},
			text: `  recreate box debian-12 -> debian-13: what is on its disk is lost
  create: anew, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
` + check,
		},
		"a disk that grows": {
			fields: map[string]string{"disk": "20GiB"},
			text:   "  restart  disk 10GiB -> 20GiB\n" + check,
		},
		"a disk that shrinks": {
			fields:  map[string]string{"disk": "5GiB"},
			text:    "  recreate disk 10GiB -> 5GiB: needs --recreate: what is on its disk is lost\n",
			refused: true,
		},
		"a disk that becomes as large as its box": {
			fields:  map[string]string{"disk": "default"},
			text:    "  recreate disk 10GiB -> default: needs --recreate: what is on its disk is lost\n",
			refused: true,
		},
		"a key that means nothing here": {
			fields: map[string]string{"env": `{"A":"1"}`},
			text:   check,
		},
		"a key that the provider has no class for": {
			fields:  map[string]string{"fake.new": "x"},
			have:    func(m *observedMachine, _ *forward.Status) { m.record.Fields["fake.new"] = "default" },
			text:    "  recreate fake.new default -> x: needs --recreate: what is on its disk is lost\n",
			refused: true,
		},
		"a key that an older record does not have": {
			fields: map[string]string{"fake.new": "x"},
			text:   check,
		},
		"edited by somebody else": {
			have: func(m *observedMachine, _ *forward.Status) {
				m.edited = map[string]string{"memory": "is 512MiB, was made with 1GiB"}
			},
			text: "  change   memory is 512MiB, was made with 1GiB\n" + check,
		},
		"edited by somebody else and in the Colabofile": {
			fields: map[string]string{"memory": "2GiB"},
			have: func(m *observedMachine, _ *forward.Status) {
				m.edited = map[string]string{"memory": "is 512MiB, was made with 1GiB", "network": "is gone"}
			},
			text: "  change   memory 1GiB -> 2GiB, network is gone\n" + check,
		},
		"cut off while it was made anew": {
			have: func(m *observedMachine, _ *forward.Status) {
				m.record.Doomed, m.record.Made, m.record.Journal = true, false, nil
			},
			text: `  recreate: an earlier attempt was cut off
  create: anew, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
` + check,
		},
		"cut off while it was made anew, and the old one is gone": {
			have: func(m *observedMachine, f *forward.Status) {
				m.record.Doomed, m.record.Made, m.record.Journal, m.status, *f = true, false, nil, nil, forward.Status{}
			},
			text: `  create: it is new, from box debian-12
  start
  forward  127.0.0.1:8080->80
  step     db: it has not succeeded yet
  step     motd: it has not succeeded yet
` + check,
		},
		"machines are to stay as they are": {
			fields:  map[string]string{"box": "debian-13"},
			options: planOptions{KeepMachines: true},
			text:    check,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := wantDev()
			want.classes = fakeClasses
			for key, value := range map[string]string{"hostname": "old", "disk": "10GiB", "env": "default"} {
				want.fields[key] = value
			}
			for key, value := range test.fields {
				want.fields[key] = value
			}
			have := haveDev(func(m *observedMachine, f *forward.Status) {
				m.record.Fields = map[string]string{"box": "debian-12", "memory": "1GiB", "hostname": "old", "disk": "10GiB", "env": "default"}
				if test.have != nil {
					test.have(m, f)
				}
			})
			got := makePlan(&desired{machines: []*desiredMachine{want}}, have, test.options)
			if text := "dev on fake\n" + test.text; got.String() != text {
				t.Errorf("got:\n%s\nwant:\n%s", got, text)
			}
			_, refused := errors.AsType[*RefusedError](got.refuse())
			if refused != test.refused {
				t.Errorf("refused is %v, want %v", refused, test.refused)
			}
		})
	}
}

func stopped(m *observedMachine, f *forward.Status) {
	m.status.State, *f = providers.Stopped, forward.Status{}
}

// TestChangedReferencesRunTheirSteps: what a step referred to is compared where both values are known.
func TestChangedReferencesRunTheirSteps(t *testing.T) {
	const quiet = "dev on fake\n  check    http http://127.0.0.1/\n"
	for name, test := range map[string]struct {
		then, now map[string]string
		text      string
	}{
		"the same":       {map[string]string{"${secret.a}": "1"}, map[string]string{"${secret.a}": "1"}, quiet},
		"not known now":  {map[string]string{"${secret.a}": "1"}, nil, quiet},
		"not known then": {nil, map[string]string{"${secret.a}": "1"}, quiet},
		"changed": {
			map[string]string{"${secret.a}": "1"}, map[string]string{"${secret.a}": "2"},
			"dev on fake\n  step     db: ${secret.a} changed\n  check    http http://127.0.0.1/\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := wantDev()
			want.steps[0].refs = test.now
			have := haveDev(func(m *observedMachine, _ *forward.Status) {
				m.record.Record(state.Entry{Step: "db", Type: "postgres", Hash: "db1", Refs: test.then})
			})
			if got := makePlan(&desired{machines: []*desiredMachine{want}}, have, planOptions{}); got.String() != test.text {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.text)
			}
		})
	}
}
