package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const (
	// grace is how long a container is watched after its start: one that can't work ends at once.
	grace = time.Second
	// healthPoll is how often a container with a health check is asked; engines of this age have no way to be told.
	healthPoll = 200 * time.Millisecond
	// logLines is how much of a container's log an error shows.
	logLines = "12"
)

// start starts the container and watches until it is up. Its end is waited for from before it starts, so that one which the
// engine restarts again and again is noticed too.
func (r runner) start(ctx context.Context, id, name string) error {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	end := r.engine.ContainerWait(watch, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := r.engine.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start container %s: %w", name, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	poll := time.NewTicker(healthPoll)
	defer poll.Stop()
	lasted := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-end.Error:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("watch container %s: %w", name, err)
		case result := <-end.Result:
			return r.ended(ctx, id, name, result.StatusCode)
		case <-timer.C:
			lasted = true
		case <-poll.C:
		}
		up, err := r.up(ctx, id, name, lasted)
		if err != nil || up {
			return err
		}
	}
}

// up says whether a container that runs can be relied on: it is healthy or, without a health check, lasted long enough.
func (r runner) up(ctx context.Context, id, name string, lasted bool) (bool, error) {
	inspected, err := r.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return false, fmt.Errorf("inspect container %s: %w", name, err)
	}
	health := inspected.Container.State.Health
	if health == nil || health.Status == container.NoHealthcheck {
		return lasted, nil
	}
	if health.Status == container.Unhealthy {
		err := fmt.Errorf("container %s is unhealthy", name)
		if n := len(health.Log); n > 0 {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(health.Log[n-1].Output))
		}
		return false, r.withLog(ctx, id, err)
	}
	return health.Status == container.Healthy, nil
}

// ended is what the end of a container means: a job that did its work is no error.
func (r runner) ended(ctx context.Context, id, name string, code int64) error {
	if code == 0 && r.step.job() {
		return nil
	}
	return r.withLog(ctx, id, fmt.Errorf("container %s ended at once with exit status %d", name, code))
}

// withLog adds the end of the container's log to an error.
func (r runner) withLog(ctx context.Context, id string, err error) error {
	log, logErr := r.engine.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: logLines})
	if logErr != nil {
		return errors.Join(err, fmt.Errorf("read its log: %w", logErr))
	}
	defer log.Close()
	var text bytes.Buffer
	if _, logErr := stdcopy.StdCopy(&text, &text, log); logErr != nil {
		return errors.Join(err, fmt.Errorf("read its log: %w", logErr))
	}
	lines := strings.TrimSpace(text.String())
	if lines == "" {
		return fmt.Errorf("%w; its log is empty", err)
	}
	return fmt.Errorf("%w; its log ends with:\n  %s", err, strings.ReplaceAll(lines, "\n", "\n  "))
}
