package colabofile

import "slices"

// What colabo will know and this version does not: such a key is neither unknown nor silently ignored.

func topLevelUnbuilt() []string { return []string{"trigger"} }

func machineUnbuilt() []string {
	return []string{"autostart", "cloud_init", "disks", "folders", "networks", "openstack", "ssh"}
}

func providersUnbuilt() []string { return []string{"openstack"} }

func stepsUnbuilt() []string {
	return []string{"ansible", "ansible_local", "chef", "compose", "mysql", "puppet", "salt"}
}

// unbuilt notes a key that this version does not know yet; false where it is none of them.
func (l *loader) unbuilt(names []string, name string, n *node, path string) bool {
	if !slices.Contains(names, name) {
		return false
	}
	l.add(n.key, path, "not supported yet by this version", "")
	return true
}
