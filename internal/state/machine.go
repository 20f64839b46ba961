package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/colabo/colabo/providers"
)

// Machine is the record of one machine: written before the machine is made, removed after it is gone.
type Machine struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// Made is false from the moment of intent until the provider has made the machine.
	Made       bool      `json:"made"`
	Since      time.Time `json:"since"` // of the intent
	InstanceID string    `json:"instance_id"`
	MAC        string    `json:"mac"`
	User       string    `json:"user"`
	Box        string    `json:"box"`
	BoxDigest  string    `json:"box_digest"`
	// Adopting is true while the machine is taken over after its record was lost: its guest does not know the login key yet.
	Adopting bool `json:"adopting,omitempty"`
	// Doomed is true from the moment at which the machine is to be removed and made anew, until it is being made.
	Doomed bool `json:"doomed,omitempty"`
	// Booted is false from each start until the guest was seen to have finished booting.
	Booted bool `json:"booted"`
	// Fields are the machine's configuration as it was made with, a value a key of the Colabofile.
	Fields map[string]string `json:"fields"`
	// Ports are those on the host as they were taken, auto_correct applied.
	Ports   []providers.Port `json:"ports"`
	Journal []Entry          `json:"journal"`
	// Running is the step that was begun last and not seen to succeed; "" when there is none.
	Running string `json:"running,omitempty"`
}

// Entry says that a step succeeded.
type Entry struct {
	Step string    `json:"step"`
	Type string    `json:"type"`
	Hash string    `json:"hash"` // of the step's configuration and of every file it read
	Time time.Time `json:"time"`
	// Refs are fingerprints of the secrets and addresses that the step referred to, by reference.
	Refs map[string]string `json:"refs,omitempty"`
}

// Succeeded returns the entry of the step's last success; false when it never succeeded.
func (m *Machine) Succeeded(step string) (Entry, bool) {
	for _, entry := range m.Journal {
		if entry.Step == step {
			return entry, true
		}
	}
	return Entry{}, false
}

// Record notes that the step of the entry succeeded now.
func (m *Machine) Record(entry Entry) {
	m.Forget(entry.Step)
	entry.Time = time.Now().UTC()
	m.Journal = append(m.Journal, entry)
}

// Forget takes the step out of the journal, as if it had never succeeded: that is so from the moment it runs again.
func (m *Machine) Forget(step string) {
	m.Journal = slices.DeleteFunc(m.Journal, func(entry Entry) bool { return entry.Step == step })
}

// Machine returns a machine's record; nil when there is none.
func (f *Folder) Machine(name string) (*Machine, error) {
	var m Machine
	err := f.read(f.machinePath(name), &m)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// Machines returns all records, sorted by name.
func (f *Folder) Machines() ([]*Machine, error) {
	entries, err := os.ReadDir(f.Path("machines"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list machines: %w", err)
	}
	var machines []*Machine
	for _, entry := range entries {
		name, isRecord := strings.CutSuffix(entry.Name(), recordSuffix)
		if !isRecord {
			continue
		}
		m, err := f.Machine(name)
		if err != nil {
			return nil, err
		}
		if m != nil {
			machines = append(machines, m)
		}
	}
	return machines, nil
}

// SaveMachine writes a machine's record.
func (f *Folder) SaveMachine(m *Machine) error {
	return f.writeJSON(f.machinePath(m.Name), m)
}

// RemoveMachine removes a machine's record and its host key. Idempotent.
func (f *Folder) RemoveMachine(name string) error {
	for _, path := range []string{f.machinePath(name), f.hostKeyPath(name), f.hostKeyPath(name) + ".pub"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const recordSuffix = ".json"

func (f *Folder) machinePath(name string) string { return f.Path("machines", name+recordSuffix) }
