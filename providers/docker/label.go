package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// The labels by which everything is found. They are part of what users have on disk: names are only ever added.
const (
	labelProject     = "colabo.project"      // the project's id; on all that belongs to one
	labelMachine     = "colabo.machine"      // the machine's name; on all that belongs to one
	labelRole        = "colabo.role"         // on containers that colabo itself made, roleMachine or rolePreparation
	labelProjectName = "colabo.project.name" // for people
	labelProjectDir  = "colabo.project.dir"
	labelSpec        = "colabo.spec"  // Spec.Digest
	labelImage       = "colabo.image" // Image.Digest
	labelFixed       = "colabo.fixed" // fixedDigest

	labelBox      = "colabo.box"      // on images: the box's digest
	labelBase     = "colabo.base"     // on prepared images: the id of the image they were made from
	labelPrepared = "colabo.prepared" // on prepared images: preparedVersion
	labelUser     = "colabo.user"     // on prepared images: the login user that is in them
	labelInit     = "colabo.init"     // on prepared images: initSystemd or initStay
)

// What a container of ours is for. App containers have no role.
const (
	roleMachine     = "machine"
	rolePreparation = "preparation"
	roleKept        = "kept" // of an image: the file system of a machine whose container was made anew
)

// replacedSuffix ends the name of a machine's container that another one takes the place of.
const replacedSuffix = "-replaced"

// match is a filter for things with all of these labels; labels are given as name, value, name, value.
func match(labels ...string) client.Filters {
	filters := client.Filters{}
	for i := 0; i < len(labels); i += 2 {
		filters.Add("label", labels[i]+"="+labels[i+1])
	}
	return filters
}

// machineLabels are a machine's container's.
func machineLabels(spec providers.Spec) map[string]string {
	return map[string]string{
		labelProject:     spec.Project,
		labelMachine:     spec.Machine,
		labelRole:        roleMachine,
		labelProjectName: spec.ProjectName,
		labelProjectDir:  spec.ProjectDir,
		labelSpec:        spec.Digest,
		labelImage:       spec.Image.Digest,
	}
}

// Names are for people, but the engine wants them unique: the ids in them are kept apart by escape.

// containerName is the name of a machine's container.
func containerName(spec providers.Spec) string {
	return fmt.Sprintf("colabo-%s-%s-%s", providers.Readable(spec.ProjectName, "project"), providers.EscapeName(spec.Machine), providers.EscapeName(spec.Project))
}

// networkName is the name of a project's network.
func networkName(spec providers.Spec) string {
	return fmt.Sprintf("colabo-%s-%s", providers.Readable(spec.ProjectName, "project"), providers.EscapeName(spec.Project))
}

// hostLabel is a host name for text: text itself where it is one, else something like it, unique.
func hostLabel(text string) string {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.'
	}
	label := strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return '-'
	}, text)
	label = strings.Trim(label, "-.")
	if label == text && label != "" && len(label) <= 63 {
		return label
	}
	sum := sha256.Sum256([]byte(text))
	return strings.Trim(label[:min(len(label), 48)]+"-"+hex.EncodeToString(sum[:4]), "-.")
}
