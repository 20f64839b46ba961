package binding

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// load skips the test where libvirt.so.0 is not installed.
func load(t *testing.T) *Library {
	t.Helper()
	library, err := Load(SharedObject)
	if err != nil {
		t.Skip(err)
	}
	return library
}

// TestLayouts: the structs that C fills have C's sizes, on the 64-bit machines that libvirt.so.0 is for.
func TestLayouts(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("not a 64-bit machine")
	}
	for name, test := range map[string]struct{ got, want uintptr }{
		"virError":            {unsafe.Sizeof(cError{}), 80},
		"virError.int1":       {unsafe.Offsetof(cError{}.int1), 64},
		"virDomainDiskError":  {unsafe.Sizeof(cDiskError{}), 16},
		"virNetworkDHCPLease": {unsafe.Sizeof(cLease{}), 72},
		"lease.hostname":      {unsafe.Offsetof(cLease{}.hostname), 56},
		"virStoragePoolInfo":  {unsafe.Sizeof(cPoolInfo{}), 32},
		"virStorageVolInfo":   {unsafe.Sizeof(cVolInfo{}), 24},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d bytes, want %d", name, test.got, test.want)
		}
	}
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), SharedObject)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
	if _, err := Load("libc.so.6"); err == nil || !strings.Contains(err.Error(), "vir") {
		t.Errorf("got %v, want an error that names a missing function", err)
	}
}

func TestErrorUnwrapsToTheSystems(t *testing.T) {
	_, err := load(t).NewConnect("qemu+unix:///system?socket=" + filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) || !HasCode(err, ERR_SYSTEM_ERROR) {
		t.Errorf("got %#v, want a system error that is fs.ErrNotExist", err)
	}
}

// TestErrorsBelongToTheirCalls: libvirt keeps the last error per thread; goroutines must not see each other's.
// "test:///default" is a hypervisor inside the library and needs no daemon.
func TestErrorsBelongToTheirCalls(t *testing.T) {
	conn, err := load(t).NewConnect("test:///default")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			uuid := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			for range 200 {
				_, err := conn.LookupDomainByUUIDString(uuid)
				if !HasCode(err, ERR_NO_DOMAIN) {
					t.Errorf("lookup of %s returned %v", uuid, err)
					return
				}
				if _, err := conn.LookupStoragePoolByName(uuid); !HasCode(err, ERR_NO_STORAGE_POOL) || !strings.Contains(err.Error(), uuid) {
					t.Errorf("lookup of pool %s returned %v", uuid, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestObjectsOfTheTestHypervisor(t *testing.T) {
	conn, err := load(t).NewConnect("test:///default")
	if err != nil {
		t.Fatal(err)
	}
	domains, err := conn.ListAllDomains(0)
	if err != nil || len(domains) != 1 {
		t.Fatalf("got %d domains, %v; want one", len(domains), err)
	}
	name, err := domains[0].GetName()
	if err != nil || name != "test" {
		t.Errorf("the domain is %q, %v", name, err)
	}
	if err := domains[0].Suspend(); err != nil {
		t.Fatal(err)
	}
	state, reason, err := domains[0].GetState()
	if err != nil || state != DOMAIN_PAUSED || reason != DOMAIN_PAUSED_USER {
		t.Errorf("its state is %v %v, %v", state, reason, err)
	}
	if text, err := domains[0].GetXMLDesc(0); err != nil || !strings.HasSuffix(strings.TrimSpace(text), "</domain>") {
		t.Errorf("its description ends wrongly: %v", err)
	}
	if err := domains[0].Free(); err != nil {
		t.Error(err)
	}
	if left, err := conn.Close(); err != nil || left != 0 {
		t.Errorf("%d users of the connection remain, %v", left, err)
	}
}
