package docker

import (
	"bytes"
	"debug/elf"
	"testing"
)

// TestStayProgram: each architecture's program is an executable that begins at its code. That it stays and ends is
// seen in TestReference.
func TestStayProgram(t *testing.T) {
	for architecture, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		program, err := stayProgram(architecture)
		if err != nil {
			t.Fatal(err)
		}
		file, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			t.Fatal(err)
		}
		if file.Machine != machine || file.Type != elf.ET_EXEC || len(file.Progs) != 1 {
			t.Errorf("%s: %+v", architecture, file.FileHeader)
		}
		if segment := file.Progs[0]; file.Entry-segment.Vaddr != 120 || segment.Filesz != uint64(len(program)) || len(program) > 160 {
			t.Errorf("%s: %d bytes, entry %#x, %+v", architecture, len(program), file.Entry, segment.ProgHeader)
		}
	}
	if _, err := stayProgram("s390x"); err == nil {
		t.Error("a program for s390x")
	}
}
