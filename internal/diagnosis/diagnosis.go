// Package diagnosis tells from what a guest wrote to its console, and from what else is known of it, why it does not come up: the
// one likely cause, the lines that show it, and one thing to do.
//
// It is pure: who gathers the evidence, and when, is the engine's business.
package diagnosis

import (
	"regexp"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Evidence is what is known of a guest that does not answer.
type Evidence struct {
	// Console is the end of what the guest wrote to its serial console; nil where the provider keeps none.
	Console []byte
	// Native: the guest runs at the processor's own speed (KVM).
	Native bool
	// Waited is how long it was waited for; Silent, how long the console has not grown.
	Waited, Silent time.Duration
	// SSH is the last error of the attempts to log in, "" where there was none.
	SSH string
}

// Cause is why a guest does not come up.
type Cause struct {
	Kind    Kind
	Text    string   // one line
	Excerpt []string // the lines of the console that show it, at most maxExcerpt
	Hint    string   // one thing to do
	// Final: it will not come up, however long it is waited for.
	Final bool
}

// Kind tells causes apart.
type Kind string

// The kinds of causes.
const (
	NotBootable  Kind = "not bootable"
	HungKVM      Kind = "hung KVM"
	KernelPanic  Kind = "kernel panic"
	NoRootDevice Kind = "no root device"
	Emergency    Kind = "emergency mode"
	DiskFull     Kind = "disk full"
	DiskErrors   Kind = "disk errors"
	OutOfMemory  Kind = "out of memory"
	SeedUnseen   Kind = "seed unseen"
	CloudInit    Kind = "cloud-init failed"
	NoAddress    Kind = "no address"
	KeyRefused   Kind = "key refused"
	NoSSH        Kind = "no ssh"
	Slow         Kind = "slow"
	Unknown      Kind = "unknown"
)

// signature is a cause that lines of the console tell.
type signature struct {
	kind  Kind
	lines *regexp.Regexp // matched against each line, without colours
	text  string
	hint  string
	final bool
	least int // how many lines have to match; 0 means one
}

// signatures are looked for in this order: what comes first explains what comes behind it.
func signatures() []signature {
	return []signature{
		{kind: NotBootable, final: true, lines: regexp.MustCompile(`No bootable device|Boot failed: not a bootable disk|Operating system not found|FATAL: No bootable medium`),
			text: "the firmware finds nothing to boot on the disk", hint: "use a box with a boot loader for BIOS; `colabo box list` shows those that are here"},
		{kind: NotBootable, final: true, lines: regexp.MustCompile(`^(grub rescue>|error: unknown filesystem|SYSLINUX.*boot error|Could not find kernel image)`),
			text: "the boot loader does not find what it is to boot", hint: "use another box, or mend the boot loader of this one"},
		{kind: NoRootDevice, final: true, least: 3, lines: regexp.MustCompile(`Can't open blockdev|Gave up waiting for root|ALERT!.*does not exist|VFS: Cannot open root device`),
			text: "the kernel does not find the root file system", hint: "the box names another root device than it has: mend root= in its boot loader"},
		{kind: NoRootDevice, final: true, lines: regexp.MustCompile(`Gave up waiting for root|VFS: Unable to mount root fs|VFS: Cannot open root device`),
			text: "the kernel does not find the root file system", hint: "the box names another root device than it has: mend root= in its boot loader"},
		{kind: DiskFull, lines: regexp.MustCompile(`(?i)No space left on device`),
			text: "the guest's disk is full", hint: "give the machine a larger `disk`"},
		{kind: OutOfMemory, lines: regexp.MustCompile(`Out of memory: Killed process|oom-kill:|System is deadlocked on memory`),
			text: "the guest has too little memory", hint: "give the machine more `memory`"},
		{kind: DiskErrors, lines: regexp.MustCompile(`I/O error, dev |EXT4-fs error|Buffer I/O error|XFS .*: metadata I/O error`),
			text: "the guest can't read or write its disk", hint: "look at the host's disk; then `colabo up --recreate`"},
		{kind: KernelPanic, final: true, lines: regexp.MustCompile(`Kernel panic - not syncing`),
			text: "the guest's kernel panicked", hint: "use another box, or another kernel in this one"},
		{kind: Emergency, final: true, lines: regexp.MustCompile(`Dependency failed for|You are in emergency mode|Give root password for maintenance|Cannot open access to console, the root account is locked`),
			text: "the guest is in emergency mode: something that it has to mount or start is not there", hint: "mend /etc/fstab of the box, or what the lines name"},
		{kind: CloudInit, lines: regexp.MustCompile(`(?i)cloud-init.*(failed|traceback|error\])|util\.py\[WARNING\]|Failed to start .*cloud-(init|config|final)`),
			text: "cloud-init failed in the guest", hint: "look at the lines; `colabo logs --console` has more"},
		{kind: SeedUnseen, lines: regexp.MustCompile(`DataSourceNone|Used fallback datasource|No .?instance datasource|cloud-init.*no datasource`),
			text: "cloud-init does not see its seed, a disk labelled cidata", hint: "the box's kernel may lack the driver of virtio disks, or its cloud-init the NoCloud datasource"},
		{kind: NoAddress, lines: regexp.MustCompile(`(?i)Timed? ?out.*(wait|network).*online|Failed to start .*Wait.*Network|no DHCPOFFERS received|ci-info: \|\s+eth0\s+\| +False|Failed to start .*(networking|Network Manager|systemd-networkd)`),
			text: "the guest has no address: its network did not come up", hint: "the box has to bring up its first card by DHCP, or let cloud-init do it"},
		{kind: NoSSH, lines: regexp.MustCompile(`Failed to start .*(OpenSSH|ssh\.service|Secure Shell)|sshd: no hostkeys available`),
			text: "the guest's ssh server did not start", hint: "look at the lines; the box needs openssh-server"},
	}
}

// maxExcerpt is how many lines show a cause.
const maxExcerpt = 5

// Diagnose returns the one likely cause.
func Diagnose(e Evidence) Cause {
	lines := consoleLines(e.Console)
	for _, s := range signatures() {
		if cause, ok := s.match(lines); ok {
			return cause
		}
	}
	return e.withoutSignature(lines)
}

// A guest that wrote nothing for so long, from its start, never will: the slowest one that was seen wrote after ten seconds.
const (
	silentNative   = time.Minute
	silentEmulated = 3 * time.Minute
)

// Fatal is Diagnose for a guest that may still come up: true only where that is out of the question.
func Fatal(e Evidence) (Cause, bool) {
	cause := Diagnose(e)
	patience := silentEmulated
	if e.Native {
		patience = silentNative
	}
	if e.Console != nil && len(consoleLines(e.Console)) == 0 && e.Waited >= patience {
		return cause, true
	}
	return cause, cause.Final
}

// match looks for the signature in the console's lines.
func (s signature) match(lines []string) (Cause, bool) {
	var found []string
	for _, line := range lines {
		if s.lines.MatchString(line) {
			found = append(found, line)
		}
	}
	if len(found) < max(s.least, 1) {
		return Cause{}, false
	}
	return Cause{Kind: s.kind, Text: s.text, Hint: s.hint, Final: s.final, Excerpt: found[max(0, len(found)-maxExcerpt):]}, true
}

// loginPrompt ends a boot that went well.
var loginPrompt = regexp.MustCompile(`^\S+ login:\s*$`)

// stillWrites is how short a time ago a guest wrote that is at work.
const stillWrites = 30 * time.Second

// withoutSignature goes by what is not on the console.
func (e Evidence) withoutSignature(lines []string) Cause {
	last := lines[max(0, len(lines)-maxExcerpt):]
	atLogin := len(lines) > 0 && loginPrompt.MatchString(lines[len(lines)-1])
	switch {
	case strings.Contains(e.SSH, "unable to authenticate") || strings.Contains(e.SSH, "no supported methods remain"):
		return Cause{Kind: KeyRefused, Text: "the guest refuses the login key: cloud-init did not make the user", Excerpt: last,
			Hint: "the box needs cloud-init with the NoCloud datasource"}
	case len(lines) == 0 && e.Console != nil && e.Native:
		return Cause{Kind: HungKVM, Text: "the guest wrote nothing at all: its processor hangs, or the image is not bootable",
			Hint: `try accelerator = "tcg" under [machine.NAME.libvirt]`}
	case len(lines) == 0 && e.Console != nil:
		return Cause{Kind: NotBootable, Text: "the guest wrote nothing at all: the image is not bootable, or has no serial console",
			Hint: "use a box with a boot loader for BIOS and console=ttyS0"}
	case atLogin && strings.Contains(e.SSH, "connection refused"):
		return Cause{Kind: NoSSH, Text: "the guest has booted, and no ssh server listens", Excerpt: last, Hint: "the box needs openssh-server"}
	case atLogin:
		return Cause{Kind: NoAddress, Text: "the guest has booted, and is not reached: it has no address, or another one", Excerpt: last,
			Hint: "the box has to bring up its first card by DHCP, or let cloud-init do it"}
	case e.Silent < stillWrites && len(lines) > 0:
		return Cause{Kind: Slow, Text: "the guest is still booting", Excerpt: last, Hint: "run `colabo up` again: it goes on waiting"}
	}
	return Cause{Kind: Unknown, Text: "nothing on the console says why", Excerpt: last, Hint: "look into it with `virsh console`"}
}

// firmwareNoise is what a serial terminal is sent to be cleared.
var firmwareNoise = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f]`)

// consoleLines are the console's lines without colours and control characters; empty ones are left out.
func consoleLines(console []byte) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(string(console), "\r", "\n"), "\n") {
		line = strings.TrimSpace(firmwareNoise.ReplaceAllString(ansi.Strip(line), ""))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
