package engine

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/colabo/colabo/internal/hostport"
)

const (
	// orphanTime is how long a forward agent whose state folder was deleted may take to notice and to let its ports go.
	orphanTime  = 4 * time.Second
	orphanPause = 100 * time.Millisecond
)

// examineFresh examines a project without a state folder. When that was deleted by hand just now, its forward agent may
// still have the ports, which it is about to let go of.
func (e *Engine) examineFresh(ctx context.Context, names []string, options UpOptions) error {
	deadline := time.Now().Add(orphanTime)
	for {
		_, err := e.examine(ctx, names, options)
		if !e.heldByAgent(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(orphanPause):
		}
	}
}

// heldByAgent says whether the error is about a port that a forward agent has.
func (e *Engine) heldByAgent(err error) bool {
	busy, ok := errors.AsType[*hostport.BusyError](err)
	return ok && len(e.Agent) > 0 && strings.HasPrefix(busy.Owner, filepath.Base(e.Agent[0])+" ")
}
