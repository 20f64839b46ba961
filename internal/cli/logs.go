package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
)

type logsOptions struct {
	console bool
	follow  bool
	tail    int
}

func newLogsCommand(a *app) *cobra.Command {
	var options logsOptions
	cmd := &cobra.Command{
		Use:   "logs [MACHINE]",
		Short: "Show the last run with all that its tools printed, or a machine's console",
		Long: `logs prints the log of the last up, halt or destroy of this project: more than the terminal showed, with all that steps
printed. With a machine's name just the lines about it; with --console what the machine wrote to its console since its last start.`,
		Example:           "  colabo logs\n  colabo logs dev --tail 20\n  colabo logs dev --console -f",
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeMachine,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runLogs(cmd.Context(), strings.Join(args, ""), options)
		},
	}
	cmd.Flags().BoolVar(&options.console, "console", false, "the machine's console instead of the last run")
	cmd.Flags().BoolVarP(&options.follow, "follow", "f", false, "go on with what is added, until interrupted")
	cmd.Flags().IntVar(&options.tail, "tail", 0, "just the last `N` lines")
	return cmd
}

func (a *app) runLogs(ctx context.Context, machine string, options logsOptions) error {
	return a.withEngine(func(e *engine.Engine) error {
		read := func() ([]byte, error) { return e.Console(ctx, machine) }
		if !options.console {
			read = func() ([]byte, error) { return runLog(e, machine) }
		}
		return a.follow(ctx, read, options)
	})
}

// runLog is the log of the last run; of one machine, the lines about it.
func runLog(e *engine.Engine, machine string) ([]byte, error) {
	path, err := e.RunLog()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil || machine == "" {
		return data, err
	}
	if err := e.Knows(machine); err != nil {
		return nil, err
	}
	var lines []byte
	for line := range bytes.Lines(data) {
		// TIME TYPE MACHINE STAGE: TEXT
		if fields := strings.Fields(string(line)); len(fields) > 2 && strings.TrimSuffix(fields[2], ":") == machine {
			lines = append(lines, line...)
		}
	}
	return lines, nil
}

// followEvery is how often a log is looked at that is followed.
const followEvery = 500 * time.Millisecond

// follow prints what read returns and, where the user wants to go on, what it returns more later. A text that became shorter begins anew.
func (a *app) follow(ctx context.Context, read func() ([]byte, error), options logsOptions) error {
	text, err := read()
	if err != nil {
		return err
	}
	if err := a.printLog(lastLines(text, options.tail)); err != nil || !options.follow {
		return err
	}
	shown := text
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
		text, err := read()
		if err != nil {
			return err
		}
		more, goesOn := bytes.CutPrefix(text, shown)
		if !goesOn {
			more = text
		}
		if err := a.printLog(more); err != nil {
			return err
		}
		shown = text
	}
}

// printLog writes a piece of a log; on a terminal without what would drive that.
func (a *app) printLog(text []byte) error {
	if !ui.IsTerminal(a.Out) {
		_, err := a.Out.Write(text)
		return err
	}
	for line := range strings.Lines(string(text)) {
		if _, err := io.WriteString(a.Out, strings.TrimRight(ui.Printable(strings.TrimRight(line, "\r\n")), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// lastLines are the last n lines; all where n is 0.
func lastLines(text []byte, n int) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if n <= 0 || n >= len(lines) {
		return text
	}
	return bytes.Join(lines[len(lines)-n:], nil)
}
