package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
	// Fields are the machine's configuration as it was made with, a value a key of the Colabofile.
	Fields map[string]string `json:"fields"`
	// Ports are those on the host as they were taken, auto_correct applied.
	Ports   []providers.Port `json:"ports"`
	Journal []Entry          `json:"journal"`
}

// Entry says that a step succeeded.
type Entry struct {
	Step string    `json:"step"`
	Hash string    `json:"hash"` // of the step's configuration and of every file it read
	Time time.Time `json:"time"`
}

// Succeeded returns the hash with which the step succeeded last; false when it never did.
func (m *Machine) Succeeded(step string) (string, bool) {
	for _, entry := range m.Journal {
		if entry.Step == step {
			return entry.Hash, true
		}
	}
	return "", false
}

// Record notes that the step succeeded now.
func (m *Machine) Record(step, hash string) {
	entry := Entry{Step: step, Hash: hash, Time: time.Now().UTC()}
	for i := range m.Journal {
		if m.Journal[i].Step == step {
			m.Journal[i] = entry
			return
		}
	}
	m.Journal = append(m.Journal, entry)
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
	paths, err := filepath.Glob(f.Path("machines", "*.json"))
	if err != nil {
		return nil, err
	}
	var machines []*Machine
	for _, path := range paths {
		m, err := f.Machine(strings.TrimSuffix(filepath.Base(path), ".json"))
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

func (f *Folder) machinePath(name string) string { return f.Path("machines", name+".json") }
