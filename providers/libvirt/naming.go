package libvirt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/colabo/colabo/providers"
)

// Domains and networks are found by UUIDs made from the project's id and the machine's name, so that looking one up
// takes a single call and two processes can't make the same thing twice. Names are for people.

// machineUUID is the UUID of a machine's domain.
func machineUUID(id providers.ID) string { return derivedUUID("machine", id.Project, id.Machine) }

// networkUUID is the UUID of a project's network.
func networkUUID(project string) string { return derivedUUID("network", project) }

// derivedUUID is a version 8 UUID (RFC 9562) made from the parts.
func derivedUUID(parts ...string) string {
	sum := sha256.Sum256([]byte("colabo\x00" + strings.Join(parts, "\x00")))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// domainName is the name of a machine's domain. The id has no "-" in it, so that it ends at one place only.
func domainName(spec providers.Spec) string {
	return fmt.Sprintf("colabo-%s-%s-%s", providers.Readable(spec.ProjectName, "project"), providers.EscapeName(spec.Machine), projectPart(spec.Project))
}

// projectPart is the project's id at the end of a name.
func projectPart(project string) string {
	return strings.ReplaceAll(providers.EscapeName(project), "-", "_2d")
}

// networkName is the name of a project's network.
func networkName(projectName, project string) string {
	return fmt.Sprintf("colabo-%s-%s", providers.Readable(projectName, "project"), projectPart(project))
}

// bridgeName is the name of the host's interface of a project's network; the kernel allows 15 bytes.
func bridgeName(project string) string {
	sum := sha256.Sum256([]byte("colabo\x00bridge\x00" + project))
	return "clb-" + hex.EncodeToString(sum[:4])
}

// volumeKind is what a volume is to its machine. It is the end of the volume's name.
type volumeKind string

const (
	rootVolume    volumeKind = "root.qcow2"
	seedVolume    volumeKind = "seed.iso"
	consoleVolume volumeKind = "console.log"
)

// volumeName names a machine's volume so that parseVolumeName finds out whose it is: PROJECT-NAME.MACHINE.ID.KIND.
func volumeName(spec providers.Spec, kind volumeKind) string {
	return strings.Join([]string{providers.Readable(spec.ProjectName, "project"), providers.EscapeName(spec.Machine), providers.EscapeName(spec.Project), string(kind)}, ".")
}

// parseVolumeName returns the machine that a volume belongs to, whatever the kind; false for volumes of other origin.
func parseVolumeName(volume string) (id providers.ID, kind volumeKind, ok bool) {
	fields := strings.SplitN(volume, ".", 4)
	if len(fields) != 4 || fields[1] == "" || fields[2] == "" {
		return providers.ID{}, "", false
	}
	kind = volumeKind(fields[3])
	switch {
	case kind == rootVolume, kind == seedVolume, strings.HasPrefix(fields[3], string(consoleVolume)):
		// virtlogd appends ".0", ".1" to the name of a console log that has grown large
	default:
		return providers.ID{}, "", false
	}
	machine, okMachine := unescape(fields[1])
	project, okProject := unescape(fields[2])
	return providers.ID{Project: project, Machine: machine}, kind, okMachine && okProject
}

// unescape undoes providers.EscapeName; false when text does not come from it.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '_' {
			b.WriteByte(text[i])
			continue
		}
		if i+3 > len(text) {
			return "", false
		}
		c, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), providers.EscapeName(b.String()) == text
}

// dnsLabel is a host name for text: text itself where it is one, else something like it, unique.
func dnsLabel(text string) string {
	lower := strings.ToLower(text)
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, lower)
	label = strings.Trim(label, "-")
	if label == lower && label != "" && len(label) <= 63 {
		return label
	}
	sum := sha256.Sum256([]byte(text))
	return strings.Trim(label[:min(len(label), 50)], "-") + "x" + hex.EncodeToString(sum[:4])
}
