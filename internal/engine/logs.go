package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// maxConsole is how much of a console is kept in sight, in bytes.
const maxConsole = 8 << 20

// ErrNoConsole is wrapped where the provider keeps nothing of what the machine writes to its console.
var ErrNoConsole = errors.New("its provider keeps no console")

// Console returns what a machine wrote to its console since its last start, running or not; name "" means the primary machine.
func (e *Engine) Console(ctx context.Context, name string) ([]byte, error) {
	machine, err := e.pick(name)
	if err != nil {
		return nil, err
	}
	record, err := e.folder.Machine(machine)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, hint.New(fmt.Errorf("machine %s: %w: it was not made yet", machine, providers.ErrNotFound), "run `colabo up`")
	}
	provider, err := e.provider(ctx, record.Provider)
	if err != nil {
		return nil, err
	}
	reader, ok := providers.As[providers.ConsoleReader](provider)
	if !ok {
		return nil, fmt.Errorf("machine %s: %w", machine, ErrNoConsole)
	}
	text, err := reader.Console(ctx, e.machineID(machine), maxConsole)
	if err != nil {
		return nil, fmt.Errorf("machine %s: %w", machine, err)
	}
	return text, nil
}

// Knows is an error for a name that is no machine's: neither in the Colabofile nor made before.
func (e *Engine) Knows(name string) error {
	_, err := e.pick(name)
	return err
}

// RunLog returns the path of the log of the last run, also of one that is under way. fs.ErrNotExist where there is none.
func (e *Engine) RunLog() (string, error) {
	logs, err := filepath.Glob(e.folder.Path("log", "2*-*.log")) // the names begin with a date
	if err != nil {
		return "", err
	}
	if len(logs) == 0 {
		return "", hint.New(fmt.Errorf("no run of this project was logged: %w", fs.ErrNotExist), "run `colabo up`")
	}
	newest := slices.Max(logs)
	_, err = os.Stat(newest)
	return newest, err
}
