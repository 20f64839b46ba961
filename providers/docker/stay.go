package docker

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// stayPath is where the program that keeps a container up is put into images without systemd.
const stayPath = "/usr/lib/colabo/stay"

// stayProgram is a static executable of some 150 bytes that waits for a signal, for ever. An image may have neither
// `sleep` nor a shell, so the container brings its own. architecture is the image's, in Go's words.
func stayProgram(architecture string) ([]byte, error) {
	var machine elf.Machine
	var code []byte
	switch architecture {
	case "amd64":
		machine = elf.EM_X86_64
		code = []byte{
			0xb8, 34, 0, 0, 0, // again: mov $SYS_pause, %eax
			0x0f, 0x05, //               syscall
			0xeb, 0xf7, //               jmp again
		}
	case "arm64":
		machine = elf.EM_AARCH64
		for _, instruction := range []uint32{
			0xd2800000, // again: mov x0, #0
			0xd2800001, //        mov x1, #0
			0xd2800002, //        mov x2, #0
			0xd2800003, //        mov x3, #0
			0xd2800004, //        mov x4, #0
			0xd2800928, //        mov x8, #SYS_ppoll
			0xd4000001, //        svc #0
			0x17fffff9, //        b again
		} {
			code = binary.LittleEndian.AppendUint32(code, instruction)
		}
	default:
		return nil, fmt.Errorf("an image for %s without systemd can't be kept running", architecture)
	}
	return executable(machine, code)
}

// executable makes a little-endian 64 bit Linux program of position-independent code.
func executable(machine elf.Machine, code []byte) ([]byte, error) {
	const base, headerSize, programSize = 0x400000, 64, 56
	size := uint64(headerSize + programSize + len(code))
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: base + headerSize + programSize, Phoff: headerSize,
		Ehsize: headerSize, Phentsize: programSize, Phnum: 1,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	program := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x10000,
	}
	var out bytes.Buffer
	for _, part := range []any{header, program, code} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("make a program: %w", err)
		}
	}
	return out.Bytes(), nil
}
