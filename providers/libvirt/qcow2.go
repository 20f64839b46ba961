package libvirt

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// qcow2Magic are the first bytes of a qcow2.
const qcow2Magic = 0x514649fb

// qcow2 is what the head of a qcow2 file says.
type qcow2 struct {
	fileSize    int64 // of the file, bytes
	virtualSize int64 // of the disk in it, bytes
}

// inspectQcow2 reads the head of a disk image. It refuses what is no qcow2, and one with a backing file: a guest would
// read whatever file of the host that names.
func inspectQcow2(file *os.File) (qcow2, error) {
	info, err := file.Stat()
	if err != nil {
		return qcow2{}, err
	}
	var head struct {
		Magic, Version uint32
		BackingOffset  uint64
		BackingLength  uint32
		ClusterBits    uint32
		Size           uint64
	}
	if err := binary.Read(io.NewSectionReader(file, 0, info.Size()), binary.BigEndian, &head); err != nil {
		return qcow2{}, fmt.Errorf("%s is no qcow2 image: %w", file.Name(), err)
	}
	switch {
	case head.Magic != qcow2Magic:
		return qcow2{}, fmt.Errorf("%s is no qcow2 image", file.Name())
	case head.BackingOffset != 0:
		return qcow2{}, fmt.Errorf("%s is not a whole image: it has a backing file", file.Name())
	}
	return qcow2{fileSize: info.Size(), virtualSize: int64(head.Size)}, nil
}
