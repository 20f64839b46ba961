package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/event"
)

// keptLogs is how many logs of earlier runs are kept.
const keptLogs = 10

// runLog is the whole story of one run, with all that its tools printed: more than a terminal shows.
type runLog struct {
	mu   sync.Mutex
	file *os.File
}

// openLog begins the log of a run, in the state folder, which must be there. Events are written to it until the
// function that is returned is called with the run's error; a log of a failure is told to the user.
func (e *Engine) openLog(command string) (func(error), error) {
	dir := e.folder.Path("log")
	name := time.Now().UTC().Format("20060102-150405.000") + "-" + command + ".log"
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin log: %w", err)
	}
	log := &runLog{file: file}
	e.log.Store(log)
	return func(failure error) {
		if failure != nil {
			e.emit(event.Event{Type: event.Notice, Text: "the whole log is in " + file.Name()})
			log.write(event.Event{Time: time.Now(), Type: event.Failed, Text: e.Secrets.Text(failure.Error())})
		}
		e.log.Store(nil)
		if err := errors.Join(file.Close(), dropOldLogs(dir)); err != nil {
			e.Log.Debug("end log", "error", err)
		}
	}, nil
}

func (l *runLog) write(ev event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject := strings.TrimSpace(ev.Machine + " " + ev.Stage)
	// A log that can't be written must not end the run; a full disk ends it by itself.
	_, _ = fmt.Fprintf(l.file, "%s %-7s %s: %s\n", ev.Time.UTC().Format("15:04:05.000"), ev.Type, subject, ev.Text)
}

// dropOldLogs removes all but the newest logs of runs.
func dropOldLogs(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "2*-*.log")) // the names begin with a date
	if err != nil {
		return err
	}
	slices.Sort(logs)
	for _, old := range logs[:max(0, len(logs)-keptLogs)] {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
