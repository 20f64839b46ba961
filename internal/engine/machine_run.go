package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// machineRun is one machine's way through an `up`.
type machineRun struct {
	engine   *Engine
	forwards *forwards
	provider providers.Provider
	want     *desiredMachine
	have     observedMachine
	plan     machinePlan
	image    providers.Image
	ports    []providers.Port // auto_correct applied

	record  *state.Machine
	guest   guest.Guest
	reached string // the last stage that was done, for people

	config *colabofile.Machine // with the values of its references; see settled
	// unseen: the machine was there before, and nobody looked at its steps since it was started.
	unseen  bool
	awaited bool              // another machine waits for this one
	adopter providers.Adopter // of a machine whose keys were lost; else nil

	milestones milestones
	err        error // read after the last milestone
}

// runAfter runs the machine's plan once the machines that it needs are through.
func (r *machineRun) runAfter(ctx context.Context, needs []need) {
	defer r.milestones.end()
	r.reached = "as it was"
	if r.plan.has(actionCreate) {
		r.reached = "not created"
	}
	for _, need := range needs {
		if r.err = need.wait(ctx); r.err != nil {
			return
		}
	}
	r.err = r.run(ctx)
	if r.guest != nil {
		if err := r.guest.Close(); err != nil {
			r.engine.Log.Debug("close guest", "machine", r.want.name, "error", err)
		}
	}
}

func (r *machineRun) run(ctx context.Context) error {
	r.record = r.have.record
	r.unseen = r.have.running() && r.record != nil && !r.record.Booted
	if r.want.why != "" && r.plan.has(actionCreate) {
		r.notice("runs on %s: %s", r.want.provider, r.want.why)
	}
	if err := r.applyChanges(ctx); err != nil {
		return err
	}
	if r.plan.has(actionCreate) {
		if err := r.create(ctx); err != nil {
			return err
		}
		r.reached = "created"
	}
	if r.plan.has(actionStart) {
		if err := r.start(ctx); err != nil {
			return err
		}
		r.reached = "running"
	}
	if r.plan.has(actionForward) {
		if err := r.forward(ctx); err != nil {
			return err
		}
	}
	if err := r.answers(ctx); err != nil {
		return err
	}
	r.milestones.pass(colabofile.Started)
	if err := r.removeSteps(ctx); err != nil {
		return err
	}
	if err := r.runSteps(ctx); err != nil {
		return err
	}
	r.milestones.pass(colabofile.Provisioned)
	if err := r.runChecks(ctx); err != nil {
		return err
	}
	r.milestones.pass(colabofile.Healthy)
	return nil
}

// answers makes sure that a guest answers that others wait for, and that nobody saw boot.
func (r *machineRun) answers(ctx context.Context) error {
	if !r.awaited || r.record.Booted {
		return nil
	}
	_, err := r.connected(ctx)
	return err
}

// create writes the intent down and has the provider make the machine.
func (r *machineRun) create(ctx context.Context) error {
	takenOver := r.have.status != nil
	if takenOver && r.want.features.CloudInit && (r.have.record == nil || r.have.record.Adopting) {
		return r.adopt(ctx)
	}
	return r.engine.stage(ctx, r.want.name, "create", func(ctx context.Context, s *stage) error {
		spec, err := r.intend()
		if err != nil {
			return err
		}
		s.detail("from box " + r.want.config.Box)
		if err := r.provider.Create(ctx, spec, s.detail); err != nil {
			return err
		}
		r.record.Made = true
		s.result = fmt.Sprintf("on %s from box %s", r.want.provider, r.want.config.Box)
		if takenOver {
			s.result = "taken over as it is on " + r.want.provider
		}
		return r.engine.folder.SaveMachine(r.record)
	})
}

// intend makes the machine's record, or takes up that of an attempt that was cut off, and returns the Spec to make it from.
func (r *machineRun) intend() (providers.Spec, error) {
	e, config := r.engine, r.want.config
	if r.record == nil || r.record.Made || r.record.Doomed {
		r.record = r.newRecord("colabo-" + e.id + "-" + rand.Text()[:12])
	}
	r.record.User, r.record.Box, r.record.BoxDigest = config.User, config.Box, r.image.Digest
	r.record.Fields, r.record.Ports = r.want.fields, r.ports
	if _, err := e.folder.HostKey(config.Name); err != nil {
		return providers.Spec{}, err
	}
	if err := e.folder.SaveMachine(r.record); err != nil {
		return providers.Spec{}, err
	}
	if err := e.saveKnownHosts(); err != nil {
		return providers.Spec{}, err
	}
	return r.spec()
}

// spec is what the provider needs to make the machine, or to change it.
func (r *machineRun) spec() (providers.Spec, error) {
	e, config := r.engine, r.want.config
	login, err := e.folder.LoginKey(e.Project.Name)
	if err != nil {
		return providers.Spec{}, err
	}
	host, err := e.folder.HostKey(config.Name)
	if err != nil {
		return providers.Spec{}, err
	}
	digest, err := fieldsDigest(r.want.fields)
	if err != nil {
		return providers.Spec{}, err
	}
	settled, err := e.settle(config) // its own address comes later
	if err != nil {
		return providers.Spec{}, err
	}
	return providers.Spec{
		ID:          e.machineID(config.Name),
		ProjectName: e.Project.Name, ProjectDir: e.Project.Dir,
		Hostname: config.Hostname,
		CPUs:     config.CPUs, Memory: int64(config.Memory), Disk: int64(config.Disk),
		Image: r.image,
		MAC:   r.record.MAC,
		User:  config.User,
		CloudInit: cloudinit.Config{
			InstanceID: r.record.InstanceID, Hostname: config.Hostname, User: config.User,
			AuthorizedKeys: []string{login.Public},
			HostKey:        cloudinit.HostKey{Private: host.Private, Public: host.Public},
			MAC:            r.record.MAC,
			Groups:         []string{containerGroup},
		},
		Ports: r.ports, Env: settled.Env, Options: config.Options[r.want.provider],
		Digest: digest,
	}, nil
}

// newRecord is that of a machine nothing of which is there yet.
func (r *machineRun) newRecord(instanceID string) *state.Machine {
	return &state.Machine{
		Name: r.want.name, Provider: r.want.provider, Since: time.Now().UTC(),
		InstanceID: instanceID, MAC: macAddress(r.engine.id, r.want.name),
	}
}

// saveKnownHosts writes down the host keys that are there. Machines are made at the same time: whoever comes last, after
// its own key was made, finds those of all.
func (e *Engine) saveKnownHosts() error {
	e.knownHosts.Lock()
	defer e.knownHosts.Unlock()
	return e.folder.SaveKnownHosts(e.names(nil))
}

// containerGroup may use the container engine in a VM. The user is in it from the first boot, so that a later
// installation of the engine needs no new login.
const containerGroup = "docker"

func (r *machineRun) start(ctx context.Context) error {
	r.record.Booted, r.record.Ports = false, r.ports
	if err := r.engine.folder.SaveMachine(r.record); err != nil {
		return err
	}
	r.reached = "being started"
	err := r.engine.stage(ctx, r.want.name, "start", func(ctx context.Context, _ *stage) error {
		return r.provider.Start(ctx, r.engine.machineID(r.want.name))
	})
	if err != nil {
		return err
	}
	r.reached, r.unseen = "started", !r.plan.has(actionCreate)
	if err := r.authorize(ctx); err != nil {
		return err
	}
	_, err = r.connected(ctx)
	return err
}

// forward has the machine's ports listen on the host.
func (r *machineRun) forward(ctx context.Context) error {
	return r.engine.stage(ctx, r.want.name, "forward", func(ctx context.Context, s *stage) error {
		r.record.Ports = r.ports
		if err := r.engine.folder.SaveMachine(r.record); err != nil {
			return err
		}
		return r.forwards.add(ctx, r.provider, r.record)
	})
}

// connected returns the machine's guest, over a connection that is made at most once a run.
func (r *machineRun) connected(ctx context.Context) (guest.Guest, error) {
	if r.guest != nil {
		return r.guest, nil
	}
	var err error
	if r.record.Booted {
		r.guest, err = r.engine.connect(ctx, r.provider, r.record)
		return r.guest, err
	}
	// It was started, by us or by somebody else, and nobody saw it boot: it may not answer yet.
	err = r.engine.stage(ctx, r.want.name, "connect", func(ctx context.Context, s *stage) error {
		var err error
		r.guest, err = r.engine.waitForGuest(ctx, r.provider, r.record, s.detail)
		return err
	})
	return r.guest, err
}

// macAddress gives each machine of each project an address of its own, in the range that QEMU guests use.
func macAddress(project, machine string) string {
	sum := sha256.Sum256([]byte(project + "/" + machine))
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}

func fieldsDigest(fields map[string]string) (string, error) {
	text, err := json.Marshal(fields) // map keys are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
