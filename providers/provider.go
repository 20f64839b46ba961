// Package providers says what runs machines: the interface that libvirt, docker and openstack implement, and the
// words (Spec, Status, State) that the engine and they share.
//
// The interface is small on purpose. What is portable (waiting for ssh, forwards, provisioning, checks, retries) lives
// above it, in internal/engine. What only some providers can do is an optional interface, found with As.
// The contract that every implementation passes is executable: package providertest.
package providers

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/internal/guest"
)

// What callers branch on; implementations wrap these.
var (
	// ErrNotFound: there is no such machine (never made, or removed behind our back).
	ErrNotFound = errors.New("no such machine")
	// ErrUnavailable: the provider can't be used on this host now: daemon not running, no permission, library missing.
	// The error's chain says which and carries a hint that says how to mend it.
	ErrUnavailable = errors.New("provider not usable here")
	// ErrNoSpace: the place where the provider keeps disks is full.
	ErrNoSpace = errors.New("no space left")
)

// Provider runs machines. Every method may be called at any time and from several goroutines, and is safe to
// call again after it failed or its process was killed: what a method made half is completed or replaced by the next call.
type Provider interface {
	// Name is the provider's name in a Colabofile: "libvirt", "docker".
	Name() string
	// Check says whether the provider can be used here now. Its error wraps ErrUnavailable.
	// On success it returns one line about what was found: "qemu:///system, libvirt 9.0.0, TCG".
	Check(ctx context.Context) (string, error)
	// Features is what a Spec may ask of this provider.
	Features() Features
	// Create makes the machine and all that belongs to it, stopped. It is idempotent: leftovers of an earlier
	// attempt are completed or replaced; a machine that is whole already is left as it is.
	// On an error, ctx's end included, nothing that Create made stays.
	Create(ctx context.Context, spec Spec, report Report) error
	// Start starts the machine; one that runs already is left alone. It does not wait for the guest. ErrNotFound.
	Start(ctx context.Context, id ID) error
	// Stop shuts the machine down: asks the guest, and after grace turns it off. grace 0 turns it off at once.
	// A machine that is stopped already is left alone. ErrNotFound.
	Stop(ctx context.Context, id ID, grace time.Duration) error
	// Destroy removes the machine, running or not, and all that it alone used. A machine that is not there is no error.
	Destroy(ctx context.Context, id ID) error
	// Purge removes everything that carries the project's tag: its machines, and what they shared (networks, images).
	// Nothing without the tag is touched. Idempotent.
	Purge(ctx context.Context, project string) error
	// Inspect says how the machine is. ErrNotFound.
	Inspect(ctx context.Context, id ID) (Status, error)
	// List returns every machine with the project's tag, also half-made ones, sorted by name; project "" means those of every project.
	List(ctx context.Context, project string) ([]Status, error)
	// Close frees the connection to the daemon.
	Close() error
}

// Report receives lines of progress from a long operation; it is never nil.
type Report func(text string)

// ID names a machine: the project's id and the machine's name in the Colabofile.
type ID struct{ Project, Machine string }

// Spec is all that a provider needs to make a machine.
type Spec struct {
	ID
	ProjectName string // for names that people read
	ProjectDir  string // absolute; kept in the tag
	Hostname    string
	CPUs        int   // 0: the provider's default
	Memory      int64 // bytes; 0: the provider's default
	Disk        int64 // bytes; 0: as large as the image
	Image       Image
	// MAC is the address of the first network card, chosen by the engine, so that CloudInit can name it.
	MAC string
	// User is the login user, which the guest must have with sudo and without a password.
	User string
	// CloudInit is what cloud-init is given; providers without cloud-init (containers) ignore it and set User up themselves.
	CloudInit cloudinit.Config
	// Ports are published on the host by the provider where Features().PublishesPorts, else by the engine's forwards.
	Ports []Port
	// Env is set for every process that a container machine starts; VMs get theirs through the guest.
	Env map[string]string
	// Options is the [machine.X.PROVIDER] block, of the type that Kind.Options makes; nil where the Colabofile has none.
	Options any
	// Digest is the engine's hash of the Colabofile's part of this Spec, kept in the machine's tag.
	Digest string
}

// Image is what a machine's root file system starts from. Either Reference is set or the rest is.
type Image struct {
	Name      string // "debian-12"
	Digest    string // "sha256:..."
	Disk      string // path of a qcow2, for VMs
	DiskSize  int64  // its virtual size, bytes
	Rootfs    string // path of a tar.zst, for containers
	Reference string // "docker://IMAGE" without its scheme: an image of the container engine itself
}

// Port publishes a port of the guest on the host.
type Port struct {
	Host     int    `json:"host"`
	Guest    int    `json:"guest"`
	Address  string `json:"address"`  // on the host; "127.0.0.1" unless the user said otherwise
	Protocol string `json:"protocol"` // "tcp" or "udp"
}

// Features is what a Spec may ask for, as data; operations that only some providers have are interfaces (see As).
type Features struct {
	// PublishesPorts: the provider itself publishes Spec.Ports for as long as the machine runs.
	PublishesPorts bool
	// CloudInit: the guest runs cloud-init and is reached by ssh.
	CloudInit bool
	// References: Spec.Image may be a Reference.
	References bool
}

// State is a machine's state.
type State string

// The states of a machine.
const (
	Running State = "running"
	Stopped State = "stopped"
	Paused  State = "paused"
	// Broken: half made, or crashed; Status.Detail says more. Start is not expected to work, Destroy is.
	Broken State = "broken"
)

// Status is how a machine is now.
type Status struct {
	ID
	Ref         string // the provider's own name of it: domain name, container name
	State       State
	Detail      string // one line more about the state, or ""
	Address     string // IP address by which the host reaches the guest; "" when there is none (yet)
	Digest      string // Spec.Digest of the Spec it was made with
	ImageDigest string
	ProjectDir  string
	Ports       []Port // as published by the provider
}

// Kind is one implementation, as the program lists it.
type Kind struct {
	Name string
	// Open connects to the daemon; its error wraps ErrUnavailable.
	Open func(ctx context.Context, config Config) (Provider, error)
	// Options returns a pointer to a new, empty [machine.X.NAME] block: a struct with toml tags.
	Options func() any
	// Settings returns a pointer to a new, empty [provider.NAME] block.
	Settings func() any
	// Changes classes every key that a machine is made with: those of MachineKeys, and those of Options as "NAME.KEY".
	// "network" classes the repair of a network that is gone.
	Changes map[string]Change
	// Doctor looks at what the provider needs of this host, whether or not Open works. It changes nothing. nil: nothing to look at.
	Doctor func(ctx context.Context, config Config) []Finding
}

// Config is what an implementation is opened with.
type Config struct {
	Settings any    // the [provider.NAME] block, or nil
	CacheDir string // the user's folder for what can be made again
	Log      *slog.Logger
}

// GuestOpener is implemented by providers with a way into the guest of their own; the others are reached by ssh.
type GuestOpener interface {
	// OpenGuest returns the guest of a running machine; commands without a User run as user.
	OpenGuest(ctx context.Context, id ID, user string) (guest.Guest, error)
}

// ContainerHost is implemented by providers whose machines share the host's container engine; app containers of
// other machines run on the engine inside the guest.
type ContainerHost interface {
	ContainerEngine(ctx context.Context, id ID) (ContainerEngine, error)
}

// ContainerEngine is where the app containers of a machine run.
type ContainerEngine struct {
	Dial func(ctx context.Context) (net.Conn, error) // to the engine's API
	// NetworkMode puts an app container into the machine's network namespace: "container:ID" or "host".
	NetworkMode string
	// Labels go on every container, volume and image made for the machine, where the engine outlives it.
	Labels map[string]string
}

// ConsoleReader is implemented by providers that keep what the machine wrote to its serial console.
type ConsoleReader interface {
	// Console returns the end of the console's output since the last start, at most limit bytes.
	Console(ctx context.Context, id ID, limit int) ([]byte, error)
}

// ImageRemover is implemented by providers that keep a copy of a box of their own.
type ImageRemover interface {
	// RemoveImage removes the provider's copy of the box with this digest. One that a machine uses is an error;
	// one that is not there is none.
	RemoveImage(ctx context.Context, digest string) error
}

// Accelerator is implemented by providers that may have to emulate the guest's processor.
type Accelerator interface {
	// Acceleration says whether guests run at the processor's own speed here, and why (not), in a few words.
	Acceleration() (native bool, reason string)
}

// As finds an optional interface of p.
func As[T any](p Provider) (T, bool) {
	t, ok := p.(T)
	return t, ok
}
