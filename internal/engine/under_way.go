package engine

import (
	"bufio"
	"os"
	"strings"

	"github.com/colabo/colabo/internal/event"
)

// underWay says for each machine what a command that works on the project does with it right now, "up: step db"; nothing where none
// does. It goes by that command's log, and waits for nobody.
func (e *Engine) underWay() map[string]string {
	holder, working := e.folder.Working()
	if !working || holder.PID == os.Getpid() {
		return nil
	}
	path, err := e.RunLog()
	if err != nil {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.ModTime().Before(holder.Since) {
		return nil // of the run before
	}
	stages := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		e.takeStage(stages, lines.Text())
	}
	for machine, stage := range stages {
		stages[machine] = holder.Command + ": " + stage
	}
	return stages
}

// takeStage reads a line of a run's log: TIME TYPE MACHINE STAGE: TEXT.
func (e *Engine) takeStage(stages map[string]string, line string) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return
	}
	kind, machine := event.Type(fields[1]), fields[2]
	if e.config(machine) == nil {
		return
	}
	switch kind {
	case event.Begin:
		_, stage, _ := strings.Cut(line, " "+machine+" ")
		stages[machine] = strings.TrimSuffix(strings.TrimSpace(stage), ":")
	case event.Done, event.Failed:
		delete(stages, machine)
	case event.Skipped, event.Detail, event.Output, event.Notice, event.Warning:
	}
}
