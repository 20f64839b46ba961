package diagnosis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/diagnosis"
)

// TestRecordedConsoles: the files of testdata are what real guests wrote; its README says how each was recorded.
func TestRecordedConsoles(t *testing.T) {
	for file, want := range map[string]struct {
		kind    diagnosis.Kind
		final   bool
		excerpt string
	}{
		"no-root-device.log": {diagnosis.NoRootDevice, true, "/dev/nope: Can't open blockdev"},
		"kernel-panic.log":   {diagnosis.KernelPanic, true, "Kernel panic - not syncing: Attempted to kill init!"},
		"emergency-mode.log": {diagnosis.Emergency, true, "You are in emergency mode"},
		"no-seed.log":        {diagnosis.SeedUnseen, false, "Used fallback datasource"},
	} {
		t.Run(file, func(t *testing.T) {
			console, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			got := diagnosis.Diagnose(diagnosis.Evidence{Console: console, Silent: time.Minute})
			if got.Kind != want.kind || got.Final != want.final || got.Hint == "" || got.Text == "" {
				t.Errorf("diagnosed %+v", got)
			}
			if !strings.Contains(strings.Join(got.Excerpt, "\n"), want.excerpt) || len(got.Excerpt) > 5 {
				t.Errorf("the excerpt is %q", got.Excerpt)
			}
		})
	}
}

// TestWordsOfGuests: lines that other guests are known to write.
func TestWordsOfGuests(t *testing.T) {
	for console, want := range map[string]diagnosis.Kind{
		"SeaBIOS (version 1.16)\r\nBooting from Hard Disk...\r\nBoot failed: not a bootable disk\r\n\r\nNo bootable device.\r\n": diagnosis.NotBootable,
		"error: no such partition.\nEntering rescue mode...\ngrub rescue> ":                                                      diagnosis.NotBootable,
		"Gave up waiting for root file system device.  Common problems:\n":                                                       diagnosis.NoRootDevice,
		"[    1.2] VFS: Cannot open root device \"vda1\"\n[    1.3] Kernel panic - not syncing: VFS: Unable to mount root fs\n":  diagnosis.NoRootDevice,
		"[   31.5] cloud-init[412]: OSError: [Errno 28] No space left on device\n":                                               diagnosis.DiskFull,
		"[   99.1] Out of memory: Killed process 512 (python3)\n":                                                                diagnosis.OutOfMemory,
		"[   12.0] blk_update_request: I/O error, dev vda, sector 2048\n":                                                        diagnosis.DiskErrors,
		"[   20.2] cloud-init[300]: 2026-01-01 - util.py[WARNING]: Failed to run module users-groups\n":                          diagnosis.CloudInit,
		"[   20.2] cloud-init[300]: Used fallback datasource\n":                                                                  diagnosis.SeedUnseen,
		"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mssh.service\x1b[0m - OpenBSD Secure Shell server.\n":            diagnosis.NoSSH,
	} {
		if got := diagnosis.Diagnose(diagnosis.Evidence{Console: []byte(console), Silent: time.Minute}); got.Kind != want {
			t.Errorf("%q is diagnosed as %s, want %s", console, got.Kind, want)
		}
	}
}

// TestWithoutWords: what is not on the console counts too.
func TestWithoutWords(t *testing.T) {
	booted := []byte("Debian GNU/Linux 12 funtime ttyS0\r\n\r\nfuntime login: ")
	for name, test := range map[string]struct {
		evidence diagnosis.Evidence
		want     diagnosis.Kind
	}{
		"nothing, at full speed":  {diagnosis.Evidence{Console: []byte{}, Native: true}, diagnosis.HungKVM},
		"nothing, emulated":       {diagnosis.Evidence{Console: []byte("\x1b[2J\r\n")}, diagnosis.NotBootable},
		"no console is kept":      {diagnosis.Evidence{}, diagnosis.Unknown},
		"the key is refused":      {diagnosis.Evidence{Console: booted, SSH: "ssh: handshake failed: ssh: unable to authenticate"}, diagnosis.KeyRefused},
		"no ssh server":           {diagnosis.Evidence{Console: booted, SSH: "dial tcp 192.0.2.1:22: connect: connection refused"}, diagnosis.NoSSH},
		"not reached":             {diagnosis.Evidence{Console: booted, SSH: "no route to host"}, diagnosis.NoAddress},
		"still at work":           {diagnosis.Evidence{Console: []byte("Starting something"), Silent: time.Second}, diagnosis.Slow},
		"silent in the middle":    {diagnosis.Evidence{Console: []byte("Starting something"), Silent: time.Hour}, diagnosis.Unknown},
		"hostile bytes are lines": {diagnosis.Evidence{Console: []byte("\xff\xfe\x00No bootable device\x1b[31m")}, diagnosis.NotBootable},
	} {
		if got := diagnosis.Diagnose(test.evidence); got.Kind != test.want {
			t.Errorf("%s is diagnosed as %+v, want %s", name, got, test.want)
		}
	}
}

// TestFatal: only what never comes up ends the wait early.
func TestFatal(t *testing.T) {
	if _, fatal := diagnosis.Fatal(diagnosis.Evidence{Console: []byte("Kernel panic - not syncing: x")}); !fatal {
		t.Error("a panic is not fatal")
	}
	for _, console := range []string{"", "Starting something", "No space left on device", "x login: "} {
		if cause, fatal := diagnosis.Fatal(diagnosis.Evidence{Console: []byte(console), Silent: time.Hour}); fatal {
			t.Errorf("%q ends the wait: %+v", console, cause)
		}
	}
}
