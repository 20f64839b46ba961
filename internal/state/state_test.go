package state_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/state"
)

// TestMain lets the test binary be a second process that takes a project's lock and holds it until its input ends.
func TestMain(m *testing.M) {
	if dir := os.Getenv("COLABO_TEST_HOLD_LOCK"); dir != "" {
		folder, err := state.Open(dir)
		if err == nil {
			_, err = folder.Lock(context.Background(), "up", func(state.Holder) {})
		}
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		os.Stdin.Read(make([]byte, 1))
		return
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) *state.Folder {
	t.Helper()
	folder, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestModesWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o777} {
		dir := t.TempDir()
		old := syscall.Umask(mask)
		folder := open(t, dir)
		err := errors.Join(
			folder.Make(),
			folder.SaveProjectID("0123456789ab"),
			folder.SaveMachine(&state.Machine{Name: "dev"}),
		)
		_, keyErr := folder.LoginKey("p")
		syscall.Umask(old)
		if err := errors.Join(err, keyErr); err != nil {
			t.Fatalf("umask %03o: %v", mask, err)
		}
		err = filepath.WalkDir(folder.Path(), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if entry.IsDir() {
				want = 0o700
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("umask %03o: %s has mode %04o, want %04o", mask, path, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFolderOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, state.FolderName), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, state.FolderName), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(dir); err == nil || !strings.Contains(err.Error(), "writable by others") {
		t.Errorf("Open = %v, want a refusal", err)
	}
}

func TestProjectIDStays(t *testing.T) {
	parent := t.TempDir()
	original := filepath.Join(parent, "a")
	moved := filepath.Join(parent, "b")
	if err := os.Mkdir(original, 0o755); err != nil {
		t.Fatal(err)
	}
	id := projectID(t, original)
	if id != projectID(t, original) {
		t.Error("the id of a folder without state is not stable")
	}
	folder := open(t, original)
	if err := errors.Join(folder.Make(), folder.SaveProjectID(id)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(original, moved); err != nil {
		t.Fatal(err)
	}
	if got := projectID(t, moved); got != id {
		t.Errorf("after a move the id is %s, want %s", got, id)
	}
	if err := open(t, moved).SaveProjectID(id); err != nil { // as each `up` does
		t.Fatal(err)
	}
	second := filepath.Join(parent, "c")
	if err := os.CopyFS(second, os.DirFS(moved)); err != nil {
		t.Fatal(err)
	}
	if got := projectID(t, second); got == id {
		t.Error("a copy beside its original has the original's id")
	}
}

func projectID(t *testing.T, dir string) string {
	t.Helper()
	id, err := open(t, dir).ProjectID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMachineRecordRoundTrip(t *testing.T) {
	for _, name := range []string{"plain", "a[1]", "[", "*", `back\\slash`, "with space", "ümläut"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			recordRoundTrip(t, open(t, dir))
		})
	}
}

func recordRoundTrip(t *testing.T, folder *state.Folder) {
	t.Helper()
	if m, err := folder.Machine("dev"); m != nil || err != nil {
		t.Fatalf("Machine of an empty folder = %v, %v", m, err)
	}
	if err := folder.Make(); err != nil {
		t.Fatal(err)
	}
	m := &state.Machine{Name: "dev", Provider: "fake", Made: true}
	m.Record(state.Entry{Step: "db", Type: "postgres", Hash: "sha256:1"})
	m.Record(state.Entry{Step: "api", Type: "container", Hash: "sha256:2"})
	m.Record(state.Entry{Step: "db", Type: "postgres", Hash: "sha256:3"})
	if err := folder.SaveMachine(m); err != nil {
		t.Fatal(err)
	}
	got, err := folder.Machine("dev")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := folder.Machines(); len(all) != 1 || err != nil {
		t.Errorf("Machines = %v, %v, want the one", all, err)
	}
	if entry, ok := got.Succeeded("db"); !ok || entry.Hash != "sha256:3" || len(got.Journal) != 2 {
		t.Errorf("journal = %+v, want db once, with its last hash", got.Journal)
	}
	if err := errors.Join(folder.RemoveMachine("dev"), folder.RemoveMachine("dev")); err != nil {
		t.Fatal(err)
	}
	if all, err := folder.Machines(); len(all) != 0 || err != nil {
		t.Errorf("Machines after removal = %v, %v", all, err)
	}
}

func TestLockWaitsAndEndsWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	folder := open(t, dir)
	other := holdElsewhere(t, dir)
	waited := make(chan state.Holder, 1)
	taken := make(chan error, 1)
	go func() {
		lock, err := folder.Lock(t.Context(), "destroy", func(h state.Holder) { waited <- h })
		if err == nil {
			err = lock.Unlock()
		}
		taken <- err
	}()
	if holder := <-waited; holder.PID != other.Process.Pid || holder.Command != "up" {
		t.Errorf("waiting for %+v, want pid %d", holder, other.Process.Pid)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Errorf("after the holder was killed: %v", err)
	}
}

func TestLockOnARemovedFolderIsTakenAnew(t *testing.T) {
	dir := t.TempDir()
	folder := open(t, dir)
	lock, err := folder.Lock(t.Context(), "destroy", nil)
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	go func() {
		_, err := folder.Lock(t.Context(), "up", func(state.Holder) {
			// What `destroy` does at its end, while the other waits.
			if err := errors.Join(folder.Remove(), lock.Unlock()); err != nil {
				t.Error(err)
			}
		})
		taken <- err
	}()
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if _, err := folder.Lock(ctx, "up", func(state.Holder) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third taker got %v, want to wait: the second one's lock is on a file that is gone", err)
	}
}

func holdElsewhere(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "COLABO_TEST_HOLD_LOCK="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line := make([]byte, len("held\n"))
	if _, err := out.Read(line); err != nil {
		t.Fatalf("the other process did not take the lock: %v", err)
	}
	return cmd
}

func TestLostPublicKeyChangesNothing(t *testing.T) {
	folder := open(t, t.TempDir())
	if err := folder.Make(); err != nil {
		t.Fatal(err)
	}
	before, err := folder.LoginKey("p")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(folder.LoginKeyPath() + ".pub"); err != nil {
		t.Fatal(err)
	}
	if after, err := folder.LoginKey("p"); err != nil || after != before {
		t.Errorf("the key became another one: %v", err)
	}
}
